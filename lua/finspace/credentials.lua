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

-- The provider of the module of this name, loaded when somebody wants it.
local function provider_of(name, given) return require("finspace.credentials." .. name).new(given) end

-- The same, loaded when it is asked for keys: whoever has them in the environment never needs the other sources.
local function provider_in_reserve(name, given)
  local provider
  return function(context, unwanted)
    provider = provider or provider_of(name, given)
    return provider(context, unwanted)
  end
end

local SESSION_SOURCE = { "source", "string", "what to call these keys in messages" }

local OPTIONS = {}

-- Declares what a provider takes: credentials.NAME.
local function declare(name, class, rows)
  rows.what, rows.class = "credentials." .. name, "finspace." .. class
  OPTIONS[name] = options.declare(rows)
end

declare("static", "StaticKeys", {
  { "access_key_id", "string", "the id of the access key" },
  { "secret_access_key", "string", "its secret" },
  { "session_token", "string", "of temporary keys" },
  { "expires_at", "number|string", "their end: epoch seconds, or a time like 2026-11-22T17:18:32Z" },
  { "expiration", "number|string", "the same, as web pages name it" },
})

declare("profile", "ProfileKeys", {
  { "name", "string", "the profile; the selected one when absent" },
  { "mfa_code", "fun(serial: string): string", "asked for a code when a role wants a second factor" },
})

declare("process", "ProcessKeys", {
  { "command", "string|string[]", "a program that prints keys as JSON; it runs without a shell", required = true },
  { "timeout", "seconds", "that it may take", otherwise = 60 },
  SESSION_SOURCE,
})

declare("web_identity", "WebIdentity", {
  { "token_file", "string", "a file that holds the token; AWS_WEB_IDENTITY_TOKEN_FILE when absent" },
  { "role_arn", "string", "the role; AWS_ROLE_ARN when absent" },
  { "role_session_name", "string", "a name for the session" },
  { "duration_seconds", "count", "how long the keys last", otherwise = 3600 },
  SESSION_SOURCE,
})

declare("assume_role", "AssumeRole", {
  { "base", "finspace.Provider|table", "the keys to ask with", required = true },
  { "role_arn", "string", "the role", required = true },
  { "role_session_name", "string", "a name for the session" },
  { "external_id", "string", "what the role's trust policy may ask for" },
  { "duration_seconds", "count", "how long the keys last", otherwise = 3600 },
  { "policy", "string", "a session policy, as JSON: the keys open no more than it says" },
  { "mfa_serial", "string", "the second factor's serial number or ARN" },
  { "mfa_code", "fun(serial: string): string", "asked for its code" },
  SESSION_SOURCE,
})

declare("sso", "SingleSignOn", {
  { "session", "string", "an sso-session's name; else sso_start_url" },
  { "sso_start_url", "string", "where to sign in" },
  { "sso_region", "string", "where that is", required = true },
  { "sso_account_id", "string", "the account", required = true },
  { "sso_role_name", "string", "the role in it", required = true },
  { "profile", "string", "for messages" },
  SESSION_SOURCE,
})

declare("instance", "InstanceKeys", {
  { "endpoint", "string", "the metadata service's URL; AWS_EC2_METADATA_SERVICE_ENDPOINT when absent" },
  { "mode", "string", "IPv4 or IPv6", otherwise = "IPv4" },
})

declare("finspace", "FinSpaceKeys", {
  { "environment_id", "string", "the environment", required = true },
  { "base", "finspace.Provider|table", "the IAM keys to ask with", required = true },
  { "duration", "count", "minutes that they last", otherwise = 60 },
})

declare("shared", "SharedKeys", {
  { "dict", "table|userdata", "a dictionary of ngx.shared", required = true },
  { "name", "string", "tells these keys from others in it", required = true },
})

