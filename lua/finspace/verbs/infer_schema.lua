--- `fs:infer_schema`: a schemaDefinition for the columns of a CSV file, from the values that are in it.
local column_names = require("finspace.formats.columns")
local csv = require("finspace.formats.csv")
local errors = require("finspace.errors")
local formats = require("finspace.formats.sniff")
local header_rule = require("finspace.formats.header")
local options = require("finspace.options")
local source = require("finspace.formats.source")
local sys = require("finspace.sys")
local values = require("finspace.formats.values")

local infer_schema = {}

local OPTIONS = options.declare {
  what = "infer_schema",
  class = "finspace.InferSchemaOptions",
  { "file", "name", "a CSV file", required = true },
  { "header", "boolean", "whether the first line names the columns; else they are column_1, …", default = true },
  { "separator", "string", "one character; absent: the one that explains the file best" },
  { "sample", "count", "rows to look at", default = 10000 },
  {
    "narrow",
    "boolean",
    "the smallest type that holds what was seen (TINYINT, SMALLINT, FLOAT, CHAR, BINARY, too), "
      .. "instead of the type that will hold what comes later (INTEGER, BIGINT, DOUBLE, STRING)",
    default = false,
  },
}

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
  local kind = values.kind(text)
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

local function check_file(path)
  local stat, message = sys.stat(path)
  if not stat then return refuse("io", "NoSuchFile", message) end
  if stat.type ~= "file" then
    return refuse("io", "NotAFile", ("%s is a %s; name a CSV file"):format(path, stat.type))
  end
  if stat.size == 0 then return refuse("io", "EmptyFile", path .. " is empty; there is nothing to infer from") end
  return true
end

local function broken(path, message) return refuse("validation", "MalformedFile", ("%s, %s"):format(path, message)) end

-- Of what else can be loaded, no columns can be told by reading it as a CSV.
local OTHERS = {
  PARQUET = "a Parquet file says itself what its columns are: load it into a dataset without a schema",
  JSON = "only CSV files are read for a schema: write the one of JSON by hand, or convert it",
  XML = "only CSV files are read for a schema: write the one of XML by hand, or convert it",
}

-- The separator of a file that is a CSV by its name and first bytes.
local function look(path, first, given)
  local params, err = formats.detect(path:match("[^/]*$"), first, nil, given.separator)
  if not params then return refuse(err.kind, err.code, err.message) end
  local other = OTHERS[params.formatType]
  if other then return refuse("validation", "NotCsv", ("%s is no CSV: %s"):format(path, other)) end
  if first:find("%z") then return refuse("validation", "NotCsv", path .. " is no CSV: there are NUL bytes in it") end
  return params.separator
end

-- A reader of the file's records.
local function open(path, given)
  local well, err = check_file(path)
  if not well then return nil, err end
  local opened, message = source.open(path)
  if not opened then return refuse("io", "FileUnreadable", "cannot read " .. message) end
  local first, fault = opened.read()
  if fault then
    opened.close()
    return broken(path, "it " .. fault)
  end
  local separator
  separator, err = look(path, first or "", given)
  if not separator then
    opened.close()
    return nil, err
  end
  local function more()
    local piece = first
    if piece then
      first = nil
      return piece
    end
    piece, fault = opened.read()
    return piece
  end
  return csv.reader(more, separator), function()
    opened.close()
    return fault
  end
end

local function name_columns(record, has_header)
  local columns = {}
  for i, name in ipairs(has_header and column_names.names(record) or column_names.numbered(#record)) do
    columns[i] = { name = name }
  end
  return columns
end

local function width_fault(line, record, columns)
  return ("line %d has %d fields and the first line %d; is the separator right?"):format(line, #record, #columns)
end

local function same_record(left, right)
  for i = 1, math.max(#left, #right) do
    if left[i] ~= right[i] then return false end
  end
  return true
end

local function take_in_record(columns, record)
  for i, field in ipairs(record) do
    take_in(columns[i], field)
  end
end

-- Reads at most `limit` rows. Gives the columns, and how many rows were read, how many lines named the columns once
-- more (files that were put behind each other keep theirs: they say nothing of types), and whether that is all.
local function survey(reader, has_header, limit)
  local first, message = reader:next()
  if not first then return nil, message or "it has no line that is not empty" end
  local columns, seen = name_columns(first, has_header), { rows = 0 }
  seen.doubtful = has_header and header_rule.is_doubtful(first) or nil
  local record = first
  if has_header then
    record, message = reader:next()
  end
  while record and seen.rows < limit do
    if not reader:row(record, #columns) then return nil, width_fault(reader.line, record, columns) end
    if has_header and same_record(record, first) then
      seen.repeated_headers = (seen.repeated_headers or 0) + 1
    else
      take_in_record(columns, record)
    end
    seen.rows = seen.rows + 1
    record, message = reader:next()
  end
  if message then return nil, message end
  seen.complete = record == nil
  return columns, seen
end

local function definition_of(columns, narrow, complete)
  local list = {}
  for i, column in ipairs(columns) do
    list[i] = { columnName = column.name, dataType = type_of(column, narrow, complete) }
  end
  return { tabularSchemaConfig = { columns = list } }
end

--- Infers a schemaDefinition, as CreateDataset takes it, from a CSV, packed with gzip or not. Types are told by the
--- values: empty fields say nothing, numbers with leading zeros are text, and a column of nothing is a STRING.
--- @param _ finspace.Client
--- @param given finspace.InferSchemaOptions
--- @return table|nil definition  { tabularSchemaConfig = { columns = { { columnName, dataType }, … } } }
--- @return { rows: integer, complete: boolean, doubtful?: boolean, repeated_headers?: integer }|finspace.Error seen  how
---   much of the file it rests on, whether the line that named the columns looks like data, and how often it came again
function infer_schema.run(_, given)
  given = OPTIONS:check(given)
  local path = given.file
  if given.separator and #given.separator ~= 1 then error("infer_schema: separator must be one character", 2) end
  local reader, close = open(path, given)
  if not reader then return nil, close end
  local columns, seen = survey(reader, given.header, given.sample)
  local fault = close()
  if fault then return broken(path, "it " .. fault) end
  if not columns then return broken(path, seen) end
  return definition_of(columns, given.narrow, seen.complete), seen
end

return infer_schema
