--- What all calls of one client share: the runtime, the shared files, where to call, with what keys.
--- Nothing is read, looked up or connected before the first call needs it.
---
--- Keys on their way have two shapes: a provider fetches them anew (`provider(context)`), a supplier hands out
--- those it holds while they last (`supplier(refused)`).
local config = require("finspace.config")
local credentials = require("finspace.credentials")
local endpoint = require("finspace.endpoint")
local errors = require("finspace.errors")
local exchange = require("finspace.call.exchange")
local host = require("finspace.host")

local session = {}

--- The name that calls of the FinSpace API are signed for.
session.SERVICE = "finspace-api"

--- @class finspace.Session
--- @field runtime finspace.Runtime
--- @field options table              as given to finspace.new
--- @field config fun(): table|nil, table|nil
--- @field supplier fun(refused: table|nil): table|nil, table|nil  credentials, as a call wants to get them
local Session = {}
Session.__index = Session

-- Keys copied from the web application carry no end; FinSpace gives them an hour.
local PASTED_LIFETIME = 3600

local function transport_options(options)
  return {
    ca_file = options.ca_file,
    connect_timeout = options.connect_timeout,
    timeout = options.timeout,
    max_body = options.max_body,
    proxy = options.proxy,
  }
end

-- A provider of keys that were pasted in without their end: they are taken to last an hour from now.
local function hour_long(given, runtime)
  local fields = {}
  for name, value in pairs(given) do
    fields[name] = value
  end
  fields.expires_at = math.floor(runtime.now()) + PASTED_LIFETIME
  local provider = credentials.static(fields)
  return function(context)
    local found, err = provider(context)
    if err and err.code == "ExpiredCredentials" then
      err.message = err.message
        .. ". Keys copied from the web application (gear menu, API Credentials) last"
        .. " an hour; where they last longer, say so with expires_at"
    end
    return found, err
  end
end

-- What the credentials option stands for: a table of keys becomes a provider.
local function provider_of(given, runtime)
  if type(given) ~= "table" or type(given.get) == "function" then return given end
  local endless = not (given.expires_at or given.expiration)
  if given.session_token and endless then return hour_long(given, runtime) end
  return credentials.static(given)
end

--- @param options table validated
--- @return finspace.Session
function session.new(options)
  local runtime = host.runtime(options, transport_options(options))
  local given = options.credentials
  local self = setmetatable({
    runtime = runtime,
    options = options,
    config = config.reader(runtime, { profile = options.profile }),
    given = provider_of(given, runtime),
    endpoints = {},
  }, Session)
  self.supplier = function(refused) return self:credentials(refused) end
  return self
end

--- @return string|nil region, finspace.Error|nil err
function Session:region()
  if self.known_region then return self.known_region end
  local region, err = config.region(self.runtime, self.config, self.options)
  self.known_region = region
  return region, err
end

--- Where a service is called. Found once for each service and region.
--- @param service "finspace_data"|"s3"|"sts"
--- @param region? string  another one than the client's own
--- @return finspace.Endpoint|nil endpoint, finspace.Error|nil err
function Session:endpoint(service, region)
  local key = region and service .. " " .. region or service
  if self.endpoints[key] then return self.endpoints[key] end
  local found, err = endpoint.resolve(self.runtime, self.config, {
    service = service,
    region = region or self.options.region,
    profile = self.options.profile,
    endpoint_url = self.options[endpoint.OPTIONS[service]],
  })
  self.endpoints[key] = found
  return found, err
end

--- Where the FinSpace API is called, and the region that its calls are signed for.
--- @return finspace.Endpoint|nil endpoint, string|nil region, finspace.Error|nil err
function Session:locate()
  if self.located then return self.located, self.known_region end
  local found, err = self:endpoint("finspace_data")
  if not found then return nil, nil, err end
  local region
  region, err = self:region()
  if not region then return nil, nil, err end
  self.located = found
  return found, region
end

local function invalid_attempts(origin)
  return nil,
    errors.new {
      kind = "config",
      code = "InvalidMaxAttempts",
      message = origin .. " must be a whole number from 1 up",
    }
end

local function max_attempts(self)
  if self.options.max_attempts then return self.options.max_attempts end
  local variables = { "AWS_MAX_ATTEMPTS" }
  local text, origin, err = config.setting(self.runtime, self.config, variables, "max_attempts")
  if err then return nil, err end
  if not text then return 3 end
  if not text:find("^%d%d?%d?$") or tonumber(text) < 1 then return invalid_attempts(origin) end
  return math.floor(tonumber(text))
