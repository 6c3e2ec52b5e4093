--- Keys of the role of an EC2 instance, from its metadata service, version 2 only: version 1 answers
--- whoever can make a program on the instance send a GET.
local config = require("finspace.config")
local core = require("finspace.core")
local endpoint = require("finspace.endpoint")
local errors = require("finspace.errors")
local exchange = require("finspace.call.exchange")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")

local instance = {}

local SOURCE = "instance metadata"
local TOKEN_LIFETIME = 21600
local ROLES = "/latest/meta-data/iam/security-credentials/"

local ADDRESSES = {
  ipv4 = { url = "http://169.254.169.254", allowed_addresses = { "169.254.169.254" } },
  ipv6 = { url = "http://[fd00:ec2::254]", allowed_addresses = { "fd00:ec2::254" } },
}

-- Where it is ----------------------------------------------------------------------------------

local function invalid(origin, message)
  return nil,
    errors.new {
      kind = "config",
      code = "InvalidMetadataEndpoint",
      source = SOURCE,
      message = origin .. " " .. message,
    }
end

local function named_endpoint(runtime, source, options)
  if options.endpoint then return options.endpoint, "the endpoint option" end
  return config.setting(runtime, source, { "AWS_EC2_METADATA_SERVICE_ENDPOINT" }, "ec2_metadata_service_endpoint")
end

