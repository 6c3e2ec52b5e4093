--- `fs:ensure_dataset`: finds a dataset, or creates it. Asked twice, even at the same moment, it makes
--- one.
local core = require("finspace.core")
local find_dataset = require("finspace.verbs.find_dataset")
local options = require("finspace.options")

local ensure_dataset = {}

local OPTIONS = options.declare {
  what = "ensure_dataset",
  class = "finspace.EnsureDatasetOptions",
  { "title", "string", "what it is called; titles need not be unique, so more than one match is an err" },
  { "alias", "string", 'its unique name, with or without "alias/"; looked for instead of the title' },
  { "kind", "string", "TABULAR or NON_TABULAR", default = "TABULAR" },
  { "description", "string", "a text for people" },
  { "owner", "table", "`{ name, phoneNumber, email }`" },
  { "schema", "table", "a schemaDefinition, for example from `fs:infer_schema`" },
  { "permission_group_id", "string", "a group that may use it; without one, its creator alone may" },
  { "permissions", "string[]", "what that group may do; everything when absent" },
}

local ALL_PERMISSIONS = {
  "ViewDatasetDetails",
  "ReadDatasetData",
  "AddDatasetData",
  "CreateDataView",
  "EditDatasetMetadata",
  "ManageDatasetPermissions",
  "DeleteDataset",
}

local function full_alias(alias) return alias and (alias:find("^alias/") and alias or "alias/" .. alias) end

local function group_params(given)
  if not given.permission_group_id then return {} end
  local granted = {}
  for i, permission in ipairs(given.permissions or ALL_PERMISSIONS) do
    granted[i] = { permission = permission }
  end
  return { permissionGroupId = given.permission_group_id, datasetPermissions = granted }
end

local function create(client, given, alias, token)
  return client:call("CreateDataset", {
    datasetTitle = given.title or alias:gsub("^alias/", ""),
    alias = alias,
    kind = given.kind,
    datasetDescription = given.description,
    ownerInfo = given.owner,
    schemaDefinition = given.schema,
    permissionGroupParams = group_params(given),
    clientToken = token,
  })
end

-- Runs that meet each other use one token, so that they make one dataset between them.
local function shared_token(member, wanted) return "ensure-" .. core.sha256(member .. "\0" .. wanted):sub(1, 48) end

-- Creates it, whoever else is doing so at this moment.
local function create_once(client, given, alias, member, wanted)
  local created, err = create(client, given, alias, shared_token(member, wanted))
  if not created then
    if err.code ~= "ConflictException" then return nil, err end
    local dataset = find_dataset.by_member(client, wanted, member) -- another run was faster, and asked for it otherwise
    if dataset then return dataset, nil, false end
    return nil, err
  end
  local dataset
  dataset, err = client:wait_dataset { datasetId = created.datasetId }
  if dataset or err.code ~= "ResourceNotFoundException" then return dataset, err, true end
  -- The service remembered the token of a dataset that has been deleted since.
  created, err = create(client, given, alias)
  if not created then return nil, err end
  dataset, err = client:wait_dataset { datasetId = created.datasetId }
  return dataset, err, true
end

--- Finds a dataset by its alias or its title, over all pages, or creates it. One that is there is left
--- as it is, whatever else the options say.
--- @param client finspace.Client
--- @param given finspace.EnsureDatasetOptions
--- @return table|nil dataset, finspace.Error|nil err, boolean|nil created
function ensure_dataset.run(client, given)
  given = OPTIONS:check(given)
  if not given or not (given.title or given.alias) then
    error('ensure_dataset needs the option "title" or "alias"', 2)
  end
  local alias = full_alias(given.alias)
  local member, wanted = "datasetTitle", given.title
  if alias then
    member, wanted = "alias", alias
  end
  local dataset, err = find_dataset.by_member(client, wanted, member)
  if dataset == nil then return nil, err end
  if dataset then return dataset, nil, false end
  return create_once(client, given, alias, member, wanted)
end

return ensure_dataset
