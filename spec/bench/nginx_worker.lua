--- One nginx worker under 64 connections of load, each request a signed call to an endpoint that thinks for
--- 200 ms: how near it comes to the ideal rate, and how soon other requests on the same worker are answered.
local nginx = require("spec.support.nginx")
local support = require("spec.support")

local CONNECTIONS, THINKING, SECONDS = 64, 0.2, 5
local ANSWER = [[{"s3Uri":"s3://bucket/scratch/ingestion/","s3Path":"scratch/ingestion/","s3Bucket":"bucket"}]]
local PATHS = ("%s/lua/?.lua;%s/lua/?/init.lua"):format(support.root, support.root)

local UPSTREAM = [[
server {
  listen 127.0.0.1:%d;
  location / { default_type application/json; content_by_lua_block {
    ngx.req.discard_body()
    ngx.sleep(%g)
    ngx.print('%s')
  } }
}]]

local WORKER = [[
init_by_lua_block {
  local finspace = require("finspace")
  client = finspace.new { region = "us-east-1", endpoint_url = "http://127.0.0.1:%d",
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG" } }
}
server {
  listen 127.0.0.1:%d;
  location /plain { return 200 "plain"; }
  location /call { content_by_lua_block {
    local location, err = client:get_working_location { locationType = "INGESTION" }
    if not location then ngx.status = 502 end
    ngx.print(location and location.s3Uri or tostring(err))
  } }
}]]

-- Milliseconds in wrk's writing.
local function milliseconds(text)
  local value, unit = text:match("([%d.]+)(%a+)")
  return tonumber(value) * ({ us = 0.001, ms = 1, s = 1000 })[unit]
end

local function load_and_look(port)
  local command = (
    "wrk -t1 -c%d -d%ds --latency http://127.0.0.1:%d/call & "
    .. "sleep 1; wrk -t1 -c1 -d%ds --latency http://127.0.0.1:%d/plain; wait"
  ):format(CONNECTIONS, SECONDS, port, SECONDS - 2, port)
  local output = support.run(command)
  local found = {}
  for path, report in output:gmatch("http://[%d.:]+/(%a+)(.-Requests/sec:%s*[%d.]+)") do
    found[path] = {
      median = milliseconds(report:match("50%%%s+(%S+)")),
      rate = tonumber(report:match("Requests/sec:%s*([%d.]+)")),
      failures = report:match("Non%-2xx[^\n]*"),
    }
  end
  return found, output
end

if not support.has_program("wrk") then error("wrk is not installed", 0) end
local upstream_port, port = support.free_port(), support.free_port()
local upstream = nginx.start(UPSTREAM:format(upstream_port, THINKING, ANSWER), { ports = { upstream_port } })
local worker = nginx.start("", { ports = { port }, package_path = PATHS, http = WORKER:format(upstream_port, port) })
local found, output = load_and_look(port)
worker.stop()
upstream.stop()
assert(found.call and found.plain, output)
local ideal = CONNECTIONS / THINKING
print(("\nOne nginx worker, %d connections, each call answered after %g ms"):format(CONNECTIONS, THINKING * 1000))
print(("  %-44s %12.0f /s"):format("ideal", ideal))
print(
  ("  %-44s %12.1f /s %10.2f of ideal %s"):format(
    "signed calls on cosockets",
    found.call.rate,
    found.call.rate / ideal,
    found.call.failures or ""
  )
)
print(("  %-44s %12.2f ms"):format("/plain beside them, median", found.plain.median))
