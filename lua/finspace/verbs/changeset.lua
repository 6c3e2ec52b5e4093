--- One normal form for a changeset, whichever of the two wire forms it came in.
local changeset = {}

-- The error categories that the 2021-05 form spells as sentences.
local CATEGORIES = {
  The_inputs_to_this_request_are_invalid = "VALIDATION",
  Service_limits_have_been_exceeded = "SERVICE_QUOTA_EXCEEDED",
  Missing_required_permission_to_perform_this_request = "ACCESS_DENIED",
  One_or_more_inputs_to_this_request_were_not_found = "RESOURCE_NOT_FOUND",
  The_system_temporarily_lacks_sufficient_resources_to_process_the_request = "THROTTLING",
  An_internal_error_has_occurred = "INTERNAL_SERVICE_EXCEPTION",
  Cancelled = "CANCELLED",
  A_user_recoverable_error_has_occurred = "USER_RECOVERABLE",
}

--- @class finspace.Changeset
--- @field id string
--- @field dataset_id? string
--- @field arn? string
--- @field status? string            PENDING, RUNNING, SUCCESS, FAILED or STOP_REQUESTED
--- @field change_type? string       APPEND, REPLACE or MODIFY
--- @field source? table<string, string>  sourceParams, with the sourceType
--- @field format? table<string, string>  formatParams, with the formatType
--- @field labels? table<string, string>
--- @field created_at? integer       all times are epoch milliseconds
--- @field active_from? integer
--- @field active_until? integer
--- @field updates? string           the changeset that this one replaces
--- @field updated_by? string        the changeset that replaces this one
--- @field error_category? string    the short spelling
--- @field error_message? string

local function milliseconds(seconds) return seconds and math.floor(seconds * 1000 + 0.5) end

-- The 2021-05 form keeps the type beside the map, the later one within.
local function with_type(params, name, type_)
  if not type_ or (params and params[name]) then return params end
  local result = { [name] = type_ }
  for key, value in pairs(params or {}) do
    result[key] = value
  end
  return result
end

--- Reads a changeset from any answer that holds one: of CreateChangeset in both forms, GetChangeset,
--- UpdateChangeset, or an item of ListChangesets.
--- @param answer table
--- @return finspace.Changeset
function changeset.normalize(answer)
  local raw = answer.changeset or answer
  local failure = raw.errorInfo or {}
  return {
    id = raw.changesetId or raw.id,
    dataset_id = raw.datasetId,
    arn = raw.changesetArn,
    status = raw.status,
    change_type = raw.changeType,
    source = with_type(raw.sourceParams, "sourceType", raw.sourceType),
    format = with_type(raw.formatParams, "formatType", raw.formatType),
    labels = raw.changesetLabels,
    created_at = raw.createTime or milliseconds(raw.createTimestamp),
    active_from = raw.activeFromTimestamp,
    active_until = raw.activeUntilTimestamp,
    updates = raw.updatesChangesetId,
    updated_by = raw.updatedByChangesetId,
    error_category = CATEGORIES[failure.errorCategory] or failure.errorCategory,
    error_message = failure.errorMessage,
  }
end

return changeset
