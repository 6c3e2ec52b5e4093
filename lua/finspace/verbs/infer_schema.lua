--- `fs:infer_schema`: a schemaDefinition for the columns of a CSV file, from the values that are in it.
local csv = require("finspace.formats.csv")
local errors = require("finspace.errors")
local options = require("finspace.options")
local sys = require("finspace.sys")

local infer_schema = {}

local OPTIONS = options.declare {
  what = "infer_schema",
  class = "finspace.InferSchemaOptions",
  { "file", "name", "a CSV file", required = true },
  { "header", "boolean", "whether the first line names the columns; else they are column_1, …", default = true },
  { "separator", "string", "one character", default = "," },
  { "sample", "count", "rows to look at", default = 10000 },
  {
    "narrow",
    "boolean",
    "the smallest type that holds what was seen (TINYINT, SMALLINT, FLOAT, CHAR, BINARY, too), "
      .. "instead of the type that will hold what comes later (INTEGER, BIGINT, DOUBLE, STRING)",
    default = false,
  },
}

local DEFAULT_SAMPLE = 10000
local PIECE = 64 * 1024

-- What a value looks like -----------------------------------------------------------------------------

local DAYS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(text)
  local month, day = text:match("^%d%d%d%d%-(%d%d)%-(%d%d)$")
  month, day = tonumber(month), tonumber(day)
  return month ~= nil and DAYS[month] ~= nil and day >= 1 and day <= DAYS[month]
end

local function is_datetime(text)
  local date, rest = text:match("^(%d%d%d%d%-%d%d%-%d%d)[T ](.+)$")
  if not date or not is_date(date) then return false end
  local hour, minute, zone = rest:match("^(%d%d):(%d%d)(.*)$")
  if not hour or tonumber(hour) > 23 or tonumber(minute) > 59 then return false end
  zone = zone:gsub("^:[0-5]%d", ""):gsub("^%.%d+", "")
  return zone == "" or zone == "Z" or zone:find("^[+-]%d%d:?%d%d$") ~= nil
end

-- A number that begins with a zero is a name: a postcode, a CUSIP, an account.
local function is_integer(text) return text:find("^[+-]?[1-9]%d*$") ~= nil or text:find("^[+-]?0$") ~= nil end

local UNUSUAL_NUMBERS = { NaN = true, nan = true, Infinity = true, ["-Infinity"] = true, inf = true, ["-inf"] = true }

local function is_decimal(text)
  if UNUSUAL_NUMBERS[text] then return true end
  local whole, fraction = text:match("^[+-]?(%d*)%.?(%d*)[eE]?[+-]?%d*$")
  if not whole or (whole == "" and fraction == "") or whole:find("^0%d") then return false end
  return tonumber(text) ~= nil
end

local function is_boolean(text)
  local lower = text:lower()
  return lower == "true" or lower == "false"
end

local function kind_of(text)
  local first = text:byte()
  if (first >= 48 and first <= 57) or first == 45 or first == 43 or first == 46 then
    if is_integer(text) then return "integer" end
    if is_decimal(text) then return "decimal" end
    if is_date(text) then return "date" end
    if is_datetime(text) then return "datetime" end
    if text:find("^0[xX]%x+$") then return "binary" end
    return "text"
  end
  if is_boolean(text) then return "boolean" end
  return UNUSUAL_NUMBERS[text] and "decimal" or "text"
end

-- What a column looks like ----------------------------------------------------------------------------

-- The kind that takes in two kinds. What is not here is text.
local JOINED = {
  integer = { decimal = "decimal" },
  decimal = { integer = "decimal" },
  date = { datetime = "datetime" },
  datetime = { date = "datetime" },
}

local INTEGER_TYPES = {
  { "TINYINT", "128" },
  { "SMALLINT", "32768" },
  { "INTEGER", "2147483648" },
  { "BIGINT", "9223372036854775808" },
}

-- The smallest integer type (its place in INTEGER_TYPES) that holds the number, compared as digits:
-- Lua 5.1 has no number that could carry a BIGINT.
local function integer_size(text)
  local sign, digits = text:match("^([+-]?)(%d+)$")
  for size, type_ in ipairs(INTEGER_TYPES) do
    local limit = type_[2]
    local below = #digits < #limit or (#digits == #limit and digits < limit)
    if below or (sign == "-" and digits == limit) then return size end
  end
  return #INTEGER_TYPES + 1
end

-- A FLOAT keeps seven digits of a number between 1e-37 and 1e38.
local function fits_float(text)
  local digits = text:gsub("[eE].*", ""):gsub("[^%d]", ""):gsub("^0+", "")
  local number = math.abs(tonumber(text) or 0)
  return #digits <= 7 and (number == 0 or (number >= 1e-37 and number <= 1e38))
