--- A warm get_working_location, signed and read into a table, beside the same request by bare libcurl,
--- by libcurl with its own signer, and by boto3.
local endpoint = require("spec.bench.endpoint")
local finspace = require("finspace")
local http = require("finspace.http")
local measure = require("spec.bench.table")
local support = require("spec.support")

local CALLS, TURNS = 2000, 7

local BOTO3 = [[
import sys, time, boto3
c = boto3.client("finspace-data", region_name="us-east-1", endpoint_url=sys.argv[1],
                 aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
c.get_working_location(locationType="INGESTION")
n = 200
t, p = time.perf_counter(), time.process_time()
for _ in range(n): c.get_working_location(locationType="INGESTION")
print((time.perf_counter() - t) * 1e6 / n, (time.process_time() - p) * 1e6 / n)
]]

-- The same request, signed beforehand, without a client and a signer.
local function transport(url)
  local request, client = endpoint.signed_request(url), http.client {}
  local function call_often(count)
    for _ = 1, count do
      assert(client:perform(request))
    end
  end
  call_often(10)
  return function() return measure.turn(1e6, CALLS, call_often) end
end

local function ours(url)
  local fs = finspace.new { region = "us-east-1", endpoint_url = url, credentials = endpoint.KEYS }
  local function call_often(count)
    for _ = 1, count do
      assert(fs:get_working_location { locationType = "INGESTION" })
    end
  end
  call_often(10)
  return function() return measure.turn(1e6, CALLS, call_often) end
end

endpoint.with(0, function(url)
  local program = measure.compile("curl_baseline", "-lcurl")
  local function curl(how)
    local command = ("%s %s/workingLocationV1 %d %s"):format(program, url, CALLS, how)
    return function() return measure.printed(command) end
  end
  local python = support.python("boto3")
  local boto3 = python and ("%s -W ignore -c %s %s"):format(python, support.quote(BOTO3), url)
  local signed = { name = "libcurl with its own AWS_SIGV4", run = curl("sign") }
  local rows = measure.turns(TURNS, {
    { name = "bare libcurl, unsigned", run = curl("plain") },
    -- The least that a call of ours can cost: what it adds is the check, the signature and the table.
    { name = "the same with our headers, signed beforehand", run = curl("plain " .. endpoint.signed_headers(url)) },
    { name = "that by finspace.http, answered as a table", run = transport(url) },
    signed,
    { name = "finspace: checked, signed, read into a table", run = ours(url) },
    { name = "boto3", run = boto3 and function() return measure.printed(boto3) end, why = "python3 has no boto3 here" },
  })
  measure.show("A warm get_working_location", "µs a call", rows, signed)
end)
