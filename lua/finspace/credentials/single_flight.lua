--- One coroutine does a piece of work, the others that want it wait for it: in plain Lua, in an event
--- loop and in nginx alike, because waiting is nothing but the runtime's own sleep. A host whose
--- transport yields therefore needs a sleep that yields too, or the waiting would stop the work.
local single_flight = {}

-- A leader that is gone without a word (a killed request, an error thrown through it) loses its place.
local LEASE = 60

local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05

-- As many pauses as a lease is long. A task that was cancelled does not sleep any more: it would wait for
-- ever, and nobody else would run.
local MOST_PAUSES = 2 * LEASE / LONGEST_PAUSE

local Flight = {}
Flight.__index = Flight

local function current() return coroutine.running() or "main" end

-- nginx calls a coroutine of another request dead; there, only the lease counts.
local function has_ended(runtime, owner)
  return runtime.name ~= "nginx" and type(owner) == "thread" and coroutine.status(owner) == "dead"
end

local function is_taken(flight)
  if not flight.owner or flight.owner == current() then return false end
  if has_ended(flight.runtime, flight.owner) then return false end
  return flight.runtime.monotonic() - flight.since < LEASE
end

--- @param runtime table monotonic, sleep, name
function single_flight.new(runtime) return setmetatable({ runtime = runtime }, Flight) end

--- Takes the lead if nobody has it.
--- @return boolean leads whoever leads must call `leave`
function Flight:lead()
  if is_taken(self) then return false end
  self.owner, self.since = current(), self.runtime.monotonic()
  return true
end

--- Waits until nobody leads.
--- @return boolean done false when it was in vain
function Flight:wait()
  local pause = FIRST_PAUSE
  for _ = 1, MOST_PAUSES do
    if not is_taken(self) then return true end
    self.runtime.sleep(pause)
    pause = math.min(2 * pause, LONGEST_PAUSE)
  end
  return false
end

--- Gives the lead up; harmless for a leader who lost it.
function Flight:leave()
  if self.owner == current() then self.owner = nil end
end

return single_flight
