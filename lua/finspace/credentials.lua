--- Credentials: where they come from, and how they stay fresh.
---
--- A provider is a function `provider(context, unwanted) → credentials | nil, err`, with
--- context = { runtime, exchange, config = function() → config | nil, err, region }, and with the keys that
--- are to be replaced, where there are some. It is called lazily: nothing is looked up before a call needs
--- keys. An option that is unknown or of another type raises.
local cached = require("finspace.credentials.cached")
local chain = require("finspace.credentials.chain")
local keys = require("finspace.credentials.keys")
local options = require("finspace.options")

local credentials = {}

--- @alias finspace.Provider fun(context: table, unwanted?: finspace.Credentials): finspace.Credentials|nil, any

-- A mistake in the options of credentials.NAME is its caller's.
local function check(name, given, rules, ...)
  options.check("credentials." .. name, given, rules, 4)
  for _, needed in ipairs { ... } do
    options.require("credentials." .. name, given or {}, needed, 4)
  end
end

-- The provider of the room of this name, loaded when somebody wants it.
local function provider_of(name, given) return require("finspace.credentials." .. name).new(given) end

-- The same, loaded when it is asked for keys: whoever has them in the environment never needs the other sources.
local function provider_in_reserve(name, given)
  local provider
  return function(context, unwanted)
    provider = provider or provider_of(name, given)
    return provider(context, unwanted)
  end
end

--- @class finspace.AssumeRole
--- @field base finspace.Provider|table  the keys to ask with
--- @field role_arn string
--- @field role_session_name? string
--- @field external_id? string
--- @field duration_seconds? integer
--- @field mfa_serial? string
--- @field mfa_code? fun(serial: string): string
--- @field source? string                what to call these keys

--- @class finspace.SingleSignOn
--- @field session? string               an sso-session's name; else sso_start_url
--- @field sso_start_url? string
--- @field sso_region string
--- @field sso_account_id string
--- @field sso_role_name string
--- @field profile? string               for messages
--- @field source? string

--- Keys given in code, with their end as epoch seconds or as text where they have one.
--- @param given { access_key_id: string, secret_access_key: string, session_token?: string, expires_at?: any }
--- @return finspace.Provider
function credentials.static(given)
  check("static", given, {
    access_key_id = "string",
    secret_access_key = "string",
    session_token = "string",
    expires_at = "number|string",
    expiration = "number|string",
  })
  return provider_of("static", given)
end

--- AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
--- @return finspace.Provider
function credentials.environment() return provider_of("environment") end

--- A profile of the shared files: the named one, else the selected one. `mfa_code` is asked for a code of
--- the second factor where a role wants one.
--- @param given? { name?: string, mfa_code?: fun(serial: string): string }
--- @return finspace.Provider
function credentials.profile(given)
  check("profile", given, { name = "string", mfa_code = "function" })
  return provider_of("profile", given)
end

--- A program that prints keys as JSON. It runs without a shell.
--- @param given { command: string|string[], timeout?: number, source?: string }
--- @return finspace.Provider
function credentials.process(given)
  check("process", given, { command = "string|table", timeout = "seconds", source = "string" }, "command")
  return provider_of("process", given)
end

--- A role for a token in a file; without options, as the environment says.
--- @param given? { token_file: string, role_arn: string, role_session_name?: string, duration_seconds?: number }
--- @return finspace.Provider
function credentials.web_identity(given)
  check("web_identity", given, {
    token_file = "string",
    role_arn = "string",
    role_session_name = "string",
    duration_seconds = "count",
    source = "string",
  })
  return provider_of("web_identity", given)
end

--- A role assumed with other keys.
--- @param given finspace.AssumeRole
--- @return finspace.Provider
function credentials.assume_role(given)
  check("assume_role", given, {
    base = "function|table",
    role_arn = "string",
    role_session_name = "string",
    external_id = "string",
    duration_seconds = "count",
    mfa_serial = "string",
    mfa_code = "function",
    source = "string",
  }, "base", "role_arn")
  return provider_of("assume_role", given)
end

--- A role for whoever has signed in with `aws sso login`; `session` names an sso-session.
--- @param given finspace.SingleSignOn
--- @return finspace.Provider
function credentials.sso(given)
  check("sso", given, {
    sso_start_url = "string",
    session = "string",
    sso_region = "string",
    sso_account_id = "string",
    sso_role_name = "string",
    profile = "string",
    source = "string",
  }, "sso_region", "sso_account_id", "sso_role_name")
  return provider_of("sso", given)
end

--- The container's own endpoint, as the environment says.
--- @return finspace.Provider
function credentials.container() return provider_of("container") end

--- The instance's metadata service, version 2.
--- @param given? { endpoint?: string, mode?: "IPv4"|"IPv6" }
--- @return finspace.Provider
function credentials.instance(given)
  check("instance", given, { endpoint = "string", mode = "string" })
  return provider_of("instance", given)
end

--- FinSpace's own keys, asked for with those of `base`, for `duration` minutes.
--- @param given { environment_id: string, base: finspace.Provider|table, duration?: integer }
--- @return finspace.Provider
function credentials.finspace(given)
  check("finspace", given, {
    environment_id = "string",
    base = "function|table",
    duration = "count",
  }, "environment_id", "base")
  return provider_of("finspace", given)
end

--- The first of several providers that has keys.
--- @param providers finspace.Provider[]
--- @return finspace.Provider
function credentials.chain(providers) return chain.new(providers) end

--- One fetch for all workers of an nginx. `name` tells these keys from others in the dictionary.
--- @param provider finspace.Provider
--- @param given { dict: table, name: string }
--- @return finspace.Provider
function credentials.shared(provider, given)
  options.check("credentials.shared", given, { dict = "table|userdata", name = "string" })
  return require("finspace.credentials.shared").new(provider, given)
end

--- The keys that a service's answer held.
credentials.answered = keys.answered

--- Keeps a provider's keys fresh: `object:get(context)`, `object:refresh(context, refused)`.
--- @param provider finspace.Provider
--- @param runtime finspace.Runtime
--- @return table object
function credentials.cached(provider, runtime) return cached.new(provider, runtime) end

--- Where keys are looked for when nobody gave any. A profile named in code stands before the
--- environment, so that is then left out.
--- @param given? { profile?: string, mfa_code?: fun(serial: string): string }
--- @return finspace.Provider
function credentials.default(given)
  given = options.check("credentials.default", given, { profile = "string", mfa_code = "function" })
  local providers = {}
  if not given.profile then
    table.insert(providers, provider_in_reserve("environment"))
    table.insert(providers, provider_in_reserve("web_identity"))
  end
  table.insert(providers, provider_in_reserve("profile", { name = given.profile, mfa_code = given.mfa_code }))
  table.insert(providers, provider_in_reserve("container"))
  table.insert(providers, provider_in_reserve("instance"))
  return chain.new(providers)
end

--- The provider for what a user gave: a table of keys, a provider, a cached object, or nothing.
--- @param given table|finspace.Provider|nil
--- @param chain_options? table as for `default`
--- @return finspace.Provider
function credentials.of(given, chain_options)
  if given == nil then return credentials.default(chain_options) end
  if type(given) == "function" then return given end
  if cached.is(given) then
    return function(context, unwanted) return given:supplier(context)(unwanted) end
  end
  return credentials.static(given)
end

return credentials
