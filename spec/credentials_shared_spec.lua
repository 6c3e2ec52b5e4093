local cached = require("finspace.credentials.cached")
local identity = require("finspace.credentials.identity")
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

  local folder = support.temporary_folder()
  local config_file = folder .. "/config"
  teardown(function() support.remove_folder(folder) end)

  -- How often a client with these options, variables and config file asks for keys.
  local function fetches(dict, client)
    local calls = 0
    local around = world.new(function(request)
      if request.path ~= "/credentials/programmatic" then return world.ok("{}") end
      calls = calls + 1
      return world.ok(KEYS)
    end)
    local options = around.options { environment_id = "e1", shared_dict = dict }
    local variables = { AWS_CONFIG_FILE = config_file, AWS_SHARED_CREDENTIALS_FILE = "/dev/null" }
    support.write_file(config_file, client.config or "")
    for name, value in pairs(client.variables or {}) do
      variables[name] = value
    end
    options.getenv = function(name) return variables[name] end
    for name, value in pairs(client.options or {}) do
      options[name] = value or nil
    end
    require("finspace").new(options):list_datasets {}
    return calls
  end

  local function keys_of(secret, token)
    return { access_key_id = "AKIA", secret_access_key = secret, session_token = token, expires_at = 4102444800 }
  end

  it("give nobody keys that anything in their own settings could have kept from them", function()
    local first = { options = { credentials = keys_of("canary", "canary-token") } }
    local others = {
      { options = { credentials = keys_of("canary-wrong", "canary-token") } },
      { options = { credentials = keys_of("canary", "canary-other-token") } },
      { options = { credentials = keys_of("canary") } },
      { options = { credentials = first.options.credentials, environment_id = "e2" } },
      { options = { credentials = first.options.credentials, region = "eu-west-1" } },
      { options = { credentials = first.options.credentials, endpoint_url = "http://127.0.0.1:2" } },
      { options = { credentials = first.options.credentials, duration_in_minutes = 5 } },
      { options = first.options, variables = { AWS_REGION = "eu-west-1" } },
      { options = first.options, variables = { AWS_ENDPOINT_URL_FINSPACE_DATA = "http://127.0.0.1:3" } },
      { options = first.options, variables = { AWS_ENDPOINT_URL = "http://127.0.0.1:3" } },
      { options = first.options, config = "[default]\nendpoint_url = http://127.0.0.1:4\n" },
    }
    local dict = new_dictionary()
    assert.are.equal(1, fetches(dict, first))
    for number, other in ipairs(others) do
      assert.are.equal(1, fetches(dict, other), "number " .. number)
      assert.are.equal(0, fetches(dict, other), "number " .. number)
    end
    assert.are.equal(0, fetches(dict, first))
  end)

  it("tell profiles apart by what they say, and by what the profiles that they lead to say", function()
    local OTHER = "[profile b]\naws_access_key_id = AKIA\naws_secret_access_key = canary\n"
    local function client(secret, profile)
      local text = ("[profile a]\naws_access_key_id = AKIA\naws_secret_access_key = %s\n"):format(secret)
      return { options = { credentials = false, profile = profile or "a" }, config = text .. OTHER }
    end
    local dict = new_dictionary()
    assert.are.equal(1, fetches(dict, client("canary-one")))
    assert.are.equal(0, fetches(dict, client("canary-one")))
    assert.are.equal(1, fetches(dict, client("canary-two")))
    assert.are.equal(1, fetches(dict, client("canary-one", "b")))
    local variables = { AWS_ACCESS_KEY_ID = "AKIA", AWS_SECRET_ACCESS_KEY = "canary-a" }
    assert.are.equal(1, fetches(dict, { options = { credentials = false }, variables = variables }))
    variables.AWS_SECRET_ACCESS_KEY = "canary-b"
    assert.are.equal(1, fetches(dict, { options = { credentials = false }, variables = variables }))
  end)

  it("share nothing that somebody's second factor opened", function()
    local dict = new_dictionary()
    local client = { options = { credentials = keys_of("canary"), mfa_code = function() return "1" end } }
    assert.are.equal(1, fetches(dict, client))
    assert.are.equal(1, fetches(dict, client))
    assert.are.same({}, dict.values)
  end)

  it("name no secret in the dictionary's names", function()
    local dict = new_dictionary()
    fetches(dict, { options = { credentials = keys_of("canary-secret", "canary-token") } })
    for name in pairs(dict.values) do
      assert.is_nil(name:find("canary", 1, true) or name:find("AKIA", 1, true), name)
    end
  end)

  it("are told apart by every variable that is read on the way to keys", function()
    -- How often and how long is asked decides nothing about whose keys they are.
    local known = { AWS_MAX_ATTEMPTS = true, AWS_METADATA_SERVICE_TIMEOUT = true }
    known.AWS_METADATA_SERVICE_NUM_ATTEMPTS = true
    for _, name in ipairs(identity.VARIABLES) do
      known[name] = true
    end
    local sources = support.run("cat lua/finspace/config.lua lua/finspace/endpoint.lua lua/finspace/credentials/*.lua")
    for name in sources:gmatch('"(AWS_[%u%d_]*%u)"') do
      assert.is_true(known[name], name)
    end
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
