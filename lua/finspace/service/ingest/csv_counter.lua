--- Counts the rows of a CSV that arrives in pieces, and refuses what is not one: a row with another
-- number of fields than the first, a quote that never ends, bytes that are not UTF-8. Quoted fields
-- may hold separators, doubled quotes and line ends; lines end in LF, CRLF or CR (RFC 4180 and what
-- people send).

local ffi = require("ffi")
local utf8 = require("finspace.service.ingest.utf8")
local failure = require("finspace.service.ingest.failure")

local QUOTE, CR, LF = 0x22, 0x0D, 0x0A
local AT_START, PLAIN, QUOTED, AFTER_QUOTE = 0, 1, 2, 3

local Counter = {}
Counter.__index = Counter

local function refuse_width(self, fields)
  failure.raise(
    "VALIDATION",
    "line %d of %s has %d field%s, not %d",
    self.row_line,
    self.name,
    fields,
    fields == 1 and "" or "s",
    self.expected
  )
end

-- A line without anything on it is no row, unless rows have one field.
local function end_row(self, fields, is_blank)
  if is_blank and self.expected ~= 1 then return end
  if not self.expected then
    self.expected = fields
  elseif fields ~= self.expected then
    refuse_width(self, fields)
  end
  if self.header_is_next then
    self.header_is_next = false
  else
    self.rows = self.rows + 1
  end
end

-- The state machine, on one piece. Locals hold what changes with each byte; the rest is kept.
local function scan(self, bytes, length)
  local state, fields, line, after_cr = self.state, self.fields, self.line, self.after_cr
  local separator = self.separator
  for i = 0, length - 1 do
    local byte = bytes[i]
    if state == QUOTED then
      if byte == QUOTE then
        state = AFTER_QUOTE
      elseif byte == LF then
        line = line + 1
      end
    elseif byte == separator then
      fields, state, after_cr = fields + 1, AT_START, false
    elseif byte == LF or byte == CR then
      if byte == CR or not after_cr then
        end_row(self, fields, fields == 1 and state == AT_START)
        line, fields, state = line + 1, 1, AT_START
        self.row_line = line
      end
      after_cr = byte == CR
    elseif byte == QUOTE and (state == AT_START or state == AFTER_QUOTE) then
      if state == AT_START then self.quote_line = line end
      state, after_cr = QUOTED, false
    else
      state, after_cr = PLAIN, false
    end
  end
  self.state, self.fields, self.line, self.after_cr = state, fields, line, after_cr
end

local BYTE_ORDER_MARK = "\239\187\191"

--- @param piece string
function Counter:feed(piece)
  if not self.has_begun then
    self.has_begun = true
    if piece:sub(1, 3) == BYTE_ORDER_MARK then piece = piece:sub(4) end
  end
  local bytes = ffi.cast("const uint8_t *", piece)
  local wrong = self.utf8:feed(bytes, #piece)
  scan(self, bytes, wrong or #piece)
  if wrong then failure.raise("VALIDATION", "line %d of %s is not UTF-8", self.line, self.name) end
end

--- Ends one file; the next one must have as many fields.
--- @return integer rows so far, of all files
function Counter:finish()
  if not self.utf8:is_whole() then failure.raise("VALIDATION", "line %d of %s is not UTF-8", self.line, self.name) end
  if self.state == QUOTED then
    failure.raise("VALIDATION", "a quoted field that begins in line %d of %s never ends", self.quote_line, self.name)
  end
  local is_blank = self.fields == 1 and self.state == AT_START
  if not is_blank then end_row(self, self.fields, false) end
  if self.header_is_next then failure.raise("VALIDATION", "%s is empty: it has no header", self.name) end
  return self.rows
end

--- Begins the next file.
--- @param object table {name=}
function Counter:begin(object)
  self.name, self.state, self.fields, self.line, self.row_line = object.name, AT_START, 1, 1, 1
  self.after_cr, self.has_begun, self.header_is_next = false, false, self.has_header
  self.utf8 = utf8.checker()
end

--- @return table state plain data, from which csv.resumed goes on
function Counter:snapshot() return self end

local csv = {}

--- @param state table that a snapshot gave, perhaps written and read in between
--- @return table counter in the middle of its file
function csv.resumed(state)
  state.utf8 = utf8.checker(state.utf8)
  return setmetatable(state, Counter)
end

--- @param format table {has_header=, separator=}
--- @return table counter {begin(object), feed(piece), finish() -> rows, snapshot()}
function csv.counter(format)
  return setmetatable({
    separator = format.separator:byte(),
    has_header = format.has_header,
    rows = 0,
  }, Counter)
end

return csv
