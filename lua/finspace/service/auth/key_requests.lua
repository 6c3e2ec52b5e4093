--- Who may have which temporary keys: for an operation, and for what is done before its transaction.

local fault = require("finspace.service.fault")
local permissions = require("finspace.service.auth.permissions")

local key_requests = {}

local DEFAULT_MINUTES = 60
local VIEW_SECONDS = 3600

--- @param call table of GetProgrammaticAccessCredentials
--- @return table wanted as keys.issue takes it
function key_requests.of_user(call)
  permissions.require_application(call, "GetTemporaryCredentials")
  local user = call.db:row("SELECT api_access FROM users WHERE id = ?", call.caller.user_id)
  if user.api_access ~= "ENABLED" then fault.raise("AccessDeniedException", "your user has no API access") end
  return { user_id = call.caller.user_id, seconds = (call.params.durationInMinutes or DEFAULT_MINUTES) * 60 }
end

--- @param call table of GetExternalDataViewAccessDetails
--- @return table wanted with the bucket and the prefix of the view's files
function key_requests.of_view(call)
  local dataset, id = permissions.dataset(call, "ReadDatasetData"), call.params.dataViewId
  local row = call.db:row("SELECT * FROM data_views WHERE dataset_id = ? AND id = ?", dataset.id, id)
  if not row then fault.raise("ResourceNotFoundException", "dataViewId: dataset %s has no view %s", dataset.id, id) end
  return {
    user_id = call.caller.user_id,
    seconds = VIEW_SECONDS,
    bucket = call.settings.bucket,
    prefix = row.prefix or call.store:view_prefix(row),
  }
end

return key_requests
