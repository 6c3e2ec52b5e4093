--- A TCP server that misbehaves as told, in a process of its own, for specs of what goes wrong.
---
--- `faults.start` takes one list of steps a connection; the last list serves all further connections.
--- A step is a table {verb, ...}:
---
---   {"read"}                        one whole request: headers, and as many bytes as Content-Length says
---   {"read_bytes", count}           that many bytes, and no more
---   {"send", bytes}                 as they are
---   {"send_many", bytes, times}     the same bytes, so many times
---   {"drip", bytes, seconds}        one byte each so many seconds
---   {"sleep", seconds}
---   {"close"}                       an orderly end; also what happens after the last step
---   {"reset"}                       TCP RST
---   {"again"}                       the steps of this connection from the first
---   {"proxy", port, count, how}     passes everything on to a port, until `count` bytes have come back;
---                                   then "close" or "reset"
---   {"proxy_records", port, count}  passes on `count` of TLS's records that hold data, and closes between two
---   {"proxy_up", port, count, how}  the same, until `count` bytes have gone there
local support = require("spec.support")

local faults = {}

-- The serving process: coroutines over select, so that one idle connection holds up no other.

local function wait_for(what, socket) return coroutine.yield(what, socket) end

local function pause(seconds)
  local till = require("socket").gettime() + seconds
  while require("socket").gettime() < till do
    coroutine.yield("time", till)
  end
end

