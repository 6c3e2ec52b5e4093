--- Many calls side by side in plain Lua, beside the same requests by libcurl multi: against an endpoint that thinks
--- for 50 ms, where the ideal is known; and against one that answers at once, where what counts is the work of a call.
local endpoint = require("spec.bench.endpoint")
local finspace = require("finspace")
local http = require("finspace.http")
local measure = require("spec.bench.table")

local LIMIT, TURNS = 64, 5
local SLOW_CALLS, THINKING = 1000, 0.05
local QUICK_CALLS = 6000

-- `count` signed calls, at most LIMIT of them at a time.
local function gather(url)
  local fs = finspace.new { region = "us-east-1", endpoint_url = url, credentials = endpoint.KEYS }
  local function call() return fs:get_working_location { locationType = "INGESTION" } end
  return function(count)
    local jobs = { limit = LIMIT }
    for index = 1, count do
      jobs[index] = call
    end
    local _, errs = finspace.run(function() return finspace.gather(jobs) end)
    if errs then error(select(2, next(errs)), 0) end
  end
end

-- `count` times the same request, signed beforehand, without a client, tasks or a signer.
local function transport(request)
  return function(count)
    local multi, started, ended = http.multi {}, 0, 0
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
  end
end

local function baseline(request, count, how) return endpoint.multi_command(request, count, LIMIT, how) end

endpoint.with(THINKING, function(url)
  local bare = baseline(endpoint.signed_request(url), SLOW_CALLS, "plain")
  local ours, ideal = gather(url), math.ceil(SLOW_CALLS / LIMIT) * THINKING
  local rows = measure.turns(3, {
    { name = "ideal", run = function() return ideal end },
    {
      name = "bare libcurl multi, unsigned, unread",
      run = function() return measure.printed(bare) * SLOW_CALLS / 1e6 end,
    },
    { name = "finspace.gather", run = function() return measure.turn(SLOW_CALLS, SLOW_CALLS, ours) end },
  })
  local title = ("%d calls, %d at a time, each answered after %g ms"):format(SLOW_CALLS, LIMIT, THINKING * 1000)
  measure.show(title, "seconds", rows)
end)

-- The same request, with ever more done about it: what each of it costs.
endpoint.with(0, function(url)
  local request, ours = endpoint.signed_request(url), gather(url)
  local function by_libcurl(how)
    local command = baseline(request, QUICK_CALLS, how)
    return function() return measure.printed(command) end
  end
  local function here(body)
    return function() return measure.turn(1e6, QUICK_CALLS, body) end
  end
  local rows = measure.turns(TURNS, {
    { name = "bare libcurl multi, unsigned, unread", run = by_libcurl("plain") },
    { name = "the same with our headers, signed beforehand", run = by_libcurl("headers") },
    { name = "that by finspace.http, read into a table", run = here(transport(request)) },
    { name = "libcurl multi with its own AWS_SIGV4, unread", run = by_libcurl("sign") },
    { name = "finspace: checked, signed, read into a table", run = here(ours) },
  })
  local title = ("A call, %d at a time"):format(LIMIT)
  measure.show(title .. ", beside bare libcurl", "µs a call", rows)
  measure.show(title .. ", beside libcurl's own signer", "µs a call", { rows[4], rows[2], rows[5] })
end)
