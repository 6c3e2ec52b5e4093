--- The model's rows, found by the name that a person may use: `CreateChangeset` or `create_changeset`.
local core = require("finspace.core")
local options = require("finspace.options")

local operations = {}

--- @param name string  for example "GetWorkingLocation"
--- @return string      for example "get_working_location"
function operations.snake_case(name) return (name:gsub("(%l)(%u)", "%1_%2"):lower()) end

local rows = core.operations()
for _, row in ipairs(rows) do
  row.only_reads = row.name:find("^Get") ~= nil or row.name:find("^List") ~= nil
end

-- One row for each name. Of CreateChangeset's two wire forms it is the later one, which has all that
-- the other has and a clientToken; which of them is sent, the request itself decides.
local by_name, by_method = {}, {}
for _, row in ipairs(rows) do
  local known = by_name[row.name]
  if not known or known.generation < row.generation then
    by_name[row.name] = row
    by_method[operations.snake_case(row.name)] = row
  end
end

--- All rows, both wire forms of CreateChangeset among them.
--- @return table[]
function operations.rows() return rows end

--- The names of the client's methods, each with its row.
--- @return table<string, table>
function operations.methods() return by_method end

--- The row of an operation; a name that is none is a mistake in the code, and raises.
--- @param name string
--- @param level? integer whom error() should blame
--- @return table row
function operations.find(name, level)
  local row = by_name[name] or by_method[name]
  if row then return row end
  level = level or 3
  if type(name) ~= "string" then error("an operation's name must be a string, not a " .. type(name), level) end
  local names = name:find("%u") and by_name or by_method
  error(("unknown operation %q%s"):format(name, options.suggestion(name, names)), level)
end

--- The row of one wire form.
--- @param name string
--- @param generation string
--- @return table row
function operations.form(name, generation)
  local row = by_name[name]
  return row.generation == generation and row or core.operation(name, generation)
end

local finishers = {}

--- The function that turns the answers of one wire form into results or errors.
--- @param name string
--- @param generation string
--- @return fun(response: finspace.Response): table|nil, table|nil
function operations.finisher(name, generation)
  local of_name = finishers[name] or {}
  finishers[name] = of_name
  of_name[generation] = of_name[generation] or function(response) return core.finish(name, generation, response) end
  return of_name[generation]
end

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
  for i, row in ipairs(rows) do
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
