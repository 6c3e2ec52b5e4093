local cached = require("finspace.credentials.cached")
local keys = require("finspace.credentials.keys")
local machine = require("spec.support.machine")
local metadata = require("spec.support.metadata")
local nginx = require("spec.support.nginx")
local shared = require("finspace.credentials.shared")
local support = require("spec.support")
local world = require("spec.support.world")

--- A dictionary as nginx has it, without its clock.
local function new_dictionary()
  local values = {}
  local dict = { values = values }
  function dict.get(_, key) return values[key] end
  function dict.set(_, key, value) values[key] = value end
  function dict.delete(_, key) values[key] = nil end
  function dict.add(_, key, value)
    if values[key] ~= nil then return false end
    values[key] = value
    return true
  end
  return dict
end

describe("credentials shared by workers", function()
  local dict, calls, runtime

  local function provider()
    calls = calls + 1
    return keys.new {
      access_key_id = "A" .. calls,
      secret_access_key = "canary",
      source = "a spec",
      expires_at = math.floor(runtime.now()) + 3600,
    }
  end

  local function new_worker() return cached.new(shared.new(provider, { dict = dict, name = "x" }), runtime) end

  before_each(function()
    dict, calls, runtime = new_dictionary(), 0, machine.new()
  end)

  it("are fetched by one for all", function()
    local first, second = new_worker(), new_worker()
    local context = { runtime = runtime }
    assert.are.equal("A1", first:get(context).access_key_id)
    assert.are.equal("A1", second:get(context).access_key_id)
    assert.are.equal(1, calls)
  end)

  it("are replaced by one for all, also after a refusal", function()
    local first, second = new_worker(), new_worker()
    local context = { runtime = runtime }
    local old, same_old = first:get(context), second:get(context)
    assert.are.equal("A2", first:refresh(context, old).access_key_id)
    assert.are.equal("A2", second:refresh(context, same_old).access_key_id)
    runtime.pass(2800)
    assert.are.equal("A3", first:get(context).access_key_id)
    assert.are.equal("A3", second:get(context).access_key_id)
    assert.are.equal(3, calls)
  end)

  it("keep the windows of their whole life in a worker that comes late", function()
    local context = { runtime = runtime }
    new_worker():get(context)
    runtime.pass(2690)
    local late = new_worker()
    assert.are.equal("A1", late:get(context).access_key_id)
    runtime.pass(20)
    assert.are.equal("A2", late:get(context).access_key_id)
  end)

  it("do not leave a lock behind when they cannot be fetched", function()
    local failing = shared.new(
      function() return keys.broken("a spec", "Down", "it is down") end,
      { dict = dict, name = "x" }
    )
    assert.is_nil(failing { runtime = runtime })
    assert.are.same({}, dict.values)
  end)

  it("that do not end stay with whoever found them", function()
    local static = shared.new(
      function() return keys.new { access_key_id = "A", secret_access_key = "canary", source = "a spec" } end,
      { dict = dict, name = "x" }
    )
    assert.are.equal("A", static({ runtime = runtime }).access_key_id)
    assert.are.same({}, dict.values)
  end)
end)

describe("clients with a shared dictionary", function()
  local KEYS = '{"credentials":{"accessKeyId":"ASIA","secretAccessKey":"canary","sessionToken":"canary"}}'

  --- Three clients, each with one call; the calls for keys among all theirs.
  local function calls_for_keys(dict, more)
    local calls = 0
    local around = world.new(function(request)
      if request.path ~= "/credentials/programmatic" then return world.ok("{}") end
      calls = calls + 1
      return world.ok(KEYS)
    end)
    for _ = 1, 3 do
      local options = around.options { environment_id = "e1", shared_dict = dict }
      for name, value in pairs(more or {}) do
        options[name] = value
      end
      assert(require("finspace").new(options):list_datasets {})
    end
    return calls
  end

  it("fetch FinSpace's keys once", function()
    assert.are.equal(1, calls_for_keys(new_dictionary()))
    assert.are.equal(3, calls_for_keys(nil))
  end)

  it("keep keys of different people and environments apart", function()
    local dict = new_dictionary()
    assert.are.equal(1, calls_for_keys(dict))
    assert.are.equal(1, calls_for_keys(dict, { environment_id = "e2" }))
    local other = { access_key_id = "OTHER", secret_access_key = "canary" }
    assert.are.equal(1, calls_for_keys(dict, { credentials = other }))
  end)

  it("share nothing that a function gave, since it may be anybody's", function()
    local dict = new_dictionary()
    assert.are.equal(
      3,
      calls_for_keys(
        dict,
        { credentials = function() return { access_key_id = "A", secret_access_key = "canary" } end }
      )
    )
    assert.are.same({}, dict.values)
  end)
end)

describe("the workers of a real nginx #once", function()
  local SERVER = [[
    lua_shared_dict keys 1m;
    server {
      listen 127.0.0.1:%d reuseport;
      location / { content_by_lua_file {{folder}}/handler.lua; }
    }
  ]]

  local HANDLER = [==[
    local credentials = require("finspace.credentials")
    local environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "%s/container" }
    local worker = package.loaded.this_worker or {}
    if not worker.cached then
      worker.runtime = require("finspace.host").runtime({ getenv = function(name) return environment[name] end })
      worker.cached = credentials.cached(credentials.shared(credentials.container(), {
        dict = ngx.shared.keys, name = "container",
      }), worker.runtime)
      package.loaded.this_worker = worker
    end
    local found, err = worker.cached:get({ runtime = worker.runtime })
    ngx.say(ngx.worker.pid(), " ", found and found.access_key_id or tostring(err))
  ]==]

  it("ask once for all", function()
    local source = metadata.start()
    local port = support.free_port()
    local server = nginx.start(SERVER:format(port), {
      ports = { port },
      workers = 4,
      master = true,
      files = { ["handler.lua"] = HANDLER:format(source.url) },
    })
    finally(function()
      server.stop()
      source.stop()
    end)
    local output = support.run(("for i in $(seq 40); do curl -s http://127.0.0.1:%d/ & done; wait"):format(port))
    local pids, answers = {}, 0
    for pid, id in output:gmatch("(%d+) (%S+)") do
      pids[pid] = true
      answers = answers + (id == "ASIACONTAINER" and 1 or 0)
    end
    assert.are.equal(40, answers, output .. server.errors())
    assert.is_truthy(next(pids, next(pids)), "only one worker was asked")
    assert.are.same({ "GET /container" }, source.seen())
  end)
end)
