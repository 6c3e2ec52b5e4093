local faults = require("spec.support.faults")
local http = require("finspace.http")
local nginx = require("spec.support.nginx")
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")

-- What the server under test answers: what it saw, byte by byte, or what the path asks for.
local SERVERS = [[
server {
  listen 127.0.0.1:%d;
  location / {
    content_by_lua_block {
      ngx.req.read_body()
      ngx.header["X-Connection"] = ngx.var.connection
      ngx.print(ngx.req.raw_header(), ngx.req.get_body_data() or "")
    }
  }
  location = /redirect {
    content_by_lua_block {
      ngx.status = tonumber(ngx.var.arg_status)
      ngx.header.location = "http://127.0.0.1:" .. ngx.var.arg_port .. "/trap"
      ngx.exit(ngx.status)
    }
  }
  location = /bytes {
    content_by_lua_block { ngx.print(("x"):rep(tonumber(ngx.var.arg_count))) }
  }
  location = /status {
    content_by_lua_block { ngx.status = tonumber(ngx.var.arg_status) ngx.print("because") }
  }
  location = /gzip {
    content_by_lua_block { ngx.header["Content-Encoding"] = "gzip" ngx.print("not really gzip") }
  }
  location = /twice {
    content_by_lua_block { ngx.header["X-Many"] = {"one", "two"} ngx.print("ok") }
  }
  location = /slow {
    content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_seconds)) ngx.print("late") }
  }
  location = /together {
    content_by_lua_block {
      local kept = package.loaded -- one for all requests
      kept.arrived = (kept.arrived or 0) + 1
      while kept.arrived < tonumber(ngx.var.arg_count) do ngx.sleep(0.01) end
      ngx.print("together")
    }
  }
  location = /keep {
    client_body_in_file_only on;
    content_by_lua_block {
      ngx.req.read_body()
      local kept = ngx.req.get_body_file() .. ".kept"
      os.rename(ngx.req.get_body_file(), kept)
      ngx.print(kept)
    }
  }
}
]]

local CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
local ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

