--- CSV as text: its first record, its line ends, and where a record stands. DuckDB reads the data; this is for what it
--- does not do: compare names, end lines in more than one way, and count lines.
---
--- The rules are RFC 4180's and what people send: a field is quoted where a quote begins it, blanks before it and after
--- it aside, and no other text follows it; a doubled quote is one; lines end in LF, CRLF or CR; an empty line is no
--- record, in a file of one column neither. The client reads a file by the same rules.

local ffi = require("ffi")

local csv_text = {}

local QUOTE, CR, LF, SPACE, TAB = 0x22, 0x0D, 0x0A, 0x20, 0x09
local AT_START, PLAIN, QUOTED, AFTER_QUOTE, CLOSED = 0, 1, 2, 3, 4 -- CLOSED: blanks follow the closing quote

-- --- a walk over the bytes --------------------------------------------------------------------------

--- Blanks beside a quote that are held back until it is known to be one; more of them in a row are taken for text.
csv_text.MOST_HELD = 4096

local Walk = {}
Walk.__index = Walk

--- @param separator string
--- @param at_record fun(walk: table) called at each record's end; `walk.fields`, `walk.filled`, `walk.row_line`, `walk.size` and `walk.is_blank` say
---   what it had; what it returns ends the walk
--- @return table walk {feed(piece, out), rest(), finish(), stray_line=where text first follows a closing quote}
function csv_text.walk(separator, at_record)
  return setmetatable({
    separator = separator:byte(),
    at_record = at_record,
    state = AT_START,
    fields = 1,
    filled = 0, -- the last field that is not empty
    line = 1,
    row_line = 1,
    length = 0,
    held = ffi.new("uint8_t[?]", csv_text.MOST_HELD),
    held_size = 0,
    before = 0, -- bytes of earlier pieces
    start = 0, -- where the record begins
  }, Walk)
end

local function note_filled(self)
  if self.state ~= AT_START then self.filled = self.fields end
end

local function end_record(self, line, offset)
  note_filled(self)
  self.size, self.start = offset - self.start, offset
  self.is_blank = self.fields == 1 and self.state == AT_START and self.length == 0
  local answer = self.at_record(self)
  self.fields, self.filled, self.state, self.row_line, self.length = 1, 0, AT_START, line, 0
  return answer
end

-- Blanks beside a quote are no part of the field; whether they stand beside one is known later.
local function is_blank(self, byte) return (byte == SPACE or byte == TAB) and byte ~= self.separator end

local function hold(self, byte)
  if self.held_size == csv_text.MOST_HELD then return false end
  self.held[self.held_size] = byte
  self.held_size = self.held_size + 1
  return true
end

local function is_after_quote(state) return state == AFTER_QUOTE or state == CLOSED end

-- A byte that is no separator, line end or quote that means something.
local function note_text(self, byte)
  self.length = 1
  if is_blank(self, byte) then
    if self.state == AFTER_QUOTE then self.state = CLOSED end
  elseif is_after_quote(self.state) then
    self.stray_line = self.stray_line or self.line
  else
    self.state = PLAIN
  end
end

-- Writes the byte, and before it the blanks that were held back, unless they stood beside a quote.
local function put(self, out, written, byte, beside_quote)
  if not beside_quote then
    ffi.copy(out + written, self.held, self.held_size)
    written = written + self.held_size
  end
  self.held_size = 0
  out[written] = byte
  return written + 1
end

--- Walks on over a piece. With `out`, larger than the piece by MOST_HELD, the bytes go there with every line ended by
--- LF, and without the blanks beside quotes.
--- @param piece string
--- @param out? ffi.cdata*
--- @return any answer of at_record
--- @return integer written to out
function Walk:feed(piece, out)
  local bytes, written, answer = ffi.cast("const uint8_t *", piece), 0, nil
  for i = 0, #piece - 1 do
    local byte, keep, before = bytes[i], bytes[i], self.state
    if self.state == QUOTED then
      if byte == QUOTE then self.state = AFTER_QUOTE end
      if byte == LF then self.line = self.line + 1 end
    elseif byte == self.separator then
      note_filled(self)
      self.fields, self.state, self.length = self.fields + 1, AT_START, 1
    elseif byte == CR or (byte == LF and not self.after_cr) then
      self.line, keep = self.line + 1, LF
      answer = end_record(self, self.line, self.before + i)
    elseif byte == LF then
      keep = nil
    elseif byte == QUOTE and (self.state == AT_START or self.state == AFTER_QUOTE) then
      if self.state == AT_START then self.quote_line = self.line end
      self.state, self.length = QUOTED, 1
    else
      note_text(self, byte)
    end
    self.after_cr = byte == CR and self.state ~= QUOTED
    local is_loose = out and keep and is_blank(self, byte) and (before == AT_START or is_after_quote(before))
    if out and keep and not (is_loose and hold(self, byte)) then
      local beside_quote = is_after_quote(before) and self.state == AT_START or before == AT_START and byte == QUOTE
      written = put(self, out, written, keep, beside_quote)
    end
    if answer ~= nil then break end
  end
  self.before = self.before + #piece
  return answer, written
end

--- @return string blanks that were held back when the text ended
function Walk:rest() return is_after_quote(self.state) and "" or ffi.string(self.held, self.held_size) end

--- Ends the last record, where no line end did.
--- @return any answer of at_record
function Walk:finish()
  if self.state == AT_START and self.fields == 1 and self.length == 0 then return nil end
  self.ended_open = self.state == QUOTED
  return end_record(self, self.line, self.before)
