--- Data views: asked for here, built elsewhere (finspace.service.ingest.view).

local arns = require("finspace.service.arns")
local cjson = require("cjson.safe")
local destination = require("finspace.service.ingest.destination")
local fault = require("finspace.service.fault")
local ids = require("finspace.service.ids")
local key_requests = require("finspace.service.auth.key_requests")
local keys = require("finspace.service.auth.keys")
local moments = require("finspace.service.moments")
local pages = require("finspace.service.pages")
local permissions = require("finspace.service.auth.permissions")

local views = {}

local QUOTA_AT_WORK = 10
local QUOTA_A_DATASET = 3

local function described(call, row)
  return {
    dataViewId = row.id,
    dataViewArn = arns.of(call.settings, "dataset", row.dataset_id, "dataview", row.id),
    datasetId = row.dataset_id,
    autoUpdate = row.auto_update == 1,
    asOfTimestamp = row.as_of,
    partitionColumns = cjson.decode(row.partition_columns),
    sortColumns = cjson.decode(row.sort_columns),
    status = row.status,
    errorInfo = row.error_category and { errorCategory = row.error_category, errorMessage = row.error_message },
    createTime = row.created,
    lastModifiedTime = row.modified,
  }
end

local function check_destination(params)
  local member, problem = destination.problem(params)
  if member then fault.raise("ValidationException", "destinationTypeParams.%s %s", member, problem) end
end

local function has_columns(dataset)
  local schema = dataset.schema and cjson.decode(dataset.schema)
  local columns = schema and schema.tabularSchemaConfig and schema.tabularSchemaConfig.columns
  if not columns or #columns == 0 then return nil end
  local names = {}
  for _, column in ipairs(columns) do
    names[column.columnName or ""] = true
  end
  return names
end

-- Without a schema the columns are known only when the view is built.
local function check_columns(dataset, member, wanted)
  local known, seen = has_columns(dataset), {}
  for _, name in ipairs(wanted or {}) do
    if known and not known[name] then
      fault.raise("ValidationException", "%s: the dataset has no column %q", member, name)
    end
    if seen[name] then fault.raise("ValidationException", "%s has %q twice", member, name) end
    seen[name] = true
  end
end

local function check_quotas(call, dataset)
  local db = call.db
  local at_work = db:row([[SELECT count(*) AS total FROM data_views
    WHERE status IN ('PENDING', 'STARTING', 'RUNNING')]]).total
  if at_work >= QUOTA_AT_WORK then
    fault.raise("LimitExceededException", "%d views are being built, as many as there can be: wait for one", at_work)
  end
  local total = db:row("SELECT count(*) AS total FROM data_views WHERE dataset_id = ?", dataset.id).total
  if total >= QUOTA_A_DATASET then
    fault.raise("LimitExceededException", "dataset %s has %d views, as many as there can be", dataset.id, total)
  end
end

local function encoded_list(list) return list and #list > 0 and cjson.encode(list) or "[]" end

--- @param call table
--- @return table result
function views.CreateDataView(call)
  local params, dataset = call.params, permissions.dataset(call, "CreateDataView")
  if params.autoUpdate and params.asOfTimestamp then
    fault.raise("ValidationException", "asOfTimestamp cannot stand beside autoUpdate: such a view is as of now")
  end
  check_destination(params.destinationTypeParams)
  check_columns(dataset, "sortColumns", params.sortColumns)
  check_columns(dataset, "partitionColumns", params.partitionColumns)
  check_quotas(call, dataset)
  local id = ids.resource()
  call.db:insert("data_views", {
    id = id,
    dataset_id = dataset.id,
    auto_update = params.autoUpdate or false,
    sort_columns = encoded_list(params.sortColumns),
    partition_columns = encoded_list(params.partitionColumns),
    as_of = params.asOfTimestamp or moments.present(call.db, dataset.id, call.now),
    destination = cjson.encode(params.destinationTypeParams),
    status = "PENDING",
    created = call.now,
    modified = call.now,
    created_by = call.caller.user_id,
  })
  return { datasetId = dataset.id, dataViewId = id }
end

local function find(call, dataset)
  local id = call.params.dataViewId
  local row = call.db:row("SELECT * FROM data_views WHERE dataset_id = ? AND id = ?", dataset.id, id)
  return row or fault.raise("ResourceNotFoundException", "dataViewId: dataset %s has no view %s", dataset.id, id)
end

--- @param call table
--- @return table result
function views.GetDataView(call)
  local row = find(call, permissions.dataset(call, "ViewDatasetDetails"))
  local result = described(call, row)
  result.destinationTypeParams = cjson.decode(row.destination)
  return result
end

--- @param call table
--- @return table result
function views.ListDataViews(call)
  local dataset = permissions.dataset(call, "ViewDatasetDetails")
  local items, next_token = pages.take(
    call,
    function(after, limit)
      return call.db:rows(
        "SELECT * FROM data_views WHERE dataset_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        dataset.id,
        after,
        limit
      )
    end,
    function(row)
      local result = described(call, row)
      result.destinationTypeProperties = cjson.decode(row.destination)
      return result
    end
  )
  return { dataViews = items, nextToken = next_token }
end

--- Keys that open the view's files for reading, and nothing else.
--- @param call table
--- @return table result
function views.GetExternalDataViewAccessDetails(call)
  local wanted = key_requests.of_view(call)
  local made = keys.issue(call.db, wanted, call.keys)
  return {
    credentials = keys.described_with_end(made),
    s3Location = { bucket = wanted.bucket, key = wanted.prefix },
  }
end

return views
