--- Datasets: made, described, listed, changed, deleted.

local arns = require("finspace.service.arns")
local cjson = require("cjson.safe")
local fault = require("finspace.service.fault")
local ids = require("finspace.service.ids")
local pages = require("finspace.service.pages")
local permissions = require("finspace.service.auth.permissions")

local datasets = {}

local QUOTA = 1500

local function described(call, row)
  return {
    datasetId = row.id,
    datasetArn = arns.of(call.settings, "dataset", row.id),
    datasetTitle = row.title,
    kind = row.kind,
    datasetDescription = row.description,
    createTime = row.created,
    lastModifiedTime = row.modified,
    schemaDefinition = row.schema and cjson.decode(row.schema),
    alias = row.alias,
  }
end

local function encoded(value) return value and cjson.encode(value) end

local function check_alias(call, alias, own_id)
  local other = alias and call.db:row("SELECT id FROM datasets WHERE alias = ?", alias)
  if other and other.id ~= own_id then
    fault.raise("ConflictException", "alias: another dataset has the alias %s", alias)
  end
end

local function check_schema(schema)
  local tabular = schema and schema.tabularSchemaConfig
  local seen = {}
  for _, column in ipairs(tabular and tabular.columns or {}) do
    local name = column.columnName or ""
    if seen[name] then
      fault.raise("ValidationException", "schemaDefinition.tabularSchemaConfig.columns has %q twice", name)
    end
    seen[name] = true
  end
  for _, name in ipairs(tabular and tabular.primaryKeyColumns or {}) do
    if not seen[name] then
      fault.raise("ValidationException", "schemaDefinition.tabularSchemaConfig.primaryKeyColumns: no column %q", name)
    end
  end
end

local function is_dataset_permission(name)
  for _, known in ipairs(permissions.DATASET) do
    if known == name then return true end
  end
end

-- A group that is named without permissions may look at the dataset.
local function grant(call, dataset_id, wanted)
  local group = wanted.permissionGroupId
  if not group then return end
  if not call.db:row("SELECT 1 AS found FROM permission_groups WHERE id = ?", group) then
    fault.raise("ResourceNotFoundException", "permissionGroupParams.permissionGroupId: there is no group %s", group)
  end
  local granted = wanted.datasetPermissions or {}
  if #granted == 0 then granted = { { permission = "ViewDatasetDetails" } } end
  for _, entry in ipairs(granted) do
    if not is_dataset_permission(entry.permission) then
      fault.raise(
        "ValidationException",
        "permissionGroupParams.datasetPermissions: permission must be one of %s",
        table.concat(permissions.DATASET, ", ")
      )
    end
    call.db:run(
      "INSERT INTO dataset_permissions VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      dataset_id,
      group,
      entry.permission
    )
  end
end

--- @param call table
--- @return table result
function datasets.CreateDataset(call)
  permissions.require_application(call, "CreateDataset")
  local params = call.params
  check_alias(call, params.alias)
  check_schema(params.schemaDefinition)
  if call.db:row("SELECT count(*) AS total FROM datasets").total >= QUOTA then
    fault.raise("LimitExceededException", "there are %d datasets, as many as there can be: delete one", QUOTA)
  end
  local id = ids.resource()
  call.db:insert("datasets", {
    id = id,
    title = params.datasetTitle,
    kind = params.kind,
    description = params.datasetDescription,
    owner = encoded(params.ownerInfo),
    alias = params.alias,
    schema = encoded(params.schemaDefinition),
    created_by = call.caller.user_id,
    created = call.now,
    modified = call.now,
  })
  grant(call, id, params.permissionGroupParams)
  return { datasetId = id }
end

--- Finds by id or by alias.
--- @param call table
--- @return table result
function datasets.GetDataset(call)
  local row = permissions.dataset(call, "ViewDatasetDetails")
  local result = described(call, row)
  result.status = "SUCCESS"
  return result
end

--- Lists what the caller may look at.
--- @param call table
--- @return table result
function datasets.ListDatasets(call)
  local items, next_token = pages.take(
    call,
    function(after, limit)
      return call.db:rows(
        [[SELECT * FROM datasets d WHERE seq > ?1 AND (?3 OR created_by = ?4 OR EXISTS (
        SELECT 1 FROM dataset_permissions p JOIN memberships m ON m.group_id = p.group_id
        WHERE p.dataset_id = d.id AND p.permission = 'ViewDatasetDetails' AND m.user_id = ?4))
      ORDER BY seq LIMIT ?2]],
        after,
        limit,
        call.caller.type == "SUPER_USER",
        call.caller.user_id
      )
    end,
    function(row)
      local result = described(call, row)
      result.ownerInfo = row.owner and cjson.decode(row.owner)
      return result
    end
  )
  return { datasets = items, nextToken = next_token }
end

--- @param call table
--- @return table result
function datasets.UpdateDataset(call)
  local params = call.params
  local row = permissions.dataset(call, "EditDatasetMetadata")
  check_alias(call, params.alias, row.id)
  check_schema(params.schemaDefinition)
  call.db:run(
    [[UPDATE datasets SET title = ?, kind = ?, description = coalesce(?, description),
    alias = coalesce(?, alias), schema = coalesce(?, schema), modified = ? WHERE id = ?]],
    params.datasetTitle,
    params.kind,
    params.datasetDescription,
    params.alias,
    encoded(params.schemaDefinition),
    call.now,
    row.id
  )
  return { datasetId = row.id }
end

local function is_busy(call, id)
  return call.db:row(
    [[SELECT 1 AS found FROM changesets WHERE dataset_id = ?1 AND status IN ('PENDING', 'RUNNING')
    UNION ALL SELECT 1 FROM data_views WHERE dataset_id = ?1 AND status IN ('PENDING', 'STARTING', 'RUNNING')
    LIMIT 1]],
    id
  ) ~= nil
end

--- Deletes a dataset with its changesets and views.
--- @param call table
--- @return table result
function datasets.DeleteDataset(call)
  local id = permissions.dataset(call, "DeleteDataset").id
  if is_busy(call, id) then
    fault.raise("ConflictException", "dataset %s has a changeset or a view at work: wait for it, then delete", id)
  end
  call.store:forget_dataset(id)
  call.db:run(
    "DELETE FROM changeset_sources WHERE changeset_id IN (SELECT id FROM changesets WHERE dataset_id = ?)",
    id
  )
  for _, name in ipairs { "changesets", "data_views", "dataset_permissions" } do
    call.db:run("DELETE FROM " .. name .. " WHERE dataset_id = ?", id)
  end
  call.db:run("DELETE FROM datasets WHERE id = ?", id)
  return { datasetId = id }
end

return datasets
