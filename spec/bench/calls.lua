--- A warm get_working_location, signed and read into a table, beside the same request by bare libcurl,
--- by libcurl with its own signer, and by boto3.
local finspace = require("finspace")
local measure = require("spec.bench.table")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

local CALLS, TURNS = 2000, 5
local ANSWER = [[{"s3Uri":"s3://bucket/scratch/ingestion/","s3Path":"scratch/ingestion/","s3Bucket":"bucket"}]]
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local function start_server()
  local port = support.free_port()
  local server = nginx.start(
    ([[
    server {
      listen 127.0.0.1:%d;
      location / {
        default_type application/json;
        content_by_lua_block { ngx.req.discard_body() ngx.header["content-length"] = %d ngx.print('%s') }
      }
    }]]):format(port, #ANSWER, ANSWER),
    { ports = { port } }
  )
  return server, "http://127.0.0.1:" .. port
end

local function measure_ours(url)
  local fs = finspace.new { region = "us-east-1", endpoint_url = url, credentials = KEYS }
  assert(fs:get_working_location { locationType = "INGESTION" })
  return measure.median(TURNS, function()
    local start = sys.monotonic()
    for _ = 1, CALLS do
      assert(fs:get_working_location { locationType = "INGESTION" })
    end
    return (sys.monotonic() - start) * 1e6 / CALLS
  end)
end

local function compile_baseline()
  local program = support.root .. "/build/curl_baseline"
  local output, status =
    support.run(("cc -O2 %s/spec/bench/curl_baseline.c -o %s -lcurl"):format(support.root, program))
  assert(status == 0, output)
  return program
end

local function measure_curl(program, url, how)
  return measure.median(
    TURNS,
    function() return tonumber((support.run(("%s %s/workingLocationV1 %d %s"):format(program, url, CALLS, how)))) end
  )
end

local BOTO3 = [[
import sys, time, boto3
c = boto3.client("finspace-data", region_name="us-east-1", endpoint_url=sys.argv[1],
                 aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
c.get_working_location(locationType="INGESTION")
n = 200
t = time.perf_counter()
for _ in range(n): c.get_working_location(locationType="INGESTION")
print((time.perf_counter() - t) * 1e6 / n)
]]

local function measure_boto3(url)
  local python = support.python("boto3")
  if not python then return nil end
  return tonumber((support.run(python .. " -W ignore -c " .. support.quote(BOTO3) .. " " .. url)))
end

local server, url = start_server()
local ok, why = pcall(function()
  local program = compile_baseline()
  measure.show("A warm get_working_location (microseconds a call, one core, loopback)", {
    { name = "bare libcurl, unsigned", value = measure_curl(program, url, ""), unit = "µs" },
    { name = "libcurl with its own AWS_SIGV4", value = measure_curl(program, url, "sign"), unit = "µs" },
    { name = "finspace: checked, signed, read into a table", value = measure_ours(url), unit = "µs" },
    { name = "boto3", value = measure_boto3(url), unit = "µs", why = "python3 has no boto3 here" },
  })
end)
server.stop()
assert(ok, why)
