--- The client over the real transport, against servers that break at every point where one can break.
local faults = require("spec.support.faults")
local core = require("finspace.core")
local finspace = require("finspace")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")
local world = require("spec.support.world")

local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "SECRETCANARY" }

local CHANGESET = {
  datasetId = "d1",
  changeType = "APPEND",
  sourceParams = { s3SourcePath = "s3://b/k" },
  formatParams = { formatType = "CSV" },
}

-- A client of a server on loopback that does not pause between attempts.
local function client_of(port, more)
  local options = {
    region = "us-east-1",
    endpoint_url = "http://127.0.0.1:" .. port,
    credentials = KEYS,
    timeout = 5,
    random = function() return 0 end,
    getenv = function() return nil end,
  }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return finspace.new(options)
end

local unpack = table.unpack or unpack -- luacheck: ignore

-- A service that makes one changeset a clientToken, and counts what it has made. Below /lossy it
-- commits, and then hangs up without an answer the first time.
local SERVICE = [[
  lua_shared_dict tokens 1m;
  server {
    listen 127.0.0.1:%d;
    keepalive_timeout 0;
    location = /count { content_by_lua_block { ngx.print(ngx.shared.tokens:get("made") or 0) } }
    location / {
      content_by_lua_block {
        ngx.req.read_body()
        local token = ngx.req.get_body_data():match('"clientToken":"([^"]+)"')
        local id = ngx.shared.tokens:get(token)
        if not id then
          id = "c" .. ngx.shared.tokens:incr("made", 1, 0)
          ngx.shared.tokens:set(token, id)
          if ngx.var.uri:find("^/lossy/") then return ngx.exit(444) end
        end
        ngx.header.content_type = "application/json"
        ngx.header["x-amzn-requestid"] = "request-" .. id
        ngx.print('{"datasetId":"d1","changesetId":"' .. id .. '"}')
      }
    }
  }
]]

