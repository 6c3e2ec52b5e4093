--- The service's time: what it notes is epoch milliseconds, and what keys end by is epoch seconds. On one machine it is the
--- machine's; where several share a database it is the database's, whatever their own clocks say.
local sys = require("finspace.sys")

local clock = {}

local database_ms, as_of -- what the database's clock said, and when by this machine's monotonic one

--- Goes by the clock of a database that others use too; call it again now and then.
--- @param db table
function clock.follow(db)
  local question = db.dialect.clock
  if not question then return end
  local before = sys.monotonic()
  local now = db:row(question).now
  database_ms, as_of = now, (before + sys.monotonic()) / 2
end

--- @return integer milliseconds since the epoch
function clock.milliseconds()
  if database_ms then return math.floor(database_ms + (sys.monotonic() - as_of) * 1000) end
  return math.floor(sys.now() * 1000)
end

--- @return integer seconds since the epoch
function clock.seconds() return math.floor(clock.milliseconds() / 1000) end

--- A time as S3 and STS write it.
--- @param milliseconds integer
--- @return string for example 2026-11-22T17:05:00.123Z
function clock.text(milliseconds)
  local seconds = math.floor(milliseconds / 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%03dZ"):format(milliseconds % 1000)
end

return clock
