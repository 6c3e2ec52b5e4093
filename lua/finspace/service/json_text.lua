--- JSON with empty lists: lua-cjson writes an empty table as an object, so lists are marked.

local cjson = require("cjson.safe")

local json_text = {}

local List = {}

--- Marks a table as a list.
--- @param items table
--- @return table items
function json_text.list(items) return setmetatable(items, List) end

local encode

local function encode_list(items)
  local out = {}
  for i, item in ipairs(items) do
    out[i] = encode(item)
  end
  return "[" .. table.concat(out, ",") .. "]"
end

local function encode_object(members)
  local names, out = {}, {}
  for name in pairs(members) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    out[i] = cjson.encode(name) .. ":" .. encode(members[name])
  end
  return "{" .. table.concat(out, ",") .. "}"
end

function encode(value)
  if type(value) == "number" and value % 1 == 0 and math.abs(value) < 2 ^ 53 then return ("%d"):format(value) end
  if type(value) ~= "table" then return cjson.encode(value) end
  return getmetatable(value) == List and encode_list(value) or encode_object(value)
end

--- @param value any tables that json_text.list marked are lists, others objects; cjson.null is null
--- @return string json
function json_text.encode(value) return encode(value) end

return json_text
