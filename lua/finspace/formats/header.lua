--- Whether a CSV's first line names its columns. FinSpace's rule is that it does; a schema can tell better.
local columns = require("finspace.formats.columns")
local values = require("finspace.formats.values")

local header = {}

local function lower_names(fields)
  local names = {}
  for i, field in ipairs(fields) do
    names[i] = columns.trim(field):lower()
  end
  return names
end

-- The same names, each once, in any order.
local function are_names_of(fields, schema)
  if #fields ~= #schema then return false end
  local missing = {}
  for _, column in ipairs(schema) do
    missing[column.columnName:lower()] = true
  end
  for _, name in ipairs(lower_names(fields)) do
    if not missing[name] then return false end
    missing[name] = nil
  end
  return true
end

local function are_values_of(fields, schema)
  if #fields ~= #schema then return false end
  for i, field in ipairs(fields) do
    if not values.reads_as(columns.trim(field), schema[i].dataType) then return false end
  end
  return true
end

local function listed(texts)
  return #texts > 8 and table.concat(texts, ", ", 1, 8) .. (", … (%d)"):format(#texts) or table.concat(texts, ", ")
end

local function neither(fields, schema)
  local wanted = {}
  for i, column in ipairs(schema) do
    wanted[i] = ("%s %s"):format(column.columnName, column.dataType)
  end
  return ("the first line (%s) neither names the columns of the dataset's schema nor reads as values of them (%s)"):format(
    listed(fields),
    listed(wanted)
  )
end

--- @param fields string[]  the first line
--- @param schema table[]   the dataset's columns, each with columnName and dataType
--- @return boolean|nil has_header
--- @return string|nil message  when it is neither
function header.by_schema(fields, schema)
  if are_names_of(fields, schema) then return true end
  if are_values_of(fields, schema) then return false end
  return nil, neither(fields, schema)
end

--- Whether a line that was taken for data could as well name columns: nothing in it looks like data, and the schema
--- takes any text.
--- @param fields string[]
--- @param schema table[]
--- @return boolean
function header.may_be_names(fields, schema)
  for i, field in ipairs(fields) do
    if values.looks_like_data(columns.trim(field)) or not values.takes_text(schema[i].dataType) then return false end
  end
  return true
end

--- Whether a line that is taken for the names of columns looks like data all the same.
--- @param fields string[]
--- @return boolean
function header.is_doubtful(fields)
  for _, field in ipairs(fields) do
    if values.looks_like_data(columns.trim(field)) then return true end
  end
  return false
end

return header
