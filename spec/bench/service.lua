--- What the service's answers cost it: the processor time of its workers, a request, beside nginx's own hello from
--- Lua. Clients keep their connections and have 16 requests in flight.
local http = require("finspace.http")
local measure = require("spec.bench.table")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")

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

local function send(multi, request, count)
  local started, ended = 0, 0
  while ended < count do
    while started < count and started - ended < IN_FLIGHT do
      assert(multi:add(request))
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
local function row(name, server, request, count)
  local multi = http.multi {}
  send(multi, request, count)
  local function run()
    local before = used(server)
    local clock = measure.turn(1e6, count, function() send(multi, request, count) end)
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

local function rows(hello, hello_url, running)
  local dataset = fill(running)
  local function asked(name, count, wanted) return row(name, running, to_service(running, wanted), count) end
  local path, changesets = "/datasetsv2/" .. dataset, "/datasets/" .. dataset .. "/changesetsv2"
  local list = "list-type=2&max-keys=1000&prefix=page%2F"
  return {
    row("nginx, content_by_lua: hello", hello, { method = "GET", url = hello_url, headers = {} }, 2000),
    asked("GetDataset", 2000, { path = path }),
    asked("GetWorkingLocation", 2000, {
      method = "POST",
      path = "/workingLocationV1",
      body = '{"locationType":"INGESTION"}',
    }),
    asked("ListObjectsV2, a page of 1,000 keys", 100, { service = "s3", path = "/finspace-local", query = list }),
    asked("ListChangesets, a page of 100", 300, { path = changesets, query = "maxResults=100" }),
  }
end

local port = support.free_port()
local hello = nginx.start(HELLO:format(port), { ports = { port }, master = true })
local running = service.start()
local ok, why = pcall(
  function()
    measure.show(
      "The service: a request's cost (microseconds; the processor's is the workers' own)",
      "µs",
      measure.turns(TURNS, rows(hello, ("http://127.0.0.1:%d/"):format(port), running))
    )
  end
)
running.stop()
hello.stop()
if not ok then error(why, 0) end
