--- Programmatic credentials: temporary keys of the user who asks.

local key_requests = require("finspace.service.auth.key_requests")
local keys = require("finspace.service.auth.keys")

local credentials = {}

-- A store may give keys for longer than was asked.
local function minutes_of(made, now) return math.floor((made.expires_seconds * 1000 - now) / 60000 + 0.5) end

--- @param call table
--- @return table result
function credentials.GetProgrammaticAccessCredentials(call)
  local wanted = key_requests.of_user(call)
  call.db:run("UPDATE users SET last_login = ? WHERE id = ?", call.now, call.caller.user_id)
  local made = keys.issue(call.db, wanted, call.keys)
  return {
    credentials = keys.described(made),
    durationInMinutes = call.keys and minutes_of(made, call.now) or wanted.seconds / 60,
  }
end

return credentials
