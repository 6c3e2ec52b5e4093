--- Users: made, described, changed, enabled and disabled. The keys of a disabled user stop working at
--- once; a user keeps what they made.

local fault = require("finspace.service.fault")
local ids = require("finspace.service.ids")
local pages = require("finspace.service.pages")
local passwords = require("finspace.service.auth.passwords")
local permissions = require("finspace.service.auth.permissions")
local user_rows = require("finspace.service.auth.user_rows")

local users = {}

local function check_super(call, wanted)
  if wanted == "SUPER_USER" and call.caller.type ~= "SUPER_USER" then
    fault.raise("AccessDeniedException", "only a super user can make a super user")
  end
end

local function check_principal(call, arn, own_id)
  local other = arn and call.db:row("SELECT id FROM users WHERE principal_arn = ?", arn)
  if other and other.id ~= own_id then
    fault.raise("ConflictException", "apiAccessPrincipalArn: another user has this role")
  end
end

--- @param call table
--- @return table result
function users.CreateUser(call)
  permissions.require_application(call, "ManageUsersAndGroups")
  local params, now = call.params, call.now
  check_super(call, params.type)
  check_principal(call, params.apiAccessPrincipalArn)
  if call.db:row("SELECT 1 AS found FROM users WHERE lower(email) = lower(?)", params.emailAddress) then
    fault.raise("ConflictException", "emailAddress: there is a user with this address")
  end
  local id = ids.resource()
  call.db:insert("users", {
    id = id,
    email = params.emailAddress,
    type = params.type,
    first_name = params.firstName,
    last_name = params.lastName,
    api_access = params.apiAccess or "DISABLED",
    principal_arn = params.apiAccessPrincipalArn,
    status = "ENABLED",
    created = now,
    modified = now,
    last_enabled = now,
  })
  return { userId = id }
end

--- Everybody may look at themselves.
--- @param call table
--- @return table result
function users.GetUser(call)
  if call.params.userId ~= call.caller.user_id then permissions.require_application(call, "ManageUsersAndGroups") end
  return user_rows.described(user_rows.find(call))
end

--- @param call table
--- @return table result
function users.ListUsers(call)
  permissions.require_application(call, "ManageUsersAndGroups")
  local items, next_token = pages.take(
    call,
    function(after, limit) return call.db:rows("SELECT * FROM users WHERE seq > ? ORDER BY seq LIMIT ?", after, limit) end,
    user_rows.described
  )
  return { users = items, nextToken = next_token }
end

-- The owner is who can always let everybody else in again.
local function check_owner_keeps_access(call, row)
  if row.id ~= call.settings.owner then return end
  local params = call.params
  if params.type and params.type ~= "SUPER_USER" then
    fault.raise("ConflictException", "type: user %s owns this service and stays a super user", row.id)
  elseif params.apiAccess == "DISABLED" then
    fault.raise("ConflictException", "apiAccess: user %s owns this service and keeps API access", row.id)
  end
end

local function update(call, row)
  local params = call.params
  call.db:run(
    [[UPDATE users SET type = coalesce(?, type), first_name = coalesce(?, first_name),
    last_name = coalesce(?, last_name), api_access = coalesce(?, api_access),
    principal_arn = coalesce(?, principal_arn), modified = ? WHERE id = ?]],
    params.type,
    params.firstName,
    params.lastName,
    params.apiAccess,
    params.apiAccessPrincipalArn,
    call.now,
    row.id
  )
end

--- @param call table
--- @return table result
function users.UpdateUser(call)
  local params, row = call.params, user_rows.find_to_manage(call)
  check_super(call, params.type)
  check_super(call, row.type)
  check_principal(call, params.apiAccessPrincipalArn, row.id)
  check_owner_keeps_access(call, row)
  permissions.keep_an_administrator(call, function() update(call, row) end)
  return { userId = row.id }
end

--- @param call table
--- @return table result
function users.EnableUser(call)
  local row = user_rows.find_to_manage(call)
  if row.status == "ENABLED" then fault.raise("ConflictException", "user %s is enabled already", row.id) end
  call.db:run("UPDATE users SET status = 'ENABLED', last_enabled = ?2, modified = ?2 WHERE id = ?1", row.id, call.now)
  return { userId = row.id }
end

local function check_not_owner(call, row)
  if row.id == call.settings.owner then
    fault.raise("ConflictException", "user %s owns this service and cannot be disabled", row.id)
  end
end

--- @param call table
--- @return table result
function users.DisableUser(call)
  local row = user_rows.find_to_manage(call)
  check_super(call, row.type)
  check_not_owner(call, row)
  if row.status == "DISABLED" then fault.raise("ConflictException", "user %s is disabled already", row.id) end
  permissions.keep_an_administrator(
    call,
    function()
      call.db:run(
        "UPDATE users SET status = 'DISABLED', last_disabled = ?2, modified = ?2 WHERE id = ?1",
        row.id,
        call.now
      )
    end
  )
  return { userId = row.id }
end

--- Keeps the temporary password that was made before the transaction.
--- @param call table
--- @return table result
function users.ResetUserPassword(call)
  local row = user_rows.find_to_manage(call)
  check_super(call, row.type)
  if row.status ~= "ENABLED" then fault.raise("ConflictException", "user %s is disabled: enable it first", row.id) end
  passwords.keep(call.db, row.id, call.password_hash, true)
  call.db:run("UPDATE users SET modified = ? WHERE id = ?", call.now, row.id)
  return { userId = row.id, temporaryPassword = call.password }
end

return users