local function named_mode(runtime, source, options)
  if options.mode then return options.mode, "the mode option" end
  return config.setting(
    runtime,
    source,
    { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE" },
    "ec2_metadata_service_endpoint_mode"
  )
end

--- Where the metadata service is, by option, environment, profile and mode.
--- @param runtime table getenv
--- @param source table|function|nil a config, or what reads one
--- @param options table|nil { endpoint =, mode = "IPv4"|"IPv6" }
--- @return table|nil target { url, allowed_addresses }, table|nil err
function instance.target(runtime, source, options)
  local text, origin, err = named_endpoint(runtime, source, options or {})
  if err then return nil, err end
  if text then
    local url, message = endpoint.parse(text)
    if not url then return invalid(origin, message) end
    return { url = url.scheme .. "://" .. url.authority .. url.path }
  end
  local mode
  mode, origin, err = named_mode(runtime, source, options or {})
  if err then return nil, err end
  local target = ADDRESSES[(mode or "IPv4"):lower()]
  if not target then return invalid(origin, "is neither IPv4 nor IPv6") end
  return target
end

-- How long to ask ------------------------------------------------------------------------------

local function number_setting(context, variable, key, default)
  local text, origin, err = config.setting(context.runtime, context.config, { variable }, key)
  if err then return nil, err end
  local number = text and tonumber(text) or (not text and default)
  if number and number > 0 and number < 1000 then return number end
  return invalid(origin, "must be a number above 0")
end

local function patience(context)
  local timeout, err = number_setting(context, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", 1)
  if not timeout then return nil, err end
  local attempts
  attempts, err = number_setting(context, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", 1)
  if not attempts then return nil, err end
  return { timeout = timeout, attempts = math.max(1, math.floor(attempts)) }
end

-- Where nobody answered: outside AWS one call waits for the service, and the next ones do not, until
-- it is worth another look. One that has answered before is not among them.
local LOOK_AGAIN = 300
local silent_since, has_answered = {}, {}

local function is_silent(runtime, url)
  local since = silent_since[url]
  if not since then return false end
  local passed = runtime.monotonic() - since
  return passed >= 0 and passed < LOOK_AGAIN
end

--- Forgets which metadata services did not answer.
function instance.forget()
  silent_since, has_answered = {}, {}
end

-- Asking ---------------------------------------------------------------------------------------

local function finish_text(response)
  if response.status >= 200 and response.status <= 299 then return response.body or "" end
  return nil, service.fault(response)
end

local function send(self, context, method, path, headers)
  local limits = { max_attempts = self.patience.attempts, timeout = self.patience.timeout }
  return exchange.new(context.runtime, limits):send {
    operation = "GetInstanceMetadata",
    request = {
      method = method,
      url = self.target.url .. path,
      headers = headers,
      proxy = false,
      allowed_addresses = self.target.allowed_addresses,
      max_body = service.MAX_ANSWER,
    },
    finish = finish_text,
    repeatable = true,
  }
end

-- Answers to the token that get as far as the instance and not into a container on it have run out of
-- hops: the request arrives, and nothing comes back.
local function no_answer(self, err)
  local why = "no answer from " .. self.target.url
  if err.kind == "timeout" then why = why .. " within " .. self.patience.timeout .. " s" end
  if err.kind == "timeout" and err.sent ~= false and err.outcome ~= "not_sent" then
    why = why .. "; in a container on an instance, raise the instance's metadata hop limit to 2"
  end
  return keys.none(SOURCE, why)
end

local SILENCE = { connect = true, timeout = true, protocol = true }

local function token_refused(self, context, err)
  if not err.status then
    if not SILENCE[err.kind] then return nil, err end
    if not has_answered[self.target.url] then silent_since[self.target.url] = context.runtime.monotonic() end
    return no_answer(self, err)
  end
  if err.status < 500 then return keys.none(SOURCE, "the service gives no token (HTTP " .. err.status .. ")") end
  return keys.failed(SOURCE, err, "the metadata service failed")
end

local function fetch_token(self, context)
  local now = context.runtime.monotonic()
  local token, err = send(
    self,
    context,
    "PUT",
    "/latest/api/token",
    { ["x-aws-ec2-metadata-token-ttl-seconds"] = ("%d"):format(TOKEN_LIFETIME) }
  )
  if not token then return token_refused(self, context, err) end
  has_answered[self.target.url] = true
  if token == "" or token:find("[%c%s\127]") then
    return keys.broken(SOURCE, "InvalidAnswer", "the metadata service answered with something that is no token")
  end
  self.token, self.token_until = token, now + TOKEN_LIFETIME * 0.9
  return token
end

local function current_token(self, context)
  if self.token and context.runtime.monotonic() < self.token_until then return self.token end
  return fetch_token(self, context)
end

-- A GET with a token, and with a new one where the service does not know it any more.
local function get(self, context, path)
  for attempt = 1, 2 do
    local token, err = current_token(self, context)
    if not token then return nil, err end
    local body
    body, err = send(self, context, "GET", path, { ["x-aws-ec2-metadata-token"] = token })
    if body then return body end
    self.token = nil
    if err.status ~= 401 or attempt == 2 then return nil, err end
  end
end

local function find_role(self, context)
  local body, err = get(self, context, ROLES)
  if not body and err.status == 404 then return keys.none(SOURCE, "the instance has no role") end
  if not body and keys.is_none(err) then return nil, err end
  if not body then return keys.failed(SOURCE, err, "the instance's role cannot be read") end
  local role = body:match("^%s*([%w%+=,%.@_%-]+)")
  if role then return role end
  return keys.broken(SOURCE, "InvalidAnswer", "the metadata service answered with something that is no role's name")
end

local function read_document(text)
  local document = core.decode(text)
  if type(document) ~= "table" then
    return keys.broken(SOURCE, "InvalidAnswer", "the metadata service did not answer with JSON")
  end
  if document.Code and document.Code ~= "Success" then
    return keys.broken(
      SOURCE,
      "InstanceRoleRefused",
      "the metadata service has no keys of the instance's role ("
        .. tostring(document.Code)
        .. "); see that the role trusts ec2.amazonaws.com"
    )
  end
  local found, message = service.read_keys(document, "Token", SOURCE)
  if not found then
    return keys.broken(SOURCE, "InvalidAnswer", "the metadata service answered without usable keys: " .. message)
  end
  found.outlives = true
  return found
end

local function ask(self, context)
  local role, err = find_role(self, context)
  if not role then return nil, err end
  local text
  text, err = get(self, context, ROLES .. role)
  if not text and keys.is_none(err) then return nil, err end
  if not text then return keys.failed(SOURCE, err, "the keys of the instance's role cannot be read") end
  return read_document(text)
end

local function is_disabled(getenv) return (getenv("AWS_EC2_METADATA_DISABLED") or ""):lower() == "true" end

--- @param options table|nil { endpoint = URL, mode = "IPv4"|"IPv6" }
--- @return function provider
function instance.new(options)
  local self = {}
  return function(context)
    if is_disabled(context.runtime.getenv) then
      return keys.none(SOURCE, "switched off by AWS_EC2_METADATA_DISABLED")
    end
    local err
    self.target, err = instance.target(context.runtime, context.config, options)
    if not self.target then return nil, err end
    self.patience, err = patience(context)
    if not self.patience then return nil, err end
    if is_silent(context.runtime, self.target.url) then
      return keys.none(SOURCE, "no answer from " .. self.target.url .. " before, so it was not asked again")
    end
    return ask(self, context)
  end
end

return instance
