--- Programmatic credentials: temporary keys of the user who asks.

local fault = require("finspace.service.fault")
local keys = require("finspace.service.keys")
local permissions = require("finspace.service.permissions")

local credentials = {}

local DEFAULT_MINUTES = 60

--- @param call table
--- @return table result
function credentials.GetProgrammaticAccessCredentials(call)
  permissions.require_application(call, "GetTemporaryCredentials")
  local user = call.db:row("SELECT api_access FROM users WHERE id = ?", call.caller.user_id)
  if user.api_access ~= "ENABLED" then fault.raise("AccessDeniedException", "your user has no API access") end
  local minutes = call.params.durationInMinutes or DEFAULT_MINUTES
  call.db:run("UPDATE users SET last_login = ? WHERE id = ?", call.now, call.caller.user_id)
  local made = keys.issue(call.db, { user_id = call.caller.user_id, seconds = minutes * 60 })
  return {
    credentials = {
      accessKeyId = made.access_key_id,
      secretAccessKey = made.secret_access_key,
      sessionToken = made.session_token,
    },
    durationInMinutes = minutes,
  }
end

return credentials
