--- The bracket of a call that is repeated on a retry: credentials ▸ sign ▸ transport ▸ finish.
---
--- What is sent stays the same over all attempts, with the same clientToken; the date, the keys and
--- the signature are fresh each time. It is a plain loop without a C frame or a pcall beneath the
--- transport and the sleep, so both may yield, on every Lua.
local core = require("finspace.core")
local errors = require("finspace.errors")
local http_date = require("finspace.call.http_date")
local options = require("finspace.options")
local retry = require("finspace.call.retry")
local version = require("finspace.version")

local exchange = {}

--- @class finspace.Exchange
--- @field clock_offset number  seconds that the service's clock is ahead of ours, as far as it was learnt
local Exchange = {}
Exchange.__index = Exchange

--- @class finspace.Endpoint
--- @field scheme string  "https" or "http"
--- @field host string    with the port when it is not the scheme's own
--- @field path string    the base path, "" or "/base"

--- @class finspace.Send
--- @field operation string             for errors and the logger
--- @field request table                { method, path, query, headers, body, payload_hash }, or a whole
---   `url`; and whatever else the transport is to know, as sink and max_body. It is this call's own: the exchange
---   completes it
--- @field endpoint finspace.Endpoint
--- @field service? string              signing name
--- @field region? string
--- @field credentials? fun(refused: table|nil): table|nil, table|nil  absent: the request goes out unsigned
--- @field finish fun(response: table): any, table|nil
--- @field repeatable boolean           whether the service tells a repetition from a second request
--- @field repeatable_for? number       seconds for which it does
--- @field client_token? string
--- @field timeout? number              seconds for one attempt
--- @field deadline? number             seconds for all attempts and pauses

--- What a logger is told of one attempt, and of what is about none.
exchange.EVENT = options.declare {
  class = "finspace.LogEvent",
  { "operation", "string", "its name", required = true },
  { "attempt", "integer", "1 is the first", required = true },
  { "method", "string", "of HTTP", required = true },
  { "host", "string", "whom it went to, with the port" },
  { "path", "string", "percent-encoded, without the query" },
  { "status", "integer", "the answer's HTTP status; absent when none came" },
  { "request_id", "string", "the service's own name for the request" },
  { "duration", "number", "seconds", required = true },
  { "bytes_sent", "integer", "of the body", required = true },
  { "bytes_received", "integer", "of the body", required = true },
  { "kind", "finspace.ErrorKind", "the fault's; absent on success" },
  { "code", "string", "the fault's; absent on success" },
}
exchange.WARNING = options.declare {
  class = "finspace.LogWarning",
  { "level", '"warn"', "tells it from an attempt", required = true },
  { "message", "string", "a sentence for people", required = true },
}

local USER_AGENT = ("finspace-lua/%s (%s)"):format(version, rawget(_G, "jit") and jit.version or _VERSION)

-- Codes after which fresh keys, or a corrected clock, may help: refusals, so nothing was applied.
local REFUSED_KEYS, REFUSED_CLOCK = {}, {}
for _, known in ipairs(core.errors()) do
  REFUSED_KEYS[known.code] = known.credentials
  REFUSED_CLOCK[known.code] = known.clock
end

-- Seconds. A signature is good for 15 minutes; whoever is further away than this was refused for it.
local TOLERATED_SKEW = 300

--- @param runtime table
--- @param given? { max_attempts?: integer, logger?: fun(event: table), timeout?: number, ca_file?: string }
--- @return finspace.Exchange
function exchange.new(runtime, given)
  given = given or {}
  return setmetatable({
    runtime = runtime,
    max_attempts = given.max_attempts or 3,
    -- What is not set is false: a field that is nil is looked for in the class, too, at each call.
    logger = given.logger or false,
    timeout = given.timeout or false,
    ca_file = given.ca_file or false,
    clock_offset = 0,
    attempt_labels = {},
    bucket = retry.bucket(),
    -- Signers by the credentials they were made of: dropped, and wiped, together with them.
    signers = setmetatable({}, { __mode = "k" }),
  }, Exchange)
