--- Makes warm calls: `lua5.4 warm_call.lua URL COUNT`. What instructions.lua runs under valgrind.
local endpoint = require("spec.bench.endpoint")
local fs = require("finspace").new { region = "us-east-1", endpoint_url = arg[1], credentials = endpoint.KEYS }

for _ = 1, tonumber(arg[2]) do
  assert(fs:get_working_location { locationType = "INGESTION" })
end
