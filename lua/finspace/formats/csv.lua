--- Reads records of separated values piece by piece, so that a file of any size passes through a small
--- buffer.
---
--- Lines end in LF, CRLF or CR. A field may stand in quotes, with blanks around them, and then holds separators,
--- line ends and doubled quotes. A byte order mark is dropped, and so is a first line `sep=;`, by which
--- spreadsheets name the separator. The service reads a file by the same rules.
local csv = {}

local BYTE_ORDER_MARK = "\239\187\191"
local QUOTE, CR, LF = 34, 13, 10

-- A record longer than this is a quote that was never closed, or no such file at all.
local LONGEST_RECORD = 1024 * 1024

--- @class finspace.csv.Reader
--- @field line integer  where the last record began
--- @field separator string  known once a record was read
local Reader = {}
Reader.__index = Reader

local function set_separator(self, separator)
  self.separator = separator
  self.field_end = "[" .. separator:gsub("[%p]", "%%%0") .. "\r\n]"
  self.blanks = separator == "\t" and " *" or "[ \t]*"
end

--- @param more fun(): string|nil  the next piece of the text
--- @param separator? string       one character; absent: what a `sep=` line says, else a comma
--- @return finspace.csv.Reader
function csv.reader(more, separator)
  local self = setmetatable({
    more = more,
    wanted = separator,
    buffer = "",
    at = 1,
    line = 0,
    next_line = 1,
    fresh = true,
    whole = false, -- the buffer holds the text's end
  }, Reader)
  set_separator(self, separator or ",")
  return self
end

-- Adds the next piece to what is not read yet. False at the end of the text.
function Reader:fill()
  local piece = not self.whole and self.more()
  if not piece then
    self.whole = true
    return false
  end
  self.buffer, self.at = self.buffer:sub(self.at) .. piece, 1
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

-- Where the line that begins at `self.at` ends, and where the next one begins; nil at the end of the text. A CR at
-- the end of the buffer may be half of a CRLF.
function Reader:line_end()
  local stop
  repeat
    stop = self.buffer:find("[\r\n]", self.at)
    local is_clear = stop and (stop < #self.buffer or self.buffer:byte(stop) == LF)
  until is_clear or #self.buffer - self.at > LONGEST_RECORD or not self:fill()
  if not stop and self.at > #self.buffer then return nil end
  stop = stop or #self.buffer + 1
  local is_pair = self.buffer:byte(stop) == CR and self.buffer:byte(stop + 1) == LF
  return stop - 1, stop + (is_pair and 2 or 1)
end

local function count_lines(text)
  local _, lines = text:gsub("\r\n", "\n"):gsub("[\r\n]", "")
  return lines
end

-- Where the quote that opens at `at` is closed, or nil.
local function closing_quote(text, at)
  local close = text:find('"', at + 1, true)
  while close and text:byte(close + 1) == QUOTE do
    close = text:find('"', close + 2, true)
  end
  return close
end

-- The field that begins at `at`, and where it ends. nil and where the quote opens when the text ends within it.
function Reader:field(at)
  local text = self.buffer
  local open = text:match("^" .. self.blanks .. '()"', at)
  local after, value = at, ""
  if open then
    local close = closing_quote(text, open)
    if not close then return nil, open end
    value, after = text:sub(open + 1, close - 1):gsub('""', '"'), close + 1
  end
  local stop = text:find(self.field_end, after) or #text + 1
  local rest = text:sub(after, stop - 1)
  if open and rest:find("^" .. self.blanks .. "$") then rest = "" end
  return value .. rest, stop
end

-- The fields of the record at `self.at`, and where the next begins; nil where more text is needed to tell, and where
-- a quote is open.
function Reader:quoted_record()
  local fields, at = {}, self.at
  while true do
    local field, stop = self:field(at)
    if not field then return nil, stop end
    fields[#fields + 1] = field
    if self.buffer:sub(stop, stop) == self.separator then
      at = stop + 1
    else
      local is_clear = stop < #self.buffer or self.buffer:byte(stop) == LF
      if not is_clear and not self.whole then return nil end
      return fields, self.buffer:match("^\r?\n?()", stop)
    end
  end
end

-- A record that has quotes: more text is taken in until it is whole.
function Reader:quoted()
  local fields, after
  repeat
    fields, after = self:quoted_record()
    local is_long = #self.buffer - self.at > LONGEST_RECORD
    local tries_again = not fields and not is_long and not self.whole
    if tries_again then self:fill() end
  until not tries_again
  if not fields then
    local line = self.line + count_lines(self.buffer:sub(self.at, (after or self.at) - 1))
    return nil, ("line %d: a quote is opened and never closed"):format(line)
  end
  self.next_line = self.line + math.max(1, count_lines(self.buffer:sub(self.at, after - 1)))
  self.at = after
  return fields
end

local function drop_mark(self)
  while #self.buffer < #BYTE_ORDER_MARK and self:fill() do
  end
  if self.buffer:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK then self.at = 4 end
end

--- The separator that a first line names, or nil: `sep=;`, as spreadsheets write and read it.
--- @param line string
--- @return string|nil separator
function csv.named_separator(line)
  local inner = line:match('^"(.*)"$') or line
  return inner:match('^[sS][eE][pP]=([^"\r\n])$')
end

-- What stands before the first record.
local function begin(self)
  self.fresh = false
  drop_mark(self)
  local stop, after = self:line_end()
  local named = stop and csv.named_separator(self.buffer:sub(self.at, stop))
  if not named then return true end
  if self.wanted and self.wanted ~= named then
    return nil, ("line 1 says that the separator is %q, and not %q"):format(named, self.wanted)
  end
  set_separator(self, named)
  self.at, self.next_line = after, 2
  return true
end

--- The fields of the next record; nil at the end; nil and a message when the text is broken. Empty lines
--- are no records.
--- @return string[]|nil fields, string|nil message
function Reader:next()
  if self.fresh then
    local well, message = begin(self)
    if not well then return nil, message end
  end
  while true do
    local stop, after = self:line_end()
    if not stop then return nil end
    self.line = self.next_line
    local line = self.buffer:sub(self.at, stop)
    if line:find('"', 1, true) then return self:quoted() end
    self.at, self.next_line = after, self.line + 1
    if line ~= "" then return split(line, self.separator) end
  end
end

return csv
