local nginx = require("spec.support.nginx")
local scheduler = require("finspace.host.scheduler")
local support = require("spec.support")

local SERVER = [[
server {
  listen 127.0.0.1:%d;
  location / { content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_for) or 0); ngx.print("waited") } }
}
]]

-- What each of the scripts below may use.
local PRELUDE = [[
  local finspace, url = require("finspace"), %q
  local transport = require("finspace.host.scheduler").transport()
  local function get(pause)
    local response, err = transport { method = "GET", url = url .. "?for=" .. (pause or 0), timeout = 20 }
    return response and response.body or err.kind
  end
  local function client()
    return finspace.new { region = "us-east-1", endpoint_url = url, max_attempts = 1,
      credentials = { access_key_id = "AKID", secret_access_key = "secret" } }
  end
]]

-- A process that ends in some order: the sentence, the script, and what it prints when all went well.
local ENDINGS = {
  {
    "a process may end with calls in flight",
    [[
    for _ = 1, 20 do finspace.spawn(get, 5) end
    finspace.loop():step()
    io.write(finspace.loop().alive)
  ]],
    "20",
  },

  {
    "a process may end within a task",
    [[
    finspace.run(function()
      finspace.spawn(get, 5)
      io.write(get())
      io.stdout:flush()
      os.exit(0, _VERSION ~= "Lua 5.1" and true or nil)
    end)
  ]],
    "waited",
  },

  {
    "a process may end while a program that it started runs",
    [[
    child = require("finspace.sys").launch { argv = { "sleep", "60" } }
    io.write(select(3, child:result()))
  ]],
    "EAGAIN",
  },

  {
    "the collector may take tasks, clients and loops in any order, however often it runs",
    [[
    collectgarbage("setpause", 1)
    collectgarbage("setstepmul", 10000)
    local fs = client()
    local kinds = {}
    finspace.run(function()
      local jobs = { limit = 8 }
      for index = 1, 40 do
        jobs[index] = function()
          local fs = index % 3 == 0 and client() or fs
          local _, err = fs:get_working_location { locationType = "INGESTION" }
          if index % 5 == 0 then fs:close() end
          collectgarbage()
          kinds[err.kind] = true
        end
      end
      finspace.gather(jobs)
    end)
    fs, finspace = nil, nil
    for name in pairs(package.loaded) do
      if name:find("^finspace") then package.loaded[name] = nil end
    end
    collectgarbage()
    collectgarbage()
    io.write(next(kinds), next(kinds, "protocol") and "!" or "")
  ]],
    "protocol",
  },

  {
    "an error in a task leaves the others, and the next run, as they were",
    [[
    local ok = pcall(finspace.run, function()
      finspace.spawn(function() get() error("first") end)
      finspace.spawn(function() io.write(get(0.02), " ") end)
      error("second")
    end)
    io.write(tostring(ok), " ", finspace.run(get))
  ]],
    "waited false waited",
  },

  {
    "a cancelled task ends with its call, and leaves the others alone",
    [[
    finspace.run(function()
      local slow = finspace.spawn(get, 15)
      io.write(table.concat(finspace.gather { get, function() slow:cancel() return get() end }, " "))
      io.write(" ", (slow:wait()))
    end)
  ]],
    "waited waited cancelled",
  },

  {
    "a closed client opens anew",
    [[
    local fs = client()
    for _ = 1, 3 do
      local _, err = fs:get_working_location { locationType = "INGESTION" }
      io.write(err.kind, " ")
      fs:close()
      fs:close()
    end
  ]],
    "protocol protocol protocol",
  },
}

-- LuaJIT can fork: it calls C by itself.
local FORK = [[
  local ffi = require("ffi")
  ffi.cdef "int fork(void); int waitpid(int, int *, int); void _exit(int);"
  assert(finspace.run(get) == "waited")
  local child = ffi.C.fork()
  local ok, body = pcall(finspace.run, get)
  if child == 0 then ffi.C._exit(ok and body == "waited" and 0 or 1) end
  local status = ffi.new("int[1]")
  ffi.C.waitpid(child, status, 0)
  io.write(tostring(body), " ", status[0], " ", finspace.run(get))
]]

