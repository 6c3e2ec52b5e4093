--- What the first line of a text is: the columns' names, or data. For those who load a part of a text, as an editor does
--- with a selection, and must say of the part what holds for the whole.
local csv = require("finspace.formats.csv")
local header = require("finspace.formats.header")
local sniff = require("finspace.formats.sniff")

local first_line = {}

local function reader_of(text, name)
  local params = sniff.detect(name, text)
  return csv.text_reader(text, params and params.separator)
end

-- The first record, those below it, and the lines that it takes with all before it.
local function records_of(text, name)
  local reader, below = reader_of(text, name), {}
  local first, record = reader:next(), reader:next()
  local lines = record and reader.line - 1 or 1
  while record do
    below[#below + 1] = record
    record = reader:next()
  end
  return first, below, lines
end

--- Whether the first record of a CSV names its columns: by a dataset's schema as `fs:load` decides it, else by its look
--- beside the records below it.
--- @param text string  the text, or its beginning
--- @param name string  of a file: its extension may tell the separator
--- @param columns? table[]  of the dataset's schema, each with columnName and dataType
--- @return boolean|nil has_header  nil where there is no record
--- @return integer|nil lines  that the first record takes, with all before it
function first_line.names_columns(text, name, columns)
  local first, below, lines = records_of(text, name)
  if not first then return nil end
  if not columns then return header.by_look(first, below), lines end
  return header.by_schema(first, columns) ~= false, lines -- where it is neither, the load says so
end

return first_line
