--- The client over the real transport, against servers that break at every point where one can break.
local faults = require("spec.support.faults")
local finspace = require("finspace")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")
local world = require("spec.support.world")

local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "SECRETCANARY" }

local CHANGESET = { datasetId = "d1", changeType = "APPEND", sourceParams = { s3SourcePath = "s3://b/k" },
  formatParams = { formatType = "CSV" } }

-- A client of a server on loopback that does not pause between attempts.
local function client_of(port, more)
  local options = {
    region = "us-east-1", endpoint_url = "http://127.0.0.1:" .. port, credentials = KEYS, timeout = 5,
    random = function() return 0 end, getenv = function() return nil end,
  }
  for name, value in pairs(more or {}) do options[name] = value end
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

  local function made()
    return tonumber((support.run(("curl -s http://127.0.0.1:%d/count"):format(port))))
  end

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
    for _ in pairs(ids) do different = different + 1 end
    return different, made() - before, server.count("connection")
  end

  it("make one changeset a call when the request is cut off after any number of bytes", function()
    local scripts = { { { "reset" } } }
    for bytes = 6, 600, 6 do scripts[#scripts + 1] = { { "read_bytes", bytes }, { "reset" } } end
    local ids, changesets, connections = create_behind(scripts)
    assert.same({ #scripts, #scripts }, { ids, changesets })
    assert.is_true(connections >= 2 * #scripts - 1)
  end)

  it("make one changeset a call when the answer is lost after it was committed", function()
    local fs, before = client_of(port, { endpoint_url = ("http://127.0.0.1:%d/lossy"):format(port) }), made()
    local ids = {}
    for _ = 1, 100 do ids[assert(fs:create_changeset(CHANGESET)).changesetId] = true end
    local different = 0
    for _ in pairs(ids) do different = different + 1 end
    assert.same({ 100, 100 }, { different, made() - before })
  end)

  it("make one changeset a call, and pass no half answer on, when it breaks at any byte", function()
    local scripts = {}
    for bytes = 1, 240 do scripts[bytes] = { { "proxy", port, bytes, "close" } } end
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
    for _, attempt in ipairs(attempts) do assert.equal(1, attempt) end
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
    local err = select(2, client_of(support.free_port()):create_changeset(CHANGESET))
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
      server = faults.start { { "read" }, { "send", ("HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n")
        :format(status, trap.url) } }
      local _, err = client_of(server.port):get_dataset { datasetId = "d1" }
      assert.same({ "protocol", status, 1 }, { err.kind, err.status, err.attempts })
      server.stop()
    end
    assert.equal(0, trap.count("connection"))
    trap.stop()
  end)
end)

describe("a real answer that was cut off", function()
  local ANSWERS = {
    { "GetChangeset", { datasetId = "d1", changesetId = "c1" },
      '{"changesetId":"c1","status":"FAILED","createTime":1638316800123,"sourceParams":{"sourceType":"S3"},'
        .. '"errorInfo":{"errorCategory":"VALIDATION","errorMessage":"row \\"7\\" \\u00e9"},"formatParams":{}}' },
    { "ListDatasets", {}, '{"datasets":[{"datasetId":"d1","schemaDefinition":{"tabularSchemaConfig":{"columns":'
      .. '[{"columnName":"a","dataType":"BIGINT"}],"primaryKeyColumns":[]}}},{"datasetId":"d2"}],"nextToken":"n"}' },
    { "GetUser", { userId = "u1" }, '{"userId":"u1","emailAddress":"a@b.de","lastLoginTime":0,"type":"APP_USER"}' },
    { "GetWorkingLocation", {}, ' {"s3Uri":"s3://b/k/","s3Path":"k/","s3Bucket":"b"} ' },
    { "CreateChangeset", { datasetId = "d1", changeType = "APPEND", sourceType = "S3", sourceParams = {} },
      '{"changeset":{"id":"c1","createTimestamp":1638316800.123,"status":"PENDING","changesetLabels":null}}' },
  }

  it("is never taken for a success, wherever it was cut", function()
    local cuts = 0
    for _, case in ipairs(ANSWERS) do
      local operation, params, body = case[1], case[2], case[3]
      local whole = #body:match("^(.-)%s*$")
      local here = world.new(function(_, number) return world.answer(200, body:sub(1, number)) end)
      local fs = here.client { max_attempts = 1 }
      for _ = 1, whole - 1 do
        local result, err = fs:call(operation, params)
        assert.is_nil(result)
        assert.equal("protocol", err.kind)
        cuts = cuts + 1
      end
      assert.is_truthy(fs:call(operation, params))
    end
    assert.is_true(cuts > 600)
  end)
end)
