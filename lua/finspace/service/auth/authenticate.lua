--- Who sent a request. Every request goes through here, whatever half of the service it is for: the
--- core verifies the signature, the store knows the key.

local core = require("finspace.core")
local clock = require("finspace.service.clock")
local fault = require("finspace.service.fault")
local remembered = require("finspace.service.remembered")
local secrets = require("finspace.service.auth.secrets")
local session_policy = require("finspace.service.auth.session_policy")

local authenticate = {}

local SERVICES = { ["finspace-api"] = true, s3 = true, sts = true, glue = true }

local function refuse(service, code, message, status)
  if service == "s3" and code == "ExpiredTokenException" then
    code, status = "ExpiredToken", 400
  end
  if service == "s3" and code == "AccessDeniedException" then code = "AccessDenied" end
  error(fault.new(code, message, status), 0)
end

-- The elder signature, of S3 alone, in a header or in the query.
local function is_second_version(request)
  if (request.header.authorization or ""):sub(1, 4) == "AWS " then return true end
  return request.query:find("AWSAccessKeyId=", 1, true) ~= nil and request.query:find("Signature=", 1, true) ~= nil
end

--- What a request says about itself; nothing of it is proven yet.
--- @param request table
--- @param guess fun(request: table): string whose refusals a request understands that does not say whom it is for
--- @return table auth
function authenticate.read(request, guess)
  if is_second_version(request) then
    request.service_hint = "s3"
    refuse("s3", "InvalidRequest", "Signature Version 2 is not supported: sign with AWS4-HMAC-SHA256 (SigV4)", 400)
  end
  local auth = core.authorization(request)
  if auth then return auth end
  request.service_hint = guess(request)
  return refuse(request.service_hint, select(2, core.authorization(request, request.service_hint)))
end

-- S3 declares its body's hash before the body comes, and compares when it is there; the others have
-- read theirs.
local function payload_hash(auth, body)
  if auth.service == "s3" then return false end
  return core.sha256(body)
end

local FIND_KEY =
  [[SELECT k.id, secret, session_token, user_id, expires_seconds, bucket, prefix, u.type, u.status, u.api_access,
  c.id AS console, s.policy FROM access_keys k
  JOIN users u ON u.id = k.user_id LEFT JOIN console_keys c ON c.id = k.id
  LEFT JOIN session_policies s ON s.id = k.id WHERE k.id = ?]]

local function look_up(db, id)
  local key = db:row(FIND_KEY, id)
  if key then key.secret = secrets.open(key.secret) end
  return key
end

-- What disables a key is heeded by the next request.
local keys = remembered.new(1000)

local function find_key(db, id) return keys:of(db, id, look_up, db, id) end

-- Digests are compared, so that the time says nothing about how much of a token was right.
local function same_token(stored, given)
  if not stored and not given then return true end
  return core.sha256(stored or "") == core.sha256(given or "")
end

local function check_key(service, key, auth)
  if not same_token(key.session_token, auth.session_token) then
    refuse(
      service,
      service == "s3" and "InvalidToken" or "UnrecognizedClientException",
      "the session token is not the one that belongs to the access key",
      service == "s3" and 400 or 403
    )
  end
  if key.expires_seconds and key.expires_seconds <= clock.seconds() then
    refuse(service, "ExpiredTokenException", "the security token included in the request is expired", 403)
  end
  if key.status ~= "ENABLED" then
    refuse(service, "AccessDeniedException", "the user that these keys belong to is disabled", 403)
  end
  if key.api_access ~= "ENABLED" and not key.console then
    refuse(service, "AccessDeniedException", "the user that these keys belong to has no API access", 403)
  end
end

local function service_of(auth) return SERVICES[auth.service] and auth.service or "finspace-api" end

-- S3's clients go on in the region that this refusal names.
local function check_region(state, auth)
  local region = state.settings.region
  if auth.service ~= "s3" or auth.region == region then return end
  local sentence = "the region '%s' is wrong; expecting '%s'"
  local problem = fault.new("AuthorizationHeaderMalformed", sentence:format(auth.region, region), 400)
  problem.details = { { "Region", region } }
  ngx.header["x-amz-bucket-region"] = region
  error(problem, 0)
end

--- Judges what can be judged before a body is read, of a request whose signature covers its body: whether
--- the key is known and not expired, and its user enabled.
--- @param state table
--- @param request table
--- @param auth table from authenticate.read
--- @return table key for authenticate.verify
function authenticate.judge(state, request, auth)
  local key = find_key(state.db, auth.access_key_id)
  if not key then authenticate.verify(state, request, auth, "") end -- which refuses
  check_key(service_of(auth), key, auth)
  return key
end

--- Proves who sent the request, or raises.
--- @param state table
--- @param request table
--- @param auth table from authenticate.read
--- @param body string|nil what arrived; nil for S3, which reads later
--- @param judged? table key from authenticate.judge
--- @return table caller {user_id=, type=, access_key_id=, secret=, bucket=, prefix=, policy=}
function authenticate.verify(state, request, auth, body, judged)
  check_region(state, auth)
  local key, service = judged or find_key(state.db, auth.access_key_id), service_of(auth)
  local ok, code, message, status = core.verify(request, auth, key and key.secret, {
    now = clock.seconds(),
    region = state.settings.region,
    service = service,
    payload_hash = payload_hash(auth, body),
  })
  if not ok then refuse(service, code, message, status) end
  if not judged then check_key(service, key, auth) end
  return {
    user_id = key.user_id,
    type = key.type,
    access_key_id = key.id,
    bucket = key.bucket,
    prefix = key.prefix,
    policy = key.policy and assert(session_policy.read(key.policy)),
    secret = key.secret,
  }
end

return authenticate
