--- Which operation a method and a path mean, read from the model's rows.

local core = require("finspace.core")

local router = {}

-- What stands behind each slash.
local function split(path)
  local segments, slash = {}, path:find("/", 1, true)
  while slash do
    local following = path:find("/", slash + 1, true)
    segments[#segments + 1] = path:sub(slash + 1, (following or 0) - 1)
    slash = following
  end
  return segments
end

local placed = {} -- a row's members by place

local function place_members(row)
  local members = {}
  for _, member in ipairs(row.input) do
    members[member.place] = members[member.place] or {}
    table.insert(members[member.place], member)
  end
  placed[row] = members
end

local function wire_names(row)
  local names = {}
  for _, member in ipairs(placed[row].path or {}) do
    names[member.wire or member.name] = member.name
  end
  return names
end

-- A template's segment is a literal, or the name of the member that takes its place.
local function compiled(row)
  place_members(row)
  local names, pattern = wire_names(row), {}
  for i, segment in ipairs(split(row.path)) do
    local wire = segment:match("^{(.*)}$")
    pattern[i] = wire and { member = names[wire] } or { literal = segment }
  end
  return { row = row, method = row.method, pattern = pattern }
end

-- By the path's first segment and their number: a path is held against few.
local routes = {}

local function name_of(segments) return #segments .. "/" .. (segments[1] or "") end

for _, row in ipairs(core.operations()) do
  local name = name_of(split(row.path))
  routes[name] = routes[name] or {}
  table.insert(routes[name], compiled(row))
end

local function match(pattern, segments)
  local params = {}
  for i, expected in ipairs(pattern) do
    if expected.literal then
      if expected.literal ~= segments[i] then return nil end
    else
      params[expected.member] = core.uri_decode(segments[i])
    end
  end
  return params
end

--- @param method string
--- @param path string as on the wire, percent-encoded
--- @return table|nil row of the model
--- @return table|boolean params the members in the path; without a row: whether the path exists
function router.find(method, path)
  local segments, path_exists = split(path), false
  for _, route in ipairs(routes[name_of(segments)] or {}) do
    local params = match(route.pattern, segments)
    if params and route.method == method then return route.row, params end
    path_exists = path_exists or params ~= nil
  end
  return nil, path_exists
end

--- The members of an operation by where they travel.
--- @param row table from router.find
--- @return { path: table[]|nil, query: table[]|nil, body: table[]|nil }
function router.members(row) return placed[row] end

return router