local function receive(connection, count)
  local part, closed, partial = connection:receive(count)
  local data = part or partial or ""
  while not part and closed == "timeout" and #data < count do
    wait_for("read", connection)
    part, closed, partial = connection:receive(count - #data)
    data = data .. (part or partial or "")
    if not part and closed == "closed" then break end
  end
  return data
end

local function send(connection, bytes)
  local from = 1
  while from <= #bytes do
    local last, why, partial = connection:send(bytes, from)
    if not last and why ~= "timeout" then return false end
    from = (last or partial) + 1
    if not last then wait_for("write", connection) end
  end
  return true
end

local function read_request(connection)
  local head = ""
  while not head:find("\r\n\r\n", 1, true) do
    local byte = receive(connection, 1)
    if byte == "" then return nil end
    head = head .. byte
  end
  local length = tonumber(head:lower():match("\r\ncontent%-length:%s*(%d+)")) or 0
  return head .. (length > 0 and receive(connection, length) or "")
end

local function read_available(connection)
  wait_for("read", connection)
  local data, why, partial = connection:receive(65536)
  data = data or partial
  if why == "closed" and data == "" then return nil end
  return data
end

local verbs = {}

function verbs.read(connection, tools)
  local request = read_request(connection)
  if not request then return "close" end
  tools.log(("request %d %s"):format(#request, request:match("^[^\r]*")))
end

function verbs.read_bytes(connection, _, count) receive(connection, count) end

function verbs.send(connection, _, bytes) send(connection, bytes) end

function verbs.send_many(connection, _, bytes, times)
  for _ = 1, times do
    if not send(connection, bytes) then return "close" end
  end
end

function verbs.drip(connection, _, bytes, seconds)
  for byte in bytes:gmatch(".") do
    if not send(connection, byte) then return "close" end
    pause(seconds)
  end
end

function verbs.sleep(_, _, seconds) pause(seconds) end

function verbs.close() return "close" end

function verbs.reset(connection)
  connection:setoption("linger", { on = true, timeout = 0 })
  return "close"
end

function verbs.again() return "again" end

local function pass_on(from, to, budget)
  while budget > 0 do
    local data = read_available(from)
    if not data then return end
    send(to, data:sub(1, math.min(budget, #data)))
    budget = budget - #data
  end
end

local APPLICATION_DATA = 23

-- The whole records at the start of `data`, as long as `count` of them may hold data, and the rest.
local function cut_records(data, count)
  local at = 1
  while count > 0 and #data >= at + 4 do
    local kind, high, low = data:byte(at), data:byte(at + 3, at + 4)
    local stop = at + 5 + high * 256 + low
    if stop > #data + 1 then break end
    at, count = stop, kind == APPLICATION_DATA and count - 1 or count
  end
  return data:sub(1, at - 1), data:sub(at), count
end

local function pass_records(from, to, count)
  local rest = ""
  while count > 0 do
    local data = read_available(from)
    if not data then return end
    local whole
    whole, rest, count = cut_records(rest .. data, count)
    send(to, whole)
  end
end

-- The way that counts is passed on here, the other one in a coroutine of its own.
local function proxy(connection, tools, port, count, how, upwards, pass)
  local upstream = assert(require("socket").connect("127.0.0.1", port))
  upstream:settimeout(0)
  local from, to = upstream, connection
  if upwards then
    from, to = connection, upstream
  end
  tools.spawn(function() pass_on(to, from, math.huge) end)
  pass = pass or pass_on
  pass(from, to, count)
  if how == "reset" then verbs.reset(connection) end
  tools.spawn(function() upstream:close() end)
  return "close"
end

function verbs.proxy(connection, tools, port, count, how) return proxy(connection, tools, port, count, how, false) end

function verbs.proxy_records(connection, tools, port, count)
  return proxy(connection, tools, port, count, "close", false, pass_records)
end

function verbs.proxy_up(connection, tools, port, count, how) return proxy(connection, tools, port, count, how, true) end

local function play(connection, steps, tools)
  local at = 1
  while steps[at] do
    local verb, first, second, third = (table.unpack or unpack)(steps[at]) -- luacheck: ignore
    local verdict = verbs[verb](connection, tools, first, second, third)
    if verdict == "close" then break end
    at = verdict == "again" and 1 or at + 1
  end
  connection:close()
end

-- Runs coroutines until the process is ended. Each waits for a socket or for a time.
local function run_loop(listener, accept)
  local socket = require("socket")
  local waiting = {} -- coroutine -> {what, socket or time}
  local function resume(task)
    local ok, what, subject = coroutine.resume(task)
    if not ok then io.stderr:write(tostring(what), "\n") end
    waiting[task] = ok and coroutine.status(task) ~= "dead" and { what, subject } or nil
  end
  local function spawn(body) resume(coroutine.create(body)) end
  while true do
    local readers, writers, wake = { listener }, {}, 3600
    for _, wish in pairs(waiting) do
      if wish[1] == "read" then readers[#readers + 1] = wish[2] end
      if wish[1] == "write" then writers[#writers + 1] = wish[2] end
      if wish[1] == "time" then wake = math.max(0, math.min(wake, wish[2] - socket.gettime())) end
    end
    local readable, writable = socket.select(readers, writers, wake)
    local ready = {}
    for task, wish in pairs(waiting) do
      local due = wish[1] == "time" and wish[2] <= socket.gettime()
      if due or readable[wish[2]] or writable[wish[2]] then ready[#ready + 1] = task end
    end
    for _, task in ipairs(ready) do
      resume(task)
    end
    if readable[listener] then spawn(function() accept(listener:accept(), spawn) end) end
  end
end

--- The serving process's whole life; faults.start runs it.
--- @param folder string where the script is, and where the port and the log go
function faults.serve(folder)
  local scripts = dofile(folder .. "/script.lua")
  local listener = assert(require("socket").bind("127.0.0.1", 0, 128))
  local log_file = assert(io.open(folder .. "/log", "a"))
  local _, port = listener:getsockname()
  support.write_file(folder .. "/port.new", port)
  assert(os.rename(folder .. "/port.new", folder .. "/port"))
  local function log(line)
    log_file:write(line, "\n")
    log_file:flush()
  end
  local count = 0
  run_loop(listener, function(connection, spawn)
    if not connection then return end
    count = count + 1
    log("connection")
    connection:settimeout(0)
    connection:setoption("tcp-nodelay", true)
    play(connection, scripts[math.min(count, #scripts)], { log = log, spawn = spawn })
  end)
end

-- The spec's side.

local function quote(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for i, item in ipairs(value) do
    parts[i] = quote(item)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Starts a server that plays these scripts. Stop it with server.stop().
--- @param ... table the steps of one connection each
--- @return table server {port, url, stop, count}
function faults.start(...)
  local sys = require("finspace.sys")
  local nginx = require("spec.support.nginx")
  local folder = support.temporary_folder()
  support.write_file(folder .. "/script.lua", "return " .. quote { ... })
  local pid = assert(support.start {
    argv = support.plain { support.interpreter(), "-e", ("require('spec.support.faults').serve(%q)"):format(folder) },
    stderr = folder .. "/stderr",
  })
  local server = {}

  --- Ends the process and removes its folder. Again is harmless.
  function server.stop()
    if not pid then return end
    nginx.end_process(pid, 9)
    pid = nil
    support.remove_folder(folder)
  end

  --- How many lines of the log begin so: "connection", or "request".
  --- @param word string
  --- @return integer
  function server.count(word)
    local _, count = ("\n" .. (support.read_file(folder .. "/log") or "")):gsub("\n" .. word, "")
    return count
  end

  for _ = 1, 6000 do
    server.port = tonumber(support.read_file(folder .. "/port") or "")
    if server.port then break end
    sys.sleep(0.01)
  end
  if not server.port then
    local why = support.read_file(folder .. "/stderr")
    server.stop()
    error("the fault server did not start: " .. tostring(why), 2)
  end
  server.url = "http://127.0.0.1:" .. server.port .. "/"
  return server
end

return faults
