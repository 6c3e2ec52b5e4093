--- A lock in a dictionary that the workers of one nginx share. Its holder shows again and again that it
--- lives; a holder whose signs stop, because its request or its worker ended, loses it.
local dict_lock = {}

-- Seconds without a sign of life after which another worker takes the lock. They are counted in the waiting
-- worker's own pauses: what stops its event loop does not make the holder look dead.
local SILENCE = 0.5

-- A lock that nobody waits for ends by itself after this time.
local LEASE = 60

local Lock = {}
Lock.__index = Lock

--- @param dict table   an ngx.shared dictionary
--- @param name string
--- @param runtime finspace.Runtime
--- @return table lock
function dict_lock.new(dict, name, runtime)
  return setmetatable(
    { dict = dict, name = name, runtime = runtime, id = runtime.uuid(), signs = 0, silent_for = 0 },
    Lock
  )
end

-- Of all that saw the same last sign, one may replace it.
local function replace_the_dead(self)
  local sign = self.dict:get(self.name)
  if sign ~= self.seen then
    self.seen, self.silent_for = sign, 0
  end
  if sign == nil or self.silent_for < SILENCE then return "held" end
  if not self.dict:add(self.name .. " after " .. tostring(sign), true, LEASE) then return "held" end
  self.dict:set(self.name, self.id, LEASE)
  return "taken"
end

--- Tries to take the lock.
--- @return "taken"|"held"|"full" full: the dictionary has no room for a lock
function Lock:try()
  local added, problem = self.dict:add(self.name, self.id, LEASE)
  if added then return "taken" end
  return problem == "no memory" and "full" or replace_the_dead(self)
end

--- Pauses between two tries.
--- @param seconds number
function Lock:wait(seconds)
  self.runtime.sleep(seconds)
  self.silent_for = self.silent_for + seconds
end

local function is_mine(self)
  local sign = self.dict:get(self.name)
  return type(sign) == "string" and sign:sub(1, #self.id) == self.id
end

--- A sign that the holder lives.
function Lock:show_life()
  if not is_mine(self) then return end
  self.signs = self.signs + 1
  self.dict:set(self.name, self.id .. " " .. self.signs, LEASE)
end

--- Gives the lock back; harmless for a holder that lost it.
function Lock:leave()
  if is_mine(self) then self.dict:delete(self.name) end
end

return dict_lock
