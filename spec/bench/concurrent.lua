--- Many calls side by side in plain Lua, beside the same requests by bare libcurl multi: against an endpoint
--- that thinks for 50 ms, where the ideal is known; and against one that answers at once, where what counts is
--- the work of a call.
local finspace = require("finspace")
local measure = require("spec.bench.table")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

local LIMIT, TURNS = 64, 5
local SLOW_CALLS, THINKING = 1000, 0.05
local QUICK_CALLS = 6000
local ANSWER = [[{"s3Uri":"s3://bucket/scratch/ingestion/","s3Path":"scratch/ingestion/","s3Bucket":"bucket"}]]
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local function start_server(pause)
  local port = support.free_port()
  local server = nginx.start(([[
    server {
      listen 127.0.0.1:%d;
      location / {
        default_type application/json;
        content_by_lua_block {
          ngx.req.discard_body()
          if %g > 0 then ngx.sleep(%g) end
          ngx.header["content-length"] = %d
          ngx.print('%s')
        }
      }
    }]]):format(port, pause, pause, #ANSWER, ANSWER), { ports = { port } })
  return server, "http://127.0.0.1:" .. port
end

-- Seconds for `count` signed calls, at most LIMIT of them at a time.
local function seconds_for(url, count)
  local fs = finspace.new { region = "us-east-1", endpoint_url = url, credentials = KEYS }
  return finspace.run(function()
    local jobs = { limit = LIMIT }
    for index = 1, count do
      jobs[index] = function() return fs:get_working_location { locationType = "INGESTION" } end
    end
    local start = sys.monotonic()
    local _, errs = finspace.gather(jobs)
    if errs then error(select(2, next(errs)), 0) end
    return sys.monotonic() - start
  end)
end

local function compile_baseline()
  local program = support.root .. "/build/multi_baseline"
  local output, status =
    support.run(("cc -O2 %s/spec/bench/multi_baseline.c -o %s -lcurl"):format(support.root, program))
  assert(status == 0, output)
  return program
end

-- Microseconds a call.
local function baseline(program, url, count)
  local command = ("%s %s/workingLocationV1 %d %d"):format(program, url, count, LIMIT)
  return assert(tonumber((support.run(command))))
end

local function with_server(pause, body)
  local server, url = start_server(pause)
  local ok, why = pcall(body, url)
  server.stop()
  assert(ok, why)
end

local program = compile_baseline()

with_server(THINKING, function(url)
  local title = ("%d calls, %d at a time, each answered after %g ms"):format(SLOW_CALLS, LIMIT, THINKING * 1000)
  measure.show(title .. " (seconds)", {
    { name = "ideal", value = math.ceil(SLOW_CALLS / LIMIT) * THINKING, unit = "s" },
    { name = "bare libcurl multi, unsigned, unread", unit = "s",
      value = measure.median(3, function() return baseline(program, url, SLOW_CALLS) * SLOW_CALLS / 1e6 end) },
    { name = "finspace.gather", value = measure.median(3, function() return seconds_for(url, SLOW_CALLS) end),
      unit = "s" },
  })
end)

-- Turn about, so that whatever else the machine does falls on both.
with_server(0, function(url)
  local bare, ours = {}, {}
  seconds_for(url, QUICK_CALLS)
  for turn = 1, TURNS do
    bare[turn] = baseline(program, url, QUICK_CALLS)
    ours[turn] = seconds_for(url, QUICK_CALLS) * 1e6 / QUICK_CALLS
  end
  table.sort(bare)
  table.sort(ours)
  local middle = math.ceil(TURNS / 2)
  measure.show(("A call, %d at a time (microseconds a call, loopback)"):format(LIMIT), {
    { name = "bare libcurl multi, unsigned, unread", value = bare[middle], unit = "µs" },
    { name = "finspace: checked, signed, read into a table", value = ours[middle], unit = "µs" },
  })
end)
