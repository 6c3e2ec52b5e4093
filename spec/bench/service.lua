--- What the service's answers cost it: the processor time of its workers, a request, beside nginx's own hello from
--- Lua. Clients keep their connections and have 16 requests in flight; and 64 where wrk is installed, which asks with less
--- effort of its own, so that the clock says more.
local http = require("finspace.http")
local measure = require("spec.bench.table")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local TURNS, IN_FLIGHT, KEYS, CHANGESETS = 5, 16, 1000, 100

local HELLO = [[
  server {
    listen 127.0.0.1:%d;
    location / { content_by_lua_block { ngx.print("hello") } }
  }]]

-- --- processor time -------------------------------------------------------------------------------

local function children(pid)
  return (support.read_file(("/proc/%d/task/%d/children"):format(pid, pid)) or ""):gmatch("%d+")
end

-- Microseconds that a server's workers have used.
local function used(server)
  local total = 0
  for pid in children(server.pid) do
    local nanoseconds = (support.read_file("/proc/" .. pid .. "/schedstat") or "0"):match("^%d+")
    total = total + nanoseconds / 1000
  end
  return total
end

-- --- requests -------------------------------------------------------------------------------------

-- One after the other of some requests, from the first again after the last.
local function send(multi, requests, count)
  local started, ended = 0, 0
  while ended < count do
    while started < count and started - ended < IN_FLIGHT do
      assert(multi:add(requests[started % #requests + 1]))
      started = started + 1
    end
    multi:wait(multi:timeout())
    for _, finished in ipairs(multi:step()) do
      assert(finished.response and finished.response.status == 200, finished.response and finished.response.body)
      ended = ended + 1
    end
  end
end

-- A row: `count` requests a turn, after some that warm up.
local function row(name, server, requests, count)
  local multi = http.multi {}
  send(multi, requests, count)
  local function run()
    local before = used(server)
    local clock = measure.turn(1e6, count, function() send(multi, requests, count) end)
    return clock, (used(server) - before) / count
  end
  return { name = name, run = run }
end

local function to_service(running, wanted)
  wanted.has_no_length = true -- libcurl adds it
  local request, headers = running.sign(wanted), {}
  for _, header in ipairs(request.headers) do
    headers[header[1]:lower()] = header[2]
  end
  local url = running.endpoint .. request.path .. (request.query ~= "" and "?" .. request.query or "")
  return { method = request.method, url = url, headers = headers, body = wanted.body }
end

local WRK = "wrk --threads 1 --connections 64 --duration 2s --script %s %s"

local function wrk_script(request)
  local lines = { ("wrk.method, wrk.body = %q, %q"):format(request.method, request.body or "") }
  for name, value in pairs(request.headers) do
    lines[#lines + 1] = ("wrk.headers[%q] = %q"):format((name:gsub("^host$", "Host")), value) -- wrk adds its own otherwise
  end
  return table.concat(lines, "\n")
end

-- A row as wrk measures it.
local function wrk_row(name, server, request)
  local folder = support.temporary_folder()
  support.write_file(folder .. "/script.lua", wrk_script(request))
  local command = WRK:format(folder .. "/script.lua", support.quote(request.url))
  support.run(command)
  local function run()
    local before = used(server)
    local output = support.run(command)
    local count = tonumber(output:match("(%d+) requests in"))
    assert(count and not output:find("Non-2xx", 1, true), output)
    return 1e6 / output:match("Requests/sec:%s*([%d.]+)"), (used(server) - before) / count
  end
  return { name = name, run = run }
end

-- --- beside uploads ------------------------------------------------------------------------------

local ASKED, UPLOADERS, UPLOADED, P99 = 600, 16, 50000, 0.99

-- Milliseconds within which 99 of 100 are answered, one after the other.
local function slowest_of(request)
  local multi, taken = http.multi {}, {}
  for number = 1, ASKED do
    local begun = sys.monotonic()
    send(multi, { request }, 1)
    taken[number] = (sys.monotonic() - begun) * 1000
  end
  table.sort(taken)
  return taken[math.floor(ASKED * P99)]
end

local UPLOAD = "exec wrk --threads 1 --connections %d --duration 60s --script %s %s"

local function beside_uploads(running, work)
  local folder, body = support.temporary_folder(), ("x"):rep(UPLOADED)
  local wanted = { service = "s3", method = "PUT", path = "/finspace-local/uploaded", body = body }
  local request = to_service(running, wanted)
  support.write_file(folder .. "/script.lua", wrk_script(request))
  local command = UPLOAD:format(UPLOADERS, folder .. "/script.lua", support.quote(request.url))
  local pid = assert(support.start { argv = { "sh", "-c", command }, stdout = "/dev/null" })
  sys.sleep(0.5)
  local ok, result = pcall(work)
  nginx.end_process(pid)
  assert(running.ask({ service = "s3", path = wanted.path }).status == 200, "nothing was uploaded")
  return assert(ok and result, result)
end

local SLOWEST = "\n%s, 99 of 100: within %.1f ms where all is quiet, %.1f ms beside %d clients that upload (%.1f x)"

local function show_slowest(running, asked)
  local request = to_service(running, asked.wanted)
  slowest_of(request)
  for _ = 1, 3 do
    local quiet = slowest_of(request)
    local beside = beside_uploads(running, function() return slowest_of(request) end)
    print(SLOWEST:format(asked.name, quiet, beside, UPLOADERS, beside / quiet))
  end
end

-- --- what is asked for ----------------------------------------------------------------------------

local function fill(running)
  local dataset, uri = running.dataset(), running.put("source.csv", "a\n1\n")
  for number = 1, KEYS do
    local path = ("/finspace-local/page/%06d"):format(number)
    assert(running.ask({ service = "s3", method = "PUT", path = path, body = "x" }).status == 200)
  end
  for _ = 1, CHANGESETS do
    local made = running.call("CreateChangeset", {
      datasetId = dataset,
      changeType = "APPEND",
      sourceParams = { s3SourcePath = uri, sourceType = "S3" },
      formatParams = { formatType = "CSV" },
    })
    running.await("GetChangeset", made) -- only so many may be under way
  end
  return dataset
end

local function small_requests(dataset)
  return {
    { name = "GetDataset", wanted = { path = "/datasetsv2/" .. dataset } },
    {
      name = "GetWorkingLocation",
      wanted = { method = "POST", path = "/workingLocationV1", body = '{"locationType":"INGESTION"}' },
    },
  }
end

local HELLO_NAME = "nginx, content_by_lua: hello"

local function wrk_rows(hello, hello_url, running, dataset)
  local found = { wrk_row(HELLO_NAME, hello, { method = "GET", url = hello_url, headers = {} }) }
  for _, asked in ipairs(small_requests(dataset)) do
    found[#found + 1] = wrk_row(asked.name, running, to_service(running, asked.wanted))
  end
  return found
end

-- Requests for the same page, each another question and together more than the service remembers.
local function unlike(running, path, count)
  local requests = {}
  for number = 1, count do
    requests[number] = to_service(running, { path = path, query = ("maxResults=100&number=%d"):format(number) })
  end
  return requests
end

local function rows(hello, hello_url, running, dataset)
  local function asked(name, count, wanted) return row(name, running, { to_service(running, wanted) }, count) end
  local changesets = "/datasets/" .. dataset .. "/changesetsv2"
  local small = small_requests(dataset)
  local list = "list-type=2&max-keys=1000&prefix=page%2F"
  return {
    row(HELLO_NAME, hello, { { method = "GET", url = hello_url, headers = {} } }, 2000),
    asked(small[1].name, 2000, small[1].wanted),
    asked(small[2].name, 2000, small[2].wanted),
    asked("ListObjectsV2, a page of 1,000 keys", 100, { service = "s3", path = "/finspace-local", query = list }),
    asked("ListChangesets, a page of 100", 300, { path = changesets, query = "maxResults=100" }),
    row("ListChangesets, a page of 100 that is not remembered", running, unlike(running, changesets, 600), 600),
  }
end

local port = support.free_port()
local hello = nginx.start(HELLO:format(port), { ports = { port }, master = true })
local running = service.start()
local TITLE = "The service: a request's cost (microseconds; the processor's is the workers' own)"

local ok, why = pcall(function()
  local url, dataset = ("http://127.0.0.1:%d/"):format(port), fill(running)
  measure.show(TITLE, "µs", measure.turns(TURNS, rows(hello, url, running, dataset)))
  if not support.has_program("wrk") then return end
  measure.show("The same with wrk", "µs", measure.turns(TURNS, wrk_rows(hello, url, running, dataset)))
  show_slowest(running, small_requests(dataset)[2])
end)
running.stop()
hello.stop()
if not ok then error(why, 0) end
