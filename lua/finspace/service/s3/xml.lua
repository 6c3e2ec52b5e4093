--- The little XML that S3 and STS speak.

local xml = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;" }

--- @param value any
--- @return string
function xml.escape(value)
  return (
    tostring(value):gsub(
      "[&<>\"'%c\127]",
      function(character) return ESCAPES[character] or ("&#x%X;"):format(character:byte()) end
    )
  )
end

--- Writes `{name, value}` pairs in order; a value is text, a list of pairs, or nil (left out).
--- @param pairs_in_order table[]
--- @return string
function xml.elements(pairs_in_order)
  local out = {}
  for _, pair in ipairs(pairs_in_order) do
    local name, value = pair[1], pair[2]
    if type(value) == "table" then
      out[#out + 1] = "<" .. name .. ">" .. xml.elements(value) .. "</" .. name .. ">"
    elseif value ~= nil then
      out[#out + 1] = "<" .. name .. ">" .. xml.escape(value) .. "</" .. name .. ">"
    end
  end
  return table.concat(out)
end

--- @param root string
--- @param namespace? string
--- @param content table[]
--- @return string
function xml.document(root, namespace, content)
  local attribute = namespace and (' xmlns="' .. namespace .. '"') or ""
  return '<?xml version="1.0" encoding="UTF-8"?>\n'
    .. "<"
    .. root
    .. attribute
    .. ">"
    .. xml.elements(content)
    .. "</"
    .. root
    .. ">"
end

--- @param milliseconds integer
--- @return string for example 2026-11-22T17:05:00.123Z
function xml.time(milliseconds)
  local seconds = math.floor(milliseconds / 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%03dZ"):format(milliseconds % 1000)
end

return xml
