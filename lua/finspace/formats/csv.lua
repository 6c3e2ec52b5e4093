--- Reads records of separated values piece by piece, so that a file of any size passes through a small
--- buffer. Quotes are understood; quoted fields may hold separators, line ends and doubled quotes.
local csv = {}

local BYTE_ORDER_MARK = "\239\187\191"

-- A record longer than this is a quote that was never closed, or no such file at all.
local LONGEST_RECORD = 1024 * 1024

--- @class finspace.csv.Reader
--- @field line integer  where the last record began
local Reader = {}
Reader.__index = Reader

--- @param more fun(): string|nil  the next piece of the text
--- @param separator? string       one character; a comma when absent
--- @return finspace.csv.Reader
function csv.reader(more, separator)
  separator = separator or ","
  return setmetatable({
    more = more,
    separator = separator,
    field_end = "[" .. separator:gsub("%p", "%%%0") .. "\r\n]",
    buffer = "",
    at = 1,
    line = 0,
    next_line = 1,
    fresh = true,
  }, Reader)
end

-- Adds the next piece to what is not read yet. False at the end of the text.
function Reader:fill()
  local piece = self.more()
  if not piece then return false end
  self.buffer, self.at = self.buffer:sub(self.at) .. piece, 1
  if self.fresh and #self.buffer >= #BYTE_ORDER_MARK then
    self.fresh = false
    if self.buffer:sub(1, 3) == BYTE_ORDER_MARK then self.at = 4 end
  end
  return true
end

local function split(line, separator)
  local fields, from = {}, 1
  while true do
    local at = line:find(separator, from, true)
    if not at then
      fields[#fields + 1] = line:sub(from)
      return fields
    end
    fields[#fields + 1] = line:sub(from, at - 1)
    from = at + 1
  end
end

-- Where the quote that opens at `at` is closed, or nil.
local function closing_quote(text, at)
  local close = text:find('"', at + 1, true)
  while close and text:byte(close + 1) == 34 do
    close = text:find('"', close + 2, true)
  end
  return close
end

-- One field, and where it ends. nil when the text ends within quotes.
local function field_at(text, at, field_end)
  if text:byte(at) == 34 then
    local close = closing_quote(text, at)
    if not close then return nil end
    return text:sub(at + 1, close - 1):gsub('""', '"'), close + 1
  end
  local stop = text:find(field_end, at) or #text + 1
  return text:sub(at, stop - 1), stop
end

-- A record with quotes in it, and where the next begins. nil when the text ends within it.
local function quoted_record(text, at, separator, field_end)
  local fields = {}
  while true do
    local field, stop = field_at(text, at, field_end)
    if not field then return nil end
    fields[#fields + 1] = field
    local mark = text:sub(stop, stop)
    if mark == separator then
      at = stop + 1
    else
      local line_end = text:match("^[^\r\n]*\r?\n?()", stop)
      return fields, line_end, line_end <= #text or text:sub(-1) == "\n"
    end
  end
end

local function count_lines(text)
  local _, lines = text:gsub("\n", "")
  return lines
end

-- A record that has quotes: more text is taken in until it is whole.
function Reader:quoted()
  local fields, after, ended
  while true do
    fields, after, ended = quoted_record(self.buffer, self.at, self.separator, self.field_end)
    if fields and ended then break end
    if #self.buffer - self.at > LONGEST_RECORD or not self:fill() then break end
  end
  if not fields then return nil, ("line %d: a quote is opened and never closed"):format(self.line) end
  self.next_line = self.line + math.max(1, count_lines(self.buffer:sub(self.at, after - 1)))
  self.at = after
  return fields
end

-- The end of the line that begins here, and where the next line begins; nil at the end of the text.
function Reader:line_end()
  local stop = self.buffer:find("\n", self.at, true)
  while not stop do
    if #self.buffer - self.at > LONGEST_RECORD or not self:fill() then break end
    stop = self.buffer:find("\n", self.at, true)
  end
  if stop then return stop - 1, stop + 1 end
  if self.at > #self.buffer then return nil end
  return #self.buffer, #self.buffer + 1
end

--- The fields of the next record; nil at the end; nil and a message when the text is broken. Empty lines
--- are no records.
--- @return string[]|nil fields, string|nil message
function Reader:next()
  while true do
    local stop, after = self:line_end()
    if not stop then return nil end
    self.line = self.next_line
    local line = self.buffer:sub(self.at, stop)
    if line:find('"', 1, true) then return self:quoted() end
    self.at, self.next_line = after, self.line + 1
    if line:byte(-1) == 13 then line = line:sub(1, -2) end
    if line ~= "" then return split(line, self.separator) end
  end
end

return csv
