--- The service's time: what it notes is epoch milliseconds, and what keys end by is epoch seconds.
local sys = require("finspace.sys")

local clock = {}

--- @return integer milliseconds since the epoch
function clock.milliseconds() return math.floor(sys.now() * 1000) end

--- @return integer seconds since the epoch
function clock.seconds() return math.floor(sys.now()) end

--- A time as S3 and STS write it.
--- @param milliseconds integer
--- @return string for example 2026-11-22T17:05:00.123Z
function clock.text(milliseconds)
  local seconds = math.floor(milliseconds / 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%03dZ"):format(milliseconds % 1000)
end

return clock
