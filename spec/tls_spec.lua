local certificates = require("spec.support.certificates")
local faults = require("spec.support.faults")
local http = require("finspace.http")
local nginx = require("spec.support.nginx")
local support = require("spec.support")

local HERE = "DNS:localhost,IP:127.0.0.1"

-- A server on a port of its own for each certificate; all count the requests that reach them.
local SERVER = [[
server {
  listen 127.0.0.1:%d ssl;
  ssl_certificate %s;
  ssl_certificate_key %s;
  %s
  access_by_lua_block { ngx.shared.counts:incr("requests", 1, 0) }
  location = /read { client_max_body_size 0; content_by_lua_block { ngx.req.read_body() ngx.print("read") } }
  location / { return 200 "%s"; }
  location = /undelimited { chunked_transfer_encoding off; content_by_lua_block { ngx.print(("x"):rep(60000)) } }
}
]]

local COUNTER = [[
server {
  listen 127.0.0.1:%d;
  location / { content_by_lua_block { ngx.print(ngx.shared.counts:get("requests") or 0) } }
}
]]

describe("tls", function()
  local folder, trusted, server, counter, client
  local ports = {}

  local function serve(name, files, directives, body)
    ports[name] = support.free_port()
    return SERVER:format(ports[name], files.certificate, files.key, directives or "", body or name)
  end

  -- The intermediate authority's leaf, alone or followed by the intermediate's own certificate.
  local function chain(leaf, intermediate, name)
    local both = support.read_file(leaf.certificate) .. support.read_file(intermediate.certificate)
    return { certificate = support.write_file(folder .. "/" .. name, both), key = leaf.key }
  end

  setup(function()
    folder = support.temporary_folder()
    trusted = certificates.authority(folder, "trusted")
    local unknown = certificates.authority(folder, "unknown")
    local good = trusted.issue("good", HERE)
    local middle = trusted.issue("middle", "DNS:middle.test", { extensions = "authority" })
    local leaf = trusted.issue("leaf", HERE, { signer = middle })
    local servers = table.concat {
      serve("good", good),
      serve("chain", chain(leaf, middle, "chain.pem")),
      serve("intermediate missing", leaf),
      serve("wrong host", trusted.issue("other", "DNS:other.test,IP:127.0.0.2")),
      serve("expired", trusted.issue("expired", HERE, { to = "20210101000000Z" })),
      serve("not yet valid", trusted.issue("future", HERE, { from = "20480101000000Z" })),
      serve("unknown authority", unknown.issue("unknown", HERE)),
      serve("self-signed", certificates.self_signed(folder, HERE)),
      serve("TLS 1.1", good, "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"),
      serve("TLS 1.2", good, "ssl_protocols TLSv1.2;"),
      serve("large", good, nil, ("x"):rep(4000)),
    }
    ports.counter = support.free_port()
    server = nginx.start(servers .. COUNTER:format(ports.counter), {
      ports = { ports.good, ports.large, ports.counter },
      http = "lua_shared_dict counts 1m;",
    })
  end)

  teardown(function()
    server.stop()
    support.remove_folder(folder)
  end)

  before_each(function()
    client = http.client { ca_file = trusted.file, timeout = 5 }
    counter = http.client()
  end)

  after_each(function()
    client:close()
    counter:close()
  end)

  local function requests()
    return tonumber(assert(counter:perform { method = "GET", url = "http://127.0.0.1:" .. ports.counter .. "/" }).body)
  end

  local function get(name, host, path)
    local url = ("https://%s:%d%s"):format(host or "127.0.0.1", ports[name], path or "/")
    return client:perform { method = "GET", url = url }
  end

  it("accepts a certificate of the authority in ca_file, by name and by address, and one with its chain", function()
    for _, name in ipairs { "good", "chain", "TLS 1.2" } do
      assert.equal(name, assert(get(name)).body)
      assert.equal(name, assert(get(name, "localhost")).body)
    end
  end)

  it("refuses every certificate that is not right, says why, and sends nothing", function()
    local before = requests()
    local reasons = {
      ["wrong host"] = "127.0.0.1",
      expired = "expired",
      ["not yet valid"] = "not yet valid",
      ["self-signed"] = "self",
      ["unknown authority"] = "issuer",
      ["intermediate missing"] = "issuer",
    }
    for name, reason in pairs(reasons) do
      for _ = 1, 5 do
        local response, err = get(name)
        assert.is_nil(response, name)
        assert.same({ "tls", "CertificateRefused", false }, { err.kind, err.code, err.sent }, name)
        assert.truthy(err.message:find(reason, 1, true), err.message)
        assert.truthy(err.message:find("127.0.0.1:" .. ports[name], 1, true), err.message)
        assert.truthy(err.message:find("ca_file", 1, true))
      end
    end
    assert.equal(before, requests())
  end)

  it("refuses a server that speaks nothing newer than TLS 1.1", function()
    local response, err = get("TLS 1.1")
    assert.is_nil(response)
    assert.same({ "tls", "HandshakeFailed", false }, { err.kind, err.code, err.sent })
  end)

  it("trusts the system's authorities without ca_file, and they do not know ours", function()
    client:close()
    client = http.client()
    local _, err = get("good")
    assert.equal("CertificateRefused", err.code)
  end)

  it("says when ca_file cannot be used", function()
    for _, path in ipairs { folder .. "/absent.pem", folder, support.write_file(folder .. "/empty.pem", "") } do
      client:close()
      client = http.client { ca_file = path }
      local _, err = get("good")
      assert.same({ "tls", "CaFileUnreadable", false }, { err.kind, err.code, err.sent })
      assert.truthy(err.message:find(path, 1, true), err.message)
    end
  end)

  it("lets one request trust another file", function()
    client:close()
    client = http.client()
    local request = { method = "GET", url = ("https://127.0.0.1:%d/"):format(ports.good), ca_file = trusted.file }
    assert.equal("good", assert(client:perform(request)).body)
    request.ca_file = nil
    local _, err = client:perform(request)
    assert.equal("CertificateRefused", err.code)
  end)

  it("is trusted by a client through AWS_CA_BUNDLE, and through the profile's ca_bundle", function()
    local config_file = support.write_file(folder .. "/config", "[default]\nca_bundle = " .. trusted.file .. "\n")
    local function kind(env)
      local fs = require("finspace").new {
        getenv = function(name) return env[name] end,
        credentials = { access_key_id = "A", secret_access_key = "canary" },
        region = "us-east-1",
        max_attempts = 1,
        endpoint_url = ("https://127.0.0.1:%d"):format(ports.good),
      }
      return select(2, fs:list_datasets {}).kind
    end
    assert.equal("tls", kind {})
    assert.equal("protocol", kind { AWS_CA_BUNDLE = trusted.file }) -- it answers, but no JSON
    assert.equal("protocol", kind { AWS_CONFIG_FILE = config_file })
    assert.equal("tls", kind { AWS_CONFIG_FILE = config_file, AWS_CA_BUNDLE = "/dev/null" })
  end)

  it("reads ca_file once, however many connections are made", function()
    local copy = support.write_file(folder .. "/copy.pem", support.read_file(trusted.file))
    client:close()
    client = http.client { ca_file = copy }
    local multi = http.multi { ca_file = copy }
    local request = { method = "GET", url = ("https://127.0.0.1:%d/"):format(ports.good), repeatable = false }
    local function once_by_multi()
      multi:add(request)
      local ended
      repeat
        multi:wait(5)
        ended = multi:step()[1]
      until ended
      return ended.response
    end
    assert(client:perform(request))
    assert(once_by_multi())
    assert(os.remove(copy))
    for _ = 1, 3 do
      assert(client:perform(request))
      assert(once_by_multi())
    end
    multi:close()
  end)

  it("says that plain HTTP answered where TLS was asked for", function()
    local _, err = client:perform { method = "GET", url = ("https://127.0.0.1:%d/"):format(ports.counter) }
    assert.same({ "tls", "HandshakeFailed", false }, { err.kind, err.code, err.sent })
  end)

  it("says that the connection was lost, not that TLS failed, when it ends within the handshake", function()
    local cutting = faults.start(
      { { "proxy", ports.good, 0, "close" } },
      { { "proxy", ports.good, 500, "close" } },
      { { "proxy", ports.good, 500, "reset" } }
    )
    for _ = 1, 3 do
      local _, err = client:perform { method = "GET", url = ("https://127.0.0.1:%d/"):format(cutting.port) }
      assert.same({ "connect", "ConnectionReset", false }, { err.kind, err.code, err.sent }, err.message)
    end
    cutting.stop()
  end)

  -- Plays one connection cut after each of these numbers of bytes.
  local function cut(name, path, offsets)
    local scripts = {}
    for i, offset in ipairs(offsets) do
      scripts[i] = { { "proxy", ports[name], offset, i % 2 == 0 and "close" or "reset" } }
    end
    local cutting = faults.start(table.unpack and table.unpack(scripts) or unpack(scripts)) -- luacheck: ignore
    local results = {}
    for i = 1, #offsets do
      local response, err = client:perform {
        method = "GET",
        url = ("https://127.0.0.1:%d%s"):format(cutting.port, path),
        repeatable = false,
      }
      results[i] = { response = response, err = err }
    end
    cutting.stop()
    return results
  end

  it("never takes a body for whole that was cut within", function()
    local offsets = {}
    for offset = 100, 4000, 100 do
      table.insert(offsets, offset)
    end
    for i, result in ipairs(cut("large", "/", offsets)) do
      assert.is_nil(result.response, offsets[i])
      assert.truthy(result.err.kind == "connect" or result.err.kind == "protocol", result.err.message)
    end
  end)

  it("never takes a body without length for whole unless TLS said goodbye", function()
    assert.equal(60000, #assert(get("good", nil, "/undelimited")).body)
    local offsets = {}
    for offset = 20000, 60000, 1000 do
      table.insert(offsets, offset)
    end
    for i, result in ipairs(cut("good", "/undelimited", offsets)) do
      assert.is_nil(result.response, offsets[i])
      assert.same({ "protocol", "Truncated", true }, { result.err.kind, result.err.code, result.err.sent })
    end
  end)

  it("outlives a server that goes away within an upload, when even the goodbye cannot be said", function()
    local url = "https://127.0.0.1:%d/read"
    for i, count in ipairs { 3000, 100000, 300000, 1000000 } do
      local cutting = faults.start { { "proxy_up", ports.good, count, i % 2 == 0 and "close" or "reset" } }
      local request = { method = "PUT", url = url:format(cutting.port), body = ("x"):rep(20000000) }
      local _, err = client:perform(request)
      assert.same({ "connect", "ConnectionReset", true }, { err.kind, err.code, err.sent }, err.message)
      assert.truthy(err.message:find("sending the request", 1, true), err.message)
      cutting.stop()
    end
    client:close()
  end)
end)