describe("the client and a service that commits #once", function()
  local service, port, server

  setup(function()
    port = support.free_port()
    service = nginx.start(SERVICE:format(port), { ports = { port } })
  end)
  teardown(function() service.stop() end)
  after_each(function()
    if server then server.stop() end
    server = nil
  end)

  local function made() return tonumber((support.run(("curl -s http://127.0.0.1:%d/count"):format(port)))) end

  -- One call for each script of a first connection; the second connection is let through to the service.
  local function create_behind(scripts)
    local connections, ids, before = {}, {}, made()
    for _, script in ipairs(scripts) do
      table.insert(connections, script)
      table.insert(connections, { { "proxy", port, 1e9, "close" } })
    end
    server = faults.start(unpack(connections))
    local fs = client_of(server.port)
    for _ = 1, #scripts do
      local created, err = fs:create_changeset(CHANGESET)
      assert.is_truthy(created, tostring(err))
      ids[created.changesetId] = (ids[created.changesetId] or 0) + 1
    end
    fs:close()
    local different = 0
    for _ in pairs(ids) do
      different = different + 1
    end
    return different, made() - before, server.count("connection")
  end

  it("make one changeset a call when the request is cut off after any number of bytes", function()
    local scripts = { { { "reset" } } }
    for bytes = 6, 600, 6 do
      scripts[#scripts + 1] = { { "read_bytes", bytes }, { "reset" } }
    end
    local ids, changesets, connections = create_behind(scripts)
    assert.same({ #scripts, #scripts }, { ids, changesets })
    assert.is_true(connections >= 2 * #scripts - 1)
  end)

  it("make one changeset a call when the answer is lost after it was committed", function()
    local fs, before = client_of(port, { endpoint_url = ("http://127.0.0.1:%d/lossy"):format(port) }), made()
    local ids = {}
    for _ = 1, 100 do
      ids[assert(fs:create_changeset(CHANGESET)).changesetId] = true
    end
    local different = 0
    for _ in pairs(ids) do
      different = different + 1
    end
    assert.same({ 100, 100 }, { different, made() - before })
  end)

  it("make one changeset a call, and pass no half answer on, when it breaks at any byte", function()
    local scripts = {}
    for bytes = 1, 240 do
      scripts[bytes] = { { "proxy", port, bytes, "close" } }
    end
    local ids, changesets = create_behind(scripts)
    assert.same({ #scripts, #scripts }, { ids, changesets })
  end)

  it("lose nothing when the service closes a kept connection", function()
    local answer = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"datasetId":"d1"}'
    server = faults.start { { "read" }, { "send", answer }, { "close" } }
    local attempts = {}
    local fs = client_of(server.port, { logger = function(event) attempts[#attempts + 1] = event.attempt end })
    for _ = 1, 50 do
      assert.equal("d1", fs:get_dataset({ datasetId = "d1" }).datasetId)
    end
    fs:close()
    assert.equal(50, server.count("request"))
    assert.equal(50, #attempts)
    for _, attempt in ipairs(attempts) do
      assert.equal(1, attempt)
    end
  end)

  it("end in time when nothing, half an answer, or one byte now and then comes", function()
    local head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n"
    for _, script in ipairs {
      { { "read" }, { "sleep", 60 } },
      { { "sleep", 60 } },
      { { "read" }, { "send", head .. '{"dat' }, { "sleep", 60 } },
      { { "read" }, { "drip", head .. '{"datasetId":"d1"}', 0.05 } },
    } do
      server = faults.start(script)
      local started = sys.monotonic()
      local result, err = client_of(server.port, { timeout = 0.2 }):get_dataset { datasetId = "d1" }
      assert.is_nil(result)
      assert.same({ "timeout", "unknown", 3 }, { err.kind, err.outcome, err.attempts })
      assert.is_true(sys.monotonic() - started >= 0.6)
      server.stop()
    end
  end)

  it("say that nothing was sent when nobody listens", function()
    local err
    for _ = 1, 20 do
      err = select(2, client_of(support.free_port()):create_changeset(CHANGESET))
    end
    assert.same({ "connect", "ConnectionRefused", "not_sent", 3 }, { err.kind, err.code, err.outcome, err.attempts })
    assert.matches("comes from the endpoint_url option", err.message)
    assert.equal(36, #err.client_token)
  end)

  it("explain a host that does not exist", function()
    local fs = client_of(1, { endpoint_url = "http://finspace.invalid", max_attempts = 1 })
    local _, err = fs:get_working_location()
    assert.same({ "connect", "CouldNotResolve" }, { err.kind, err.code })
    assert.matches("2026-10-07", err.message, 1, true)
    assert.matches("endpoint_url", err.message, 1, true)
  end)

  it("follow no redirect", function()
    local trap = faults.start { { "read" } }
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      server = faults.start {
        { "read" },
        { "send", ("HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"):format(status, trap.url) },
      }
      local _, err = client_of(server.port):get_dataset { datasetId = "d1" }
      assert.same({ "protocol", status, 1 }, { err.kind, err.status, err.attempts })
      server.stop()
    end
    assert.equal(0, trap.count("connection"))
    trap.stop()
  end)
end)

-- An answer with every member that the model knows, as the service would write it.
local function sample(shape)
  if shape.enum then return shape.enum[1] end
  if shape.type == "string" then return 'say "ü"\n\\' end
  if shape.type == "boolean" then return false end
  if shape.type == "timestamp" then return 1638316800.125 end
  if shape.type == "map" then return { key = sample(shape.value) } end
  if shape.type == "list" then return { sample(shape.of), sample(shape.of) } end
  if shape.type ~= "structure" then return 9007199254740991 end
  local structure = {}
  for _, member in ipairs(shape.members) do
    structure[member.name] = sample(member)
  end
  return structure
end

local function sample_answer(row)
  local result = {}
  for _, member in ipairs(row.output) do
    if member.place == "body" then result[member.name] = sample(member) end
  end
  return core.json_encode(row.name, row.generation, result)
end

describe("the answer of every operation", function()
  it("is never taken for a success when it was cut off, wherever that was", function()
    local cuts, answers = 0, 0
    for _, row in ipairs(core.operations()) do
      local body = sample_answer(row)
      assert.is_truthy(core.finish(row.name, row.generation, world.answer(200, body)))
      for length = 1, #body - 1 do
        local result, fault = core.finish(row.name, row.generation, world.answer(200, body:sub(1, length)))
        assert(result == nil and fault.kind == "protocol", row.name .. " cut at " .. length)
        cuts = cuts + 1
      end
      answers = answers + 1
    end
    assert.equal(32, answers)
    assert.is_true(cuts > 5000, cuts .. " cuts")
  end)
end)
