--- A fetch of keys in nginx whose leader ends without a word: the next caller takes over.
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("in nginx, a fetch of keys #once", function()
  local HTTP = [[
    lua_shared_dict keys 1m;
    lua_shared_dict counts 1m;
    lua_shared_dict tiny 12k;
    init_by_lua_block { package.loaded.clients = dofile("{{folder}}/clients.lua") }
    server {
      listen 127.0.0.1:%d;
      lua_check_client_abort on;
      location / { content_by_lua_file {{folder}}/handler.lua; }
    }
    server { # where a fetch waits for as long as the file is there
      listen 127.0.0.1:%d;
      location / { content_by_lua_block {
        while io.open("{{folder}}/hang") do ngx.sleep(0.01) end
        ngx.say("go on")
      } }
    }
  ]]

  -- Made before any request: a request that is killed takes the variables of its handler with it.
  local CLIENTS = [==[
    local finspace = require("finspace")

    local function wait_on_the_network()
      ngx.shared.counts:incr("fetches", 1, 0)
      local socket = ngx.socket.tcp()
      assert(socket:connect("127.0.0.1", %d))
      socket:settimeout(120000)
      socket:send("GET / HTTP/1.0\r\n\r\n")
      return socket:receive("*a")
    end

    local ANSWER = '{"credentials":{"accessKeyId":"ASIA","secretAccessKey":"s","sessionToken":"t"},"durationInMinutes":60}'
    local function transport(request)
      local is_for_keys = request.url:find("programmatic", 1, true)
      if is_for_keys then wait_on_the_network() end
      return { status = 200, headers = { ["content-type"] = "application/json" },
        body = is_for_keys and ANSWER or '{"datasets":[]}' }
    end

    local keys = { access_key_id = "AKIA", secret_access_key = "s" }
    local KINDS = {
      own = { credentials = function() wait_on_the_network() return keys end },
      shared = { credentials = keys, environment_id = "e", shared_dict = ngx.shared.keys },
      full = { credentials = keys, environment_id = "e", shared_dict = ngx.shared.tiny },
      raising = { credentials = function()
        wait_on_the_network()
        if io.open("{{folder}}/raise") then error("on purpose") end
        return keys
      end },
    }
    local clients = {}
    for kind, options in pairs(KINDS) do
      options.region, options.endpoint_url, options.transport = "us-east-1", "http://127.0.0.1:1", transport
      options.max_attempts = 1
      clients[kind] = finspace.new(options)
    end
    return clients
  ]==]

  local HANDLER = [==[
    local finspace = require("finspace")
    local kind = ngx.var.arg_kind
    local function call() return require("clients")[kind]:list_datasets {} end

    local ENDS = {
      cancel = function()
        local task = finspace.spawn(call)
        ngx.sleep(0.2)
        task:cancel()
        ngx.say("cancelled")
      end,
      exit = function()
        ngx.thread.spawn(call)
        ngx.sleep(0.2)
        ngx.exit(200)
      end,
      kill = function()
        local thread = ngx.thread.spawn(call)
        ngx.sleep(0.2)
        assert(ngx.thread.kill(thread))
        ngx.say("killed")
      end,
      leave = call, -- and the client goes away
      count = function() ngx.say(ngx.shared.counts:get("fetches") or 0) end,
      raise = function()
        ngx.say(pcall(call))
        ngx.flush(true)
        while io.open("{{folder}}/stay") do ngx.sleep(0.01) end
      end,
    }
    local how = ngx.var.arg_how
    if how then return ENDS[how]() end
    if kind == "full" then
      for i = 1, 1000 do
        if not ngx.shared.tiny:safe_add("filler" .. i, ("x"):rep(100)) then break end
      end
    end
    local result, err = call()
    ngx.say(ngx.worker.pid(), " ", result and "OK" or tostring(err))
  ]==]

  local server, port

  local function start(options)
    port = support.free_port()
    local network = support.free_port()
    options.ports = { port, network }
    options.files = { ["handler.lua"] = HANDLER, ["clients.lua"] = CLIENTS:format(network), hang = "" }
    server = nginx.start(HTTP:format(port, network), options)
  end

  after_each(function() server.stop() end)

  local function url(arguments) return ("'http://127.0.0.1:%d/?%s'"):format(port, arguments) end

  local function get(arguments) return (support.run("curl -s -m 90 " .. url(arguments))) end

  local function let_go() os.remove(server.folder .. "/hang") end

  local function fetches() return tonumber(get("kind=own&how=count")) end

  -- The next call, and the seconds that it took.
  local function next_call(kind)
    local began = sys.monotonic()
    local answer = get("kind=" .. kind)
    return answer, sys.monotonic() - began
  end

  -- Far below the minute that a lease lasts, and far above what a loaded machine needs for a takeover.
  local LONG = 20

  for _, kind in ipairs { "own", "shared" } do
    for how, about in pairs {
      cancel = "whose task was cancelled",
      exit = "whose request ended by ngx.exit",
      kill = "whose thread was killed",
      leave = "whose client went away",
    } do
      it(("of the kind '%s' %s, is taken over by the next caller"):format(kind, about), function()
        start {}
        local patience = how == "leave" and 0.3 or 30
        support.run(("curl -s -m %g %s"):format(patience, url(("kind=%s&how=%s"):format(kind, how))))
        let_go()
        local answer, seconds = next_call(kind)
        assert.matches(" OK", answer, 1, true)
        assert.is_true(seconds < LONG, ("it took %.1f s"):format(seconds))
        if os.getenv("FINSPACE_SHOW_TIMES") then print(kind, how, ("%.2f s"):format(seconds)) end
      end)
    end
  end

  for _, kind in ipairs { "own", "shared" } do
    it(("of the kind '%s' is one for all, however long the leader takes"):format(kind), function()
      start { workers = kind == "shared" and 3 or 1, master = kind == "shared" }
      local loop = "for i in $(seq 30); do curl -s -m 60 %s & done; sleep 2; rm %s/hang; wait"
      local output = support.run(loop:format(url("kind=" .. kind), server.folder))
      local _, answered = output:gsub(" OK", "")
      assert.are.equal(30, answered, output .. server.errors())
      assert.are.equal(1, fetches())
    end)
  end

  it("is taken over from a worker that was killed", function()
    start { workers = 2, master = true }
    support.run(("curl -s -m 0.5 %s; exit 0"):format(url("kind=shared")))
    local children = support.read_file(("/proc/%d/task/%d/children"):format(server.pid, server.pid))
    for pid in children:gmatch("%d+") do
      sys.kill(tonumber(pid), 9)
    end
    let_go()
    assert(nginx.await_port(port, server.pid))
    local answer, seconds = next_call("shared")
    assert.matches(" OK", answer, 1, true)
    assert.is_true(seconds < LONG, ("it took %.1f s"):format(seconds))
  end)

  it("goes on without a dictionary that is full, and says so once", function()
    start {}
    let_go()
    for _ = 1, 3 do
      assert.matches(" OK", get("kind=full"), 1, true)
    end
    local _, times = server.errors():gsub("shared dictionary for credentials is full", "")
    assert.are.equal(1, times, server.errors())
  end)

  it("that raises leaves nobody waiting, though its request goes on", function()
    start {}
    let_go()
    support.write_file(server.folder .. "/raise", "")
    support.write_file(server.folder .. "/stay", "")
    local patience = 0.25
    local said
    repeat -- until there was time enough for its first words; the rest would come when it ends
      patience = patience * 2
      said = support.run(("curl -s -m %g %s"):format(patience, url("kind=raising&how=raise")))
    until said ~= "" or patience > 30
    assert.matches("on purpose", said, 1, true)
    os.remove(server.folder .. "/raise")
    local answer, seconds = next_call("raising")
    os.remove(server.folder .. "/stay")
    assert.matches(" OK", answer, 1, true)
    assert.is_true(seconds < LONG)
  end)
end)

describe("in nginx, a task #once", function()
  it("of a request that has ended is waited for by nobody", function()
    local port = support.free_port()
    local server = nginx.start(
      ([[
        server {
          listen 127.0.0.1:%d;
          location /make { content_by_lua_block {
            local finspace = require("finspace")
            require("ngx.semaphore").made = finspace.spawn(function() finspace.sleep(600) end)
            ngx.exit(200)
          } }
          location /wait { content_by_lua_block {
            local _, err = require("ngx.semaphore").made:wait()
            ngx.say(err.code)
          } }
        }
      ]]):format(port),
      { ports = { port } }
    )
    local function get(path) return (support.run(("curl -s -m 60 http://127.0.0.1:%d/%s"):format(port, path))) end
    get("make")
    local answer = get("wait")
    local log = server.errors()
    server.stop()
    assert.equal("Cancelled\n", answer, log)
  end)
end)
