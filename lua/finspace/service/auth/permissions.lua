--- Who may do what. A super user may do everything; everybody else what the groups they are in may
--- do, and with a dataset that they made themselves, everything.

local cjson = require("cjson.safe")
local fault = require("finspace.service.fault")

local permissions = {}

permissions.DATASET = {
  "ViewDatasetDetails",
  "ReadDatasetData",
  "AddDatasetData",
  "CreateDataView",
  "EditDatasetMetadata",
  "ManageDatasetPermissions",
  "DeleteDataset",
}

local function is_super(call) return call.caller.type == "SUPER_USER" end

local function has_application_permission(call, wanted)
  local rows = call.db:rows(
    [[SELECT permissions FROM permission_groups g
    JOIN memberships m ON m.group_id = g.id WHERE m.user_id = ?]],
    call.caller.user_id
  )
  for _, row in ipairs(rows) do
    for _, permission in ipairs(cjson.decode(row.permissions)) do
      if permission == wanted then return true end
    end
  end
  return false
end

--- Refuses a caller whose groups do not have an application permission.
--- @param call table
--- @param wanted string for example "CreateDataset"
function permissions.require_application(call, wanted)
  if is_super(call) or has_application_permission(call, wanted) then return end
  fault.raise("AccessDeniedException", "no permission group of yours has the permission %s", wanted)
end

local function has_administrator(db)
  return db:row([[SELECT 1 AS found FROM permission_groups g JOIN memberships m ON m.group_id = g.id
    JOIN users u ON u.id = m.user_id WHERE g.permissions LIKE '%"ManageUsersAndGroups"%'
    AND u.status = 'ENABLED' AND u.api_access = 'ENABLED' LIMIT 1]]) ~= nil
end

--- Makes a change to users or groups, unless after it nobody could manage them any more.
--- @param call table in a transaction, which a refusal undoes
--- @param change fun()
function permissions.keep_an_administrator(call, change)
  local had_one = has_administrator(call.db)
  change()
  if not had_one or has_administrator(call.db) then return end
  fault.raise(
    "ConflictException",
    "no enabled user with API access would be left in a group with ManageUsersAndGroups:"
      .. " add one to such a group first"
  )
end

--- @param call table
--- @param dataset table row
--- @param wanted string for example "AddDatasetData"
--- @return boolean
function permissions.has_dataset(call, dataset, wanted)
  if is_super(call) or dataset.created_by == call.caller.user_id then return true end
  return call.db:row(
    [[SELECT 1 AS found FROM dataset_permissions p
    JOIN memberships m ON m.group_id = p.group_id
    WHERE p.dataset_id = ? AND p.permission = ? AND m.user_id = ?]],
    dataset.id,
    wanted,
    call.caller.user_id
  ) ~= nil
end

--- Finds a dataset and refuses a caller who lacks a permission on it.
--- @param call table
--- @param wanted string
--- @return table dataset row
function permissions.dataset(call, wanted)
  local id = call.params.datasetId
  local dataset = call.db:row("SELECT * FROM datasets WHERE id = ? OR alias = ?", id, id)
  if not dataset then fault.raise("ResourceNotFoundException", "datasetId: there is no dataset %s", id) end
  if permissions.has_dataset(call, dataset, wanted) then return dataset end
  return fault.raise("AccessDeniedException", "no permission group of yours has %s on dataset %s", wanted, id)
end

return permissions
