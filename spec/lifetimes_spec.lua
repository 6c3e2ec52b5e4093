local nginx = require("spec.support.nginx")
local scheduler = require("finspace.scheduler")
local support = require("spec.support")

local SERVER = [[
server {
  listen 127.0.0.1:%d;
  location / { content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_for) or 0); ngx.print("waited") } }
}
]]

-- A process of its own; what it prints comes back, and how it ended.
local function run(url, script)
  local prelude = ("local finspace, url = require('finspace'), %q\n"):format(url) .. [[
    local transport = finspace.loop and require("finspace.scheduler").transport()
    local function get(pause)
      local response, err = transport { method = "GET", url = url .. "?for=" .. (pause or 0), timeout = 5 }
      return response and response.body or err.kind
    end
  ]]
  local command = ("timeout 20 %s -e %s"):format(support.interpreter(), support.quote(prelude .. script))
  return support.run(command)
end

describe("whatever the order in which things end", function()
  local server, url

  setup(function()
    local port = support.free_port()
    server = nginx.start(SERVER:format(port), { ports = { port } })
    url = ("http://127.0.0.1:%d/"):format(port)
  end)

  teardown(function() server.stop() end)

  local function ends_well(script, printed)
    local output, status = run(url, script)
    assert.equal(0, status, output)
    assert.equal(printed, (output:gsub("%s+$", "")))
  end

  it("a process may end with calls in flight", function()
    ends_well([[
      for _ = 1, 20 do finspace.spawn(get, 5) end
      finspace.loop():step()
      io.write(finspace.loop().alive)
    ]], "20")
  end)

  it("a process may end within a task", function()
    ends_well([[
      finspace.run(function()
        finspace.spawn(get, 5)
        io.write(get())
        io.stdout:flush()
        os.exit(0, _VERSION ~= "Lua 5.1" and true or nil)
      end)
    ]], "waited")
  end)

  it("the collector may take tasks, clients and loops in any order, however often it runs", function()
    ends_well([[
      collectgarbage("setpause", 1)
      collectgarbage("setstepmul", 10000)
      local fs = finspace.new { region = "us-east-1", endpoint_url = url, max_attempts = 1,
        credentials = { access_key_id = "AKID", secret_access_key = "secret" } }
      local kinds = {}
      finspace.run(function()
        local jobs = { limit = 8 }
        for index = 1, 40 do
          jobs[index] = function()
            local client = index % 3 == 0 and finspace.new(fs.session.options) or fs
            local _, err = client:get_working_location { locationType = "INGESTION" }
            if index % 5 == 0 then client:close() end
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
    ]], "protocol")
  end)

  it("an error in a task leaves the others, and the next run, as they were", function()
    ends_well([[
      local ok = pcall(finspace.run, function()
        finspace.spawn(function() get() error("first") end)
        finspace.spawn(function() io.write(get(0.02), " ") end)
        error("second")
      end)
      io.write(tostring(ok), " ", finspace.run(get))
    ]], "waited false waited")
  end)

  it("a closed client opens anew", function()
    ends_well([[
      local fs = finspace.new { region = "us-east-1", endpoint_url = url, max_attempts = 1,
        credentials = { access_key_id = "AKID", secret_access_key = "secret" } }
      for _ = 1, 3 do
        local _, err = fs:get_working_location { locationType = "INGESTION" }
        io.write(err.kind, " ")
        fs:close()
        fs:close()
      end
    ]], "protocol protocol protocol")
  end)

  it("a fork gives the child connections of its own #once", function()
    if not rawget(_G, "jit") and not support.has_program "luajit" then return pending("luajit is not here") end
    local script = ([[
      local finspace, url = require("finspace"), %q
      local ffi = require("ffi")
      ffi.cdef "int fork(void); int waitpid(int, int *, int); void _exit(int);"
      local transport = require("finspace.scheduler").transport()
      local function get()
        local response, err = transport { method = "GET", url = url, timeout = 5 }
        return response and response.body or err.code
      end
      assert(finspace.run(get) == "waited")
      local child = ffi.C.fork()
      local ok, body = pcall(finspace.run, get)
      if child == 0 then ffi.C._exit(ok and body == "waited" and 0 or 1) end
      local status = ffi.new("int[1]")
      ffi.C.waitpid(child, status, 0)
      io.write(tostring(body), " ", status[0], " ", finspace.run(get))
    ]]):format(url)
    local environment = ("LUA_CPATH='%s/build/lua5.1/?.so;;'"):format(support.root)
    local output, status = support.run(environment .. " timeout 20 luajit -e " .. support.quote(script))
    assert.equal(0, status, output)
    assert.equal("waited 0 waited", output)
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
    for index = 1, 20 do assert.equal("protocol", results[index]) end
  end)
end)
