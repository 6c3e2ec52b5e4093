--- Keys given in code.
local keys = require("finspace.credentials.keys")

local static = {}

local SOURCE = "the credentials option"

-- The end may be a time text, as web pages show it, or epoch seconds.
local function end_of(fields)
  local given = fields.expires_at or fields.expiration
  if given == nil then return nil end
  return assert(
    tonumber(given) or keys.time(given),
    "credentials: expires_at must be epoch seconds or a time like 2026-11-22T17:18:32Z"
  )
end

--- A provider of fixed keys. Missing or broken keys are a mistake in the code, so they raise.
--- @param fields table { access_key_id =, secret_access_key =, and optionally session_token =, expires_at = }
--- @return function provider
function static.new(fields)
  local expires_at = end_of(fields)
  local held, message = keys.new {
    access_key_id = fields.access_key_id,
    secret_access_key = fields.secret_access_key,
    session_token = fields.session_token,
    expires_at = expires_at,
    source = SOURCE,
  }
  if not held then error("credentials: " .. message, 3) end
  return function(context)
    if expires_at and context.runtime.now() >= expires_at then
      return keys.broken(
        SOURCE,
        "ExpiredCredentials",
        "the keys given in code ended at "
          .. keys.time_text(expires_at)
          .. "; give new ones, or a provider that can fetch them"
      )
    end
    return held
  end
end

return static
