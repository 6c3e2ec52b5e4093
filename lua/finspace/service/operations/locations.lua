--- Working locations: a fresh folder in the service's own bucket for each call.

local access = require("finspace.service.s3.access")
local ids = require("finspace.service.ids")

local locations = {}

-- Nothing in it is what JSON escapes. LuaJIT knows a text by few of its bytes, and slows down where all texts have the
-- same there: in this order the path's random ones are among them.
local ANSWER = '{"s3Path":"%s","s3Bucket":"%s","s3Uri":"s3://%s/%s"}'

--- @param call table
--- @return string json
function locations.GetWorkingLocation(call)
  local bucket = call.settings.bucket
  local purpose = (call.params.locationType or "INGESTION"):lower()
  local path = call.store:key(access.scratch(call.caller.user_id) .. ids.resource() .. "/" .. purpose .. "/")
  return ANSWER:format(path, bucket, bucket, path)
end

return locations
