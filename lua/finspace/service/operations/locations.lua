--- Working locations: a fresh folder in the service's own bucket for each call.

local access = require("finspace.service.s3.access")
local ids = require("finspace.service.ids")

local locations = {}

--- @param call table
--- @return table result
function locations.GetWorkingLocation(call)
  local bucket = call.settings.bucket
  local purpose = (call.params.locationType or "INGESTION"):lower()
  local path = call.store:key(access.scratch(call.caller.user_id) .. ids.resource() .. "/" .. purpose .. "/")
  return { s3Bucket = bucket, s3Path = path, s3Uri = "s3://" .. bucket .. "/" .. path }
end

return locations
