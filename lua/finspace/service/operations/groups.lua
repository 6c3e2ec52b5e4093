--- Permission groups and who is in them.

local cjson = require("cjson.safe")
local fault = require("finspace.service.fault")
local ids = require("finspace.service.ids")
local pages = require("finspace.service.pages")
local permissions = require("finspace.service.auth.permissions")
local user_rows = require("finspace.service.auth.user_rows")

local groups = {}

local QUOTA = 1000

local function described(row)
  return {
    permissionGroupId = row.id,
    name = row.name,
    description = row.description,
    applicationPermissions = cjson.decode(row.permissions),
    createTime = row.created,
    lastModifiedTime = row.modified,
  }
end

local function find(call)
  local id = call.params.permissionGroupId
  local row = call.db:row("SELECT * FROM permission_groups WHERE id = ?", id)
  return row or fault.raise("ResourceNotFoundException", "permissionGroupId: there is no group %s", id)
end

local function find_to_manage(call)
  permissions.require_application(call, "ManageUsersAndGroups")
  return find(call)
end

local function check_name(call, name, own_id)
  local other = name and call.db:row("SELECT id FROM permission_groups WHERE name = ?", name)
  if other and other.id ~= own_id then fault.raise("ConflictException", "name: another group has this name") end
end

-- An empty list is written as one; a list that names a permission twice grants it once.
local function encoded(list)
  if not list then return nil end
  local unique, seen = {}, {}
  for _, permission in ipairs(list) do
    if not seen[permission] then unique[#unique + 1] = permission end
    seen[permission] = true
  end
  return #unique == 0 and "[]" or cjson.encode(unique)
end

--- @param call table
--- @return table result
function groups.CreatePermissionGroup(call)
  permissions.require_application(call, "ManageUsersAndGroups")
  local params = call.params
  check_name(call, params.name)
  if call.db:row("SELECT count(*) AS total FROM permission_groups").total >= QUOTA then
    fault.raise("LimitExceededException", "there are %d groups, as many as there can be: delete one", QUOTA)
  end
  local id = ids.resource()
  call.db:insert("permission_groups", {
    id = id,
    name = params.name,
    description = params.description,
    permissions = encoded(params.applicationPermissions),
    created = call.now,
    modified = call.now,
  })
  return { permissionGroupId = id }
end

--- @param call table
--- @return table result
function groups.GetPermissionGroup(call) return { permissionGroup = described(find_to_manage(call)) } end

--- @param call table
--- @return table result
function groups.ListPermissionGroups(call)
  permissions.require_application(call, "ManageUsersAndGroups")
  local items, next_token = pages.take(
    call,
    function(after, limit)
      return call.db:rows("SELECT * FROM permission_groups WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
    end,
    function(row) return described(row) end
  )
  return { permissionGroups = items, nextToken = next_token }
end

local function update(call, row)
  local params = call.params
  call.db:run(
    [[UPDATE permission_groups SET name = coalesce(?, name), description = coalesce(?, description),
    permissions = coalesce(?, permissions), modified = ? WHERE id = ?]],
    params.name,
    params.description,
    encoded(params.applicationPermissions),
    call.now,
    row.id
  )
end

--- @param call table
--- @return table result
function groups.UpdatePermissionGroup(call)
  local params, row = call.params, find_to_manage(call)
  check_name(call, params.name, row.id)
  permissions.keep_an_administrator(call, function() update(call, row) end)
  return { permissionGroupId = row.id }
end

--- Deletes a group, its memberships and what it was granted.
--- @param call table
--- @return table result
function groups.DeletePermissionGroup(call)
  local id = find_to_manage(call).id
  permissions.keep_an_administrator(call, function()
    call.db:run("DELETE FROM memberships WHERE group_id = ?", id)
    call.db:run("DELETE FROM dataset_permissions WHERE group_id = ?", id)
    call.db:run("DELETE FROM permission_groups WHERE id = ?", id)
  end)
  return { permissionGroupId = id }
end

--- @param call table
--- @return table result
function groups.AssociateUserToPermissionGroup(call)
  local group, user = find_to_manage(call), user_rows.find(call)
  local added =
    call.db:run("INSERT INTO memberships (group_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", group.id, user.id)
  if added == 0 then fault.raise("ConflictException", "user %s is in group %s already", user.id, group.id) end
  return {}
end

--- @param call table
--- @return table result
function groups.DisassociateUserFromPermissionGroup(call)
  local group, user = find_to_manage(call), user_rows.find(call)
  local removed
  permissions.keep_an_administrator(
    call,
    function() removed = call.db:run("DELETE FROM memberships WHERE group_id = ? AND user_id = ?", group.id, user.id) end
  )
  if removed == 0 then fault.raise("ResourceNotFoundException", "user %s is not in group %s", user.id, group.id) end
  return {}
end

--- Everybody may see which groups they are in.
--- @param call table
--- @return table result
function groups.ListPermissionGroupsByUser(call)
  if call.params.userId ~= call.caller.user_id then permissions.require_application(call, "ManageUsersAndGroups") end
  local user = user_rows.find(call)
  local items, next_token = pages.take(
    call,
    function(after, limit)
      return call.db:rows(
        [[SELECT m.seq, g.id, g.name FROM memberships m JOIN permission_groups g ON g.id = m.group_id
      WHERE m.user_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?]],
        user.id,
        after,
        limit
      )
    end,
    function(row) return { permissionGroupId = row.id, name = row.name, membershipStatus = "ADDITION_SUCCESS" } end
  )
  return { permissionGroups = items, nextToken = next_token }
end

--- @param call table
--- @return table result
function groups.ListUsersByPermissionGroup(call)
  local group = find_to_manage(call)
  local items, next_token = pages.take(
    call,
    function(after, limit)
      return call.db:rows(
        [[SELECT m.seq, u.id, u.status, u.first_name, u.last_name, u.email, u.type,
        u.api_access, u.principal_arn FROM memberships m JOIN users u ON u.id = m.user_id
      WHERE m.group_id = ? AND m.seq > ? ORDER BY m.seq LIMIT ?]],
        group.id,
        after,
        limit
      )
    end,
    function(row)
      local result = user_rows.described_briefly(row)
      result.membershipStatus = "ADDITION_SUCCESS"
      return result
    end
  )
  return { users = items, nextToken = next_token }
end

return groups
