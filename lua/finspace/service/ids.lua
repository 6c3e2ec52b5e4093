--- Identifiers and secrets, all from the kernel's random numbers.

local clock = require("finspace.service.clock")
local sys = require("finspace.sys")

local ids = {}

-- Which letter stands for a byte. Every alphabet has 32 or 64 letters: none is favoured.
local function letters(alphabet)
  local of_byte = {}
  for byte = 0, 255 do
    local at = byte % #alphabet + 1
    of_byte[byte] = alphabet:sub(at, at)
  end
  return of_byte
end

local function draw(length, of_byte)
  local bytes, drawn = sys.random_bytes(length), {}
  for i = 1, length do
    drawn[i] = of_byte[bytes:byte(i)]
  end
  return table.concat(drawn)
end

local OF_RESOURCES = letters("abcdefghijkmnopqrstuvwxyz2345678")
local OF_ACCESS_KEYS = letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
local URL_SAFE = letters("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
local TYPED = letters("abcdefghijkmnpqrstuvwxyz23456789")

--- @return string 22 letters and digits, as FinSpace's own ids look
function ids.resource() return draw(22, OF_RESOURCES) end

--- @return string 33 letters and digits that rise with time: rows that are made together lie together,
--- and a commit writes fewer pages
function ids.rising() return ("%011x"):format(clock.milliseconds()) .. ids.resource() end

--- @param kind "AKIA"|"ASIA" long-lived or temporary
--- @return string access_key_id
function ids.access_key(kind) return kind .. draw(16, OF_ACCESS_KEYS) end

--- @return string secret access key of 40 characters
function ids.secret() return draw(40, URL_SAFE) end

--- @return string session token, opaque to everyone but the store
function ids.session_token() return draw(160, URL_SAFE) end

--- @return string temporary password that a person can type: no look-alikes
function ids.password() return draw(16, TYPED) end

return ids