end

-- The authorities to trust: the option's, which the transport has, else those that boto3 would take. nginx has
-- a directive for them.
local function ca_bundle(self)
  if self.options.ca_file or self.runtime.name == "nginx" then return nil end
  local path, _, err = config.setting(self.runtime, self.config, { "AWS_CA_BUNDLE" }, "ca_bundle")
  return path, err
end

--- The exchange: one for all calls, because it holds the retry tokens and what was learnt of the
--- service's clock.
--- @return finspace.Exchange|nil exchange, finspace.Error|nil err
function Session:exchange()
  if self.opened then return self.opened end
  local attempts, err = max_attempts(self)
  if not attempts then return nil, err end
  local ca_file
  ca_file, err = ca_bundle(self)
  if err then return nil, err end
  self.opened = exchange.new(self.runtime, {
    max_attempts = attempts,
    ca_file = ca_file,
    logger = self.options.logger,
    timeout = self.options.timeout,
  })
  return self.opened
end

local function unshared_provider(self)
  local options = self.options
  local chain_options = { profile = options.profile, mfa_code = options.mfa_code }
  local provider = credentials.of(self.given, chain_options)
  if not options.environment_id then return provider end
  return credentials.finspace {
    environment_id = options.environment_id,
    base = provider,
    duration = options.duration_in_minutes,
  }
end

-- What tells this session's keys from others in a dictionary. A function may give anybody's, and a code of a
-- second factor is for whoever typed it: there is no name for those, and they are not shared.
local function shared_name(self)
  local options, keys = self.options, self.options.credentials or {}
  if options.mfa_code or (options.credentials and not (type(keys) == "table" and keys.access_key_id)) then
    return nil
  end
  return credentials.identity(self.runtime, self.config, {
    access_key_id = keys.access_key_id,
    secret_access_key = keys.secret_access_key,
    session_token = keys.session_token,
    profile = options.profile,
    environment_id = options.environment_id,
    duration_in_minutes = options.duration_in_minutes,
    region = options.region,
    endpoint_url = options.endpoint_url,
    sts_endpoint_url = options.sts_endpoint_url,
  })
end

--- @return function provider
function Session:provider()
  local provider, dict = unshared_provider(self), self.options.shared_dict
  if not dict then return provider end
  -- Named at each fetch, because the files may say something else by then.
  return function(context, unwanted)
    local name = shared_name(self)
    if not name then return provider(context, unwanted) end
    return credentials.shared(provider, { dict = dict, name = name })(context, unwanted)
  end
end

function Session:context()
  return {
    runtime = self.runtime,
    config = self.config,
    profile = self.options.profile,
    region = self.options.region,
    exchange = self.opened,
    endpoint = function(service, region) return self:endpoint(service, region) end,
  }
end

--- The keys to sign with; other ones when the service has refused these. Asked by an exchange, so there
--- is one.
--- @param refused? table
--- @return table|nil credentials, finspace.Error|nil err
function Session:credentials(refused)
  if not self.cached then
    self.cached = credentials.cached(self:provider(), self.runtime):supplier(self:context())
    self.supplier = self.cached -- calls to come ask it themselves
  end
  return self.cached(refused)
end

--- S3 over the same exchange, with the session's keys or with others.
--- @param supplier? fun(refused: table|nil): table|nil, table|nil
--- @param service? "s3"|"finspace_data" whose endpoint is called; a service of FinSpace's may answer some of S3, too
--- @return finspace.S3
function Session:s3(supplier, service)
  local function send(_, call)
    local shared, err = self:exchange()
    if not shared then return nil, err end
    return shared:send(call)
  end
  return require("finspace.s3").new {
    runtime = self.runtime,
    exchange = { send = send },
    endpoint = function(region) return self:endpoint(service or "s3", region) end,
    region = function() return self:region() end,
    credentials = supplier or self.supplier,
  }
end

--- Whether the keys come with a session token, as far as can be told without looking them up.
--- @return boolean
function Session:has_temporary_keys()
  local given = self.options.credentials
  return self.options.environment_id ~= nil or (type(given) == "table" and given.session_token ~= nil)
end

--- Closes the transport's connections; the next call opens new ones.
function Session:close() self.runtime.close() end

return session
