--- Keeps a provider's keys until shortly before they end, and gets new ones once, however many
--- coroutines ask. Early in the last quarter of an hour new keys are welcome and a failure keeps the
--- old ones; from ten minutes before the end they are required.
local errors = require("finspace.errors")
local keys = require("finspace.credentials.keys")
local single_flight = require("finspace.credentials.single_flight")
local static = require("finspace.credentials.static")

local cached = {}

-- Seconds before the end, and the share of a life that they may be: keys that live for less than an
-- hour would otherwise be fetched anew at every call.
local WELCOME, WELCOME_SHARE = 15 * 60, 1 / 4
local REQUIRED, REQUIRED_SHARE = 10 * 60, 1 / 6

-- How long a source that just failed is left alone while its old keys still work.
local PAUSE = 60
-- The same for keys that are used past their end, spread so that many machines do not ask at once.
local PAST_END_PAUSE = 300

local Cached = {}
Cached.__index = Cached
Cached.__name = "finspace.CachedCredentials"

function Cached:__tostring() return "cached " .. (self.held and tostring(self.held) or "credentials, none fetched yet") end

local function warn(self, message)
  if self.runtime.logger then self.runtime.logger { level = "warn", message = message } end
end

local function is_past(self, held) return held.expires_at ~= nil and self.runtime.now() >= held.expires_at end

-- "fresh", "welcome" (new ones would be welcome) or "required".
local function state(self)
  local held, now = self.held, self.runtime.now()
  if not held then return "required" end
  if held.expires_at and not held.outlives and now >= self.required_at then return "required" end
  if now < self.quiet_until then return "fresh" end
  local is_late = held.expires_at and now >= self.welcome_at
  return (is_late or held.changed and held.changed()) and "welcome" or "fresh"
end

local function hold(self, found)
  self.held, self.failure, self.quiet_until = found, nil, 0
  if not found.expires_at then return end
  local now = self.runtime.now()
  local life = math.max(0, found.expires_at - (found.obtained_at or now))
  self.welcome_at = found.expires_at - math.min(WELCOME, life * WELCOME_SHARE)
  self.required_at = found.expires_at - math.min(REQUIRED, life * REQUIRED_SHARE)
  if now >= found.expires_at then self.quiet_until = now + PAST_END_PAUSE * (1 + self.runtime.random()) end
end

local function check_not_past(self, found)
  if not is_past(self, found) or found.outlives then return found end
  return keys.broken(
    found.source,
    "ExpiredCredentials",
    found.source
      .. " handed out keys that ended at "
      .. keys.time_text(found.expires_at)
      .. "; renew them there, or correct this machine's clock"
  )
end

local function ask(self, context, unwanted)
  local found, err = keys.adopt(self.provider(context, unwanted))
  if found then return check_not_past(self, found) end
  return nil, err
end

-- The leader's part.
local function fetch(self, context, unwanted)
  self.failure = nil
  local found, err = self.flight:run(ask, self, context, unwanted)
  if found then
    hold(self, found)
    return found
  end
  self.failure = err
  return nil, err
end

-- Keys that work stay, and their source has a rest.
local function keep(self, err)
  local pause = self.held.outlives and PAST_END_PAUSE * (1 + self.runtime.random()) or PAUSE
  self.quiet_until = self.runtime.now() + pause
  warn(self, ("keeping %s; new ones could not be fetched: %s"):format(tostring(self.held), tostring(err)))
  return self.held
end

local function fetch_if_possible(self, context)
  local found, err = fetch(self, context, self.held)
  return found or keep(self, err)
end

-- New keys are welcome: one call goes for them, the others go on with what they have. A host that can
-- work beside a call says so with `runtime.background`.
local function renew_beside(self, context)
  local function renew_now()
    self.handed_over = false
    return self.flight:lead() and fetch_if_possible(self, context) or self.held
  end
  if not self.runtime.background then return renew_now() end
  if not self.handed_over then
    self.handed_over = true
    self.runtime.background(renew_now)
  end
  return self.held
end

local function waited_in_vain()
  return errors.new {
    kind = "cancelled",
    code = "Cancelled",
    message = "gave up waiting for keys that another task fetches",
  }
end

-- New keys are required: one call goes for them, the others wait and share what it brought.
local function renew(self, context, unwanted)
  while not self.flight:lead() do
    if not self.flight:wait() then return nil, waited_in_vain() end
    if self.held ~= unwanted and self.held then return self.held end
    if self.failure and self.failure.kind ~= "cancelled" then return nil, self.failure end
  end
  return fetch(self, context, unwanted)
end

--- Keys to sign with, fetched if need be.
--- @param context table the provider's context
--- @return finspace.Credentials|nil, finspace.Error|nil
function Cached:get(context)
  local now = state(self)
  if now == "fresh" then return self.held end
  if now == "welcome" then return renew_beside(self, context) end
  return renew(self, context, self.held)
end

--- Other keys, because a service took these for expired. Whoever comes late, with keys that are already
--- replaced, gets the new ones.
--- @param context table
--- @param refused finspace.Credentials|nil the keys that the service refused; default: those that are held
--- @return finspace.Credentials|nil, finspace.Error|nil
function Cached:refresh(context, refused)
  refused = refused or self.held
  if self.held and self.held ~= refused then return self.held end
  return renew(self, context, refused)
end

--- What an exchange wants: keys, and other ones in place of those that were refused.
--- @param context table
--- @return fun(refused: finspace.Credentials|nil): finspace.Credentials|nil, finspace.Error|nil
function Cached:supplier(context)
  return function(refused)
    if refused then return self:refresh(context, refused) end
    return self:get(context)
  end
end

--- @param provider function
--- @param runtime table now, monotonic, sleep, random; optionally logger and background
function cached.new(provider, runtime)
  return setmetatable({
    provider = provider,
    runtime = runtime,
    flight = single_flight.new(runtime),
    quiet_until = 0,
  }, Cached)
end

--- @return boolean
function cached.is(value) return getmetatable(value) == Cached end

--- The cached object for keys that others build on: itself, a provider's, or one of fixed keys.
--- @param given table|function
--- @param runtime table
function cached.of(given, runtime)
  if cached.is(given) then return given end
  if type(given) == "table" then given = static.new(given) end
  return cached.new(given, runtime)
end

return cached
