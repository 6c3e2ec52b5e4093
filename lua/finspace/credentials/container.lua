--- Keys from the endpoint that a container's host offers (ECS, EKS, Greengrass). Its address comes from
--- the environment, so it is held to the few addresses where such an endpoint may be, by name here and
--- by the address that is really connected to in the transport.
local config = require("finspace.config")
local endpoint = require("finspace.endpoint")
local exchange = require("finspace.call.exchange")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")

local container = {}

local SOURCE = "container"
local RELATIVE, FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

local HOST = "169.254.170.2"
local TIMEOUT, ATTEMPTS = 2, 3
local MAX_TOKEN = 64 * 1024

-- Where to ask ---------------------------------------------------------------------------------

-- Plain http is for these alone; what each may connect to is said beside it.
local PLAIN_HOSTS = {
  ["localhost"] = "loopback",
  ["[::1]"] = "loopback",
  ["169.254.170.2"] = "169.254.170.2",
  ["169.254.170.23"] = "169.254.170.23",
  ["[fd00:ec2::23]"] = "fd00:ec2::23",
}

-- 127.x.y.z, in its one canonical writing: other writings are how filters are got around.
local function is_loopback(host)
  local rest = { host:match("^127%.(%d+)%.(%d+)%.(%d+)$") }
  if #rest ~= 3 then return false end
  for _, octet in ipairs(rest) do
    if #octet > 3 or octet:find("^0%d") or tonumber(octet) > 255 then return false end
  end
  return true
end

local function allowed_address(host) return PLAIN_HOSTS[host:lower()] or (is_loopback(host) and "loopback") or nil end

local function refuse(variable, message)
  return keys.broken(SOURCE, "InvalidContainerEndpoint", variable .. " " .. message)
end

local function check_tail(variable, tail)
  if tail:find("[%s%c\\#]") then
    return refuse(variable, "holds a space, a control character, a backslash or a fragment; remove it")
  end
  return true
end

local function from_relative(text)
  local ok, err = check_tail(RELATIVE, text)
  if not ok then return nil, err end
  if text:sub(1, 1) ~= "/" then return refuse(RELATIVE, "must begin with '/'") end
  return { url = "http://" .. HOST .. text, allowed_addresses = { HOST }, proxy = false }
end

local function from_full(text)
  local base, tail = text:match("^(%a+://[^/?#]*)(.*)$")
  if not base then return refuse(FULL, "is no whole URL; write one like http://127.0.0.1:51679/credentials") end
  local ok, err = check_tail(FULL, tail)
  if not ok then return nil, err end
  local url, message = endpoint.parse(base)
  if not url then return refuse(FULL, message) end
  if url.scheme == "https" then return { url = text } end
  local address = allowed_address(url.host)
  if address then return { url = text, allowed_addresses = { address }, proxy = false } end
  return refuse(
    FULL,
    "uses plain http with a host that may not have keys; use https, or one of localhost,"
      .. " 127.x.y.z, [::1], 169.254.170.2, 169.254.170.23, [fd00:ec2::23]"
  )
end

--- Where the environment sends us. Pure.
--- @param getenv fun(name: string): string|nil
--- @return table|nil target { url, allowed_addresses, proxy }
--- @return table|nil err NotConfigured where no address is set
function container.target(getenv)
  local relative, full = getenv(RELATIVE), getenv(FULL)
  if relative and relative ~= "" then return from_relative(relative) end
  if full and full ~= "" then return from_full(full) end
  return keys.none(SOURCE, RELATIVE .. " and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set")
end

-- Asking ---------------------------------------------------------------------------------------

-- The token goes into a header, so nothing may stand in it that ends one.
local function check_token(token, origin)
  if not token:find("[%c\127]") then return token end
  return keys.broken(
    SOURCE,
    "InvalidToken",
    origin .. " holds a line break or another control character; write the token alone, without one at its end"
  )
end

local function read_token_file(runtime, path)
  local text, message = config.files(runtime).read_limited(path, MAX_TOKEN)
  if text then return check_token(text, path .. " (" .. TOKEN_FILE .. ")") end
  return keys.broken(SOURCE, "UnreadableToken", message .. " (" .. TOKEN_FILE .. " names it)")
end

-- The token, or nil where none is set; the file is read anew each time.
local function authorization(runtime)
  local path, token = runtime.getenv(TOKEN_FILE), runtime.getenv(TOKEN)
  if path and path ~= "" then return read_token_file(runtime, path) end
  if token and token ~= "" then return check_token(token, TOKEN) end
  return nil
end

local function ask(context, target, token)
  local asker = exchange.new(context.runtime, { max_attempts = ATTEMPTS, timeout = TIMEOUT })
  return asker:send {
    operation = "GetContainerCredentials",
    request = {
      method = "GET",
      url = target.url,
      allowed_addresses = target.allowed_addresses,
      proxy = target.proxy,
      headers = { accept = "application/json", authorization = token },
      max_body = service.MAX_ANSWER,
    },
    finish = service.finish_json,
    repeatable = true,
  }
end

--- @return function provider
function container.new()
  return function(context)
    local target, err = container.target(context.runtime.getenv)
    if not target then return nil, err end
    local token
    token, err = authorization(context.runtime)
    if err then return nil, err end
    local answer
    answer, err = ask(context, target, token)
    if not answer then return keys.failed(SOURCE, err, "the container's endpoint gave no keys") end
    local found, message = service.read_keys(answer, "Token", SOURCE)
    if found then return found end
    return keys.broken(SOURCE, "InvalidAnswer", "the container's endpoint answered without usable keys: " .. message)
  end
end

return container
