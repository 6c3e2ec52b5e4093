--- Who sent a request. Every request goes through here, whatever half of the service it is for: the
-- core verifies the signature, the store knows the key.

local core = require("finspace.core")
local clock = require("finspace.service.clock")
local fault = require("finspace.service.fault")

local authorize = {}

local SERVICES = { ["finspace-api"] = true, s3 = true, sts = true }

local function refuse(service, code, message, status)
  if service == "s3" and code == "ExpiredTokenException" then
    code, status = "ExpiredToken", 400
  end
  if service == "s3" and code == "AccessDeniedException" then code = "AccessDenied" end
  error(fault.new(code, message, status), 0)
end

--- What a request says about itself; nothing of it is proven yet.
--- @param request table
--- @return table auth
function authorize.read(request)
  local auth, code, message, status = core.authorization(request, request.service_hint)
  if not auth then refuse(request.service_hint, code, message, status) end
  return auth
end

-- S3 declares its body's hash before the body comes, and compares when it is there; the others have
-- read theirs.
local function payload_hash(auth, body)
  if auth.service == "s3" then return false end
  return core.sha256(body)
end

local function find_key(db, id)
  return db:row(
    [[SELECT k.*, u.type, u.status, u.api_access FROM access_keys k JOIN users u ON u.id = k.user_id
    WHERE k.id = ?]],
    id
  )
end

-- Digests are compared, so that the time says nothing about how much of a token was right.
local function same_token(stored, given) return core.sha256(stored or "") == core.sha256(given or "") end

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
  if key.api_access ~= "ENABLED" then
    refuse(service, "AccessDeniedException", "the user that these keys belong to has no API access", 403)
  end
end

--- Proves who sent the request, or raises.
--- @param state table
--- @param request table
--- @param auth table from authorize.read
--- @param body string|nil what arrived; nil for S3, which reads later
--- @return table caller {user_id=, type=, access_key_id=, bucket=, prefix=}
function authorize.verify(state, request, auth, body)
  local key = find_key(state.db, auth.access_key_id)
  local service = SERVICES[auth.service] and auth.service or "finspace-api"
  local ok, code, message, status = core.verify(request, auth, key and key.secret, {
    now = clock.seconds(),
    region = state.settings.region,
    service = service,
    payload_hash = payload_hash(auth, body),
  })
  if not ok then refuse(service, code, message, status) end
  check_key(service, key, auth)
  return {
    user_id = key.user_id,
    type = key.type,
    access_key_id = key.id,
    bucket = key.bucket,
    prefix = key.prefix,
  }
end

return authorize
