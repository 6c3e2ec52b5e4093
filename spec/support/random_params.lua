--- Random parameters that keep every rule of the model, as a Lua value and as JSON text at once (an
--- empty Lua table could be either a list or an object).
local cjson = require("cjson")

local random_params = {}

-- Pieces that hurt: reserved bytes of URIs and JSON, several alphabets, spaces within.
local PIECES = {
  "a",
  "Z",
  "0",
  "-",
  "_",
  ".",
  "~",
  "/",
  "?",
  "&",
  "=",
  "+",
  "%",
  "%41",
  "#",
  "'",
  '"',
  "\\",
  "<",
  ":",
  "@",
  "$",
  ",",
  ";",
  "é",
  "ж",
  "漢",
  "😀",
  "a b",
  "x\ty",
}

local PATTERNED = {
  ["^alias\\/\\S+"] = function() return "alias/prices-" .. math.random(1e6) end,
  ["[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,4}"] = function()
    return "a.b+" .. math.random(1e6) .. "@mail.example.com"
  end,
  ["^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$"] = function()
    return "arn:aws:iam::123456789012:role/desk/Analyst" .. math.random(1e6)
  end,
  ["^[\\+0-9\\#\\,\\(][\\+0-9\\-\\.\\/\\(\\)\\,\\#\\s]+$"] = function() return "+1 (212) 555-01" .. math.random(10, 99) end,
}

--- Text with `min` to `max` characters, never one that a path would fold away.
local function text_of(min, max)
  local target = math.random(min, math.min(max, min + 12))
  local pieces, count = {}, 0
  while count < target do
    local piece = PIECES[math.random(#PIECES)]
    local _, continuation = piece:gsub("[\128-\191]", "")
    if count + #piece - continuation <= target then
      pieces[#pieces + 1] = piece
      count = count + #piece - continuation
    end
  end
  local text = table.concat(pieces)
  if text:find("^%s*%.*$") and min > 0 then return ("k"):rep(target) end
  return text
end

local function string_of(shape)
  local make = PATTERNED[shape.pattern]
  if make then return make() end
  if shape.enum then return shape.enum[math.random(#shape.enum)] end
  local min = shape.min or (shape.pattern and shape.pattern:find("\\S") and 1 or 0)
  return text_of(min, shape.max or 40)
end

local value_of

local function list_of(shape)
  local values, texts = {}, {}
  for i = 1, math.random(0, 3) do
    values[i], texts[i] = value_of(shape.of)
  end
  return values, "[" .. table.concat(texts, ",") .. "]"
end

local function map_of(shape)
  local values, texts = {}, {}
  for _ = 1, math.random(0, 3) do
    local key = string_of(shape.key)
    if values[key] == nil then
      local text
      values[key], text = value_of(shape.value)
      texts[#texts + 1] = cjson.encode(key) .. ":" .. text
    end
  end
  return values, "{" .. table.concat(texts, ",") .. "}"
end

local function integer_of(shape)
  local value = shape.max and math.random(shape.min, shape.max) or math.random(0, 2 ^ 31 - 1) * 1000
  return value, ("%.0f"):format(value)
end

function value_of(shape)
  if shape.type == "list" then return list_of(shape) end
  if shape.type == "map" then return map_of(shape) end
  if shape.type == "structure" then return random_params.members(shape.members) end
  if shape.type == "boolean" then
    local value = math.random(2) == 1
    return value, tostring(value)
  end
  if shape.type == "string" then
    local value = string_of(shape)
    return value, cjson.encode(value)
  end
  return integer_of(shape)
end

--- Values for all required members and about half of the others; the client token is always given.
--- @param members table[] of a row of the model, or of a structure
--- @return table params, string json
function random_params.members(members)
  local values, texts = {}, {}
  for _, member in ipairs(members) do
    if member.required or member.client_token or math.random(2) == 1 then
      local text
      values[member.name], text = value_of(member)
      texts[#texts + 1] = cjson.encode(member.name) .. ":" .. text
    end
  end
  return values, "{" .. table.concat(texts, ",") .. "}"
end

return random_params