describe("whatever the order in which things end", function()
  local server, url

  setup(function()
    local port = support.free_port()
    server = nginx.start(SERVER:format(port), { ports = { port } })
    url = ("http://127.0.0.1:%d/"):format(port)
  end)

  teardown(function() server.stop() end)

  -- Runs a script in a process of its own; `watcher` are the words before its own.
  local function ends_well(script, printed, watcher, interpreter)
    interpreter = interpreter or support.interpreter()
    local path = interpreter == "luajit" and ("LUA_CPATH='%s/build/lua5.1/?.so;;'"):format(support.root) or ""
    local output, status = support.run(
      ("%s timeout 60 %s %s -e %s"):format(
        path,
        watcher or "",
        interpreter,
        support.quote(PRELUDE:format(url) .. script)
      )
    )
    assert.equal(0, status, output)
    -- Before it, a failure that nobody waited for may have been told.
    assert.equal(printed, output:gsub("%s+$", ""):match("[^\n]*$"), output)
  end

  for _, ending in ipairs(ENDINGS) do
    it(ending[1], function() ends_well(ending[2], ending[3]) end)
  end

  it("a fork gives the child connections of its own #once", function()
    if not support.has_program("luajit") then return pending(support.lacking("luajit")) end
    ends_well(FORK, "waited 0 waited", "", "luajit")
  end)

  -- With valgrind, no byte is read or written where none may be, and none is lost.
  describe("by valgrind's account #once", function()
    -- A forked child must not end the calls of its parent: it forgets them.
    local LEFT_TO_THE_PARENT = [[
{
  the parent's calls
  Memcheck:Leak
  match-leak-kinds: definite
  ...
  fun:http_multi_new
}
{
  the parent's idle connections
  Memcheck:Leak
  match-leak-kinds: definite
  ...
  fun:http_transfer_new
}
{
  those that a step of the parent's made
  Memcheck:Leak
  match-leak-kinds: definite,possible
  ...
  fun:http_multi_step
}
]]

    local function watched(more) return "valgrind -q --error-exitcode=9 --leak-check=full " .. more end

    for _, ending in ipairs(ENDINGS) do
      it(ending[1], function()
        if not support.has_program("valgrind") then return pending(support.lacking("valgrind")) end
        ends_well(ending[2], ending[3], watched("--child-silent-after-fork=yes"))
      end)
    end

    it("a fork gives the child connections of its own", function()
      if not support.has_program("valgrind") then return pending(support.lacking("valgrind")) end
      if not support.has_program("luajit") then return pending(support.lacking("luajit")) end
      local file = os.tmpname()
      support.write_file(file, LEFT_TO_THE_PARENT)
      ends_well(FORK, "waited 0 waited", watched("--suppressions=" .. file), "luajit")
      os.remove(file)
    end)
  end)

  it("a server that ends in the middle ends the calls, not the process", function()
    local port = support.free_port()
    local dying = nginx.start(SERVER:format(port), { ports = { port } })
    local results = scheduler.run(function()
      local transport = scheduler.transport()
      scheduler.spawn(function()
        scheduler.sleep(0.1)
        dying.stop(9)
      end)
      local jobs = {}
      for index = 1, 20 do
        jobs[index] = function()
          local _, err = transport { method = "GET", url = ("http://127.0.0.1:%d/?for=3"):format(port), timeout = 5 }
          return err and err.kind
        end
      end
      return scheduler.gather(jobs)
    end)
    for index = 1, 20 do
      assert.equal("protocol", results[index])
    end
  end)
end)

