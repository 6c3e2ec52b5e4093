--- CSV sources: the header's names against the schema's, and DuckDB's reader told everything, so that it guesses nothing.

local alike = require("finspace.service.ingest.alike")
local csv_text = require("finspace.service.ingest.csv_text")
local columns = require("finspace.service.ingest.columns")
local duckdb = require("finspace.service.engine.duckdb")
local failure = require("finspace.service.ingest.failure")
local ffi = require("ffi")
local plan = require("finspace.service.ingest.plan")
local segment_file = require("finspace.service.s3.segment_file")
local staging = require("finspace.service.ingest.staging")

local csv = {}

local LONGEST_RECORD = 16 * 1024 * 1024
local LONGEST_HEADER = 1024 * 1024
-- Of DuckDB's reader: from 32 MiB on the C library gives each buffer back to the system, and every page of the next one is
-- a fault.
local BUFFER = LONGEST_RECORD + 1024 * 1024
local PIECE = 256 * 1024
local function plural(count, word) return ("%d %s%s"):format(count, word, count == 1 and "" or "s") end

local BYTE_ORDER_MARK = "^\239\187\191"
local QUOTE_AFTER_MARK = BYTE_ORDER_MARK .. '"' -- DuckDB takes it for text, and a line end in the quotes for a record's
local TEXT_AFTER_QUOTE = "line %d of %s: text follows a closing quote"

-- With new_line = '\r\n' DuckDB 1.5.6 reads no rows at all and says nothing; left to itself it takes the first line's end.
local NEW_LINE = { ["\n"] = "new_line = '\\n', ", ["\r\n"] = "" }

local READ = "read_csv([%s], auto_detect = false, header = %s, skip = %d, delim = %s, quote = '\"', escape = '\"', "
  .. "%sstrict_mode = true, null_padding = false, allow_quoted_nulls = false, nullstr = '', "
  .. "compression = 'none', max_line_size = %d, buffer_size = %d, columns = {%s})"

-- DuckDB skips empty lines where rows have two columns; where they have one, only such a line is NULL: `""` is not.
local WITHOUT_EMPTY_LINES = "(SELECT * FROM %s WHERE c1 IS NOT NULL)"

-- --- the beginning of a file ------------------------------------------------------------------------

-- Excel writes `sep=;` as the first line of what it exports.
local function split_separator_line(text)
  local separator, rest = text:match('^"?[sS][eE][pP]=([^"\r\n])"?(.*)$')
  if not separator or rest:find("^[^\r\n]") then return nil, text end
  return separator, rest:match("^\r?\n?(.*)$")
end

