--- Lines of a buffer, written to a file of their own beside the editor's work, however many they are.
local background_file = require("finspace_nvim.background_file")
local finspace = require("finspace")

local selection = {}

-- Milliseconds that one slice may keep the editor, about; and the lines of the first one.
local SLICE_MS, FIRST_LINES = 8, 200

-- Of the buffer's beginning.
local LINES_LOOKED_AT, BYTES_LOOKED_AT = 50, 64 * 1024

-- Neovim goes through a whole line to give a part of it: one that is longer than this is read from the file.
local LONG_LINE, PIECE = 4 * 1024 * 1024, 256 * 1024

local TEXT_FORMATS = { csv = true, tsv = true, psv = true, txt = true, json = true, jsonl = true, ndjson = true }

-- Bytes of lines [at, stop), counted from 0, with one for each line end.
local function size_of(buffer, at, stop)
  return vim.api.nvim_buf_get_offset(buffer, stop) - vim.api.nvim_buf_get_offset(buffer, at)
end

local function is_long(buffer, line) return size_of(buffer, line, line + 1) > LONG_LINE end

-- The buffer's file, where it holds the same bytes, at the beginning of a line.
local function file_at(buffer, line)
  local path, whole = vim.api.nvim_buf_get_name(buffer), size_of(buffer, 0, vim.api.nvim_buf_line_count(buffer))
  local size = vim.fn.getfsize(path)
  local is_same = not vim.api.nvim_buf_get_option(buffer, "modified") and (size == whole or size == whole - 1)
  local file = is_same and io.open(path, "rb")
  if file and file:seek("set", vim.api.nvim_buf_get_offset(buffer, line)) then return file end
  return nil, ("line %d is too long to be read while you go on: write the buffer to its file first"):format(line + 1)
end

-- Lines [at, stop) as the file has them.
local function text_of(buffer, at, stop)
  local text = table.concat(vim.api.nvim_buf_get_lines(buffer, at, stop, false), "\n")
  return text:gsub("%z", "\n") .. "\n"
end

-- So many lines from `at` on, at most `count`, that they have no more bytes than `most`; one at least.
local function stop_within(buffer, at, count, most)
  local stop = math.min(at + count, vim.api.nvim_buf_line_count(buffer))
  while stop > at + 1 and size_of(buffer, at, stop) > most do
    stop = at + math.floor((stop - at) / 2)
  end
  return stop
end

-- The first lines, or the beginning of a long one.
local function top_of(buffer)
  if not is_long(buffer, 0) then return text_of(buffer, 0, stop_within(buffer, 0, LINES_LOOKED_AT, BYTES_LOOKED_AT)) end
  local file = file_at(buffer, 0)
  local text = file and file:read(PIECE)
  if file then file:close() end
  return text or ""
end

local function is_csv(top, extension)
  if extension:find("^n?d?json") or extension == "jsonl" then return false end
  return not top:find("^%s*[{%[<]")
end

--- Lines of a buffer as they are now.
--- @param buffer integer
--- @param first integer  from 1 on
--- @param last integer
--- @return table chosen { buffer, first, last, tick, extension, top (of a CSV) }
function selection.of(buffer, first, last)
  local chosen = { buffer = buffer, first = first, last = last, tick = vim.api.nvim_buf_get_changedtick(buffer) }
  local top = top_of(buffer)
  local extension = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":e"):lower()
  if is_csv(top, extension) then
    chosen.extension = TEXT_FORMATS[extension] and extension or "csv"
    chosen.top = top
  else
    chosen.extension = extension:find("json") and TEXT_FORMATS[extension] and extension or "jsonl"
  end
  return chosen
end

--- Decides, as a load of the whole file would, whether the buffer's first line names the columns; lines below such a
--- one want it before them. Where no schema tells, its look does.
--- @param chosen table
--- @param columns? table[]  of the dataset's schema
--- @param is_bare? boolean  it is known that none does
--- @return table chosen  with wants_header and format_params where they are to be said
function selection.settle_header(chosen, columns, is_bare)
  if not chosen.top then return chosen end
  local names_columns, lines = finspace.names_columns(chosen.top, "lines." .. chosen.extension, columns)
  if names_columns == nil then return chosen end
  local has_header = not is_bare and names_columns
  chosen.wants_header, chosen.header_lines = has_header and chosen.first > lines, lines
  if is_bare or not has_header and not columns then chosen.format_params = { withHeader = "false" } end
  return chosen
end

-- Lines a slice: fewer after one that took long, more after one that did not.
local function next_count(count, began)
  local spent = (vim.loop.hrtime() - began) / 1e6
  if spent > 2 * SLICE_MS then return math.max(1, math.floor(count / 2)) end
  return spent < SLICE_MS / 2 and count * 2 or count
end

local function is_unchanged(chosen)
  return vim.api.nvim_buf_is_valid(chosen.buffer) and vim.api.nvim_buf_get_changedtick(chosen.buffer) == chosen.tick
end

local function check_unchanged(chosen)
  if is_unchanged(chosen) then return true end
  return nil, "the buffer changed while its lines were written; select them again"
end

-- Copies so many bytes from where a file of Lua's stands, and ends the line.
local function copy(file, source, count, chosen)
  while count > 0 do
    local ok, message = file:write(source:read(math.min(PIECE, count)) or "")
    if ok then
      ok, message = check_unchanged(chosen)
    end
    if not ok then return nil, message end
    count = count - PIECE
  end
  return file:write("\n")
end

local function copy_line(file, chosen, line)
  local source, message = file_at(chosen.buffer, line)
  if not source then return nil, message end
  local ok
  ok, message = copy(file, source, size_of(chosen.buffer, line, line + 1) - 1, chosen)
  source:close()
  return ok, message
end

-- Writes the next slice; gives where it stops, and the lines that the one after it may have.
local function write_slice(file, chosen, at, count)
  if is_long(chosen.buffer, at) then return at + 1, count, copy_line(file, chosen, at) end
  local began = vim.loop.hrtime()
  local stop = stop_within(chosen.buffer, at, math.min(count, chosen.last - at), LONG_LINE)
  local text = text_of(chosen.buffer, at, stop)
  return stop, next_count(stop - at, began), file:write(text)
end

local function write_slices(file, chosen, at)
  local count = FIRST_LINES
  while at < chosen.last do
    local ok, message
    at, count, ok, message = write_slice(file, chosen, at, count)
    if ok then
      ok, message = check_unchanged(chosen)
    end
    if not ok then return nil, message end
  end
  return true
end

local function write_header(file, chosen)
  if not chosen.wants_header then return true end
  if is_long(chosen.buffer, 0) then return copy_line(file, chosen, 0) end
  return file:write(text_of(chosen.buffer, 0, chosen.header_lines))
end

--- Writes lines to a file, in a task: the editor goes on meanwhile.
--- @param path string
--- @param chosen table from `of`
--- @return true|nil written, string|nil problem
function selection.write(path, chosen)
  local file, message = background_file.create(path)
  if not file then return nil, message end
  local ok
  ok, message = write_header(file, chosen)
  if ok then
    ok, message = write_slices(file, chosen, chosen.first - 1)
  end
  local closed, failure = file:close()
  return ok and closed, message or failure
end

return selection
