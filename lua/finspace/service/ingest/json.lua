--- Counts the records of a JSON file: one array of objects, or objects one after another (a line each,
-- or not). Each record is decoded, so that a file which is no JSON is not taken for one.

local core = require("finspace.core")
local ffi = require("ffi")
local failure = require("finspace.service.ingest.failure")

local Counter = {}
Counter.__index = Counter

local LONGEST_RECORD = 16 * 1024 * 1024
local QUOTE, BACKSLASH, COMMA = 0x22, 0x5C, 0x2C
local OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 0x5B, 0x5D, 0x7B, 0x7D
local SPACE = { [0x20] = true, [0x09] = true, [0x0A] = true, [0x0D] = true }

local function refuse(self, what) failure.raise("VALIDATION", "record %d of %s %s", self.rows_here + 1, self.name, what) end

local function take_record(self, text)
  if not core.decode(text) then refuse(self, "is not JSON") end
  self.rows_here, self.rows = self.rows_here + 1, self.rows + 1
  self.needs_comma = self.in_list
end

-- Between records: white space, the list's own marks, or the next record's beginning.
local function between(self, byte)
  if SPACE[byte] then return false end
  if byte == OPEN_LIST and not self.has_begun then
    self.in_list, self.has_begun = true, true
    return false
  end
  self.has_begun = true
  if byte == CLOSE_LIST and self.in_list and (self.needs_comma or self.rows_here == 0) then
    self.in_list, self.has_ended = false, true
  elseif byte == COMMA and self.needs_comma then
    self.needs_comma = false
  elseif byte == OPEN_OBJECT and not self.needs_comma and not self.has_ended then
    return true
  else
    refuse(self, "is not an object")
  end
  return false
end

-- One byte inside of a record: strings hide brackets, a backslash hides the byte after it.
local function inside(self, byte)
  if self.is_escaped then
    self.is_escaped = false
  elseif self.in_string then
    self.in_string, self.is_escaped = byte ~= QUOTE, byte == BACKSLASH
  elseif byte == QUOTE then
    self.in_string = true
  elseif byte == OPEN_OBJECT or byte == OPEN_LIST then
    self.depth = self.depth + 1
  elseif byte == CLOSE_OBJECT or byte == CLOSE_LIST then
    self.depth = self.depth - 1
  end
  return self.depth == 0
end

--- @param piece string
function Counter:feed(piece)
  local text = self.carried .. piece
  local bytes, first = ffi.cast("const uint8_t *", text), 0
  for i = #self.carried, #text - 1 do
    if self.depth > 0 then
      if inside(self, bytes[i]) then take_record(self, ffi.string(bytes + first, i - first + 1)) end
    elseif between(self, bytes[i]) then
      first, self.depth = i, 1
    end
  end
  self.carried = self.depth > 0 and text:sub(first + 1) or ""
  if #self.carried > LONGEST_RECORD then refuse(self, "is longer than 16 MiB") end
end

--- @return integer rows so far, of all files
function Counter:finish()
  if self.depth > 0 or self.in_list then refuse(self, "was cut off") end
  return self.rows
end

--- @param object table {name=}
function Counter:begin(object)
  self.name, self.rows_here, self.depth, self.carried = object.name, 0, 0, ""
  self.in_string, self.is_escaped, self.in_list, self.needs_comma = false, false, false, false
  self.has_begun, self.has_ended = false, false
end

local json = {}

--- @return table counter {begin(object), feed(piece), finish() -> rows}
function json.counter() return setmetatable({ rows = 0 }, Counter) end

return json
