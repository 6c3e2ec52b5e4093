--- Keys in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and for temporary ones
--- AWS_SESSION_TOKEN (or by its old name AWS_SECURITY_TOKEN, which boto3 looks for first) and
--- AWS_CREDENTIAL_EXPIRATION.
local keys = require("finspace.credentials.keys")

local environment = {}

local SOURCE = "environment"

local VARIABLES = {
  access_key_id = "AWS_ACCESS_KEY_ID",
  secret_access_key = "AWS_SECRET_ACCESS_KEY",
  session_token = "AWS_SESSION_TOKEN",
}

-- A variable of nothing but spaces counts as not set.
local function read(getenv, name)
  local value = getenv(name)
  return value and value:find("%S") and value or nil
end

local function half_set(present, absent)
  return keys.broken(
    SOURCE,
    "IncompleteCredentials",
    present .. " is set but " .. absent .. " is not; set " .. absent .. " too, or unset " .. present
  )
end

local function expiry(getenv)
  local text = read(getenv, "AWS_CREDENTIAL_EXPIRATION")
  if not text then return nil end
  local seconds = keys.time(text)
  if seconds then return seconds end
  return keys.broken(
    SOURCE,
    "InvalidExpiration",
    "AWS_CREDENTIAL_EXPIRATION is no time like 2026-11-22T17:18:32Z; correct it or unset it"
  )
end

local function explain(message)
  return keys.broken(
    SOURCE,
    "InvalidCredentials",
    message:gsub("^[%l_]+", VARIABLES) .. "; copy it again without anything around it"
  )
end

local function expired(seconds)
  return keys.broken(
    SOURCE,
    "ExpiredCredentials",
    "the keys in the environment ended at "
      .. keys.time_text(seconds)
      .. " (AWS_CREDENTIAL_EXPIRATION); export new ones"
  )
end

--- @return function provider
function environment.new()
  return function(context)
    local getenv = context.runtime.getenv
    local id, secret = read(getenv, VARIABLES.access_key_id), read(getenv, VARIABLES.secret_access_key)
    if not id and not secret then
      return keys.none(SOURCE, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
    end
    if not secret then return half_set("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") end
    if not id then return half_set("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID") end
    local expires_at, err = expiry(getenv)
    if err then return nil, err end
    if expires_at and context.runtime.now() >= expires_at then return expired(expires_at) end
    local found, message = keys.new {
      access_key_id = id,
      secret_access_key = secret,
      session_token = read(getenv, "AWS_SECURITY_TOKEN") or read(getenv, VARIABLES.session_token),
      expires_at = expires_at,
      source = SOURCE,
    }
    if not found then return explain(message) end
    return found
  end
end

return environment
