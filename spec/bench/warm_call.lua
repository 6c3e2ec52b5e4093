--- Makes warm calls: `lua5.4 warm_call.lua URL COUNT [LIMIT]`; with LIMIT that many at a time. What instructions.lua
--- runs under valgrind.
local endpoint = require("spec.bench.endpoint")
local finspace = require("finspace")
local fs = finspace.new { region = "us-east-1", endpoint_url = arg[1], credentials = endpoint.KEYS }
local count, limit = tonumber(arg[2]), tonumber(arg[3])

local function call() return assert(fs:get_working_location { locationType = "INGESTION" }) end

if limit then
  local jobs = { limit = limit }
  for index = 1, count do
    jobs[index] = call
  end
  local _, errs = finspace.run(function() return finspace.gather(jobs) end)
  assert(not errs)
else
  for _ = 1, count do
    call()
  end
end