-- What follows the empty lines that a text begins with, and how many they are.
local function split_empty_lines(text)
  local rest = text:match("^[\r\n]*(.*)$")
  return rest, csv_text.count_lines(text:sub(1, #text - #rest))
end

local function read_start(source, format, text)
  local start = text:gsub(BYTE_ORDER_MARK, "")
  local said, below = split_separator_line(start)
  if said and format.is_separator_given and said ~= format.separator then
    failure.raise("VALIDATION", "%s says sep=%s, and formatParams %q", source.name, said, format.separator)
  end
  local rest, empty = split_empty_lines(below)
  local separator, lines = said or format.separator, said and 1 or 0
  local first, fault = csv_text.first_record(rest, separator)
  if fault then failure.raise("VALIDATION", "line %d of %s: %s", lines + empty + 1, source.name, fault) end
  return { separator = separator, records = lines, skip = lines + empty, first = first, is_empty = rest == "" }
end

local function keep_start(kept, bytes, size)
  if kept.size >= LONGEST_HEADER then return end
  kept[#kept + 1] = ffi.string(bytes, size)
  kept.size = kept.size + size
end

-- --- line ends --------------------------------------------------------------------------------------

-- A file's pieces, without its byte order mark.
local function file_pieces(path)
  local source, buffer, is_first = segment_file.open(path), ffi.new("char[?]", PIECE), true
  return function()
    local got = source and source:read_into(buffer, PIECE) or 0
    coroutine.yield()
    if got > 0 then
      local piece = ffi.string(buffer, got)
      if is_first then piece = piece:gsub(BYTE_ORDER_MARK, "") end
      is_first = false
      return piece
    end
    if source then source:close() end
    source = nil
    return nil
  end
end

-- The pieces of a file that ends its lines in CR, or now so and now so, with all of them ended by LF, and without the
-- blanks beside its quotes.
local function pieces_with_one_line_end(staged)
  local walk = csv_text.walk(staged.separator, function() end)
  local next_piece, out = file_pieces(staged.path), ffi.new("uint8_t[?]", PIECE + csv_text.MOST_HELD)
  local is_over = false
  return function()
    if is_over then return nil end
    local piece = next_piece()
    is_over = piece == nil
    if is_over then return walk:rest() end
    local _, written = walk:feed(piece, out)
    if walk.stray_line then failure.raise("VALIDATION", TEXT_AFTER_QUOTE, walk.stray_line, staged.name) end
    return ffi.string(out, written)
  end
end

local function with_one_line_end(job, staged)
  local path = staging.write(job, pieces_with_one_line_end(staged))
  if staged.is_copy then staging.remove(staged.path) end
  staged.path, staged.is_copy = path, true
end

local function stage(job, source)
  local kept, ends = { size = 0 }, csv_text.line_ends(job.format.separator)
  local unbroken = csv_text.unbroken()
  local path, is_copy = staging.file(job, source, function(bytes, size)
    -- DuckDB says nothing where a record is larger than its buffer, and reads no rows.
    if unbroken(bytes, size) > LONGEST_RECORD then
      failure.raise("VALIDATION", "%s holds a record longer than 16 MiB", source.name)
    end
    if csv_text.has_nul(bytes, size) then
      failure.raise("VALIDATION", "%s has a NUL byte, and is no text", source.name)
    end
    keep_start(kept, bytes, size)
    ends:feed(bytes, size)
  end)
  local start = table.concat(kept)
  local staged = read_start(source, job.format, start)
  staged.name, staged.path, staged.is_copy, staged.partition = source.name, path, is_copy, source.partition
  staged.new_line = not start:find(QUOTE_AFTER_MARK) and ends:uniform()
  if not staged.new_line then
    with_one_line_end(job, staged)
    staged.new_line = "\n"
  end
  return staged
end

-- --- columns ----------------------------------------------------------------------------------------

-- Names are compared without the blanks around them.
local function names_of(job, staged)
  if not job.format.has_header then return columns.numbered(#staged.first) end
  local names = {}
  for i, field in ipairs(staged.first) do
    names[i] = field:match("^%s*(.-)%s*$")
  end
  return job.schema and names or columns.apart(names)
end

local function plan_of(job, staged)
  columns.check_count(staged.name, #staged.first)
  if job.schema and not job.format.has_header then return columns.by_position(job, staged, #staged.first) end
  local names = names_of(job, staged)
  if not job.schema then columns.check_alike(job, staged.name, names) end
  return columns.by_name(job, staged, names)
end

-- Files of one source are one table: without a schema the first says how many columns it has.
local function check_width(job, staged)
  job.width = job.width or #staged.first
  if job.schema or #staged.first == job.width then return end
  failure.raise("VALIDATION", "line 1 of %s has %s, not %d", staged.name, plural(#staged.first, "field"), job.width)
end

local function check_start(job, staged)
  if not staged.is_empty then return check_width(job, staged) end
  if job.format.has_header then failure.raise("VALIDATION", "%s is empty: it has no header", staged.name) end
  staged.has_no_rows = true
end

-- --- reading ----------------------------------------------------------------------------------------

local function relation_of(job, staged, paths)
  local described, literals, width = {}, {}, #staged.first
  for i = 1, width do
    described[i] = ("'c%d': 'VARCHAR'"):format(i)
  end
  for i, path in ipairs(paths) do
    literals[i] = duckdb.literal(path)
  end
  local relation = READ:format(
    table.concat(literals, ", "),
    tostring(job.format.has_header),
    staged.skip,
    duckdb.literal(staged.separator),
    NEW_LINE[staged.new_line],
    LONGEST_RECORD,
    BUFFER,
    table.concat(described, ", ")
  )
  return width > 1 and relation or WITHOUT_EMPTY_LINES:format(relation)
end

-- --- what is wrong ----------------------------------------------------------------------------------

-- Walks over a staged file until `at_record` says something.
local function walked(staged, at_record)
  local walk = csv_text.walk(staged.separator, at_record)
  for piece in file_pieces(staged.path) do
    local answer = walk:feed(piece)
    if answer ~= nil then return answer, walk end
  end
  return walk:finish(), walk
end

local function leading_records(job, staged) return staged.records + (job.format.has_header and 1 or 0) end

-- The line in which a record begins, counted with empty lines or without.
local function line_of_record(staged, number, counts_empty)
  local left = number
  return (
    walked(staged, function(walk)
      if walk.is_blank and not counts_empty then return nil end
      left = left - 1
      return left == 0 and walk.row_line or nil
    end)
  )
end

local function line_of_row(job, staged, row) return line_of_record(staged, leading_records(job, staged) + row) end

local function refuse_wrong_width(staged)
  local expected, left = #staged.first, staged.skip
  local line, walk = walked(staged, function(walk)
    left = left - 1
    if walk.size > LONGEST_RECORD then return walk.row_line end
    local fits = walk.fields >= expected and walk.filled <= expected -- as DuckDB takes it
    if left >= 0 or fits or walk.is_blank then return nil end
    staged.found_fields = walk.fields
    return walk.row_line
  end)
  if walk.stray_line then failure.raise("VALIDATION", TEXT_AFTER_QUOTE, walk.stray_line, staged.name) end
  if walk:is_open() then
    failure.raise("VALIDATION", "a quoted field that begins in line %d of %s never ends", walk.quote_line, staged.name)
  end
  if not line then return end
  if walk.size > LONGEST_RECORD then
    failure.raise("VALIDATION", "line %d of %s begins a record longer than 16 MiB", line, staged.name)
  end
  failure.raise(
    "VALIDATION",
    "line %d of %s has %s, not %d",
    line,
    staged.name,
    plural(staged.found_fields, "field"),
    expected
  )
end

local function refuse_line(staged, message)
  local record = tonumber(message:match("CSV Error on Line: (%d+)"))
  local line = record and line_of_record(staged, record, true)
  local where = line and ("line %d of %s"):format(line, staged.name) or staged.name
  if message:find("nvalid unicode", 1, true) then failure.raise("VALIDATION", "%s is not UTF-8", where) end
  if message:find("aximum line size", 1, true) or message:find("max_line_size", 1, true) then
    failure.raise("VALIDATION", "%s holds a record longer than 16 MiB", where)
  end
  failure.raise("VALIDATION", "%s is not a CSV as RFC 4180 describes it: look at its quotes", where)
end

-- Raises what is wrong with one file, if it is this one that DuckDB could not read.
local function examine(job, staged, message)
  local relation = relation_of(job, staged, { staged.path })
  local ok, fault = pcall(plan.first_fault, job.connection, staged.plan, relation)
  if ok and fault then columns.refuse_value(staged.name, "line " .. line_of_row(job, staged, fault.record), fault) end
  if ok then return end
  local problem = duckdb.message(fault)
  if not problem then error(fault, 0) end
  refuse_wrong_width(staged)
  refuse_line(staged, problem or message)
end

-- --- units ------------------------------------------------------------------------------------------

local function key_of(staged)
  return table.concat({
    table.concat(staged.first, "\0"),
    staged.separator,
    staged.new_line,
    staged.skip,
    columns.partition_key(staged.partition),
  }, "\1")
end

local Unit = {}
Unit.__index = Unit

--- @return string query of the unit's rows
function Unit:query()
  local paths = {}
  for i, staged in ipairs(self.files) do
    paths[i] = staged.path
  end
  return plan.query(self.files[1].plan, relation_of(self.job, self.files[1], paths))
end

--- Raises what is wrong with the data, after DuckDB refused it.
--- @param message string DuckDB's
function Unit:examine(message)
  for _, staged in ipairs(self.files) do
    examine(self.job, staged, message)
  end
end

--- Removes the copies.
function Unit:close() staging.remove_copies(self.files) end

-- The files that have rows, each with how it is read: as the one before it, where they are alike.
local function planned(job, sources)
  local at, before = 0, nil
  return function()
    while sources[at + 1] do
      at = at + 1
      local staged = stage(job, sources[at])
      check_start(job, staged)
      if not staged.has_no_rows then
        local key = key_of(staged)
        staged.plan = before and before.key == key and before.plan or plan_of(job, staged)
        before = { key = key, plan = staged.plan }
        return staged, key
      end
    end
  end
end

--- Gives files that are alike to `work` together, in their order.
--- @param job table {connection=, format=, schema=, state=, folder=}
--- @param sources table[]
--- @param work fun(unit: table)
function csv.each_unit(job, sources, work)
  alike.each_group(
    job.most_files,
    planned(job, sources),
    function(files) work(setmetatable({ job = job, files = files }, Unit)) end
  )
end

return csv
