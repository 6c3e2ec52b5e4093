--- The model's rows, found by the name that a person may use: `CreateChangeset` or `create_changeset`.
local core = require("finspace.core")
local options = require("finspace.options")

local operations = {}

--- @param name string  for example "GetWorkingLocation"
--- @return string      for example "get_working_location"
function operations.snake_case(name) return (name:gsub("(%l)(%u)", "%1_%2"):lower()) end

-- The newest generation of each name, and the name of each method.
local newest, methods = core.operation_names(), {}
for name in pairs(newest) do
  methods[operations.snake_case(name)] = name
end

-- One row for each name, made when it is first asked for. Of CreateChangeset's two wire forms it is the later one,
-- which has all that the other has and a clientToken; which of them is sent, the request itself decides.
local rows = {}

-- A row, with `finish`: the function that turns the answers of this wire form into results or errors.
local function new_row(name, generation)
  local row = core.operation(name, generation)
  function row.finish(response) return core.finish(name, generation, response) end
  return row
end

local function row_of(name)
  rows[name] = rows[name] or new_row(name, newest[name])
  return rows[name]
end

--- All rows, both wire forms of CreateChangeset among them.
--- @return table[]
function operations.rows() return core.operations() end

--- The names of the client's methods, each with its operation's.
--- @return table<string, string>
function operations.names() return methods end

--- The names of the client's methods, each with its row.
--- @return table<string, table>
function operations.methods()
  local by_method = {}
  for method, name in pairs(methods) do
    by_method[method] = row_of(name)
  end
  return by_method
end

--- The row of an operation; a name that is none is a mistake in the code, and raises.
--- @param name string
--- @param level? integer whom error() should blame
--- @return table row
function operations.find(name, level)
  if rows[name] then return rows[name] end
  local known = newest[name] and name or methods[name]
  if known then return row_of(known) end
  level = level or 3
  if type(name) ~= "string" then error("an operation's name must be a string, not a " .. type(name), level) end
  error(("unknown operation %q%s"):format(name, options.suggestion(name, name:find("%u") and newest or methods)), level)
end

--- An operation's row in the wire form of this generation.
--- @param row table  what `find` gave
--- @param generation string
--- @return table row
function operations.form(row, generation) return row.generation == generation and row or new_row(row.name, generation) end

local function member_names(members, keep)
  local names = {}
  for _, member in ipairs(members) do
    if keep(member) then names[#names + 1] = member.name end
  end
  return names
end

--- @class finspace.OperationSummary
--- @field name string
--- @field method string      the client's method
--- @field generation string  the wire form
--- @field required string[]
--- @field optional string[]

--- What there is to call: name, method, wire form, required and optional members.
--- @return finspace.OperationSummary[]
function operations.list()
  local list = {}
  for i, row in ipairs(operations.rows()) do
    list[i] = {
      name = row.name,
      method = operations.snake_case(row.name),
      generation = row.generation,
      required = member_names(row.input, function(member) return member.required end),
      optional = member_names(row.input, function(member) return not member.required end),
    }
  end
  return list
end

return operations
