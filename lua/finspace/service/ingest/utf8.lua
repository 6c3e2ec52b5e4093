--- Checks that bytes which arrive in pieces are UTF-8 (RFC 3629: no overlong forms, no surrogates,
-- nothing above U+10FFFF).

local bit = require("bit")
local ffi = require("ffi")

local Checker = {}
Checker.__index = Checker

-- What may follow a lead byte: how many more bytes, and the bounds of the first of them.
local function after_lead(byte)
  if byte >= 0xC2 and byte <= 0xDF then return 1, 0x80, 0xBF end
  if byte == 0xE0 then return 2, 0xA0, 0xBF end
  if byte == 0xED then return 2, 0x80, 0x9F end
  if byte >= 0xE1 and byte <= 0xEF then return 2, 0x80, 0xBF end
  if byte == 0xF0 then return 3, 0x90, 0xBF end
  if byte >= 0xF1 and byte <= 0xF3 then return 3, 0x80, 0xBF end
  if byte == 0xF4 then return 3, 0x80, 0x8F end
  return nil
end

-- Most text is ASCII: four bytes are looked at in one step.
local function skip_ascii(bytes, at, length)
  while at + 4 <= length do
    local word = ffi.cast("const uint32_t *", bytes + at)[0]
    if bit.band(word, 0x80808080) ~= 0 then break end
    at = at + 4
  end
  while at < length and bytes[at] < 0x80 do
    at = at + 1
  end
  return at
end

--- @param bytes ffi.cdata* const uint8_t *
--- @param length integer
--- @return integer|nil offset of the first byte that is wrong
function Checker:feed(bytes, length)
  local at = 0
  while at < length do
    if self.missing == 0 then
      at = skip_ascii(bytes, at, length)
      if at == length then return nil end
      self.missing, self.low, self.high = after_lead(bytes[at])
      if not self.missing then return at end
    else
      if bytes[at] < self.low or bytes[at] > self.high then return at end
      self.missing, self.low, self.high = self.missing - 1, 0x80, 0xBF
    end
    at = at + 1
  end
  return nil
end

--- @return boolean whether the last character was whole
function Checker:is_whole() return self.missing == 0 end

local utf8 = {}

--- @param state? table of a checker, to go on from
--- @return table checker
function utf8.checker(state) return setmetatable(state or { missing = 0, low = 0x80, high = 0xBF }, Checker) end

return utf8
