--- Changesets, in both wire forms. They are made here and ingested elsewhere (finspace.service.ingest).

local arns = require("finspace.service.arns")
local cjson = require("cjson.safe")
local fault = require("finspace.service.fault")
local formats = require("finspace.service.ingest.formats")
local ids = require("finspace.service.ids")
local pages = require("finspace.service.pages")
local permissions = require("finspace.service.auth.permissions")

local changesets = {}

local QUOTA_AT_WORK = 10

local function arn(call, row) return arns.of(call.settings, "dataset", row.dataset_id, "changeset", row.id) end

local function error_info(row)
  return row.error_category and { errorCategory = row.error_category, errorMessage = row.error_message }
end

-- rowCount is not in Amazon's model: it is ours, and clients keep members that they do not know.
local function described(call, row)
  return {
    changesetId = row.id,
    changesetArn = arn(call, row),
    datasetId = row.dataset_id,
    changeType = row.change_type,
    sourceParams = cjson.decode(row.source_params),
    formatParams = cjson.decode(row.format_params),
    createTime = row.created,
    status = row.status,
    errorInfo = error_info(row),
    activeFromTimestamp = row.active_from,
    activeUntilTimestamp = row.active_until,
    updatesChangesetId = row.updates_id,
    updatedByChangesetId = row.updated_by_id,
    rowCount = row.row_count,
  }
end

local function check_source(params)
  local path = params.sourceParams.s3SourcePath
  if not path then
    fault.raise("ValidationException", "sourceParams.s3SourcePath is missing: give it as s3://BUCKET/KEY")
  end
  if not path:match("^s3://[^/]+/") then
    fault.raise("ValidationException", "sourceParams.s3SourcePath must be written as s3://BUCKET/KEY")
  end
  local kind = params.sourceParams.sourceType
  if kind and kind ~= "S3" then fault.raise("ValidationException", "sourceParams.sourceType must be S3") end
end

local function check_format(format_params)
  local problem = formats.problem(format_params)
  if problem then fault.raise("ValidationException", "formatParams.%s", problem) end
end

local function check_quota(call)
  local row = call.db:row("SELECT count(*) AS total FROM changesets WHERE status IN ('PENDING', 'RUNNING')")
  if row.total >= QUOTA_AT_WORK then
    fault.raise("LimitExceededException", "%d changesets are at work, as many as there can be: wait for one", row.total)
  end
end

-- Numbers are given in the order in which transactions ask, and rows are seen in the order in which they end: within a
-- dataset one waits for the other, so that both are the same.
local function lock(call, dataset)
  call.db:row("SELECT seq FROM datasets WHERE id = ?" .. call.db.dialect.locked, dataset.id)
end

local function insert(call, dataset, change_type, format_params, updates_id)
  lock(call, dataset)
  local id = ids.resource()
  call.db:insert("changesets", {
    id = id,
    dataset_id = dataset.id,
    change_type = change_type,
    source_params = cjson.encode(call.params.sourceParams),
    format_params = cjson.encode(format_params),
    tags = call.params.tags and cjson.encode(call.params.tags),
    status = "PENDING",
    updates_id = updates_id,
    created = call.now,
    created_by = call.caller.user_id,
  })
  return id
end

-- The 2021-05 form says the format's type beside its params; inside, it is one of them.
local function format_of(params)
  local format_params = {}
  for name, value in pairs(params.formatParams or {}) do
    format_params[name] = value
  end
  format_params.formatType = params.formatType or format_params.formatType
  return format_params
end

local function first_form(call, id)
  local params = call.params
  return {
    changeset = {
      id = id,
      changesetArn = arn(call, { dataset_id = params.datasetId, id = id }),
      datasetId = params.datasetId,
      changeType = params.changeType,
      sourceType = params.sourceType,
      sourceParams = params.sourceParams,
      formatType = params.formatType,
      formatParams = params.formatParams,
      changesetLabels = params.tags,
      createTimestamp = call.now / 1000,
      status = "PENDING",
    },
  }
end