describe("http", function()
  local server, url, client, folder

  setup(function()
    local port = support.free_port()
    server = nginx.start(SERVERS:format(port), { ports = { port } })
    url = "http://127.0.0.1:" .. port
    folder = support.temporary_folder()
  end)

  teardown(function()
    server.stop()
    support.remove_folder(folder)
  end)

  before_each(function() client = http.client { timeout = 60, user_agent = "spec" } end)
  after_each(function() client:close() end)

  local function get(path, more)
    local request = { method = "GET", url = url .. path }
    for name, value in pairs(more or {}) do
      request[name] = value
    end
    return client:perform(request)
  end

  describe("a request", function()
    it("is sent with the method, the path, the query and the body that were given", function()
      for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
        local response = assert(get("/a%2Fb?c=d%20e", { method = method, body = "some\0bytes" }))
        assert.equal(200, response.status)
        assert.truthy(response.body:find(method .. " /a%2Fb?c=d%20e HTTP/1.1\r\n", 1, true))
        assert.truthy(response.body:find("\r\n\r\nsome\0bytes", 1, true))
      end
    end)

    it("keeps dot segments, double slashes and encoded bytes of the path as they are", function()
      for _, path in ipairs { "/a/../b", "/a//b", "/./%2e%2e/%01", "/a%20b+c~", "/?a=/../&&=", "?x=1" } do
        local response = assert(get("/keep-it" .. path))
        assert.truthy(response.body:find("GET /keep-it" .. path .. " HTTP", 1, true), path)
      end
    end)

    it("carries the headers that were given, an empty one too, and none that were not", function()
      local response = assert(get("/", {
        method = "POST",
        body = "x",
        headers = { host = "example.test", ["x-empty"] = "", ["x-full"] = "a b", authorization = "secret" },
      }))
      local head = response.body:lower()
      assert.truthy(head:find("\r\nhost: example.test\r\n", 1, true))
      assert.truthy(head:find("\r\nx-empty:\r\n", 1, true))
      assert.truthy(head:find("\r\nx-full: a b\r\n", 1, true))
      assert.truthy(head:find("\r\nauthorization: secret\r\n", 1, true))
      assert.truthy(head:find("\r\nuser-agent: spec\r\n", 1, true))
      assert.truthy(head:find("\r\ncontent-length: 1\r\n", 1, true))
      for _, name in ipairs { "accept", "content-type", "accept-encoding", "expect", "cookie", "transfer-encoding" } do
        assert.falsy(head:find("\r\n" .. name .. ":", 1, true), name)
      end
    end)

    it("leaves nothing of itself in the next one on the same connection", function()
      local first = assert(get("/", {
        method = "PUT",
        body = "old body",
        timeout = 3,
        max_body = 4000,
        headers = { host = "stale.test", ["content-type"] = "old/type", ["x-old"] = "1" },
      }))
      local second = assert(get("/"))
      assert.equal(first.headers["x-connection"], second.headers["x-connection"])
      assert.truthy(second.body:find("^GET / HTTP"))
      for _, stale in ipairs { "stale.test", "old/type", "x-old", "old body", "ontent-" } do
        assert.falsy(second.body:find(stale, 1, true), stale)
      end
    end)

    it("without a body says Content-Length: 0 where the method expects one, and nothing elsewhere", function()
      local function length_of(method)
        return assert(get("/", { method = method })).body:match("ontent%-[Ll]ength: (%d+)")
      end
      assert.equal("0", length_of("POST"))
      assert.equal("0", length_of("PUT"))
      assert.is_nil(length_of("GET"))
      assert.is_nil(length_of("DELETE"))
    end)

    it("may be a HEAD, whose answer has headers and no body", function()
      local response = assert(get("/bytes?count=7", { method = "HEAD" }))
      assert.equal(200, response.status)
      assert.equal("", response.body)
    end)

    it("asks before it sends a large body, and does not wait for a server that never says", function()
      local deaf = faults.start { { "read" }, { "send", ANSWER } }
      local response = client:perform { method = "PUT", url = deaf.url, body = ("x"):rep(2000000) }
      deaf.stop()
      assert.equal("hello", response.body)
    end)

    it("that the server refuses before the body is not sent whole", function()
      local strict = faults.start { { "read_bytes", 60 }, { "send", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno" } }
      local response = assert(client:perform { method = "PUT", url = strict.url, body = ("x"):rep(20000000) })
      strict.stop()
      assert.equal(403, response.status)
      assert.equal("no", response.body)
    end)
  end)

  describe("a request is refused before anything is sent", function()
    local trap

    setup(function() trap = faults.start { { "read" }, { "send", ANSWER } } end)
    teardown(function() trap.stop() end)

    local function refused(request)
      request.method = request.method or "GET"
      request.url = request.url or trap.url
      local response, err = client:perform(request)
      assert.is_nil(response)
      assert.same({ "validation", "InvalidRequest", false }, { err.kind, err.code, err.sent })
      assert.equal(0, trap.count("connection"))
      return err
    end

    it("when a header's name or value holds CR, LF or NUL, without showing the value", function()
      for _, bad in ipairs { "\r", "\n", "\0", "\r\nx-evil: 1", "\n x" } do
        local err = refused { headers = { ["x-token"] = "canary" .. bad .. "y" } }
        assert.falsy(err.message:find("canary", 1, true))
        assert.truthy(err.message:find("x-token", 1, true))
        refused { headers = { ["x" .. bad] = "y" } }
      end
    end)

    it("when a header's name is no token", function()
      for _, name in ipairs { "", "a b", "a:b", "a\tb", "\195\164", "x;" } do
        refused { headers = { [name] = "y" } }
      end
    end)

    it("when the method or the URL holds what ends or splits a line", function()
      for _, bad in ipairs { "\r\nX: 1", "\n", "\0", " ", "\t" } do
        refused { method = "GET" .. bad }
        refused { url = trap.url .. "a" .. bad .. "b" }
        refused { url = "http://127.0.0.1" .. bad .. ":" .. trap.port .. "/" }
      end
      refused { method = "" }
      refused { method = "get" }
    end)

    it("when the URL is not plain http or https to a host", function()
      for _, bad in ipairs {
        "file:///etc/passwd",
        "ftp://x/",
        "gopher://x/",
        "dict://x/",
        "HTTP//x",
        "http:///x",
        "http://",
        "https://:443/",
        "//x/",
        "http://user:pass@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1/#fragment",
        "http://127.0.0.1\\@x/",
        "http://%31/",
        "http://h/\195\164",
      } do
        refused { url = bad }
      end
    end)

    it("when it would contradict its own framing", function()
      refused { headers = { ["transfer-encoding"] = "chunked" } }
      refused { headers = { ["Expect"] = "100-continue" } }
      refused { method = "POST", body = "four", headers = { ["content-length"] = "5" } }
      refused { method = "POST", body = "four", headers = { ["content-length"] = "-4" } }
      refused { method = "HEAD", body = "x" }
    end)

    it("when it has more headers, or a longer URL, than anybody needs", function()
      local headers = {}
      for i = 1, 101 do
        headers["x-" .. i] = "y"
      end
      refused { headers = headers }
      refused { headers = { ["x-long"] = ("y"):rep(70000) } }
      refused { url = trap.url .. ("y"):rep(70000) }
    end)

    it("raises where the caller's code is wrong, and names the field", function()
      local function raises(request, what)
        local ok, message = pcall(client.perform, client, request)
        assert.is_false(ok)
        assert.truthy(message:find(what, 1, true), message)
      end
      raises({ method = "GET", url = url, timeout = "soon" }, "timeout")
      raises({ method = "GET", url = url, timeout = -1 }, "timeout")
      raises({ method = "GET", url = url, headers = { ["x-a"] = {} } }, "x-a")
      raises({ method = "GET", url = url, headers = "x" }, "headers")
      raises({ method = "GET", url = url, body = true }, "body")
      raises({ method = "GET", url = url, body = {} }, "file")
      raises({ method = 7, url = url }, "method")
      assert.has_error(function() http.client { tiemout = 1 } end, "unknown option 'tiemout'")
    end)
  end)

  describe("an answer", function()
    it("has its status, its body and its headers in lower case, repeated ones joined", function()
      local response = assert(get("/twice"))
      assert.equal(200, response.status)
      assert.equal("ok", response.body)
      assert.equal(2, response.received)
      assert.equal("one, two", response.headers["x-many"])
    end)

    it("is an answer whatever its status", function()
      for _, status in ipairs { 204, 304, 400, 403, 404, 429, 500, 503 } do
        assert.equal(status, assert(get("/status?status=" .. status)).status)
      end
    end)

    it("that redirects is given to the caller, and never followed", function()
      local trap = faults.start { { "read" }, { "send", ANSWER } }
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        local response = assert(
          get(("/redirect?status=%d&port=%d"):format(status, trap.port), { headers = { authorization = "secret" } })
        )
        assert.equal(status, response.status)
      end
      assert.equal(0, trap.count("connection"))
      trap.stop()
    end)

    it("that is compressed is left as it came", function()
      local response = assert(get("/gzip"))
      assert.equal("not really gzip", response.body)
      assert.equal("gzip", response.headers["content-encoding"])
    end)

    it("may begin with interim answers, of which nothing is kept", function()
      local interim = "HTTP/1.1 102 Wait\r\nX-Interim: 1\r\n\r\n"
      local chatty = faults.start { { "read" }, { "send_many", interim, 3 }, { "send", ANSWER } }
      local response = assert(client:perform { method = "GET", url = chatty.url })
      chatty.stop()
      assert.equal("hello", response.body)
      assert.is_nil(response.headers["x-interim"])
    end)

    it("keeps its headers when a trailer would replace them", function()
      local sly = faults.start {
        { "read" },
        {
          "send",
          "HTTP/1.1 200 OK\r\nX-A:  header \r\nX-Empty:\r\n"
            .. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: trailer\r\n\r\n",
        },
      }
      local response = assert(client:perform { method = "GET", url = sly.url })
      sly.stop()
      assert.equal("hello", response.body)
      assert.equal("header", response.headers["x-a"])
      assert.equal("", response.headers["x-empty"])
    end)
  end)

  -- One server for all cases: the n-th connection plays the n-th script.
  local function play(cases, check)
    local scripts = {}
    for i, case in ipairs(cases) do
      scripts[i] = { { "read" } }
      for _, step in ipairs(case) do
        table.insert(scripts[i], step)
      end
    end
    local crooked = faults.start(table.unpack and table.unpack(scripts) or unpack(scripts)) -- luacheck: ignore
    for _, case in ipairs(cases) do
      client:close()
      client = http.client { timeout = 5 }
      check(case, client:perform { method = "GET", url = crooked.url, max_body = case.max_body })
    end
    crooked.stop()
  end

  local function fails_with(code)
    return function(case, response, err)
      assert.is_nil(response, case.name)
      assert.same({ case.name, "protocol", case.code or code, true }, { case.name, err.kind, err.code, err.sent })
    end
  end

  describe("a broken answer is never a success:", function()
    local CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    it("one that ends, or is reset, at any byte", function()
      local cases = {}
      for _, whole in ipairs { ANSWER, CHUNKED } do
        for cut = 0, #whole - 1 do
          local how = cut % 2 == 0 and "close" or "reset"
          table.insert(cases, { name = ("%s after %d bytes"):format(how, cut), { "send", whole:sub(1, cut) }, { how } })
        end
      end
      play(cases, function(case, response, err)
        assert.is_nil(response, case.name)
        assert.equal("protocol", err.kind, case.name)
        assert.truthy(err.code == "Truncated" or err.code == "ConnectionReset", case.name .. " " .. err.code)
        assert.is_true(err.sent, case.name)
      end)
    end)

    it("one whose end cannot be known, or that is not HTTP", function()
      local function answer(headers, body) return { "send", "HTTP/1.1 200 OK\r\n" .. headers .. "\r\n\r\n" .. body } end
      play({
        { name = "two lengths", answer("Content-Length: 5\r\nContent-Length: 6", "hello!") },
        { name = "length and chunks", answer("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n") },
        { name = "chunks and length", answer("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n") },
        { name = "negative length", answer("Content-Length: -5", "hello") },
        { name = "length beyond numbers", answer("Content-Length: 99999999999999999999", "hello") },
        { name = "length with a sign", answer("Content-Length: +5", "hello") },
        { name = "list of lengths", answer("Content-Length: 5, 5", "hello") },
        { name = "no chunk size", answer("Transfer-Encoding: chunked", "xyz\r\nhello\r\n0\r\n\r\n") },
        { name = "space before the colon", answer("Content-Length : 5", "hello") },
        { name = "folded line", answer("X-A: b\r\n Content-Length: 5", "hello") },
        { name = "HTTP/0.9", { "send", "hello world\r\n" } },
        { name = "noise", { "send", "\0\1\2\3\4\5\6\7" } },
        { name = "a protocol not asked for", { "send", "HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n" } },
        { name = "encoded for transfer", answer("Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n") },
      }, fails_with("BadResponse"))
    end)

    it(
      "one larger than the limits, whose rest is not read",
      function()
        play({
          { name = "many headers", { "send", "HTTP/1.1 200 OK\r\n" }, { "send_many", "X-A: b\r\n", 1000000 } },
          {
            name = "one endless header",
            { "send", "HTTP/1.1 200 OK\r\nX-A: " },
            { "send_many", ("b"):rep(1000), 100000 },
          },
          { name = "endless interim answers", { "send_many", CONTINUE, 1000000 } },
          {
            name = "long body",
            max_body = 1000,
            { "send", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" },
            { "send", ("x"):rep(1001) },
          },
          {
            name = "endless chunks",
            { "send", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" },
            { "send_many", "400\r\n" .. ("x"):rep(1024) .. "\r\n", 100000 },
          },
          { name = "endless body", { "send", "HTTP/1.1 200 OK\r\n\r\n" }, { "send_many", ("x"):rep(1024), 100000 } },
        }, fails_with("TooLarge"))
      end
    )

    it("but one that equals the limit is taken", function()
      assert.equal(1000, #assert(get("/bytes?count=1000", { max_body = 1000 })).body)
      local _, err = get("/bytes?count=1000", { max_body = 999 })
      assert.equal("TooLarge", err.code)
    end)
  end)

  describe("connections", function()
    it("are kept: 100 calls go through one", function()
      local seen = {}
      for _ = 1, 100 do
        seen[assert(get("/")).headers["x-connection"]] = true
      end
      local count = 0
      for _ in pairs(seen) do
        count = count + 1
      end
      assert.equal(1, count)
    end)

    it("that died while they were kept are replaced, without the caller noticing", function()
      local leaving = faults.start { { "read" }, { "send", ANSWER }, { "close" } }
      local request = { method = "POST", url = leaving.url, body = "x" }
      for _ = 1, 10 do
        assert.equal("hello", assert(client:perform(request)).body)
      end
      assert.equal(10, leaving.count("request"))
      leaving.stop()
    end)

    it("that die under a repeatable request are replaced, and the request is sent again, body and all", function()
      local leaving = faults.start(
        { { "read" }, { "send", ANSWER }, { "read" }, { "reset" } },
        { { "read" }, { "send", ANSWER } }
      )
      local path = support.write_file(folder .. "/again", ("y"):rep(5000))
      local request = { method = "PUT", url = leaving.url, body = { file = path } }
      assert(client:perform(request))
      assert.equal("hello", assert(client:perform(request)).body)
      assert.equal(3, leaving.count("request"))
      leaving.stop()
    end)

    it("are not reused for a request that must not be sent twice", function()
      local leaving = faults.start(
        { { "read" }, { "send", ANSWER }, { "read" }, { "reset" } },
        { { "read" }, { "reset" } }
      )
      local request = { method = "POST", url = leaving.url, body = "x", repeatable = false }
      assert(client:perform(request))
      local _, err = client:perform(request)
      assert.same({ "ConnectionReset", true }, { err.code, err.sent })
      assert.equal(2, leaving.count("request"))
      leaving.stop()
    end)

    it("with bytes that nobody asked for are not reused: an answer never goes to another request", function()
      local hasty = faults.start(
        { { "read" }, { "send", ANSWER .. ANSWER:gsub("hello", "wrong") }, { "read" } },
        { { "read" }, { "send", (ANSWER:gsub("hello", "right")) } }
      )
      assert(client:perform { method = "GET", url = hasty.url })
      assert.equal("right", assert(client:perform { method = "GET", url = hasty.url }).body)
      hasty.stop()
    end)

    it("go only to the addresses that a request allows", function()
      local trap = faults.start { { "read" }, { "send", ANSWER }, { "again" } }
      local function try(host, allowed)
        local response, err = client:perform {
          method = "GET",
          url = ("http://%s:%d/"):format(host, trap.port),
          allowed_addresses = allowed,
        }
        return response and response.status or err.code, err and err.sent
      end
      assert.same({ "AddressNotAllowed", false }, { try("127.0.0.1", { "169.254.169.254" }) })
      assert.same({ "AddressNotAllowed", false }, { try("localhost", { "169.254.170.2", "fd00:ec2::23" }) })
      assert.equal(0, trap.count("connection"))
      assert.same({ 200 }, { try("127.0.0.1", { "loopback" }) })
      assert.same({ 200 }, { try("localhost", { "loopback" }) })
      assert.same({ 200 }, { try("127.0.0.1", { "10.0.0.1", "127.0.0.1" }) })
      assert.same({ "AddressNotAllowed", false }, { try("127.0.0.1", { "127.0.0.2" }) })
      assert.same({ "InvalidRequest", false }, { try("127.0.0.1", { "localhost" }) })
      trap.stop()
    end)

    it("are refused in words that name the host and the port", function()
      local port = support.free_port()
      local _, err = client:perform { method = "GET", url = "http://127.0.0.1:" .. port .. "/?secret=canary" }
      assert.same({ "connect", "ConnectionRefused", false }, { err.kind, err.code, err.sent })
      assert.truthy(err.message:find("127.0.0.1:" .. port, 1, true))
      assert.falsy(err.message:find("canary", 1, true))
    end)

    it("to a name that does not exist fail with CouldNotResolve", function()
      local _, err = client:perform { method = "GET", url = "http://no-such-host.invalid/" }
      assert.same({ "connect", "CouldNotResolve", false }, { err.kind, err.code, err.sent })
      assert.truthy(err.message:find("no-such-host.invalid", 1, true))
    end)

    it("lost while the body is sent say so", function()
      local leaving = faults.start { { "read_bytes", 50 }, { "send", CONTINUE }, { "read_bytes", 99999 }, { "reset" } }
      local _, err = client:perform { method = "PUT", url = leaving.url, body = ("x"):rep(20000000) }
      leaving.stop()
      assert.same({ "connect", "ConnectionReset", true }, { err.kind, err.code, err.sent })
      assert.truthy(err.message:find("sending the request", 1, true))
    end)

    it("go through the proxy that is named, and through none when it is false", function()
      local proxy = faults.start { { "read" }, { "send", (ANSWER:gsub("hello", "proxy")) }, { "again" } }
      local through = "http://127.0.0.1:" .. proxy.port
      assert.equal("proxy", assert(get("/", { proxy = through })).body)
      client:close()
      client = http.client { proxy = through }
      assert.equal("proxy", assert(get("/")).body)
      assert.truthy(assert(get("/", { proxy = false })).body:find("^GET / HTTP"))
      proxy.stop()
    end)

    it("go past the environment's proxy where the address is this machine's, however it is written", function()
      local proxy = faults.start { { "read" }, { "send", (ANSWER:gsub("hello", "proxy")) }, { "again" } }
      local script = (
        "local http = require('finspace.http') local client = http.client { timeout = 5 } for host in"
        .. " os.getenv('HOSTS'):gmatch('%%S+') do local response = client:perform { method = 'GET', url = 'http://' .. host .. ':%d/' }"
        .. " print(response and response.body or 'direct') end"
      ):format(support.free_port())
      local function ways(hosts)
        local command = ("env http_proxy=http://127.0.0.1:%d HOSTS=%s %s -e %s"):format(
          proxy.port,
          support.quote(hosts),
          support.interpreter(),
          support.quote(script)
        )
        return (support.run(command):gsub("%s+", " "))
      end
      local own =
        "localhost LOCALHOST LocalHost. a.localhost 127.0.0.1 2130706433 0x7f.1 127.1 [::1] [0:0::1] [::ffff:127.9.9.9]"
      assert.equal(("direct "):rep(11), ways(own))
      assert.equal(("proxy "):rep(4), ways("127.evil.example localhost.evil.example 2130706433.evil.example 10.0.0.1"))
      proxy.stop()
    end)

    it("name no proxy's password in any message", function()
      local port = support.free_port()
      for _, proxy in ipairs {
        "http://user:canary@127.0.0.1:%d",
        "http://user:can@ary-canary@127.0.0.1:%d",
        "http://user:canary@no-such-proxy.invalid:%d",
        "http://user:canary@[::1:%d",
        "http://user:canary@127.0.0.1:%d99999",
        "no-scheme://user:canary@127.0.0.1:%d",
        "socks5://user:canary@127.0.0.1:%d",
        "https://user:canary@127.0.0.1:%d",
        "user:canary@127.0.0.1:%d",
      } do
        for _, scheme in ipairs { "http", "https" } do
          local service = scheme .. "://fs.example.test/"
          local response, err =
            client:perform { method = "GET", url = service, proxy = proxy:format(port), timeout = 5 }
          assert.is_nil(response)
          assert.is_nil(err.message:find("canary", 1, true), err.message)
        end
      end
    end)

    local function by_way_of(proxy, scheme)
      local service = (scheme or "https") .. "://fs.example.test/"
      local response, err = client:perform { method = "GET", url = service, proxy = proxy, timeout = 5 }
      assert.is_nil(response)
      assert.same({ "connect", false }, { err.kind, err.sent })
      assert.matches("proxy", err.message)
      assert.matches("fs.example.test", err.message, 1, true)
      return err
    end

    it("that a proxy's silence or absence stops name the proxy, not the service", function()
      local port = support.free_port()
      for _, scheme in ipairs { "http", "https" } do
        for _, kind in ipairs { "http", "socks5h" } do
          local err = by_way_of(("%s://127.0.0.1:%d"):format(kind, port), scheme)
          assert.equal("ProxyFailed", err.code)
          assert.matches("127.0.0.1:" .. port, err.message, 1, true)
        end
        assert.equal("ProxyFailed", by_way_of("http://no-such-proxy.invalid:1", scheme).code)
      end
      local closing = faults.start { { "read" }, { "close" } }
      assert.equal("ProxyFailed", by_way_of("http://127.0.0.1:" .. closing.port).code)
      closing.stop()
    end)

    it("that a proxy refuses say so, with its status and what it wants", function()
      for status, words in pairs { [403] = "status 403", [407] = "USER:PASSWORD", [502] = "status 502" } do
        local answer = ("HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n"):format(status)
        local proxy = faults.start { { "read" }, { "send", answer } }
        local err = by_way_of("http://127.0.0.1:" .. proxy.port)
        proxy.stop()
        assert.equal("ProxyRefused", err.code)
        assert.matches("127.0.0.1:" .. proxy.port, err.message, 1, true)
        assert.matches(words, err.message, 1, true)
      end
    end)
  end)

  describe("time", function()
    local function times_out(request, seconds, code, stage)
      local started = sys.monotonic()
      local response, err = client:perform(request)
      local took = sys.monotonic() - started
      assert.is_nil(response)
      assert.same({ "timeout", code }, { err.kind, err.code })
      assert.truthy(err.message:find(stage, 1, true), err.message)
      assert.is_true(took > seconds * 0.9, took) -- the code says that it was this limit
      return err
    end

    it("ends a connection that is never accepted", function()
      local full = assert(socket.bind("127.0.0.1", 0, 0)) -- a backlog of one, and nobody accepts
      local _, port = full:getsockname()
      local waiting = {}
      for i = 1, 3 do
        waiting[i] = socket.tcp()
        waiting[i]:settimeout(0)
        waiting[i]:connect("127.0.0.1", port)
      end
      local request = { method = "GET", url = "http://127.0.0.1:" .. math.floor(port) .. "/", connect_timeout = 0.15 }
      assert.is_false(times_out(request, 0.15, "ConnectTimeout", "connecting").sent)
      for _, one in ipairs(waiting) do
        one:close()
      end
      full:close()
    end)

    it("ends a TLS handshake that is never answered", function()
      local mute = faults.start { { "sleep", 9 } }
      local request = { method = "GET", url = "https://127.0.0.1:" .. mute.port .. "/", connect_timeout = 0.15 }
      assert.is_false(times_out(request, 0.15, "ConnectTimeout", "the TLS handshake").sent)
      mute.stop()
    end)

    it("ends a call at its deadline, wherever it is, and names the stage", function()
      local function try(stage, steps, body)
        local slow, seconds = faults.start(steps), 0.075
        local err
        repeat -- until there was time enough to come that far
          seconds = seconds * 2
          err = times_out(
            { method = body and "PUT" or "GET", url = slow.url, timeout = seconds, body = body },
            seconds,
            "Timeout",
            ""
          )
        until err.message:find(stage, 1, true) or seconds > 10
        slow.stop()
        assert.truthy(err.message:find(stage, 1, true), err.message)
        assert.is_true(err.sent)
      end
      try("waiting for the answer", { { "read" }, { "sleep", 60 } })
      try("receiving the answer", { { "read" }, { "send", ANSWER:sub(1, -2) }, { "sleep", 60 } })
      try("the answer", { { "read" }, { "drip", ANSWER, 0.05 } })
      try("sending the request", { { "read_bytes", 50 }, { "send", CONTINUE }, { "sleep", 60 } }, ("x"):rep(20000000))
    end)

    it("ends a call in which nothing moves, long before its deadline #once", function()
      local stalled = faults.start { { "read" }, { "sleep", 90 } }
      local request = { method = "GET", url = stalled.url, timeout = 60, stall_timeout = 1 }
      local _, err = client:perform(request)
      stalled.stop()
      assert.same({ "timeout", "Stalled", true }, { err.kind, err.code, err.sent })
    end)
  end)

  describe("files", function()
    local path

    setup(function() path = support.write_file(folder .. "/body", "0123456789") end)

    it("are sent whole, or from an offset for a length", function()
      local function send(body)
        local response = assert(get("/", { method = "PUT", body = body }))
        return response.body:match("\r\n\r\n(.*)$"), response.body:match("ontent%-Length: (%d+)")
      end
      assert.same({ "0123456789", "10" }, { send { file = path } })
      assert.same({ "3456", "4" }, { send { file = path, offset = 3, length = 4 } })
      assert.same({ "789", "3" }, { send { file = path, offset = 7 } })
      assert.same({ "", "0" }, { send { file = path, offset = 10 } })
    end)

    it("are sent and written beyond 2 GiB", function()
      local large = folder .. "/beyond"
      local size = support.write_sparse(large, "the end")
      local response = assert(get("/", { method = "PUT", body = { file = large, offset = size - 7 } }))
      assert.matches("\r\n\r\nthe end$", response.body)
      assert(get("/bytes?count=3", { sink = { file = large, offset = size - 7 } }))
      response = assert(get("/", { method = "PUT", body = { file = large, offset = size - 7 } }))
      assert.matches("\r\n\r\nxxx end$", response.body)
      os.remove(large)
    end)

    it("that cannot be sent fail before anything is", function()
      local function fails(body, code)
        local _, err = get("/", { method = "PUT", body = body })
        assert.same({ "io", code, false }, { err.kind, err.code, err.sent })
      end
      fails({ file = folder .. "/absent" }, "FileUnreadable")
      fails({ file = folder }, "FileUnreadable")
      fails({ file = "/dev/zero" }, "FileUnreadable")
      fails({ file = path, offset = 11 }, "FileChanged")
      fails({ file = path, offset = 5, length = 6 }, "FileChanged")
    end)

    it("that shrink while they are sent fail the call", function()
      local shrinking = support.write_file(folder .. "/shrinking", ("x"):rep(8000000))
      local slow = faults.start {
        { "read_bytes", 50 },
        { "send", CONTINUE },
        { "sleep", 0.2 },
        { "read" },
        { "sleep", 5 },
      }
      local pid = assert(sys.start { argv = { "sh", "-c", "sleep 0.1; : > " .. shrinking } })
      local _, err = client:perform { method = "PUT", url = slow.url, body = { file = shrinking } }
      sys.wait(pid, 5)
      slow.stop()
      assert.same({ "io", "FileChanged", true }, { err.kind, err.code, err.sent })
    end)

    it("take the body of a success, and leave a refusal in memory", function()
      local sink = folder .. "/sink"
      support.write_file(sink, "what was there before, and longer")
      local response = assert(get("/bytes?count=20", { sink = { file = sink } }))
      assert.same({ "", 20 }, { response.body, response.received })
      assert.equal(("x"):rep(20), support.read_file(sink))
      response = assert(get("/status?status=404", { sink = { file = sink } }))
      assert.equal("because", response.body)
      assert.equal(("x"):rep(20), support.read_file(sink))
    end)

    it("take parts of a body at an offset, and keep the rest", function()
      local sink = support.write_file(folder .. "/parts", "ab----gh")
      assert(get("/bytes?count=4", { sink = { file = sink, offset = 2 } }))
      assert.equal("abxxxxgh", support.read_file(sink))
    end)

    it("may be larger than memory's limit, but not than the request's own", function()
      local small = http.client { max_body = 10 }
      local request = { method = "GET", url = url .. "/bytes?count=5000", sink = { file = folder .. "/large" } }
      assert.equal(5000, assert(small:perform(request)).received)
      request.max_body = 4999
      local _, err = small:perform(request)
      small:close()
      assert.equal("TooLarge", err.code)
    end)

    it("that cannot be written fail with the reason", function()
      local _, err = get("/bytes?count=5", { sink = { file = folder .. "/absent/file" } })
      assert.same({ "io", "FileUnwritable", true }, { err.kind, err.code, err.sent })
      _, err = get("/bytes?count=5000", { sink = { file = "/dev/full" } })
      assert.same({ "io", "FileUnwritable", true }, { err.kind, err.code, err.sent })
    end)
  end)

  describe("many calls at once", function()
    local multi

    before_each(function() multi = http.multi { timeout = 60 } end)
    after_each(function() multi:close() end)

    -- Steps until `count` calls have ended, waiting only on the descriptor, as a host's loop would.
    local function collect(count)
      local ended = {}
      local found = 0
      local readable = { getfd = function() return multi:fd() end }
      local deadline = sys.monotonic() + 60
      while found < count and sys.monotonic() < deadline do
        socket.select({ readable }, nil, 1)
        for _, one in ipairs(multi:step()) do
          found = found + 1
          ended[one.id] = one
        end
      end
      return ended, found
    end

    it("wait all together: 50 of which none is answered before the last has come", function()
      local ids = {}
      for i = 1, 50 do
        ids[i] = assert(multi:add { method = "GET", url = url .. "/together?count=50" })
      end
      assert.equal(50, multi:count())
      local ended, count = collect(50)
      assert.equal(50, count)
      for _, id in ipairs(ids) do
        assert.equal("together", ended[id].response.body)
      end
      assert.equal(0, multi:count())
    end)

    it("get each their own answer", function()
      local wanted = {}
      for i = 1, 200 do
        wanted[multi:add { method = "PUT", url = url .. "/" .. i, body = ("%d"):format(i) }] = i
      end
      local ended = collect(200)
      for id, i in pairs(wanted) do
        assert.truthy(ended[id].response.body:find("^PUT /" .. i .. " "))
        assert.equal(tostring(i), ended[id].response.body:match("\r\n\r\n(.*)$"))
      end
    end)

    it("fail each for themselves", function()
      local good = multi:add { method = "GET", url = url .. "/" }
      local bad = multi:add { method = "GET", url = "http://127.0.0.1:" .. support.free_port() .. "/" }
      local late = multi:add { method = "GET", url = url .. "/slow?seconds=3", timeout = 0.1 }
      local id, err = multi:add { method = "GET", url = "ftp://x/" }
      local ended = collect(3)
      assert.is_nil(id)
      assert.equal("InvalidRequest", err.code)
      assert.equal(200, ended[good].response.status)
      assert.equal("ConnectionRefused", ended[bad].err.code)
      assert.equal("Timeout", ended[late].err.code)
    end)

    it("are dropped when they are cancelled, and not told of again", function()
      local id = multi:add { method = "GET", url = url .. "/slow?seconds=0.2" }
      local other = multi:add { method = "GET", url = url .. "/slow?seconds=0.2" }
      multi:step()
      assert.is_true(multi:cancel(id))
      assert.is_false(multi:cancel(id))
      assert.is_false(multi:cancel(12345))
      local ended, count = collect(1)
      assert.equal(1, count)
      assert.truthy(ended[other].response)
      assert.same({}, multi:step())
    end)

    it("keep their body alive, whatever the collector does", function()
      local ids = {}
      for i = 1, 20 do
        ids[i] = multi:add { method = "PUT", url = url .. "/", body = ("%d."):format(i):rep(1000) }
      end
      for _ = 1, 3 do
        collectgarbage()
      end
      for i = 1, 1000 do
        assert(#("junk"):rep(1000 + i) > 0)
      end
      local ended = collect(20)
      for i, id in ipairs(ids) do
        assert.equal(("%d."):format(i):rep(1000), ended[id].response.body:match("\r\n\r\n(.*)$"))
      end
    end)

    it("tell how far they are", function()
      local slow = faults.start {
        { "read" },
        { "send", ANSWER:sub(1, -3) },
        { "sleep", 0.2 },
        { "send", ANSWER:sub(-2) },
      }
      local id = multi:add { method = "PUT", url = slow.url, body = ("x"):rep(1000) }
      local deadline = sys.monotonic() + 60
      local sent, received
      repeat
        multi:wait(0.05)
        assert.same({}, multi:step())
        sent, received = multi:progress(id)
      until received > 0 or sys.monotonic() > deadline
      assert.same({ 1000, 3 }, { sent, received })
      collect(1)
      slow.stop()
      assert.is_nil(multi:progress(id))
    end)

    it("are over when they have ended: a kept connection that the server closes then wakes nobody for long", function()
      local leaving = faults.start { { "read" }, { "send", ANSWER }, { "close" } }
      for _ = 1, 3 do
        assert(multi:add { method = "GET", url = leaving.url })
        local ended = {}
        while not ended[1] do
          multi:wait(1)
          ended = multi:step()
        end
        assert.equal(200, ended[1].response.status)
        sys.sleep(0.05) -- the server closes
        local woken = 0
        for _ = 1, 5 do
          local began = sys.monotonic()
          multi:wait(0.02)
          assert.same({}, multi:step())
          if sys.monotonic() - began < 0.01 then woken = woken + 1 end
        end
        assert.is_true(woken <= 2, woken)
      end
      assert.equal(3, leaving.count("request"))
      leaving.stop()
    end)

    describe("of which a function is told", function()
      local told

      -- Adds calls of which all but the last succeed.
      local function add(count)
        told = {}
        for _ = 1, count - 1 do
          assert(multi:add { method = "GET", url = url .. "/bytes?count=3" })
        end
        return assert(multi:add { method = "GET", url = "http://127.0.0.1:1/" })
      end

      local function step_until(is_over, tell)
        local deadline = sys.monotonic() + 60
        while not is_over() and sys.monotonic() < deadline do
          multi:wait(1)
          assert.is_nil(multi:step(tell))
        end
      end

      local function keep(id, response, err) told[#told + 1] = { id = id, response = response, err = err } end

      it("are told once each, with the response or the err", function()
        local refused = add(5)
        step_until(function() return #told == 5 end, keep)
        local bodies, codes = 0, {}
        for _, one in ipairs(told) do
          if one.response then bodies = bodies + #one.response.body end
          if one.err then codes[one.id] = one.err.kind end
        end
        assert.equal(12, bodies)
        assert.same({ [refused] = "connect" }, codes)
        assert.same({}, multi:step())
      end)

      it("are told once each, too, by a function that raises each time", function()
        local refused = add(4)
        local deadline = sys.monotonic() + 60
        while #told < 4 and sys.monotonic() < deadline do
          multi:wait(1)
          pcall(multi.step, multi, function(...)
            keep(...)
            error("no")
          end)
        end
        table.sort(told, function(left, right) return left.id < right.id end)
        for index, one in ipairs(told) do
          assert.equal(refused - 4 + index, one.id)
        end
        assert.same({}, multi:step())
      end)

      it("are told no more when it closes the multi", function()
        add(6)
        step_until(function() return #told > 0 end, function(...)
          keep(...)
          multi:close()
        end)
        assert.equal(1, #told)
        assert.has_error(function() multi:step(keep) end, "this multi is closed")
        assert.has_error(function() http.multi({}):step("x") end)
      end)
    end)

    it("end when the multi is closed, also in the middle", function()
      for i = 1, 10 do
        multi:add { method = "PUT", url = url .. "/slow?seconds=1", body = tostring(i) }
      end
      multi:step()
      multi:close()
      multi:close()
      assert.has_error(function() multi:step() end, "this multi is closed")
    end)

    it("may be left to the collector in any order", function()
      for _ = 1, 20 do
        local left = http.multi()
        left:add { method = "GET", url = url .. "/slow?seconds=1" }
        left:step()
        http.client():perform { method = "GET", url = url .. "/" }
      end
      collectgarbage()
      collectgarbage()
    end)
  end)

  it("a closed client says so, and closing again is harmless", function()
    client:close()
    client:close()
    assert.has_error(function() get("/") end, "this client is closed")
  end)
end)

describe("http over a long life #once", function()
  local server, url, folder

  setup(function()
    local port = support.free_port()
    folder = support.temporary_folder()
    server = nginx.start(SERVERS:format(port), { ports = { port } })
    url = "http://127.0.0.1:" .. port
  end)

  teardown(function()
    server.stop()
    support.remove_folder(folder)
  end)

  -- The address sanitizer keeps what was freed for a while, so memory tells nothing under it.
  local sanitized = os.getenv("FINSPACE_SANITIZED") ~= nil

  local function resident_kilobytes()
    if sanitized then return 0 end
    return tonumber(support.read_file("/proc/self/status"):match("VmRSS:%s*(%d+)"))
  end

  local function descriptors() return #sys.list("/proc/self/fd") end

  -- What has grown between the middle and the end of 10,000 calls.
  local function growth(call)
    local before_memory, before_descriptors
    for i = 1, 10000 do
      call(i)
      if i == 5000 then
        collectgarbage()
        before_memory, before_descriptors = resident_kilobytes(), descriptors()
      end
    end
    collectgarbage()
    return resident_kilobytes() - before_memory, descriptors() - before_descriptors
  end

  it("makes 10,000 calls, good and bad, and grows in neither memory nor descriptors", function()
    local client = http.client()
    local refusing = "http://127.0.0.1:" .. support.free_port() .. "/"
    local memory, files = growth(function(i)
      if i % 10 == 0 then
        assert.is_nil((client:perform { method = "GET", url = refusing }))
      else
        assert(client:perform { method = "PUT", url = url .. "/" .. i, body = tostring(i) })
      end
    end)
    client:close()
    assert.is_true(memory < 512, memory)
    assert.equal(0, files)
  end)

  it("makes 10,000 calls, 64 at a time, some cancelled, and grows in neither", function()
    local multi = http.multi()
    local under_way = 0
    local memory, files = growth(function(i)
      local id = assert(multi:add { method = "PUT", url = url .. "/" .. i, body = tostring(i) })
      under_way = under_way + 1
      if i % 100 == 0 and multi:cancel(id) then under_way = under_way - 1 end
      while under_way >= 64 or (i % 5000 == 0 and under_way > 0) do
        multi:wait(1)
        under_way = under_way - #multi:step()
      end
    end)
    multi:close()
    assert.is_true(memory < 512, memory)
    assert.equal(0, files)
  end)

  it("uploads 100 MB from a file, equal to the last bit, in little memory", function()
    local path = folder .. "/large"
    support.run(("head -c 100000000 /dev/urandom > %s"):format(path))
    local client = http.client()
    local before = resident_kilobytes()
    local response = assert(client:perform { method = "PUT", url = url .. "/keep", body = { file = path } })
    local grown = resident_kilobytes() - before
    client:close()
    local output, status = support.run(("cmp %s %s"):format(path, response.body))
    assert.equal(0, status, output)
    assert.is_true(grown < 4096, grown)
  end)

  it("survives a fork: the child has its own connections, and the parent keeps its own", function()
    if not support.has_program("luajit") then return pending(support.lacking("luajit")) end
    local script = support.write_file(
      folder .. "/fork.lua",
      ([[
      local ffi = require("ffi")
      ffi.cdef "int fork(void); int waitpid(int, int *, int); void _exit(int);"
      local http = require("finspace.http")
      local client, multi = http.client(), http.multi()
      local request = {method = "GET", url = %q}
      local function connection() return assert(client:perform(request)).headers["x-connection"] end
      local function run()
        assert(multi:add(request))
        while true do
          multi:wait(5)
          local ended = multi:step()
          if ended[1] then return assert(ended[1].response).headers["x-connection"] end
        end
      end
      local kept, kept_multi = connection(), run()
      multi:add(request)
      local pid = ffi.C.fork()
      if pid == 0 then
        local fine = connection() ~= kept and run() ~= kept_multi and multi:count() == 0
        client:close()
        multi:close()
        ffi.C._exit(fine and 0 or 1)
      end
      local status = ffi.new("int[1]")
      ffi.C.waitpid(pid, status, 0)
      assert(connection() == kept, "the parent lost its connection")
      run()
      print("child", status[0])
    ]]):format(url .. "/")
    )
    local output, status = support.run(("LUA_CPATH='%s/build/lua5.1/?.so;;' luajit %s"):format(support.root, script))
    assert.equal(0, status, output)
    assert.equal("child\t0\n", output)
  end)
end)
