--- Identifiers and secrets, all from the kernel's random numbers.

local clock = require("finspace.service.clock")
local sys = require("finspace.sys")

local ids = {}

local function draw(length, alphabet)
  local characters = {}
  for i, byte in ipairs { sys.random_bytes(length):byte(1, -1) } do
    local at = byte % #alphabet + 1 -- every alphabet has 32 or 64 letters: no letter is favoured
    characters[i] = alphabet:sub(at, at)
  end
  return table.concat(characters)
end

--- @return string 22 letters and digits, as FinSpace's own ids look
function ids.resource() return draw(22, "abcdefghijkmnopqrstuvwxyz2345678") end

--- @return string 33 letters and digits that rise with time: rows that are made together lie together,
--- and a commit writes fewer pages
function ids.rising() return ("%011x"):format(clock.milliseconds()) .. ids.resource() end

--- @param kind "AKIA"|"ASIA" long-lived or temporary
--- @return string access_key_id
function ids.access_key(kind) return kind .. draw(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") end

local URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

--- @return string secret access key of 40 characters
function ids.secret() return draw(40, URL_SAFE) end

--- @return string session token, opaque to everyone but the store
function ids.session_token() return draw(160, URL_SAFE) end

--- @return string temporary password that a person can type: no look-alikes
function ids.password() return draw(16, "abcdefghijkmnpqrstuvwxyz23456789") end

return ids
