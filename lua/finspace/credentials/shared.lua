--- Keys that the workers of one nginx share through a shared dictionary: one worker fetches for all.
--- Only keys that end are kept there, and no longer than they last.
local core = require("finspace.core")
local dict_lock = require("finspace.credentials.dict_lock")
local keys = require("finspace.credentials.keys")

local shared = {}

local PREFIX = "finspace credentials "

local FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.05
-- Seconds. Whoever has waited that long for another worker, however alive, fetches for itself.
local LONGEST_WAIT = 120

local MEMBERS =
  { "access_key_id", "secret_access_key", "session_token", "expires_at", "obtained_at", "source", "outlives" }

local function encode(found)
  local document = {}
  for _, name in ipairs(MEMBERS) do
    document[name] = found[name]
  end
  return require("cjson").new().encode(document)
end

local function decode(text)
  local document = text and core.decode(text)
  return type(document) == "table" and keys.new(document) or nil
end

-- What the dictionary has, unless it is what the caller wants to be rid of.
local function take(dict, name, unwanted)
  local found = decode(dict:get(name))
  if
    found
    and unwanted
    and found.access_key_id == unwanted.access_key_id
    and found.secret_access_key == unwanted.secret_access_key
  then
    return nil
  end
  return found
end

-- The dictionaries whose lack of room was told: once a worker is enough.
local told = setmetatable({}, { __mode = "k" })

local function tell_of_a_full_dictionary(dict, runtime)
  if told[dict] then return end
  told[dict] = true
  local message = "the shared dictionary for credentials is full, so each worker fetches its own:"
    .. " raise its size in lua_shared_dict"
  local ngx = rawget(_G, "ngx")
  if runtime.logger then
    runtime.logger { level = "warn", message = message }
  elseif ngx then
    ngx.log(ngx.WARN, "finspace: ", message)
  end
end

local function keep(dict, name, found, runtime)
  if not found or not found.expires_at then return end
  local now = runtime.now()
  found.obtained_at = found.obtained_at or now
  local lifetime = found.expires_at - now
  if lifetime <= 0 then return end
  local kept, problem = dict:set(name, encode(found), lifetime)
  if kept == false and problem == "no memory" then tell_of_a_full_dictionary(dict, runtime) end
end

local function fetch(dict, name, provider, context, unwanted)
  local found, err = provider(context, unwanted)
  keep(dict, name, found, context.runtime)
  return found, err
end

local function fetch_locked(lock, ...)
  local watch = lock.runtime.watch
  local stop_watching = watch and watch(lock, lock.show_life, lock.leave)
  local ok, found, err = pcall(fetch, ...)
  if stop_watching then stop_watching() end
  lock:leave()
  if not ok then error(found, 0) end
  return found, err
end

-- The keys that another worker fetched meanwhile, or what became of the lock: "taken", "full", or "held" by
-- somebody who takes too long.
local function wait_for_others(lock, dict, name, unwanted)
  local pause, waited, became = FIRST_PAUSE, 0
  repeat
    local found = take(dict, name, unwanted)
    if found then return found end
    became = lock:try()
    if became ~= "held" then return nil, became end
    lock:wait(pause)
    waited, pause = waited + pause, math.min(2 * pause, LONGEST_PAUSE)
  until waited >= LONGEST_WAIT
  return nil, became
end

--- A provider that asks another one for all workers together.
--- @param provider function
--- @param options table { dict = ngx.shared.NAME, name = what tells these keys from others in it }
--- @return function provider
function shared.new(provider, options)
  local dict, name = options.dict, PREFIX .. options.name
  return function(context, unwanted)
    local lock = dict_lock.new(dict, name .. " lock", context.runtime)
    local found, became = wait_for_others(lock, dict, name, unwanted)
    if found then return found end
    if became == "taken" then return fetch_locked(lock, dict, name, provider, context, unwanted) end
    if became == "full" then tell_of_a_full_dictionary(dict, context.runtime) end
    return fetch(dict, name, provider, context, unwanted)
  end
end

return shared