--- @param call table
--- @return table result
function changesets.CreateChangeset(call)
  local params = call.params
  local dataset = permissions.dataset(call, "AddDatasetData")
  if params.changeType == "MODIFY" then
    fault.raise("ValidationException", "changeType MODIFY names the changeset it replaces: use UpdateChangeset")
  end
  local format_params = format_of(params)
  check_source(params)
  check_format(format_params)
  check_quota(call)
  local id = insert(call, dataset, params.changeType, format_params)
  if call.operation.generation == "2021-05" then return first_form(call, id) end
  return { datasetId = dataset.id, changesetId = id }
end

local function find(call, dataset)
  local row =
    call.db:row("SELECT * FROM changesets WHERE dataset_id = ? AND id = ?", dataset.id, call.params.changesetId)
  return row
    or fault.raise(
      "ResourceNotFoundException",
      "changesetId: dataset %s has no changeset %s",
      dataset.id,
      call.params.changesetId
    )
end

--- Replaces one earlier changeset: makes a MODIFY changeset that takes its place when it succeeds.
--- @param call table
--- @return table result
function changesets.UpdateChangeset(call)
  local dataset = permissions.dataset(call, "AddDatasetData")
  local earlier = find(call, dataset)
  check_source(call.params)
  check_format(call.params.formatParams)
  if earlier.status ~= "SUCCESS" then
    fault.raise(
      "ConflictException",
      "changeset %s is %s: only a SUCCESS changeset can be replaced",
      earlier.id,
      earlier.status
    )
  end
  if earlier.updated_by_id then
    fault.raise(
      "ConflictException",
      "changeset %s is replaced by %s already: update that one",
      earlier.id,
      earlier.updated_by_id
    )
  end
  check_quota(call)
  local id = insert(call, dataset, "MODIFY", call.params.formatParams, earlier.id)
  call.db:run("UPDATE changesets SET updated_by_id = ? WHERE id = ?", id, earlier.id)
  return { datasetId = dataset.id, changesetId = id }
end

--- @param call table
--- @return table result
function changesets.GetChangeset(call)
  return described(call, find(call, permissions.dataset(call, "ViewDatasetDetails")))
end

-- --- a page, whose rows are written as JSON once ----------------------------------------------------

local PAGE =
  [[SELECT seq, id, change_type, source_params, format_params, created, status, error_category, error_message,
  active_from, active_until, updates_id, updated_by_id, row_count
  FROM changesets WHERE dataset_id = ? AND seq > ? ORDER BY seq LIMIT ?]]

local WHOLE = '{"changesetId":"%s","changesetArn":"%s/%s","datasetId":"%s","changeType":"%s","sourceParams":%s,'
  .. '"formatParams":%s,"createTime":%d,"status":"%s"%s}'

-- What not every row has: a comma stands before each.
local function written_rest(row)
  local info = row.error_category and cjson.encode(error_info(row))
  return (info and ',"errorInfo":' .. info or "")
    .. (row.active_from and (',"activeFromTimestamp":%d'):format(row.active_from) or "")
    .. (row.active_until and (',"activeUntilTimestamp":%d'):format(row.active_until) or "")
    .. (row.updates_id and ',"updatesChangesetId":"' .. row.updates_id .. '"' or "")
    .. (row.updated_by_id and ',"updatedByChangesetId":"' .. row.updated_by_id .. '"' or "")
    .. (row.row_count and (',"rowCount":%d'):format(row.row_count) or "")
end

-- The same as `described`; its params are JSON already, and its ids hold nothing that JSON escapes.
local function writer(call, dataset_id)
  local head = arns.of(call.settings, "dataset", dataset_id, "changeset")
  return function(row)
    local rest = written_rest(row)
    local source, format = row.source_params, row.format_params
    return WHOLE:format(
      row.id,
      head,
      row.id,
      dataset_id,
      row.change_type,
      source,
      format,
      row.created,
      row.status,
      rest
    )
  end
end

--- @param call table
--- @return string json
function changesets.ListChangesets(call)
  local dataset = permissions.dataset(call, "ViewDatasetDetails")
  local items, next_token = pages.take(
    call,
    function(after, limit) return call.db:rows(PAGE, dataset.id, after, limit) end,
    writer(call, dataset.id)
  )
  local token = next_token and (',"nextToken":"%s"'):format(next_token) or ""
  return '{"changesets":[' .. table.concat(items, ",") .. "]" .. token .. "}"
end

return changesets
