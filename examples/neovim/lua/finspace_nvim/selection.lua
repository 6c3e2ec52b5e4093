--- Lines of a buffer, written to a file of their own beside the editor's work, however many they are.
local finspace = require("finspace")

local selection = {}

-- Milliseconds that one slice may keep the editor, about; and the lines of the first one.
local SLICE_MS, FIRST_LINES = 8, 200

local TEXT_FORMATS = { csv = true, tsv = true, psv = true, txt = true, json = true, jsonl = true, ndjson = true }

local function is_csv(first_line, extension)
  if extension:find("^n?d?json") or extension == "jsonl" then return false end
  return not first_line:find("^%s*[{%[<]")
end

-- Whether a line names columns: a number, a date or nothing is no name.
local function names_columns(line)
  for cell in (line .. ","):gmatch("([^,;\t|]*)[,;\t|]") do
    local text = cell:gsub('^%s*"?', ""):gsub('"?%s*$', "")
    if text == "" or tonumber(text) or text:find("^%d+[-/.:]%d+") then return false end
  end
  return true
end

--- Lines of a buffer as they are now: what they want before them, and what is to be said of them.
--- @param buffer integer
--- @param first integer  from 1 on
--- @param last integer
--- @return table chosen { buffer, first, last, tick, extension, header (a line, or nil), format_params (or nil) }
function selection.of(buffer, first, last)
  local chosen = { buffer = buffer, first = first, last = last, tick = vim.api.nvim_buf_get_changedtick(buffer) }
  local top = vim.api.nvim_buf_get_lines(buffer, 0, 1, false)[1] or ""
  local extension = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":e"):lower()
  if not is_csv(top, extension) then
    chosen.extension = extension:find("json") and TEXT_FORMATS[extension] and extension or "jsonl"
    return chosen
  end
  chosen.extension = TEXT_FORMATS[extension] and extension or "csv"
  if not names_columns(top) then
    chosen.format_params = { withHeader = "false" }
  elseif first > 1 then
    chosen.header = top
  end
  return chosen
end

local function write(file, lines)
  local text = table.concat(lines, "\n"):gsub("%z", "\n")
  return file:write(text, "\n")
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

local function write_slices(file, chosen)
  local at, count = chosen.first - 1, FIRST_LINES
  while at < chosen.last do
    if not is_unchanged(chosen) then
      return nil, "the buffer changed while its lines were written; select them again"
    end
    local began, stop = vim.loop.hrtime(), math.min(at + count, chosen.last)
    local ok, message = write(file, vim.api.nvim_buf_get_lines(chosen.buffer, at, stop, false))
    if not ok then return nil, message end
    at, count = stop, next_count(count, began)
    finspace.sleep(0.001)
  end
  return true
end

--- Writes lines to a file, in a task: the editor goes on meanwhile.
--- @param path string
--- @param chosen table from `of`
--- @return true|nil written, string|nil problem
function selection.write(path, chosen)
  local file, message = io.open(path, "wb")
  if not file then return nil, message end
  local ok = true
  if chosen.header then
    ok, message = write(file, { chosen.header })
  end
  if ok then
    ok, message = write_slices(file, chosen)
  end
  local closed, failure = file:close()
  return ok and closed, message or failure
end

return selection