end

--- The time to sign with: ours, corrected by what refusals have taught.
--- @return number epoch seconds, of which the signer takes the whole ones
function Exchange:time() return self.runtime.now() + self.clock_offset end

-- A signer keeps the day's signing key, so it is worth keeping itself.
local function signer_of(self, credentials, region, service)
  local by_region = self.signers[credentials]
  if not by_region then
    by_region = {}
    self.signers[credentials] = by_region
  end
  local by_service = by_region[region]
  if not by_service then
    by_service = {}
    by_region[region] = by_service
  end
  local signer = by_service[service] or core.signer(credentials, region, service)
  by_service[service] = signer
  return signer
end

local function base_path(endpoint)
  local path = endpoint.path or ""
  return path ~= "" and path:gsub("/$", "") or ""
end

local function whole_url(endpoint, path, query)
  return endpoint.scheme .. "://" .. endpoint.host .. path .. (query ~= "" and "?" .. query or "")
end

local NO_HEADERS = {}

--- @class finspace.Attempts  the state of a call's attempts
--- @field number integer             of the attempt that is being made, from 1
--- @field started number             on the monotonic clock, as `deadline` is
--- @field deadline? number
--- @field given_headers table<string, string>
--- @field invocation string          the id that all attempts of the call share
--- @field uncertain boolean          an attempt may have been applied
--- @field credentials? finspace.Credentials  what the attempt was signed with
--- @field clock_offset? number       seconds that were added to our clock to sign it
--- @field response? finspace.Response  the last answer
--- @field renewed? boolean           other keys were asked for already
--- @field clock_learnt? boolean      the service's clock was believed already
--- @field cost? integer              what the last retry took from the bucket

--- Begins a call's attempts. Writes into the call's request what is the same in all of them.
--- @param call finspace.Send
--- @return finspace.Attempts try
function Exchange:begin(call)
  local request, endpoint, now = call.request, call.endpoint, self.runtime.monotonic()
  request.query = request.query or ""
  request.repeatable = call.repeatable or false
  if self.ca_file then request.ca_file = self.ca_file end
  if endpoint then
    request.path = base_path(endpoint) .. request.path
    request.url = whole_url(endpoint, request.path, request.query)
  end
  local try = {
    number = 1,
    started = now,
    given_headers = request.headers or NO_HEADERS,
    invocation = self.runtime.uuid(),
    uncertain = false,
    credentials = nil, -- named, so that the table has room for what each attempt writes
    clock_offset = nil,
    response = nil,
  }
  if call.deadline then try.deadline = now + call.deadline end
  return try
end

-- "attempt=1; max=3", which is nearly always that one.
local function attempt_label(self, number)
  local label = self.attempt_labels[number]
  if label then return label end
  label = ("attempt=%d; max=%d"):format(number, self.max_attempts)
  self.attempt_labels[number] = label
  return label
end

-- The headers of one attempt, in a table of its own, because signing writes into it. What will be written
-- is named here as nil, so that the table has room for it from the start.
local function attempt_headers(call, try, label)
  local headers = {
    ["user-agent"] = USER_AGENT,
    ["amz-sdk-invocation-id"] = try.invocation,
    ["amz-sdk-request"] = label,
    host = nil,
    ["content-type"] = nil,
    ["x-amz-date"] = nil,
    ["x-amz-security-token"] = nil,
    authorization = nil,
  }
  for name, value in next, try.given_headers do
    headers[name] = value
  end
  if call.endpoint then headers.host = call.endpoint.host end
  return headers
end

-- Seconds for one attempt, or nil for as long as it takes.
local function attempt_timeout(self, call, try)
  local timeout = call.timeout or self.timeout or nil
  if not try.deadline then return timeout end
  local left = math.max(try.deadline - self.runtime.monotonic(), 0.001)
  return math.min(timeout or left, left)
