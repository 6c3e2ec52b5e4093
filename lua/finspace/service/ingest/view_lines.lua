--- A view's text: rows come from DuckDB in their order, and the core writes them as lines into one file after the other.
--- DuckDB's own writer takes a millisecond of the processor for each partition, casts each value to a text first, and cannot
--- pack what it writes at any speed.

local core = require("finspace.core")
local duckdb = require("finspace.service.engine.duckdb")
local ffi = require("ffi")
local types = require("finspace.service.engine.types")

-- As src/lines.h has them.
ffi.cdef([[
typedef struct { int32_t kind; const void *values; const uint64_t *validity; } finspace_lines_column;
typedef struct {
  const finspace_lines_column *columns;
  const int32_t *partitions;
  uint32_t width, next, last;
  char separator, quote;
} finspace_lines_rows;
]])

local view_lines = {}

local BUFFER = 64 * 1024
local TEXT = core.lines_kind("VARCHAR")
local write_lines =
  ffi.cast("size_t (*)(finspace_lines_rows *, char *, size_t)", ffi.cast("uintptr_t", core.lines_write_address()))

-- --- columns ----------------------------------------------------------------------------------------

-- Numbers and times have nothing in them that needs quotes, unless their own characters separate.
local function are_plain(options)
  local own = "[%w .:()+-]"
  return not options.separator:find(own) and not options.quote:find(own)
end

-- What is selected for a column, and what the core is to take it for.
local function source_of(column, options)
  local name, kind = duckdb.identifier(column.name), core.lines_kind(column.sql)
  if kind == TEXT or kind and are_plain(options) then return name, kind end
  return types.of_sql(column.sql).text(name), TEXT
end

local function select_of(view, columns)
  local selected = {}
  for i, column in ipairs(view.columns) do
    selected[i], columns[i - 1].kind = source_of(column, view.options)
  end
  selected[#selected + 1] = view.partition
  return ("SELECT %s FROM %s"):format(table.concat(selected, ", "), view.rows)
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

local function new_buffer(self, capacity)
  self.buffer, self.capacity = ffi.new("char[?]", capacity), capacity
end

-- A buffer that a long line made larger is not kept.
local function flush(self)
  if self.held > 0 then self.out:write(self.buffer, self.held) end
  if self.capacity > self.usual_capacity then new_buffer(self, self.usual_capacity) end
  self.held = 0
end

local function finish(self)
  if not self.out then return end
  flush(self)
  self.out:close()
  self.view.finish(self.out.size)
end

local function begin(self, partition)
  finish(self)
  local out, has_header = self.view.create(partition, #self.header)
  self.out, self.partition, self.size = out, partition, #self.header
  if has_header then ffi.copy(self.buffer, self.header, #self.header) end
  self.held = has_header and #self.header or 0
end

-- --- rows -------------------------------------------------------------------------------------------

-- A file has at least one line, however long: one that is oversized is its only one.
local function room_of_file(self) return self.is_oversized and math.huge or math.max(0, self.view.largest - self.size) end

-- A line did not fit: into the rest of the buffer, into the buffer, into the rest of the file, or into any file.
local function make_room(self)
  if self.held > 0 then return flush(self) end
  if room_of_file(self) >= self.capacity then return new_buffer(self, 2 * self.capacity) end
  if self.size > #self.header then return begin(self, self.partition) end
  self.is_oversized = true
end

-- Writes as many of the next rows as are of one partition and have room; false when none has.
local function add_rows(self, count)
  local rows, room = self.rows, math.min(self.capacity - self.held, room_of_file(self))
  rows.last = self.is_oversized and rows.next + 1 or count
  local written = tonumber(write_lines(rows, self.buffer + self.held, room))
  self.held, self.size = self.held + written, self.size + written
  self.is_oversized = self.is_oversized and written == 0
  return written > 0
end

local function add_chunk(self, vectors, count)
  local rows = self.rows
  for i = 1, rows.width do
    self.columns[i - 1].values, self.columns[i - 1].validity = vectors[i].values, vectors[i].validity
  end
  rows.partitions, rows.next = vectors[#vectors].values, 0
  while rows.next < count do
    local partition = rows.partitions[rows.next]
    if partition ~= self.partition then begin(self, partition) end
    if not add_rows(self, count) then make_room(self) end
  end
end

--- Writes the rows of a query, one partition after the other.
--- @param connection table
--- @param view table {rows=SQL of a table in order, columns=, partition=SQL of its number, an INTEGER, options=,
---   largest=bytes of a file, create=fun(partition: integer, header_size: integer): the file that is written to next, and
---   whether the header goes there, finish=fun(size: integer) is told the bytes that were written to it}
function view_lines.write(connection, view)
  local width, options = #view.columns, view.options
  local columns = ffi.new("finspace_lines_column[?]", width)
  local header = options.has_header and header_of(view.columns, options) or ""
  local writer = {
    view = view,
    header = header,
    usual_capacity = BUFFER + #header,
    columns = columns,
    rows = ffi.new("finspace_lines_rows", columns, nil, width, 0, 0, options.separator:byte(), options.quote:byte()),
  }
  new_buffer(writer, writer.usual_capacity)
  connection:each_chunk(select_of(view, columns), function(vectors, count) add_chunk(writer, vectors, count) end)
  if not writer.out then begin(writer, 0) end
  finish(writer)
end

return view_lines
