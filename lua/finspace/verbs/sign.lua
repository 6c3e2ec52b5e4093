--- A request of one's own making, signed for another to send: a gateway signs, and leaves what streams to
--- nginx.
local options = require("finspace.options")
local session = require("finspace.session")

local sign = {}

local OPTIONS = options.declare {
  what = "sign",
  class = "finspace.SignOptions",
  { "method", "string", "of HTTP", default = "GET" },
  { "path", "string", "below the endpoint's own, percent-encoded, as it is to be sent", required = true },
  { "query", "string", "as it is to be sent, without `?`" },
  { "headers", "table<string, string>", "those that are to be signed, too" },
  { "body", "string", "whole, because the signature covers it" },
}

--- @class finspace.SignedRequest
--- @field method string
--- @field url string
--- @field headers table<string, string>  all that must be sent, by names in lower case; they hold the
---   signature and the session token, so they belong in no log
--- @field body? string

-- What a path may hold, and what a query may hold beside it (RFC 3986, sections 3.3 and 3.4).
local PATH, QUERY = "[^%w%-._~!$&'()*+,;=:@/%%]", "[^%w%-._~!$&'()*+,;=:@/?%%]"

local function check_url_part(name, text, forbidden)
  local at = text:find(forbidden) or (text:gsub("%%%x%x", "   "):find("%", 1, true))
  if not at then return end
  local message = 'sign: option "%s" holds a byte (number %d, %s) that has no place in a URL; percent-encode it'
  error(message:format(name, at, ("0x%02x"):format(text:byte(at))), 4)
end

local function check(given)
  given = OPTIONS:check(given, 4)
  if given.method and not given.method:find("^%u+$") then
    error('sign: option "method" must be capital letters, like GET', 3)
  end
  if not given.path:find("^/") then error('sign: option "path" must begin with a slash', 3) end
  check_url_part("path", given.path, PATH)
  check_url_part("query", given.query or "", QUERY)
  for name, value in pairs(given.headers or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      error('sign: option "headers" must map names to strings', 3)
    end
  end
  return given
end

local function with_lower_names(given)
  local headers = {}
  for name, value in pairs(given or {}) do
    headers[name:lower()] = value
  end
  return headers
end

-- What the exchange needs to know of it.
local function compose(shared, given)
  local endpoint, region, err = shared:locate()
  if not endpoint then return nil, err end
  return {
    endpoint = endpoint,
    region = region,
    service = session.SERVICE,
    repeatable = false,
    credentials = shared.supplier,
    request = {
      method = given.method,
      path = given.path,
      query = given.query,
      body = given.body,
      headers = with_lower_names(given.headers),
    },
  }
end

local function signed_call(shared, given)
  local call, exchange, err
  exchange, err = shared:exchange()
  if not exchange then return nil, err end
  call, err = compose(shared, given)
  if not call then return nil, err end
  return exchange:sign(call, exchange:begin(call))
end

--- Signs a request with the client's keys, for the client's endpoint. Nothing is sent; the keys are looked up
--- when there are none yet. The signature is good for some minutes.
--- @param client finspace.Client
--- @param given finspace.SignOptions
--- @return finspace.SignedRequest|nil request, finspace.Error|nil err
function sign.run(client, given)
  local signed, err = signed_call(client.session, check(given))
  if not signed then
    err.operation = err.operation or "sign"
    return nil, err
  end
  return { method = signed.method, url = signed.url, headers = signed.headers, body = signed.body }
end

return sign
