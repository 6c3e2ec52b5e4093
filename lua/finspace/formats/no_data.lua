--- Files that lie beside data and are none: what Hadoop, Spark, Databricks, Delta, EMR and desktops leave. The client
--- and the service leave out the same ones.
local no_data = {}

local DESKTOP = { ["thumbs.db"] = true, ["desktop.ini"] = true }

local function why_part(part)
  if part:find("^%.") then return "its name begins with a dot" end
  -- Spark's own rule: `_year=2020` is a partition.
  if part:find("^_") and not part:find("=", 1, true) then return "its name begins with _" end
end

local function why_name(name)
  if name:find("_$folder$", 1, true) then return "it stands for a folder" end
  if name:find("%.crc$") then return "it holds a checksum" end
  if DESKTOP[name:lower()] then return "a desktop left it there" end
end

--- Why a file below a folder or prefix holds no data; nil when it may hold some. A file that was named itself is
--- meant, whatever it is called.
--- @param name string  its path below the folder or prefix
--- @param size? number bytes
--- @return string|nil why
function no_data.why(name, size)
  for part in name:gmatch("[^/]+") do
    local why = why_part(part)
    if why then return why end
  end
  local why = why_name(name:match("[^/]*$"))
  if why then return why end
  return size == 0 and "it is empty" or nil
end

return no_data
