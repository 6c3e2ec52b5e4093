--- Small requests on the one worker of an nginx that loads a file of 200 MB meanwhile, beside those of a second
--- nginx that does nothing else: what the second one's wait for is the machine, not us. FINSPACE_BENCH_LOAD_MB says
--- how many megabytes.
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")

local MEGABYTES = tonumber(os.getenv("FINSPACE_BENCH_LOAD_MB") or 200)
-- Seconds between two requests, and of looking without a load.
local PAUSE, QUIET = 0.002, 3

local PATHS = ("%s/lua/?.lua;%s/lua/?/init.lua"):format(support.root, support.root)

local PLAIN = [[
  listen 127.0.0.1:%d;
  location /plain { content_by_lua_block { ngx.header.content_length = 5 ngx.print("plain") } }
]]

local LOADER = [[
  location /load { content_by_lua_block {
    local finspace = require("finspace")
    local fs = finspace.new { max_attempts = 1 }
    local dataset = assert(fs:ensure_dataset { title = "Large" })
    local changeset, err = fs:load { file = "%s", dataset = dataset, journal = false, wait = false }
    ngx.say(changeset and "loaded" or tostring(err))
  } }
]]

local REQUEST = "GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n"

-- Milliseconds that a request takes on a kept connection.
local function ask(connection)
  local began = sys.monotonic()
  assert(connection:send(REQUEST))
  repeat
    local line = assert(connection:receive("*l"))
  until line == ""
  assert(connection:receive(5))
  return (sys.monotonic() - began) * 1000
end

local function summary(times)
  table.sort(times)
  local function at(share) return times[math.max(1, math.ceil(share * #times))] end
  return ("%6d requests: median %6.2f ms, 99 %% below %7.2f ms, longest %7.2f ms"):format(
    #times,
    at(0.5),
    at(0.99),
    at(1)
  ),
    at(0.99)
end

-- The worker's own account: seconds that it ran, and that it was ready to run and had no processor.
local function account(pid)
  local text = support.read_file(("/proc/%d/task/%d/schedstat"):format(pid, pid)) or ""
  local ran, waited = text:match("^(%d+) (%d+)")
  return tonumber(ran or 0) / 1e9, tonumber(waited or 0) / 1e9
end

local function connect(port)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:setoption("tcp-nodelay", true)
  return connection
end

-- Asks both in turn until it is over.
local function look(ports, is_over)
  local ours, bare = connect(ports.ours), connect(ports.bare)
  local times = { ours = {}, bare = {} }
  repeat
    table.insert(times.ours, ask(ours))
    sys.sleep(PAUSE)
    table.insert(times.bare, ask(bare))
    sys.sleep(PAUSE)
  until is_over()
  return times
end

local function show(when, times)
  local ours, p99 = summary(times.ours)
  local bare, p99_of_bare = summary(times.bare)
  print(("  %-14s our worker   %s"):format(when, ours))
  print(("  %-14s bare nginx   %s; ratio of the 99th percentiles %.2f"):format("", bare, p99 / p99_of_bare))
end

local function start(backend, file, ports)
  local settings = {}
  for name, value in pairs(backend.env) do
    settings[#settings + 1] = ("env %s=%s;"):format(name, value)
  end
  local ours = nginx.start(("server {\n%s%s}"):format(PLAIN:format(ports.ours), LOADER:format(file)), {
    ports = { ports.ours },
    main = table.concat(settings, "\n"),
    package_path = PATHS .. ";/usr/share/lua/5.1/?.lua",
  })
  local bare = nginx.start(("server {\n%s}"):format(PLAIN:format(ports.bare)), { ports = { ports.bare } })
  return ours, bare
end

local function write_rows(path)
  local line = "12345678,abcdefghi\n"
  local block = line:rep(10000)
  local file = assert(io.open(path, "wb"))
  file:write("a,b\n")
  for _ = 1, math.ceil(MEGABYTES * 1e6 / #block) do
    file:write(block)
  end
  file:close()
  return path
end

local function load_and_look(ours, ports, folder)
  local deadline = sys.monotonic() + QUIET
  show("without a load", look(ports, function() return sys.monotonic() > deadline end))
  local ran, waited = account(ours.pid)
  local began, answer = sys.monotonic(), folder .. "/answer"
  local url = ("http://127.0.0.1:%d/load"):format(ports.ours)
  local pid = assert(support.start { argv = { "curl", "-s", "-m", "300", url }, stdout = answer })
  local times = look(ports, function() return sys.wait(pid, 0) ~= nil end)
  local ran_now, waited_now = account(ours.pid)
  assert(support.read_file(answer) == "loaded\n", (support.read_file(answer) or "") .. ours.errors())
  show("beside it", times)
  print(
    ("  the load took %.1f s: our worker ran %.2f s of it, and stood ready without a processor for %.2f s"):format(
      sys.monotonic() - began,
      ran_now - ran,
      waited_now - waited
    )
  )
end

print(("\nSmall requests on the worker that loads %d MB, by the clock"):format(MEGABYTES))
local folder = support.temporary_folder()
local backend = service.start()
local ports = { ours = support.free_port(), bare = support.free_port() }
local ours, bare = start(backend, write_rows(folder .. "/large.csv"), ports)
local ok, why = pcall(load_and_look, ours, ports, folder)
ours.stop()
bare.stop()
backend.stop()
support.remove_folder(folder)
if not ok then error(why, 0) end
