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

-- What a cell is, where it is hardly a name.
local GROUPS = { integer = "number", decimal = "number", binary = "number", date = "date", datetime = "date" }

local function group(text)
  if text == "" or not values.looks_like_data(text) then return nil end
  local kind = values.kind(text)
  if kind == "text" then return tonumber(text) and "number" or "date" end -- 007, or 31/12/2019
  return GROUPS[kind] or kind
end

local function is_year(text) return text:find("^1[89]%d%d$") ~= nil or text:find("^2[01]%d%d$") ~= nil end

-- Whether a field is one more of the values that stand below it. Years name columns of other numbers.
local function is_like(field, cells)
  local wanted, is_of_years = group(field), is_year(field)
  for _, cell in ipairs(cells) do
    local is_alike = group(cell) == wanted
    if is_of_years and is_alike and not is_year(cell) then return false end
    is_of_years = is_of_years and is_alike
    if is_alike and not is_year(field) then return true end
  end
  return is_of_years
end

local function cells_of(records, column)
  local cells = {}
  for i, record in ipairs(records) do
    cells[i] = columns.trim(record[column] or "")
  end
  return cells
end

--- Whether a line names the columns of the lines below it, by its look alone: a number, a date or a truth value names
--- a column where what stands below is something else (a year also above other numbers), and nothing where no line does.
--- @param fields string[]
--- @param below string[][]  some of the records below it
--- @return boolean
function header.by_look(fields, below)
  if not header.is_doubtful(fields) then return true end
  if #below == 0 then return false end
  for i, field in ipairs(fields) do
    local text = columns.trim(field)
    if group(text) and is_like(text, cells_of(below, i)) then return false end
  end
  return true
end

return header