declare("default", "DefaultKeys", {
  { "profile", "string", "a profile; it then stands before the environment" },
  { "mfa_code", "fun(serial: string): string", "asked for a code when a role wants a second factor" },
})

--- Keys given in code, with their end as epoch seconds or as text where they have one.
--- @param given finspace.StaticKeys
--- @return finspace.Provider
function credentials.static(given) return provider_of("static", OPTIONS.static:check(given)) end

--- AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
--- @return finspace.Provider
function credentials.environment() return provider_of("environment") end

--- A profile of the shared files: the named one, else the selected one. `mfa_code` is asked for a code of
--- the second factor where a role wants one.
--- @param given? finspace.ProfileKeys
--- @return finspace.Provider
function credentials.profile(given) return provider_of("profile", OPTIONS.profile:check(given)) end

--- A program that prints keys as JSON. It runs without a shell.
--- @param given finspace.ProcessKeys
--- @return finspace.Provider
function credentials.process(given) return provider_of("process", OPTIONS.process:check(given)) end

--- A role for a token in a file; without options, as the environment says.
--- @param given? finspace.WebIdentity
--- @return finspace.Provider
function credentials.web_identity(given)
  OPTIONS.web_identity:check(given)
  return provider_of("web_identity", given) -- nil says more than an empty table
end

--- A role assumed with other keys.
--- @param given finspace.AssumeRole
--- @return finspace.Provider
function credentials.assume_role(given) return provider_of("assume_role", OPTIONS.assume_role:check(given)) end

--- A role for whoever has signed in with `aws sso login`; `session` names an sso-session.
--- @param given finspace.SingleSignOn
--- @return finspace.Provider
function credentials.sso(given) return provider_of("sso", OPTIONS.sso:check(given)) end

--- The container's own endpoint, as the environment says.
--- @return finspace.Provider
function credentials.container() return provider_of("container") end

--- The instance's metadata service, version 2.
--- @param given? finspace.InstanceKeys
--- @return finspace.Provider
function credentials.instance(given) return provider_of("instance", OPTIONS.instance:check(given)) end

--- FinSpace's own keys, asked for with those of `base`, for `duration` minutes.
--- @param given finspace.FinSpaceKeys
--- @return finspace.Provider
function credentials.finspace(given) return provider_of("finspace", OPTIONS.finspace:check(given)) end

--- The first of several providers that has keys.
--- @param providers finspace.Provider[]
--- @return finspace.Provider
function credentials.chain(providers) return chain.new(providers) end

--- One fetch for all workers of an nginx. `name` tells these keys from others in the dictionary.
--- @param provider finspace.Provider
--- @param given finspace.SharedKeys
--- @return finspace.Provider
function credentials.shared(provider, given)
  OPTIONS.shared:check(given)
  return require("finspace.credentials.shared").new(provider, given)
end

--- What tells these keys from others, for a dictionary that clients share; see finspace.credentials.identity.
--- @param ... any  as for identity.of
--- @return string|nil name
function credentials.identity(...) return require("finspace.credentials.identity").of(...) end

--- Keys out of a service's answer, for a provider of one's own.
--- @param source string    what gave them, for messages
--- @param fields table     { access_key_id, secret_access_key, session_token, expires_at }
--- @param subject string   who answered, for the message when they are unusable
--- @return finspace.Credentials|nil, finspace.Error|nil err
function credentials.answered(source, fields, subject) return keys.answered(source, fields, subject) end

--- Keeps a provider's keys fresh: `object:get(context)`, `object:refresh(context, refused)`.
--- @param provider finspace.Provider
--- @param runtime finspace.Runtime
--- @return table object
function credentials.cached(provider, runtime) return cached.new(provider, runtime) end

--- Where keys are looked for when nobody gave any. A profile named in code stands before the
--- environment, so that is then left out.
--- @param given? finspace.DefaultKeys
--- @return finspace.Provider
function credentials.default(given)
  given = OPTIONS.default:check(given)
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
