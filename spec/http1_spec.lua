local http1 = require("finspace.host.transport.http1")

--- Reads `bytes` in pieces of `step`, then closes; gives the reader, the body and the fault.
local function read(bytes, options, step)
  options = options or {}
  local body = {}
  local reader = http1.reader {
    method = options.method or "GET",
    max_headers = options.max_headers,
    max_body = options.max_body,
    write = options.write or function(piece)
      body[#body + 1] = piece
      return true
    end,
  }
  step = step or #bytes
  local _, fault
  for at = 1, #bytes, math.max(step, 1) do
    _, fault = reader:feed(bytes:sub(at, at + step - 1))
    if fault then break end
  end
  if not fault and not options.open then
    _, fault = reader:finish()
  end
  return reader, table.concat(body), fault
end

local function head(...) return table.concat({ "HTTP/1.1 200 OK", ... }, "\r\n") .. "\r\n\r\n" end

local function refused(bytes, options)
  local reader, _, fault = read(bytes, options)
  assert.is_false(reader.done)
  return fault and fault.code
end

describe("http1 responses", function()
  local counted, chunked = "Content-Length: 5", "Transfer-Encoding: chunked"

  -- name = { bytes, body, whether the connection may be used again }
  local whole = {
    ["a counted body"] = { head(counted) .. "hello", "hello", true },
    ["an empty counted body"] = { head("Content-Length: 0"), "", true },
    ["a chunked body"] = { head(chunked) .. "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "hello", true },
    ["trailers"] = { head(chunked) .. "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello", true },
    ["a body that ends with the connection"] = { head("X-A: 1") .. "hello", "hello", false },
    ["interim responses"] = {
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" .. head(counted) .. "hello",
      "hello",
      true,
    },
    ["a connection to be closed"] = { head("Connection: x, Close", counted) .. "hello", "hello", false },
    ["HTTP/1.0"] = { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false },
    ["HTTP/1.0 kept alive"] = {
      "HTTP/1.0 200\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
      "hello",
      true,
    },
    ["204"] = { "HTTP/1.1 204 No Content\r\n\r\n", "", true },
    ["304 with a length that was not sent"] = { "HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", "", true },
  }
  for name, case in pairs(whole) do
    it("reads " .. name .. ", however the bytes are split", function()
      for step = 1, #case[1] do
        local reader, body, fault = read(case[1], nil, step)
        assert.is_nil(fault)
        assert.is_true(reader.done)
        assert.equal(case[2], body)
        assert.equal(case[3], reader.reusable)
      end
    end)
  end

  it("knows that the answer to HEAD has no body, whatever its headers say", function()
    local reader = read(head("Content-Length: 100"), { method = "HEAD", open = true })
    assert.is_true(reader.done and reader.reusable)
  end)

  it("gives header names in lower case and joins repeated ones", function()
    local reader = read(head("X-A:1", "x-a:  2 \t", "Content-Length: 0"))
    assert.equal("1, 2", reader.headers["x-a"])
    assert.equal(200, reader.status)
  end)

  it("never reuses a connection that carries more than the response", function()
    local reader, body = read(head("Content-Length: 5") .. "helloHTTP/1.1 200 OK", { open = true })
    assert.equal("hello", body)
    assert.is_true(reader.done)
    assert.is_false(reader.reusable)
    reader = read(head("Content-Length: 0"), { open = true })
    assert.is_true(reader.reusable)
    reader:feed("more")
    assert.is_false(reader.reusable)
  end)

  local ambiguous = {
    ["both lengths"] = head("Content-Length: 5", "Transfer-Encoding: chunked") .. "hello",
    ["two equal lengths"] = head("Content-Length: 5", "Content-Length: 5") .. "hello",
    ["two lengths in one header"] = head("Content-Length: 5, 5") .. "hello",
    ["a signed length"] = head("Content-Length: +5") .. "hello",
    ["a hexadecimal length"] = head("Content-Length: 0x5") .. "hello",
    ["an empty length"] = head("Content-Length:") .. "hello",
    ["a length beyond all measure"] = head("Content-Length: 9999999999999999999") .. "hello",
    ["another transfer coding"] = head("Transfer-Encoding: gzip, chunked") .. "0\r\n\r\n",
    ["chunked twice"] = head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") .. "0\r\n\r\n",
    ["chunked in HTTP/1.0"] = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ["a chunk size that is no number"] = head(chunked) .. "5z\r\nhello\r\n0\r\n\r\n",
    ["a chunk size with a sign"] = head(chunked) .. "-5\r\nhello\r\n0\r\n\r\n",
    ["an endless chunk size"] = head(chunked) .. ("f"):rep(16) .. "\r\nhello",
    ["a chunk longer than its size"] = head(chunked) .. "3\r\nhello\r\n0\r\n\r\n",
    ["a chunk ended by a bare line feed"] = head(chunked) .. "5\r\nhello\n0\r\n\r\n",
    ["a folded header"] = head("X-A: 1", " 2", "Content-Length: 0"),
    ["a space before the colon"] = head("Content-Length : 0"),
    ["a header without a name"] = head(": 1"),
    ["a header without a colon"] = head("Content-Length"),
    ["a bare line feed in the head"] = "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    ["a bare carriage return in a header"] = head("X-A: 1\rContent-Length: 0"),
    ["NUL in a header"] = head("X-A: \0"),
    ["HTTP/0.9"] = "hello",
    ["HTTP/2"] = "HTTP/2 200\r\n\r\n",
    ["a status of two digits"] = "HTTP/1.1 20 OK\r\n\r\n",
    ["a status above 599"] = "HTTP/1.1 600 OK\r\n\r\n",
    ["switching protocols"] = "HTTP/1.1 101 Upgrade\r\n\r\n",
    ["a 204 that announces a body"] = "HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\nhello",
    ["a flood of interim responses"] = ("HTTP/1.1 100 Continue\r\n\r\n"):rep(17) .. head("Content-Length: 0"),
    ["a folded trailer"] = head(chunked) .. "0\r\nX: 1\r\n 2\r\n\r\n",
  }
  for name, bytes in pairs(ambiguous) do
    it("refuses " .. name, function()
      local code = refused(bytes .. ("\r\n"):rep(2))
      assert.equal("BadResponse", code)
    end)
  end

  it("calls a response truncated when the connection closes anywhere before its end", function()
    for _, bytes in ipairs {
      head("Content-Length: 5") .. "hello",
      head(chunked) .. "5\r\nhello\r\n0\r\n\r\n",
    } do
      for cut = 0, #bytes - 1 do
        assert.equal("Truncated", refused(bytes:sub(1, cut)))
      end
    end
  end)

  it("stops at the limit of the head, interim responses and trailers included", function()
    local limits = { max_headers = 1000 }
    assert.equal("TooLarge", refused("HTTP/1.1 200 " .. ("x"):rep(2000), limits))
    assert.equal("TooLarge", refused(head("X: " .. ("x"):rep(2000)), limits))
    assert.equal("TooLarge", refused(head(("X: y\r\n"):rep(300)), limits))
    assert.equal("TooLarge", refused(("HTTP/1.1 100 " .. ("x"):rep(90) .. "\r\n\r\n"):rep(12), limits))
    assert.equal("TooLarge", refused(head(chunked) .. "0\r\n" .. ("X: y\r\n"):rep(300), limits))
  end)

  it("stops at the limit of the body before it grows, in every framing", function()
    local limits = { max_body = 4 }
    for _, bytes in ipairs {
      head("Content-Length: 5") .. "hello",
      head() .. "hello",
      head(chunked) .. "5\r\nhello\r\n0\r\n\r\n",
      head(chunked) .. "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    } do
      local _, body, fault = read(bytes, limits)
      assert.equal("TooLarge", fault.code)
      assert.is_true(#body <= 4)
    end
  end)

  it("reports that the body could not be written, and reads no further", function()
    local options = { write = function() return nil, "disk full" end }
    local reader, _, fault = read(head("Content-Length: 5") .. "hello", options)
    assert.same({ code = "WriteFailed", message = "disk full" }, fault)
    assert.equal(fault, select(2, reader:feed("x")))
  end)

  it("asks where the body goes once its head is complete, and for no interim one", function()
    local asked, body = {}, {}
    local reader = http1.reader {
      method = "GET",
      open = function(status)
        asked[#asked + 1] = status
        return function(bytes)
          body[#body + 1] = bytes
          return true
        end, 5
      end,
    }
    reader:feed("HTTP/1.1 100 Continue\r\n\r\n" .. head(counted) .. "hello")
    assert.same({ 200 }, asked)
    assert.same({ "hello" }, body)
  end)

  it("survives random bytes", function()
    math.randomseed(7)
    local seed = head("Content-Length: 5", "Transfer-Encoding: chunked") .. "5\r\nhello\r\n0\r\n\r\n"
    for _ = 1, 2000 do
      local at = math.random(#seed)
      local bytes = seed:sub(1, at - 1) .. string.char(math.random(0, 255)) .. seed:sub(at + 1)
      read(bytes, nil, math.random(40))
    end
  end)
end)

describe("http1 requests", function()
  local url = http1.parse_url("http://example.com:8080/a%2Fb?x=1")

  it("takes URLs apart without changing a byte of the target", function()
    assert.same(
      { scheme = "http", host = "example.com", port = 8080, authority = "example.com:8080", target = "/a%2Fb?x=1" },
      url
    )
    assert.equal(443, http1.parse_url("https://a.b").port)
    assert.equal("/", http1.parse_url("https://a.b").target)
    assert.equal("/?x", http1.parse_url("https://a.b?x").target)
    assert.equal("[::1]", http1.parse_url("http://[::1]:80/").host)
  end)

  it("refuses URLs that two readers could read differently", function()
    for _, text in ipairs {
      "ftp://a/",
      "http:///x",
      "http://user@a/",
      "http://a:0/",
      "http://a:65536/",
      "http://a:b/",
      "http://a/x y",
      "http://a/\r\nX: y",
      "http://a/#f",
      "http://a\\b/",
      "http://[::1/",
      "a/b",
    } do
      local parsed, message = http1.parse_url(text)
      assert.is_nil(parsed)
      assert.is_string(message)
    end
  end)

  it("writes the head with the body's length, and the host unless it was given", function()
    local text = http1.request_head({ method = "POST", headers = { ["x-a"] = "1" } }, url, 3)
    assert.equal(
      "POST /a%2Fb?x=1 HTTP/1.1\r\nhost: example.com:8080\r\n" .. "x-a: 1\r\ncontent-length: 3\r\n\r\n",
      text
    )
    text = http1.request_head({ method = "GET", headers = { host = "h" } }, url)
    assert.equal("GET /a%2Fb?x=1 HTTP/1.1\r\nhost: h\r\n\r\n", text)
  end)

  it(
    "says that a POST without a body is empty",
    function() assert.matches("content%-length: 0\r\n", http1.request_head({ method = "POST" }, url)) end
  )

  it("keeps the framing to itself", function()
    local function write(headers, length, method)
      return http1.request_head({ method = method or "PUT", headers = headers }, url, length)
    end
    assert.is_string(write({ ["Content-Length"] = "1" }, 1))
    assert.equal(1, select(2, write({ ["Content-Length"] = "1" }, 1):lower():gsub("content%-length", "")))
    for _, headers in ipairs {
      { ["content-length"] = "2" },
      { ["Transfer-Encoding"] = "chunked" },
      { te = "x" },
      { Expect = "100-continue" },
    } do
      assert.is_nil((write(headers, 1)))
    end
    assert.is_nil((write({}, 1, "HEAD")))
  end)

  it("refuses more than a hundred headers", function()
    local headers = {}
    for i = 1, 101 do
      headers["x-" .. i] = ""
    end
    assert.is_nil((http1.request_head({ method = "GET", headers = headers }, url)))
  end)

  it("refuses what would break out of a header, and does not show its value", function()
    local breaking = {
      ["x-a"] = "canary\r\nx: y",
      ["x-b"] = "canary\0",
      ["x c"] = "canary",
      ["x\n"] = "canary",
      [""] = "canary",
      ["x:"] = "canary",
    }
    for name, value in pairs(breaking) do
      local text, message = http1.request_head({ method = "GET", headers = { [name] = value } }, url)
      assert.is_nil(text)
      assert.is_nil(message:find("canary", 1, true))
    end
    assert.is_nil((http1.request_head({ method = "GET /x HTTP/1.1\r\n", headers = {} }, url)))
  end)
end)
