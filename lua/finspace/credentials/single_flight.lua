--- One coroutine does a piece of work, the others that want it wait for it: in plain Lua, in an event
--- loop and in nginx alike, because waiting is nothing but the runtime's own sleep. A host whose
--- transport yields therefore needs a sleep that yields too, or the waiting would stop the work.
---
--- A leader that is gone without a word (its task cancelled, its request ended, its thread killed) loses its
--- place: the runtime tells that its coroutine has ended, or, where it can only watch (nginx), its signs of
--- life stop.
local single_flight = {}

local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05

-- Seconds without a sign of life after which a watched leader is taken for dead. They are counted in the
-- waiter's own pauses: what stops the event loop stops the signs and the waiter alike.
local SILENCE = 0.25

-- Seconds after which a leader is taken for dead whom nobody can watch.
local LEASE = 60

local Flight = {}
Flight.__index = Flight

local function current() return coroutine.running() or "main" end

local function is_dead(runtime, owner)
  if type(owner) ~= "thread" or runtime.watch then return false end
  if runtime.has_ended then return runtime.has_ended(owner) end
  return coroutine.status(owner) == "dead"
end

local function is_taken(flight)
  local leader = flight.leader
  if not leader or leader.owner == current() then return false end
  if is_dead(flight.runtime, leader.owner) then return false end
  return flight.runtime.monotonic() - leader.since < LEASE
end

--- @param runtime table monotonic, sleep; has_ended(thread), where coroutines end without being dead; watch,
---   where only watching tells
function single_flight.new(runtime) return setmetatable({ runtime = runtime }, Flight) end

--- Takes the lead if nobody has it.
--- @return boolean leads whoever leads must call `run`
function Flight:lead()
  if is_taken(self) then return false end
  self.leader = { flight = self, owner = current(), since = self.runtime.monotonic(), signs = 0 }
  return true
end

-- Whether a watched leader has shown no life for too long of this waiter's own pauses.
local function is_silent(leader, seen, waited)
  if leader ~= seen.leader or leader.signs ~= seen.signs then
    seen.leader, seen.signs, seen.at = leader, leader.signs, waited
  end
  return leader.watched and waited - seen.at >= SILENCE
end

--- Waits until nobody leads.
--- @return boolean done false when it was in vain
function Flight:wait()
  local pause, waited, seen = FIRST_PAUSE, 0, {}
  while is_taken(self) do
    if waited > 2 * LEASE then return false end
    if is_silent(self.leader, seen, waited) then
      self.leader = nil
      return true
    end
    self.runtime.sleep(pause)
    waited, pause = waited + pause, math.min(2 * pause, LONGEST_PAUSE)
  end
  return true
end

local function leave(leader)
  local flight = leader.flight
  if flight.leader == leader then flight.leader = nil end
end

local function show_life(leader) leader.signs = leader.signs + 1 end

-- Shows that the leader lives for as long as it does; gives what ends the watching.
local function watch(self, leader)
  if not self.runtime.watch then
    return function() end
  end
  leader.watched = true
  return self.runtime.watch(leader, show_life, leave)
end

-- Lua 5.1 alone cannot wait inside of a protected call.
local can_protect = rawget(_G, "jit") ~= nil or _VERSION ~= "Lua 5.1"

local function call_plainly(work, ...) return true, work(...) end

--- The leader's work. The lead is given up whatever becomes of it.
--- @param work fun(...): any, any
--- @return any first, any second what it returned; what it raises is raised again
function Flight:run(work, ...)
  local leader = self.leader
  local stop_watching = watch(self, leader)
  local ok, first, second = (can_protect and pcall or call_plainly)(work, ...)
  stop_watching()
  leave(leader)
  if not ok then error(first, 0) end
  return first, second
end

return single_flight