end

--- One attempt as it goes to the transport, but for the signature.
--- @param call finspace.Send
--- @param try? finspace.Attempts  absent: as the first would be
--- @return table request  the call's own
function Exchange:compose(call, try)
  try = try or self:begin(call)
  local request = call.request
  request.headers = attempt_headers(call, try, attempt_label(self, try.number))
  request.timeout = attempt_timeout(self, call, try)
  return request
end

-- What the signer refuses to sign, it refuses with a sentence.
local function unsignable(why) return nil, errors.not_sent("validation", "CannotSign", why) end

-- Composed and signed with the keys and the date of now.
function Exchange:sign(call, try)
  local request = self:compose(call, try)
  if not call.credentials then return request end
  local credentials, err = call.credentials()
  if not credentials then return nil, err end
  try.credentials, try.clock_offset = credentials, self.clock_offset
  local signed, why = signer_of(self, credentials, call.region, call.service):sign(request, self:time())
  if not signed then return unsignable(why) end
  return signed
end

-- A header of the last answer, if there was one.
local function answer_header(try, name) return try.response and try.response.headers[name] end

local function body_length(body)
  if type(body) == "table" then return body.length end
  return body and #body or 0
end

local function log(self, call, try, request, response, fault, started)
  self.logger {
    operation = call.operation,
    attempt = try.number,
    method = request.method,
    host = call.endpoint and call.endpoint.host,
    path = request.path,
    status = response and response.status,
    request_id = answer_header(try, "x-amzn-requestid") or answer_header(try, "x-amz-request-id"),
    duration = self.runtime.monotonic() - started,
    bytes_sent = body_length(request.body),
    bytes_received = response and (response.received or #(response.body or "")) or 0,
    kind = fault and fault.kind,
    code = fault and fault.code,
  }
end

-- One request on the wire: what finish made of the answer, or the fault.
local function attempt(self, call, try, request)
  local started = self.logger and self.runtime.monotonic()
  local response, fault = self.runtime.transport(request)
  local result
  try.response = response
  if response then
    result, fault = call.finish(response)
  else
    fault.retryable = retry.is_transient(fault)
  end
  if self.logger then log(self, call, try, request, response, fault, started) end
  return result, fault
end

local function same_keys(left, right)
  return left.access_key_id == right.access_key_id
    and left.secret_access_key == right.secret_access_key
    and left.session_token == right.session_token
end

-- The keys were refused: asks once for others. True when there are others now.
local function renew_credentials(call, try, fault)
  fault.kind, fault.retryable = "credentials", false
  if try.renewed or not call.credentials then return false end
  try.renewed = true
  local fresh, err = call.credentials(try.credentials)
  if not fresh then
    fault.message = ("%s; and fresh keys were not to be had: %s"):format(
      fault.message or fault.code,
      err.message or err.code
    )
    return false
  end
  return not same_keys(fresh, try.credentials)
end

-- An answer without a body, to HEAD for example, does not say why it refuses.
local function may_be_for_the_clock(try, fault)
  return REFUSED_CLOCK[fault.code] or (fault.status == 403 and (try.response.body or "") == "")
end

-- The service lives in another time: learns how far away. True when trying again may help.
function Exchange:learn_clock(try, fault)
  local date = may_be_for_the_clock(try, fault) and http_date.parse_http_date(answer_header(try, "date"))
  local offset = date and date - self.runtime.now()
  if not offset or math.abs(offset - (try.clock_offset or 0)) <= TOLERATED_SKEW then return false end
  self.clock_offset = offset
  local first = not try.clock_learnt
  try.clock_learnt = true
  return first
end

-- Whether the refusal taught something that makes the next attempt another one.
function Exchange:learn(call, try, fault)
  if REFUSED_KEYS[fault.code] then return renew_credentials(call, try, fault) end
  return self:learn_clock(try, fault)
end

--- @return "not_sent"|"refused"|"unknown"
local function outcome(fault)
  if fault.sent == false then return "not_sent" end
  local refused = fault.throttle or (fault.status and fault.status >= 300 and fault.status < 500)
  return refused and "refused" or "unknown"
end

-- Repeating is harmless as long as no attempt can have been applied, or while the service knows the
-- repetition for what it is.
local function may_repeat(call, try, now)
  if not try.uncertain then return true end
  return call.repeatable and now - try.started < (call.repeatable_for or math.huge)
end

-- Seconds to wait before the next attempt, or nil when there is to be none.
function Exchange:pause(call, try, fault)
  local taught = self:learn(call, try, fault)
  local now = self.runtime.monotonic()
  if try.number >= self.max_attempts or not may_repeat(call, try, now) then return nil end
  if taught then return 0 end
  if not fault.retryable then return nil end
  local throttled = fault.throttle or false
  local requested = try.response and retry.requested_delay(try.response.headers)
  local delay = retry.delay(try.number, throttled, self.runtime.random(), requested)
  if try.deadline and now + delay >= try.deadline then return nil end
  try.cost = self.bucket:pay(throttled)
  return try.cost and delay
end

-- A service that refuses a signature quotes what it was sent, the session token among it.
local function hide_secrets(text, call, try)
  local keys, signed = try.credentials or {}, call.request.headers.authorization or ""
  local signature = signed:match("Signature=(%x+)") or ""
  for _, secret in ipairs { keys.secret_access_key or "", keys.session_token or "", signature } do
    if secret ~= "" then text = text:gsub(secret:gsub("%p", "%%%0"), "(hidden)") end
  end
  return text
end

local function failure(call, try, fault)
  fault.message = fault.message and hide_secrets(fault.message, call, try)
  fault.reason = fault.reason and hide_secrets(fault.reason, call, try)
  fault.operation = fault.operation or call.operation
  fault.attempts = try.number
  fault.outcome = try.uncertain and "unknown" or outcome(fault)
  fault.client_token = call.client_token
  fault.repeatable = call.repeatable
  return errors.new(fault)
end

-- Without credentials nothing goes out; an earlier attempt may have been applied all the same. The err
-- may have been given to others, too, so this call's particulars go into a copy.
local function unsigned_failure(call, try, err)
  local fault = {}
  for name, value in pairs(err) do
    fault[name] = value
  end
  fault.sent = false
  try.number = try.number - 1
  return failure(call, try, fault)
end

--- Sends a request until it succeeds, is refused for good, or may not be repeated any more.
--- @param call finspace.Send
--- @return any result, finspace.Error|nil err
function Exchange:send(call)
  local try = self:begin(call)
  while true do
    local request, missing = self:sign(call, try)
    if not request then return nil, unsigned_failure(call, try, missing) end
    local result, fault = attempt(self, call, try, request)
    if not fault then
      self.bucket:refill(try.cost)
      return result
    end
    try.uncertain = try.uncertain or outcome(fault) == "unknown"
    local delay = self:pause(call, try, fault)
    if not delay then return nil, failure(call, try, fault) end
    if delay > 0 then self.runtime.sleep(delay) end
    try.number = try.number + 1
  end
end

--- The URL with the signature in its query, which whoever holds it may use until it expires.
--- @param call finspace.Send
--- @param expires integer seconds
--- @return string|nil url, table|nil err
function Exchange:presign(call, expires)
  local credentials, err = call.credentials()
  if not credentials then return nil, err end
  self:begin(call)
  local given = call.request
  local request = {
    method = given.method,
    path = given.path,
    query = given.query,
    body = given.body,
    payload_hash = given.payload_hash,
    headers = { host = call.endpoint.host },
  }
  local query, why = signer_of(self, credentials, call.region, call.service):presign(request, self:time(), expires)
  if not query then return unsignable(why) end
  return whole_url(call.endpoint, request.path, query)
end

return exchange
