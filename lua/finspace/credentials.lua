--- Credentials: where they come from, and how they stay fresh.
---
--- A provider is a function `provider(context, unwanted) → credentials | nil, err`, with
--- context = { runtime, exchange, config = function() → config | nil, err, region }, and with the keys that
--- are to be replaced, where there are some. It is called lazily: nothing is looked up before a call needs
--- keys.
local cached = require("finspace.credentials.cached")
local chain = require("finspace.credentials.chain")

local credentials = {}

--- Keys given in code. @see finspace.credentials.static
function credentials.static(fields) return require("finspace.credentials.static").new(fields) end

--- AWS_ACCESS_KEY_ID and its companions. @see finspace.credentials.environment
function credentials.environment() return require("finspace.credentials.environment").new() end

--- A profile of the shared files. @see finspace.credentials.profile
function credentials.profile(options) return require("finspace.credentials.profile").new(options) end

--- A program that prints keys. @see finspace.credentials.process
function credentials.process(options) return require("finspace.credentials.process").new(options) end

--- A role for a token in a file. @see finspace.credentials.web_identity
function credentials.web_identity(options)
  return require("finspace.credentials.web_identity").new(options)
end

--- A role assumed with other keys. @see finspace.credentials.assume_role
function credentials.assume_role(options) return require("finspace.credentials.assume_role").new(options) end

--- Single sign-on. @see finspace.credentials.sso
function credentials.sso(options) return require("finspace.credentials.sso").new(options) end

--- The container's own endpoint. @see finspace.credentials.container
function credentials.container() return require("finspace.credentials.container").new() end

--- The instance's metadata service. @see finspace.credentials.instance
function credentials.instance(options) return require("finspace.credentials.instance").new(options) end

--- FinSpace's own keys on top of others. @see finspace.credentials.finspace
function credentials.finspace(options) return require("finspace.credentials.finspace").new(options) end

--- The first of several providers that has keys. @see finspace.credentials.chain
--- @param providers function[]
function credentials.chain(providers) return chain.new(providers) end

--- One fetch for all workers of an nginx. @see finspace.credentials.shared
--- @param provider function
--- @param options table { dict = ngx.shared.NAME, name = text }
function credentials.shared(provider, options)
  return require("finspace.credentials.shared").new(provider, options)
end

--- Keeps a provider's keys fresh. @see finspace.credentials.cached
--- @param provider function
--- @param runtime table
function credentials.cached(provider, runtime) return cached.new(provider, runtime) end

--- Where keys are looked for when nobody gave any. A profile named in code stands before the
--- environment, so that is then left out.
--- @param options table|nil { profile = name, mfa_code = function(serial) → code }
--- @return function provider
function credentials.default(options)
  options = options or {}
  local providers = {}
  if not options.profile then
    table.insert(providers, credentials.environment())
    table.insert(providers, credentials.web_identity())
  end
  table.insert(providers, credentials.profile { name = options.profile, mfa_code = options.mfa_code })
  table.insert(providers, credentials.container())
  table.insert(providers, credentials.instance())
  return chain.new(providers)
end

--- The provider for what a user gave: a table of keys, a provider, or nothing.
--- @param given table|function|nil
--- @param options table|nil as for `default`
--- @return function provider
function credentials.of(given, options)
  if given == nil then return credentials.default(options) end
  if type(given) == "function" then return given end
  if cached.is(given) then
    return function(context, unwanted) return given:supplier(context)(unwanted) end
  end
  return credentials.static(given)
end

return credentials