end

local function is_one_character(text) return text:find("^[%z\1-\127\194-\244][\128-\191]*$") ~= nil end

local function take_in(column, text)
  if text == "" then return end
  local kind = kind_of(text)
  if column.kind and column.kind ~= kind then kind = (JOINED[column.kind] or {})[kind] or "text" end
  column.kind = kind
  column.one_character = column.one_character ~= false and is_one_character(text)
  if kind == "integer" then column.size = math.max(column.size or 1, integer_size(text)) end
  if kind == "decimal" or kind == "integer" then column.float = column.float ~= false and fits_float(text) end
end

local FIXED_TYPES = { boolean = "BOOLEAN", date = "DATE", datetime = "DATETIME" }

local function integer_type(column, narrow, whole_file)
  local size = column.size
  if size > #INTEGER_TYPES then return "STRING" end -- too long for a number: kept exactly, as text
  -- What was not looked at may be larger than what was.
  if not narrow then size = math.max(size, whole_file and 3 or 4) end
  return INTEGER_TYPES[size][1]
end

local function type_of(column, narrow, whole_file)
  local kind = column.kind
  if FIXED_TYPES[kind] then return FIXED_TYPES[kind] end
  if kind == "integer" then return integer_type(column, narrow, whole_file) end
  if kind == "decimal" then return narrow and column.float and "FLOAT" or "DOUBLE" end
  if narrow and kind == "binary" then return "BINARY" end
  return narrow and column.one_character and "CHAR" or "STRING"
end

-- The file --------------------------------------------------------------------------------------------

local function refuse(kind, code, message)
  return nil, errors.new { kind = kind, code = code, operation = "infer_schema", message = message }
end

local function open(path)
  local stat, message = sys.stat(path)
  if not stat then return refuse("io", "NoSuchFile", message) end
  if stat.type ~= "file" then
    return refuse("io", "NotAFile", ("%s is a %s; name a CSV file"):format(path, stat.type))
  end
  if stat.size == 0 then return refuse("io", "EmptyFile", path .. " is empty; there is nothing to infer from") end
  local handle
  handle, message = io.open(path, "rb")
  if not handle then return refuse("io", "FileUnreadable", "cannot read " .. message) end
  return handle
end

local function broken(path, message) return refuse("validation", "MalformedFile", ("%s, %s"):format(path, message)) end

local function name_columns(record, header)
  local columns = {}
  for i, field in ipairs(record) do
    local name = header and field:match("^%s*(.-)%s*$") or ""
    columns[i] = { name = name ~= "" and name or ("column_%d"):format(i) }
  end
  return columns
end

local function width_fault(line, record, columns)
  return ("line %d has %d fields and the first line %d; is the separator right?"):format(line, #record, #columns)
end

-- Reads at most `limit` rows. Gives the columns, how many rows were read and whether that is all.
local function survey(reader, header, limit)
  local record, message = reader:next()
  if not record then return nil, message or "it has no line that is not empty" end
  local columns, rows = name_columns(record, header), 0
  if header then
    record, message = reader:next()
  end
  while record and rows < limit do
    if #record ~= #columns then return nil, width_fault(reader.line, record, columns) end
    for i, field in ipairs(record) do
      take_in(columns[i], field)
    end
    rows = rows + 1
    record, message = reader:next()
  end
  if message then return nil, message end
  return columns, rows, record == nil
end

--- Infers a schemaDefinition, as CreateDataset takes it. Types are told by the values: empty fields
--- say nothing, numbers with leading zeros are text, and a column of nothing is a STRING.
--- @param _ finspace.Client
--- @param given finspace.InferSchemaOptions
--- @return table|nil definition  { tabularSchemaConfig = { columns = { { columnName, dataType }, … } } }
--- @return { rows: integer, complete: boolean }|finspace.Error seen  how much of the file it rests on
function infer_schema.run(_, given)
  OPTIONS:check(given)
  local path = given.file
  if given.separator and #given.separator ~= 1 then error("infer_schema: separator must be one character", 2) end
  local handle, err = open(path)
  if not handle then return nil, err end
  local reader = csv.reader(function() return handle:read(PIECE) end, given.separator)
  local columns, rows, complete = survey(reader, given.header ~= false, given.sample or DEFAULT_SAMPLE)
  handle:close()
  if not columns then return broken(path, rows) end
  local list = {}
  for i, column in ipairs(columns) do
    list[i] = { columnName = column.name, dataType = type_of(column, given.narrow, complete) }
  end
  return { tabularSchemaConfig = { columns = list } }, { rows = rows, complete = complete }
end

return infer_schema
