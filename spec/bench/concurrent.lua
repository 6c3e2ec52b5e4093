--- Many calls side by side in plain Lua, beside the same requests by bare libcurl multi: against an endpoint
--- that thinks for 50 ms, where the ideal is known; and against one that answers at once, where what counts is
--- the work of a call.
local finspace = require("finspace")
local http = require("finspace.http")
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
  local server = nginx.start(
    ([[
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
    }]]):format(port, pause, pause, #ANSWER, ANSWER),
    { ports = { port } }
  )
  return server, "http://127.0.0.1:" .. port
end

local function new_client(url) return finspace.new { region = "us-east-1", endpoint_url = url, credentials = KEYS } end

-- Seconds for `count` signed calls, at most LIMIT of them at a time.
local function seconds_for(url, count)
  local fs = new_client(url)
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

-- The same request, signed beforehand.
local function signed_request(url)
  return assert(new_client(url):sign {
    method = "POST",
    path = "/workingLocationV1",
    headers = { ["content-type"] = "application/json" },
    body = '{"locationType":"INGESTION"}',
  })
end

-- Seconds for `count` times that request, without a client, tasks or a signer.
local function seconds_for_transport(request, count)
  local multi, started, ended = http.multi {}, 0, 0
  local start = sys.monotonic()
  while ended < count do
    while started < count and started - ended < LIMIT do
      assert(multi:add(request))
      started = started + 1
    end
    multi:wait(multi:timeout())
    for _, finished in ipairs(multi:step()) do
      assert(finished.response.status == 200)
      ended = ended + 1
    end
  end
  multi:close()
  return sys.monotonic() - start
end

local function compile_baseline()
  local program = support.root .. "/build/multi_baseline"
  local output, status =
    support.run(("cc -O2 %s/spec/bench/multi_baseline.c -o %s -lcurl"):format(support.root, program))
  assert(status == 0, output)
  return program
end

local SIGNATURE = { authorization = true, ["x-amz-date"] = true }

-- Seconds for `count` times that request by libcurl alone, with or without the headers of its signature.
local function seconds_for_curl(program, request, count, is_signed)
  local words = { program, request.url, count, LIMIT, support.quote(request.body) }
  for name, value in pairs(request.headers) do
    if is_signed or not SIGNATURE[name] then table.insert(words, support.quote(name .. ": " .. value)) end
  end
  local microseconds = assert(tonumber((support.run(table.concat(words, " ")))))
  return microseconds * count / 1e6
end

local function with_server(pause, body)
  local server, url = start_server(pause)
  local ok, why = pcall(body, url)
  server.stop()
  assert(ok, why)
end

local program = compile_baseline()

with_server(THINKING, function(url)
  local request = signed_request(url)
  local title = ("%d calls, %d at a time, each answered after %g ms"):format(SLOW_CALLS, LIMIT, THINKING * 1000)
  measure.show(title .. " (seconds)", {
    { name = "ideal", value = math.ceil(SLOW_CALLS / LIMIT) * THINKING, unit = "s" },
    {
      name = "bare libcurl multi, unsigned, unread",
      unit = "s",
      value = measure.median(3, function() return seconds_for_curl(program, request, SLOW_CALLS, false) end),
    },
    {
      name = "finspace.gather",
      value = measure.median(3, function() return seconds_for(url, SLOW_CALLS) end),
      unit = "s",
    },
  })
end)

-- The same request, with ever more done about it: what each of it costs.
with_server(0, function(url)
  local request = signed_request(url)
  local rows = {
    {
      name = "bare libcurl multi, unsigned, unread",
      run = function() return seconds_for_curl(program, request, QUICK_CALLS, false) end,
    },
    {
      name = "  with the headers of a signature",
      run = function() return seconds_for_curl(program, request, QUICK_CALLS, true) end,
    },
    {
      name = "  by finspace.http, read into a table",
      run = function() return seconds_for_transport(request, QUICK_CALLS) end,
    },
    {
      name = "finspace: checked, signed, read into a table",
      run = function() return seconds_for(url, QUICK_CALLS) end,
    },
  }
  measure.turn_about(TURNS, rows)
  for _, row in ipairs(rows) do
    row.value, row.unit = row.value * 1e6 / QUICK_CALLS, "µs"
  end
  measure.show(("A call, %d at a time (microseconds a call, loopback)"):format(LIMIT), rows)
end)
