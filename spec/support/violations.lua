--- Every way to break one rule of one member of one operation, made from the model: each case is a
--- request that is right but for one thing.
local cjson = require("cjson")
local core = require("finspace.core")

local violations = {}

local VALID = {
  ["^alias\\/\\S+"] = "alias/prices",
  ["[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,4}"] = "desk@example.com",
  ["^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$"] = "arn:aws:iam::123456789012:role/Analyst",
  ["^[\\+0-9\\#\\,\\(][\\+0-9\\-\\.\\/\\(\\)\\,\\#\\s]+$"] = "+12125550100",
}

local valid_value

local function valid_members(members)
  local params = {}
  for _, member in ipairs(members) do
    params[member.name] = valid_value(member)
  end
  return params
end

function valid_value(shape)
  if shape.type == "string" then
    return shape.enum and shape.enum[1] or VALID[shape.pattern] or ("v"):rep(math.max(shape.min or 1, 1))
  end
  if shape.type == "list" then return { valid_value(shape.of) } end
  if shape.type == "map" then return { [valid_value(shape.key)] = valid_value(shape.value) } end
  if shape.type == "structure" then return valid_members(shape.members) end
  if shape.type == "boolean" then return true end
  return shape.min or 1
end

--- The values that break a shape, each with the rule that it breaks.
local function bad_values(shape)
  local bad = {}
  local function add(rule, value) bad[#bad + 1] = { rule = rule, value = value } end
  if shape.type == "string" then
    add("type", 7)
    add("type", { "x" })
    if shape.enum then add("enum", "NO_SUCH_VALUE") end
    if shape.min and not shape.enum then add("length", ("v"):rep(shape.min - 1)) end
    if shape.max then add("length", ("v"):rep(shape.max + 1)) end
    if shape.pattern and shape.pattern ~= "[\\s\\S]*" then
      add("pattern", VALID[shape.pattern] and ("!"):rep(math.max(shape.min or 1, 10)) or (" "):rep(shape.min or 1))
    end
  elseif shape.type == "integer" or shape.type == "long" then
    add("type", "many")
    add("integer", 1.5)
    if shape.max then add("range", shape.max + 1) end
    if shape.min then add("range", shape.min - 1) end
    if shape.type == "integer" and not shape.max then add("range", 2 ^ 40) end
  elseif shape.type == "boolean" then
    add("type", "true")
  else
    add("type", "text")
    add("type", 7)
  end
  return bad
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local twin = {}
  for key, item in pairs(value) do
    twin[key] = copy(item)
  end
  return twin
end

--- Replaces what lies at the end of a path of keys.
local function replaced(params, path, value)
  local twin = copy(params)
  local at = twin
  for i = 1, #path - 1 do
    at = at[path[i]]
  end
  at[path[#path]] = value
  return twin
end

local function joined(path, key)
  local longer = {}
  for i, step in ipairs(path) do
    longer[i] = step
  end
  longer[#longer + 1] = key
  return longer
end

local walk_members

--- Calls `visit(path, name, shape)` for a value and all that lies within it.
local function walk(path, name, shape, visit)
  visit(path, name, shape)
  if shape.type == "list" then
    walk(joined(path, 1), name .. "[1]", shape.of, visit)
  elseif shape.type == "map" then
    local key = valid_value(shape.key)
    walk(joined(path, key), name .. "[" .. cjson.encode(key) .. "]", shape.value, visit)
  elseif shape.type == "structure" then
    walk_members(path, name .. ".", shape.members, visit)
  end
end

function walk_members(path, prefix, members, visit)
  for _, member in ipairs(members) do
    walk(joined(path, member.name), prefix .. member.name, member, visit)
  end
end

--- The maps with one entry whose key breaks a rule, and what a fault calls that entry.
local function bad_keys(shape)
  local bad = {}
  if shape.key and shape.key.max then
    local long = ("k"):rep(shape.key.max + 1)
    bad[1] = { rule = "length", value = { [long] = "v" }, suffix = ("[a key of %d bytes]"):format(#long) }
  end
  if shape.key and shape.key.pattern then
    bad[#bad + 1] = { rule = "pattern", value = { [" "] = "v" }, suffix = '[" "]' }
  end
  return bad
end

local function of_row(row, cases)
  local valid = valid_members(row.input)
  local function add(path, name, rule, value)
    cases[#cases + 1] = { row = row, member = name, rule = rule, params = replaced(valid, path, value) }
  end
  walk_members({}, "", row.input, function(path, name, shape)
    if shape.required then add(path, name, "required", nil) end
    for _, bad in ipairs(bad_values(shape)) do
      add(path, name, bad.rule, bad.value)
    end
    for _, bad in ipairs(bad_keys(shape)) do
      add(path, name .. bad.suffix, bad.rule, bad.value)
    end
  end)
end

--- All cases: {row, member, rule, params}.
--- @return table[]
function violations.all()
  local cases = {}
  for _, row in ipairs(core.operations()) do
    of_row(row, cases)
  end
  return cases
end

--- The valid parameters of a row.
--- @param row table
--- @return table
function violations.valid(row) return valid_members(row.input) end

local function plain(value)
  if type(value) == "number" then return ("%.14g"):format(value) end
  return type(value) == "table" and cjson.encode(value) or tostring(value)
end

--- Writes a request without checking anything, as a careless client would.
--- @param row table
--- @param params table
--- @return table request {method, path, query, body, headers}
function violations.serialize(row, params)
  local path, query, body, has_body = row.path, {}, {}, false
  for _, member in ipairs(row.input) do
    local value = params[member.name]
    if member.place == "body" then has_body = true end
    if value ~= nil then
      if member.place == "path" then
        path = path:gsub("{" .. member.wire .. "}", (core.uri_encode(plain(value)):gsub("%%", "%%%%")))
      elseif member.place == "query" then
        query[#query + 1] = core.uri_encode(member.wire) .. "=" .. core.uri_encode(plain(value))
      else
        body[member.wire] = value
      end
    end
  end
  return {
    method = row.method,
    path = path,
    query = table.concat(query, "&"),
    body = has_body and (next(body) and cjson.encode(body) or "{}") or nil,
    headers = { ["content-type"] = has_body and "application/json" or nil },
  }
end

return violations
