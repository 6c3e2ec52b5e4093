--- Names of folders as Hive writes them: column=value, with what a path cannot hold escaped (Hive's FileUtils.escapePathName),
--- and one name for NULL and for "".

local hive = {}

local NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
local UNSAFE = "[%z\1-\31\127\"#%%'*/:=?\\{%[%]^]"

local function escaped(text)
  if not text:find(UNSAFE) then return text end
  return (text:gsub(UNSAFE, function(character) return ("%%%02X"):format(character:byte()) end))
end

--- @param name string
--- @param value string|nil
--- @return string folder without a slash
function hive.folder(name, value)
  return escaped(name) .. "=" .. ((value == nil or value == "") and NO_VALUE or escaped(value))
end

--- @param names string[]
--- @param values table<integer, string> NULL is nil
--- @return string path that ends in a slash; "" without names
function hive.path(names, values)
  local folders = {}
  for i, name in ipairs(names) do
    folders[i] = hive.folder(name, values[i]) .. "/"
  end
  return table.concat(folders)
end

--- @param value string|nil
--- @return string as Hive's catalogue says it
function hive.value(value) return (value == nil or value == "") and NO_VALUE or value end

return hive
