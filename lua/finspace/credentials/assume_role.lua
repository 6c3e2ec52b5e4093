--- A role's keys, asked for with other keys.
local cached = require("finspace.credentials.cached")
local keys = require("finspace.credentials.keys")
local sts = require("finspace.credentials.sts")

local assume_role = {}

-- A code of a second factor is good for one call, so it is asked for each time, and only by a callback:
-- a library does not know whether anybody sits at a terminal.
local function ask_code(call)
  if not call.mfa_code then
    return keys.broken(
      call.source,
      "MfaCodeNeeded",
      call.source
        .. " wants a code of the device "
        .. call.mfa_serial
        .. "; give a function as mfa_code, or keys that need none"
    )
  end
  local code, message = call.mfa_code(call.mfa_serial)
  if type(code) == "string" and code:find("^%d+$") then return code end
  return keys.broken(
    call.source,
    "MfaCodeNeeded",
    call.source .. ": the mfa_code function gave no code" .. (type(message) == "string" and ": " .. message or "")
  )
end

--- Assumes a role with keys at hand.
--- @param context table
--- @param call table { base = finspace.Credentials or a supplier of them, role_arn =, role_session_name =,
---   external_id =, duration_seconds =, mfa_serial =, mfa_code = function(serial) → code, source = }
--- @return finspace.Credentials|nil, finspace.Error|nil
function assume_role.call(context, call)
  local code, err
  if call.mfa_serial then
    code, err = ask_code(call)
    if not code then return nil, err end
  end
  local base = call.base
  return sts.call(context, {
    action = "AssumeRole",
    role_arn = call.role_arn,
    role_session_name = call.role_session_name,
    duration_seconds = call.duration_seconds,
    source = call.source,
    fields = {
      { "ExternalId", call.external_id },
      { "Policy", call.policy },
      { "SerialNumber", call.mfa_serial },
      { "TokenCode", code },
    },
    credentials = type(base) == "function" and base or function() return base end,
    repeatable = code == nil,
  })
end

--- @param options table { base = provider or cached object, role_arn =, and what `call` takes }
--- @return function provider
function assume_role.new(options)
  local base = options.base
  return function(context)
    base = cached.of(base, context.runtime)
    return assume_role.call(context, {
      base = base:supplier(context),
      role_arn = options.role_arn,
      role_session_name = options.role_session_name,
      external_id = options.external_id,
      duration_seconds = options.duration_seconds,
      policy = options.policy,
      mfa_serial = options.mfa_serial,
      mfa_code = options.mfa_code,
      source = options.source or "role " .. options.role_arn,
    })
  end
end

return assume_role