end

--- @return boolean whether a quoted field never ended; `quote_line` says where it began
function Walk:is_open() return self.ended_open or false end

--- @param text string
--- @return integer lines that end in it
function csv_text.count_lines(text)
  local _, lines = text:gsub("\r\n", "\n"):gsub("[\r\n]", "")
  return lines
end

-- --- the first record -------------------------------------------------------------------------------

local function quoted_field(text, at)
  local parts, from = {}, at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then return nil end
    parts[#parts + 1] = text:sub(from, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= '"' then return table.concat(parts, '"'), quote + 1 end
    from = quote + 2
  end
end

-- The field that begins at `at`, and where it ends; nil and what is wrong with it.
local function read_field(text, at, field_end, blanks)
  local open = text:match("^" .. blanks .. '()"', at)
  if not open then
    local stop = text:find(field_end, at) or #text + 1
    return text:sub(at, stop - 1), stop
  end
  local value, after = quoted_field(text, open)
  if not value then return nil, "a quoted field in the first record never ends" end
  local stop = text:match("^" .. blanks .. "()", after)
  if stop <= #text and not text:find("^" .. field_end, stop) then return nil, "text follows a closing quote" end
  return value, stop
end

--- @param separator string
--- @return string class of the characters that count as blanks beside a quote
function csv_text.blanks(separator) return separator == "\t" and "[ ]" or separator == " " and "[\t]" or "[ \t]" end

--- @param text string beginning of a file, without a byte order mark
--- @param separator string
--- @return string[]|nil fields of the first record
--- @return string|nil fault what is wrong with it
function csv_text.first_record(text, separator)
  local field_end = "[\r\n%" .. separator .. "]"
  if separator:find("%w") then field_end = "[\r\n" .. separator .. "]" end
  local fields, at, blanks = {}, 1, csv_text.blanks(separator) .. "*"
  while true do
    local field, stop = read_field(text, at, field_end, blanks)
    if not field then return nil, stop end
    fields[#fields + 1] = field
    if text:sub(stop, stop) ~= separator then return fields end
    at = stop + 1
  end
end

-- --- line ends --------------------------------------------------------------------------------------

ffi.cdef([[
void *memchr(const void *bytes, int byte, size_t count);
void *memmem(const void *bytes, size_t count, const void *wanted, size_t length);
]])

local function has(bytes, size, byte) return ffi.C.memchr(bytes, byte, size) ~= nil end

--- @param bytes ffi.cdata*|string
--- @param size integer
--- @return boolean
function csv_text.has_nul(bytes, size) return has(bytes, size, 0) end

--- @return fun(bytes: ffi.cdata*|string, size: integer): integer  bytes of whole runs since the last line end
function csv_text.unbroken()
  local count = 0
  return function(bytes, size)
    count = (has(bytes, size, LF) or has(bytes, size, CR)) and 0 or count + size
    return count
  end
end

local Ends = {}
Ends.__index = Ends

local function position(bytes, from, size, byte)
  local found = ffi.C.memchr(bytes + from, byte, size - from)
  return found ~= nil and ffi.cast("const uint8_t *", found) - bytes or size
end

-- Whether a CR stands without its LF, or an LF without its CR.
local function has_lone_end(self, run, size)
  local bytes = ffi.cast("const uint8_t *", run)
  local at = self.is_after_cr and 1 or 0
  if self.is_after_cr and bytes[0] ~= LF then return true end
  while at < size do
    local feed, back = position(bytes, at, size, LF), position(bytes, at, size, CR)
    local is_at_end = feed == size and back == size
    if back ~= feed - 1 and not is_at_end then return true end
    at = feed + 1
  end
  self.is_after_cr = bytes[size - 1] == CR
  return false
end

-- Blanks beside a quote, which DuckDB takes for a part of the field.
local function has_loose_quote(self, run, size)
  local bytes = ffi.cast("const char *", run)
  local border = self.border .. ffi.string(bytes, 1)
  self.border = ffi.string(bytes + size - 1, 1)
  if not has(run, size, QUOTE) and not border:find('"', 1, true) then return false end
  for _, pair in ipairs(self.loose) do
    if ffi.C.memmem(run, size, pair, 2) ~= nil or border == pair then return true end
  end
  return false
end

local function is_mixed(self, run, size)
  if has_loose_quote(self, run, size) then return true end
  if not self.kind then
    local first = ffi.string(run, size):match("[\r\n]\n?")
    self.kind = first == "\r\n" and "\r\n" or first and first:sub(1, 1)
  end
  if self.kind == "\n" then return has(run, size, CR) end
  return self.kind == "\r" or self.kind == "\r\n" and has_lone_end(self, run, size)
end

--- @param run ffi.cdata*|string at least one byte
--- @param size integer
function Ends:feed(run, size) self.is_mixed = self.is_mixed or is_mixed(self, run, size) end

--- @return string|nil ending of every line; nil when they end in more than one way, or in CR, or when there are blanks
---   beside quotes
function Ends:uniform()
  if self.is_mixed or self.is_after_cr then return nil end
  return self.kind or "\n"
end

--- @param separator string
--- @return table ends {feed(run, size), uniform()}
function csv_text.line_ends(separator)
  local loose = {}
  for _, blank in ipairs { " ", "\t" } do
    if blank ~= separator then
      loose[#loose + 1] = blank .. '"'
      loose[#loose + 1] = '"' .. blank
    end
  end
  return setmetatable({ border = "", loose = loose }, Ends)
end

return csv_text
