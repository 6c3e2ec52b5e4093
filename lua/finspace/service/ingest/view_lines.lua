--- A partitioned view's text: rows come in their order as lines, and go to one file after the other. DuckDB's own
--- PARTITION_BY takes a millisecond of the processor for each partition, and cannot pack what it writes at any speed.

local duckdb = require("finspace.service.engine.duckdb")
local ffi = require("ffi")
local file = require("finspace.service.s3.segment_file")
local types = require("finspace.service.engine.types")

local view_lines = {}

local BUFFER = 64 * 1024

-- --- a row as a line --------------------------------------------------------------------------------

local function literal_of(character) return ("chr(%d)"):format(character:byte()) end

-- As DuckDB's writer does: where a reader would end the field, or take it for NULL or for a comment.
local QUOTED = "CASE WHEN $x = '' OR %s THEN $q || replace($x, $q, $q || $q) || $q ELSE $x END"
local REASONS =
  { "contains($x, $q)", "contains($x, $s)", "contains($x, chr(10))", "contains($x, chr(13))", "contains($x, '#')" }
QUOTED = QUOTED:format(table.concat(REASONS, " OR "))

-- Numbers and times have nothing in them that needs quotes, unless their own characters separate.
local function is_plain(kind, options)
  local own = "[%w+%-.:]"
  return kind.has_range and not options.separator:find(own) and not options.quote:find(own)
end

local function field_of(column, options)
  local kind = types.of_sql(column.sql)
  local text = kind.text(duckdb.identifier(column.name))
  if is_plain(kind, options) then return text end
  local values = { x = text, q = literal_of(options.quote), s = literal_of(options.separator) }
  return (QUOTED:gsub("%$(%a)", values))
end

-- NULL is nothing; but a line with nothing on it is one that readers pass over.
local function line_of(columns, options)
  local fields = {}
  local missing = #columns == 1 and duckdb.literal(options.quote .. options.quote) or "''"
  for i, column in ipairs(columns) do
    fields[i] = ("coalesce(%s, %s)"):format(field_of(column, options), missing)
  end
  return ("concat(%s, chr(10))"):format(table.concat(fields, ", " .. literal_of(options.separator) .. ", "))
end

local function header_of(columns, options)
  local quote, names = options.quote, {}
  for i, column in ipairs(columns) do
    local name = column.name
    local needs_quotes = name == ""
      or name:find("[\r\n#]")
      or name:find(quote, 1, true)
      or name:find(options.separator, 1, true)
    names[i] = needs_quotes and quote .. name:gsub(quote:gsub("%p", "%%%0"), quote .. quote) .. quote or name
  end
  return table.concat(names, options.separator) .. "\n"
end

-- --- files ------------------------------------------------------------------------------------------

local Writer = {}
Writer.__index = Writer

local function flush(self)
  if self.held > 0 then self.out:write(ffi.string(self.buffer, self.held)) end
  self.held = 0
end

local function add(self, bytes, length)
  if self.held + length > BUFFER then flush(self) end
  self.size = self.size + length
  if length > BUFFER then
    self.out:write(ffi.string(bytes, length))
  else
    ffi.copy(self.buffer + self.held, bytes, length)
    self.held = self.held + length
  end
end

function Writer:finish()
  if not self.out then return end
  flush(self)
  self.out:close()
  self.out = nil
  self.give(self.path, self.partition)
end

function Writer:begin(partition)
  self:finish()
  self.out, self.partition, self.size = file.create(self.path), partition, 0
  add(self, self.header, #self.header)
end

--- Writes the rows of a query, one partition after the other, each file to `path`; once it is whole it is given away.
--- @param connection table
--- @param view table {rows=SQL in order with finspace_partition, columns=, options=, largest=bytes of a file}
--- @param path string that is free again after each `give`
--- @param give fun(path: string, partition: integer)
function view_lines.write(connection, view, path, give)
  local writer = setmetatable({
    path = path,
    give = give,
    header = view.options.has_header and header_of(view.columns, view.options) or "",
    buffer = ffi.new("char[?]", BUFFER),
    held = 0,
  }, Writer)
  local line = line_of(view.columns, view.options)
  local query = ("SELECT finspace_partition, %s AS line FROM %s"):format(line, view.rows)
  connection:each_text(query, function(partition, bytes, length)
    if partition ~= writer.partition or writer.size + length > view.largest then writer:begin(partition) end
    add(writer, bytes, length)
  end)
  writer:finish()
end

return view_lines
