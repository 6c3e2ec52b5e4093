--- Keys that the workers of one nginx share through a shared dictionary: one worker fetches for all.
--- Only keys that end are kept there, and no longer than they last.
local core = require("finspace.core")
local keys = require("finspace.credentials.keys")

local shared = {}

local PREFIX = "finspace credentials "

-- Seconds after which a worker that said it would fetch is taken for lost.
local LEASE = 60
local FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1
-- Who has waited that often fetches for itself: the lease is over, or its own sleeps end at once because it
-- was cancelled.
local MOST_PAUSES = 2 * LEASE / LONGEST_PAUSE

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

local function keep(dict, name, found, now)
  if not found.expires_at then return end
  found.obtained_at = found.obtained_at or now
  local lifetime = found.expires_at - now
  if lifetime > 0 then dict:set(name, encode(found), lifetime) end
end

local function fetch(dict, name, provider, context, unwanted)
  local found, err = provider(context, unwanted)
  if found then keep(dict, name, found, context.runtime.now()) end
  dict:delete(name .. " lock")
  return found, err
end

--- A provider that asks another one for all workers together.
--- @param provider function
--- @param options table { dict = ngx.shared.NAME, name = what tells these keys from others in it }
--- @return function provider
function shared.new(provider, options)
  local dict, name = options.dict, PREFIX .. options.name
  return function(context, unwanted)
    local pause = FIRST_PAUSE
    for _ = 1, MOST_PAUSES do
      local found = take(dict, name, unwanted)
      if found then return found end
      if dict:add(name .. " lock", true, LEASE) then break end
      context.runtime.sleep(pause)
      pause = math.min(2 * pause, LONGEST_PAUSE)
    end
    return fetch(dict, name, provider, context, unwanted)
  end
end

return shared
