--- FinSpace's own credentials from IAM keys: the client trades them, and renews them before they end.
---
---   FINSPACE_ENVIRONMENT_ID=… lua5.4 examples/own_credentials.lua
local finspace = require("finspace")

local fs = finspace.new {
  environment_id = assert(os.getenv("FINSPACE_ENVIRONMENT_ID"), "set FINSPACE_ENVIRONMENT_ID"),
  duration_in_minutes = 60,
}
print(assert(fs:get_working_location { locationType = "INGESTION" }).s3Uri)