describe("nginx, reloaded under load #once", function()
  -- The client's own service answers at the same address, and every answer names its worker.
  local GATEWAY = [[
    init_by_lua_block {
      fs = require("finspace").new { region = "us-east-1", endpoint_url = "http://127.0.0.1:%d",
        credentials = { access_key_id = "AKID", secret_access_key = "secret" } }
    }
    server {
      listen 127.0.0.1:%d;
      location = /call { content_by_lua_block {
        local page, err = fs:list_datasets {}
        ngx.status = page and 200 or 502
        ngx.print(page and ngx.worker.pid() or tostring(err))
      } }
      location = /late { content_by_lua_block {
        repeat ngx.sleep(0.01) until ngx.worker.exiting()
        local finspace, keys = require("finspace"), '{"Version":1,"AccessKeyId":"AKID","SecretAccessKey":"secret"}'
        local late = finspace.new { region = "us-east-1", endpoint_url = "http://127.0.0.1:%d",
          credentials = require("finspace.credentials").process { command = { "echo", keys } } }
        ngx.print(late:list_datasets {} and "late")
      } }
      location = /datasetsv2 { return 200 '{"datasets":[]}'; }
    }
  ]]

  local CONNECTIONS, RELOADS, WORKERS = 64, 5, 2

  local server, url

  setup(function()
    local port = support.free_port()
    server = nginx.start(GATEWAY:format(port, port, port), { ports = { port }, master = true, workers = WORKERS })
    url = ("http://127.0.0.1:%d/call"):format(port)
  end)

  teardown(function() server.stop() end)

  local function workers()
    local pids = {}
    local children = support.read_file(("/proc/%d/task/%d/children"):format(server.pid, server.pid))
    for pid in children:gmatch("%d+") do
      pids[#pids + 1] = pid
    end
    return pids
  end

  -- Until those that end have ended.
  local function await_workers()
    for _ = 1, 1000 do
      if #workers() == WORKERS then break end
      scheduler.sleep(0.01)
    end
    assert.equal(WORKERS, #workers())
  end

  it("answers a worker's first call while the worker ends, and leaves nothing open", function()
    local transport = scheduler.transport()
    local late = scheduler.run(function()
      local call = scheduler.spawn(transport, { method = "GET", url = (url:gsub("call$", "late")), timeout = 30 })
      while not call.done do
        scheduler.sleep(0.1)
        server.reload()
      end
      return call:wait()
    end)
    assert.equal("late", late.body, server.errors())
    await_workers()
    assert.is_nil(server.errors():find("[alert]", 1, true), server.errors())
  end)

  it("fails no call, crashes no worker, and keeps no worker too many", function()
    local transport = scheduler.transport()
    local failures, seen, reloads = {}, {}, 0

    -- Each call has a connection of its own: one that is kept may end with its worker at any time.
    local function call()
      local response, err = transport { method = "GET", url = url, timeout = 30, repeatable = false }
      if not response or response.status ~= 200 then
        failures[#failures + 1] = response and response.body or tostring(err.message)
        return
      end
      seen[response.body] = true
    end

    local function call_until_reloaded()
      while reloads < RELOADS and #failures == 0 do
        call()
      end
    end

    local function seen_another(known)
      for pid in pairs(seen) do
        if not known[pid] then return true end
      end
    end

    -- A reload is over when a worker answers that was not there before.
    local function reload()
      while reloads < RELOADS and #failures == 0 do
        local known = {}
        for pid in pairs(seen) do
          known[pid] = true
        end
        for _, pid in ipairs(workers()) do
          known[pid] = true
        end
        server.reload()
        repeat
          scheduler.sleep(0.01)
        until seen_another(known) or #failures > 0
        reloads = reloads + 1
      end
    end

    scheduler.run(function()
      local jobs = { reload }
      for _ = 1, CONNECTIONS do
        jobs[#jobs + 1] = call_until_reloaded
      end
      scheduler.gather(jobs)
    end)
    assert.same({}, failures)
    assert.equal(RELOADS, reloads)
    await_workers()
    assert.is_nil(server.errors():find("exited on signal", 1, true))
    assert.is_nil(server.errors():find("[alert]", 1, true), server.errors())
  end)
end)
