--- Reads records of separated values piece by piece, so that a file of any size passes through a small
--- buffer.
---
--- Lines end in LF, CRLF or CR. A field may stand in quotes, with blanks around them, and then holds separators,
--- line ends and doubled quotes; other text after its closing quote is refused. An empty line is no record, in a
--- file of one column neither: an empty value is written as `""` there. A byte order mark is dropped, and so is a
--- first line `sep=;`, by which spreadsheets name the separator. The service reads a file by the same rules.
local csv = {}

local BYTE_ORDER_MARK = "\239\187\191"
local QUOTE, CR, LF = 34, 13, 10

-- A record longer than this is a quote that was never closed, or no such file at all. The service's bound.
local LONGEST_RECORD = 16 * 1024 * 1024

--- @class finspace.csv.Reader
--- @field line integer  where the last record began
--- @field separator string  known once a record was read
local Reader = {}
Reader.__index = Reader

local function set_separator(self, separator)
  self.separator = separator
  local escaped = separator:gsub("[%p]", "%%%0")
  self.plain_field = "^[^" .. escaped .. "\r\n]*()"
  self.blanks = ({ ["\t"] = " *", [" "] = "\t*" })[separator] or "[ \t]*"
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

--- The same over a text that is there already.
--- @param text string
--- @param separator? string  as for csv.reader
--- @return finspace.csv.Reader
function csv.text_reader(text, separator)
  local rest = text
  return csv.reader(function()
    local piece = rest
    rest = nil
    return piece
  end, separator)
end

function Reader:unread() return #self.buffer - self.at + 1 end

function Reader:is_too_long() return self:unread() > LONGEST_RECORD end

-- Adds to what is not read yet as much again, and a piece at least: so a long record is looked at a few times only.
-- False at the end of the text, where nothing has moved.
function Reader:fill()
  local pieces, missing = { self.buffer:sub(self.at) }, self:unread()
  repeat
    local piece = not self.whole and self.more()
    self.whole = not piece
    if piece then
      pieces[#pieces + 1] = piece
      missing = missing - #piece
    end
  until self.whole or missing <= 0
  if not pieces[2] then return false end
  self.buffer, self.at = table.concat(pieces), 1
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
    stop = self.buffer:match("^[^\r\n]*()", self.at)
    local is_clear = stop < #self.buffer or self.buffer:byte(stop) == LF
  until is_clear or self:is_too_long() or not self:fill()
  if self.at > #self.buffer then return nil end
  local is_pair = self.buffer:byte(stop) == CR and self.buffer:byte(stop + 1) == LF
  return stop - 1, math.min(stop + (is_pair and 2 or 1), #self.buffer + 1)
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

-- What is wrong with a record. The first two mean that its end is not there yet, too, where more text can come.
local UNCLOSED = "a quote is opened and never closed"
local TOO_LONG = "a record is longer than 16 MiB"
local TEXT_AFTER_QUOTE = "text follows a closing quote"

-- The field that begins at `at`, where it ends, and whether it stands in quotes. nil, where it is wrong, and how.
function Reader:field(at)
  local text = self.buffer
  local open = text:match("^" .. self.blanks .. '()"', at)
  if not open then
    local stop = text:match(self.plain_field, at)
    return text:sub(at, stop - 1), stop, false
  end
  local close = closing_quote(text, open)
  if not close then return nil, open, UNCLOSED end
  local stop = text:match("^" .. self.blanks .. "()", close + 1)
  if stop <= #text and text:match(self.plain_field, stop) > stop then return nil, stop, TEXT_AFTER_QUOTE end
  local value = text:sub(open + 1, close - 1):gsub('""', '"')
  return value, stop, true
end

-- The fields of the record at `self.at`, and where the next begins. nil, where it is wrong, and how: more text may
-- show that it is well.
function Reader:quoted_record()
  local fields, at = {}, self.at
  while true do
    local field, stop, note = self:field(at)
    if not field then return nil, stop, note end
    fields[#fields + 1] = field
    if note then self.last_quoted = #fields end
    if self.buffer:sub(stop, stop) == self.separator then
      at = stop + 1
    else
      local is_clear = stop < #self.buffer or self.buffer:byte(stop) == LF
      if not is_clear and not self.whole then return nil, stop, TOO_LONG end
      return fields, self.buffer:match("^\r?\n?()", stop)
    end
  end
end

function Reader:refuse(at, fault)
  return nil, ("line %d: %s"):format(self.line + count_lines(self.buffer:sub(self.at, at - 1)), fault)
end

-- A record that has quotes: more text is taken in until it is whole.
function Reader:quoted()
  local fields, after, fault
  repeat
    fields, after, fault = self:quoted_record()
    local tries_again = fault and fault ~= TEXT_AFTER_QUOTE and not self.whole and not self:is_too_long()
    if tries_again then self:fill() end
  until not tries_again
  if not fields then return self:refuse(after, fault) end
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
    self.line, self.last_quoted = self.next_line, 0
    local line = self.buffer:sub(self.at, stop)
    if line:find('"', 1, true) then return self:quoted() end
    if #line > LONGEST_RECORD then return self:refuse(self.at, TOO_LONG) end
    self.at, self.next_line = after, self.line + 1
    if line ~= "" then return split(line, self.separator) end
  end
end

--- The record that was read last as a row of so many columns: empty fields after the last column are none of it,
--- unless they stand in quotes; so the service has it.
--- @param fields string[]  the record
--- @param width integer
--- @return string[]|nil row  nil when it has less fields, or more
function Reader:row(fields, width)
  local count = #fields
  while count > math.max(width, self.last_quoted) and fields[count] == "" do
    fields[count], count = nil, count - 1
  end
  return count == width and fields or nil
end

return csv
