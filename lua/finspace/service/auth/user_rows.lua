--- Users as the database has them: found, and described as answers show them.

local fault = require("finspace.service.fault")
local permissions = require("finspace.service.auth.permissions")

local user_rows = {}

--- @param call table
--- @return table row
function user_rows.find(call)
  local row = call.db:row("SELECT * FROM users WHERE id = ?", call.params.userId)
  return row or fault.raise("ResourceNotFoundException", "userId: there is no user %s", call.params.userId)
end

--- The same for who may manage users; others are refused.
--- @param call table
--- @return table row
function user_rows.find_to_manage(call)
  permissions.require_application(call, "ManageUsersAndGroups")
  return user_rows.find(call)
end

--- @param row table
--- @return table as a list of a group's users shows it
function user_rows.described_briefly(row)
  return {
    userId = row.id,
    status = row.status,
    firstName = row.first_name,
    lastName = row.last_name,
    emailAddress = row.email,
    type = row.type,
    apiAccess = row.api_access,
    apiAccessPrincipalArn = row.principal_arn,
  }
end

--- @param row table
--- @return table with the times, as GetUser shows it
function user_rows.described(row)
  local user = user_rows.described_briefly(row)
  user.createTime = row.created
  user.lastEnabledTime = row.last_enabled
  user.lastDisabledTime = row.last_disabled
  user.lastModifiedTime = row.modified
  user.lastLoginTime = row.last_login
  return user
end

return user_rows
