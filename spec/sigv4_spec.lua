local core = require("finspace.core")
local support = require("spec.support")

local TIME = 1790000000 -- 2026-09-21T14:13:20Z
local CREDENTIALS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

--- A raw request with these fields on top of a plain one.
local function raw(fields)
  local request = {
    method = "GET",
    path = "/",
    headers = { { "host", "example.com" } },
    credentials = CREDENTIALS,
    region = "us-east-1",
    service = "finspace-api",
    time = TIME,
  }
  for name, value in pairs(fields or {}) do
    request[name] = value
  end
  return request
end

local function canonical_lines(fields)
  local lines = {}
  for line in (assert(core.sign(raw(fields))).canonical_request .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

local function canonical_path(path, fields)
  local request = fields or {}
  request.path = path
  return canonical_lines(request)[2]
end

local function canonical_query(query) return canonical_lines({ query = query })[3] end

local function canonical_header(value)
  local text = assert(core.sign(raw { headers = { { "host", "h" }, { "a", value } } })).canonical_request
  return text:match("\na:([^\n]*)\n")
end

local function signed_headers(headers, fields)
  local request = raw(fields)
  request.headers = headers
  return (assert(core.sign(request)).canonical_request:match("\n\n([^\n]*)\n%w+$"))
end

describe("sigv4", function()
  it("meets the golden cases in every stage", function()
    for _, case in ipairs(require("spec.golden.sigv4")) do
      local request = raw { time = TIME }
      for name, value in pairs(case) do
        request[name] = value
      end
      request.credentials = {
        access_key_id = CREDENTIALS.access_key_id,
        secret_access_key = CREDENTIALS.secret_access_key,
        session_token = case.session_token,
      }
      local result = assert(core.sign(request))
      for stage, text in pairs(case.expected) do
        assert.are.equal(text, result[stage], case.name .. ", " .. stage)
      end
    end
  end)

  describe("the canonical path", function()
    it("encodes what is on the wire once more", function()
      assert.are.equal("/a%2520b/%2541/~-_.%2527", canonical_path("/a%20b/%41/~-_.%27"))
      assert.are.equal("/a%20b%C3%A9%3A%40%2B%24%25", canonical_path("/a b\195\169:@+$%"))
    end)

    it("is taken as it stands for S3, except that bytes which no path may hold are encoded", function()
      assert.are.equal("/b/a%20b//./../%2f~:@+$'()", canonical_path("/b/a%20b//./../%2f~:@+$'()", { service = "s3" }))
      assert.are.equal("/b/a%20b%C3%A9%22", canonical_path('/b/a b\195\169"', { service = "s3" }))
    end)

    it("loses its dot segments and doubled slashes", function()
      local cases = {
        ["/"] = "/",
        ["//"] = "/",
        ["/."] = "/",
        ["/.."] = "/",
        ["/../.."] = "/",
        ["/a/.."] = "/",
        ["/a/../"] = "/",
        ["/a/b/.."] = "/a",
        ["/a/b/../"] = "/a/",
        ["/a/./b"] = "/a/b",
        ["//a//b//"] = "/a/b/",
        ["/a/b/../../../c"] = "/c",
        ["/.a/..b/c./d.."] = "/.a/..b/c./d..",
        ["/..."] = "/...",
        ["/a/."] = "/a",
        ["/%2E/%2e%2e"] = "/%252E/%252e%252e",
      }
      for path, expected in pairs(cases) do
        assert.are.equal(expected, canonical_path(path), path)
      end
    end)

    it(
      "keeps them when it is not to be normalized, and is still encoded",
      function() assert.are.equal("/a//./../b%20c/", canonical_path("/a//./../b c/", { normalize = false })) end
    )

    it(
      "can be normalized without being encoded once more",
      function() assert.are.equal("/b%20c", canonical_path("/a/../b%20c", { double_encode = false })) end
    )

    it("is a slash when the path is empty", function() assert.are.equal("/", canonical_path("")) end)
  end)

  describe("the canonical query", function()
    it("is decoded and encoded anew", function()
      assert.are.equal("%20%2F=%3D~", canonical_query(" %2f=%3d%7E"))
      assert.are.equal("a=%25&b=%25%25zz&c=%25a", canonical_query("a=%&b=%%zz&c=%a"))
      assert.are.equal("a=b%3Dc%3Fd%2Be", canonical_query("a=b=c?d+e"))
      assert.are.equal("a=%00%FF", canonical_query("a=%00%ff"))
    end)

    it("is sorted by encoded name, then by encoded value", function()
      assert.are.equal("A=1&B=1&a=1&b=1", canonical_query("b=1&a=1&B=1&A=1"))
      assert.are.equal("a=&a=%25&a=-&a=1&a=A&a=a&a=aa", canonical_query("a=aa&a=a&a=A&a=1&a=-&a=%25&a"))
      assert.are.equal("%C3%A9=1&a=1&a%20=1&a-=1&aa=1", canonical_query("aa=1&a-=1&a%20=1&a=1&\195\169=1"))
    end)

    it("keeps repeated pairs and leaves out empty ones", function()
      assert.are.equal("a=1&a=1", canonical_query("a=1&&a=1&"))
      assert.are.equal("", canonical_query("&&"))
    end)

    it("sorts as many pairs as it takes", function()
      local pairs_of_query = {}
      for i = 256, 1, -1 do
        pairs_of_query[#pairs_of_query + 1] = ("k%03d=v"):format(i)
      end
      local sorted = canonical_query(table.concat(pairs_of_query, "&"))
      assert.are.equal("k001=v&k002=v", sorted:sub(1, 13))
      local _, message = core.sign(raw { query = ("a&"):rep(257) })
      assert.are.equal("the query has too many parameters: at most 256", message)
    end)
  end)

  describe("the canonical headers", function()
    it("are trimmed, and runs of blanks fold to one", function()
      assert.are.equal("a b c", canonical_header("  a   b \t c\t"))
      assert.are.equal('"x y"', canonical_header('"x   y"'))
      assert.are.equal("", canonical_header(" \t "))
      assert.are.equal("0123456789abcdef 0", canonical_header("0123456789abcdef  0"))
    end)

    it("join folded lines with a blank, and headers of the same name with commas", function()
      assert.are.equal("a b c d", canonical_header("a\r\n b\n\t \n c  d"))
      assert.are.equal("value1 value2 value3", canonical_header("value1\n  value2\n     value3"))
      local lines = canonical_lines { headers = { { "B", "2" }, { "host", "h" }, { "b", " 1" }, { "B", "" } } }
      assert.are.equal("b:2,1,", lines[4])
    end)

    it(
      "are sorted by their names in lower case",
      function()
        assert.are.equal(
          "a;a-b;a1;ab;host;x-amz-date;z",
          signed_headers { { "Z", "1" }, { "ab", "1" }, { "A-B", "1" }, { "Host", "h" }, { "a1", "1" }, { "A", "1" } }
        )
      end
    )

    it("leave out what connections, proxies and tracing may change", function()
      local headers = { { "host", "h" } }
      for name in
        (
          "Connection Expect Keep-Alive Proxy-Authenticate Proxy-Authorization Proxy-Connection TE Trailer "
          .. "Transfer-Encoding Upgrade User-Agent X-Amzn-Trace-Id Authorization"
        ):gmatch("%S+")
      do
        headers[#headers + 1] = { name, "x" }
      end
      assert.are.equal("host;x-amz-date", signed_headers(headers))
    end)

    it("can be given as a map, in any order", function()
      local list = { { "host", "h" }, { "content-type", "text/csv" }, { "x-amz-acl", "private" } }
      local map = { host = "h", ["content-type"] = "text/csv", ["x-amz-acl"] = "private" }
      assert.are.equal(core.sign(raw { headers = list }).authorization, core.sign(raw { headers = map }).authorization)
    end)

    it("are refused when they could split a request", function()
      for _, value in ipairs { "a\rb", "a\nb", "a\0b", "a\r\nb", "a\r\n", "\n", "a\r\n\r\n b", "a\27b" } do
        local result, message = core.sign(raw { headers = { { "host", "h" }, { "x-note", value } } })
        assert.is_nil(result)
        assert.are.equal("a header's value must not hold control characters: x-note", message)
      end
      for _, name in ipairs { "", "a b", "a:", "a\r\nb", "a\0", "\195\169" } do
        local result, message = core.sign(raw { headers = { { "host", "h" }, { name, "x" } } })
        assert.is_nil(result)
        assert.is_truthy(message:find("a header's name must be made of", 1, true))
      end
    end)

    it("must name the host", function()
      local result, message = core.sign(raw { headers = { { "date", "x" } } })
      assert.is_nil(result)
      assert.are.equal("the request has no host header; add one", message)
    end)

    it("are at most 128", function()
      local headers = { { "host", "h" } }
      for i = 1, 126 do
        headers[#headers + 1] = { "x-" .. i, "1" }
      end
      assert.is_truthy(core.sign(raw { headers = headers }))
      headers[#headers + 1] = { "x-127", "1" }
      local _, message = core.sign(raw { headers = headers })
      assert.are.equal("too many headers are to be signed: at most 128", message)
    end)
  end)

  describe("the payload", function()
    local empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    local function payload(fields)
      local lines = canonical_lines(fields)
      return lines[#lines]
    end

    it("is the body's hash", function()
      assert.are.equal(empty, payload {})
      assert.are.equal(core.sha256("{}"), payload { body = "{}" })
    end)

    it("can be given as a hash or a word, without the body", function()
      assert.are.equal(core.sha256("x"), payload { payload_hash = core.sha256("x") })
      assert.are.equal("UNSIGNED-PAYLOAD", payload { payload_hash = "UNSIGNED-PAYLOAD" })
    end)

    it("leaves a body alone whose hash is given, such as a slice of a file", function()
      local file = { file = "/somewhere", offset = 0, length = 1 }
      assert.are.equal(core.sha256("x"), payload { body = file, payload_hash = core.sha256("x") })
      assert.has_error(function() core.sign(raw { body = file }) end, "'body' must be a string, not a table")
    end)

    it("is not signed where S3 presigns", function()
      assert.are.equal("UNSIGNED-PAYLOAD", payload { service = "s3", form = "query" })
      assert.are.equal(empty, payload { form = "query" })
    end)

    it("is announced to S3 in a signed header", function()
      local result = core.sign(raw { service = "s3", body = "x" })
      assert.are.same({ "x-amz-content-sha256", core.sha256("x") }, result.headers[2])
      assert.is_truthy(result.authorization:find("host;x-amz-content-sha256;x-amz-date", 1, true))
    end)

    it("is refused when it is neither", function()
      for _, text in ipairs { "a\nb", ("x"):rep(65), "a b" } do
        local _, message = core.sign(raw { payload_hash = text })
        assert.is_truthy(message:find("the payload hash must be", 1, true))
      end
    end)
  end)

  describe("a refusal to sign", function()
    local function message_of(fields)
      local result, message = core.sign(raw(fields))
      assert.is_nil(result)
      return message
    end

    local function with_credentials(fields)
      local credentials = { access_key_id = "AKID", secret_access_key = "secret" }
      for name, value in pairs(fields) do
        credentials[name] = value
      end
      return { credentials = credentials }
    end

    it("says what is wrong with the method, the path or the query", function()
      assert.is_truthy(message_of({ method = "GET /x" }):find("^the method"))
      assert.is_truthy(message_of({ method = "" }):find("^the method"))
      assert.is_truthy(message_of({ path = "no-slash" }):find("^the path"))
      assert.is_truthy(message_of({ path = "/a\r\nb" }):find("^the path"))
      assert.is_truthy(message_of({ query = "a=b\nc" }):find("^the query"))
      assert.is_truthy(message_of({ path = "//" .. ("b/"):rep(257) }):find("^the path has too many"))
    end)

    it("names no header but the one that it is about", function()
      local bad_name, bad_value = { "a b", "x" }, { "x-note", "a\nb" }
      local path = message_of { path = "no-slash" }
      assert.are.equal(path, message_of { path = "no-slash", headers = { { "host", "h" }, bad_name, bad_value } })
      local path_later = message_of { path = "//" .. ("b/"):rep(257), headers = { { "host", "h" }, bad_value } }
      assert.is_nil(path_later:find("x-note", 1, true))
      local first = message_of { headers = { { "host", "h" }, bad_name, { "c d", "x" }, bad_value } }
      assert.is_truthy(first:find(": a b$"))
    end)

    it("says what is wrong with the credentials, the scope or the time, and shows none of it", function()
      for _, bad in ipairs { "AK/ID", "AK ID", "AK,ID", "AK\nID", "", ("A"):rep(129) } do
        assert.are.equal(
          "the access key id must be 1 to 128 visible characters",
          message_of(with_credentials { access_key_id = bad })
        )
      end
      assert.are.equal(
        "the session token must not hold line breaks",
        message_of(with_credentials { session_token = "top\r\nsecret" })
      )
      for _, bad in ipairs { "", "us/east", "us east", "us\neast", ("a"):rep(65) } do
        assert.is_truthy(message_of({ region = bad }):find("^region and service"))
        assert.is_truthy(message_of({ service = bad }):find("^region and service"))
      end
      assert.is_truthy(message_of({ time = 253402300800 }):find("^the time"))
    end)

    it("says how long a presigned request may be valid", function()
      assert.is_truthy(core.sign(raw { form = "query", expires = 604800 }))
      for _, bad in ipairs { 0, 604801 } do
        assert.is_truthy(message_of({ form = "query", expires = bad }):find("1 to 604800 seconds", 1, true))
      end
    end)

    it("will not presign a query that is signed already", function()
      for _, query in ipairs { "X-Amz-Signature=0", "a=1&x-amz-date=1", "X%2DAmz%2DSecurity%2DToken=t" } do
        assert.is_truthy(message_of({ form = "query", query = query }):find("^the query is signed already"))
      end
    end)
  end)

  it("reads the calendar", function()
    local days = {
      [0] = "19700101T000000Z",
      [951782399] = "20000228T235959Z",
      [951782400] = "20000229T000000Z",
      [951868800] = "20000301T000000Z",
      [1709164800] = "20240229T000000Z",
      [1798761599] = "20261231T235959Z",
      [1798761600] = "20270101T000000Z",
      [2147483648] = "20380119T031408Z",
      [4107542400] = "21000301T000000Z",
      [253402300799] = "99991231T235959Z",
    }
    for time, text in pairs(days) do
      assert.are.equal(text, core.sign(raw { time = time }).headers[1][2])
    end
  end)

  it("takes secrets of any length", function()
    -- Longer than HMAC's block the key is hashed first; the boundary lies at 60 bytes behind "AWS4".
    for _, length in ipairs { 0, 59, 60, 61, 200 } do
      local secret = ("s"):rep(length)
      local result = core.sign(raw { credentials = { access_key_id = "A", secret_access_key = secret } })
      local key = "AWS4" .. secret
      for _, part in ipairs { "20260921", "us-east-1", "finspace-api", "aws4_request" } do
        key = core.hmac_sha256(key, part)
      end
      local mac = core.hmac_sha256(key, result.string_to_sign)
      assert.are.equal((mac:gsub(".", function(c) return ("%02x"):format(c:byte()) end)), result.signature)
    end
  end)

  it("raises on misuse, and names the field but never its value", function()
    local cases = {
      { { method = 5 }, "'method' must be a string, not a number" },
      { { headers = "x" }, "'headers' must be a table, not a string" },
      { { headers = { host = 5 } }, "a header's value must be a string, not a number" },
      { { credentials = "secret" }, "'credentials' must be a table, not a string" },
      { { credentials = { access_key_id = "A" } }, "'secret_access_key' is missing" },
      { { form = "smoke" }, '\'form\' must be "header" or "query"' },
      { { time = "secret" }, "'time' must be a number, not a string" },
      { { time = 0 / 0 }, "'time' must be a number from 0 to 2^53" },
      { { normalize = 1 }, "'normalize' must be a boolean, not a number" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(core.sign, raw(case[1]))
      assert.is_false(ok)
      assert.is_truthy(message:find(case[2], 1, true), message)
      assert.are.equal(case[2], message:match("[^:]*$"):match("^%s*(.*)$"))
    end
  end)
end)

describe("a signer", function()
  local function request(fields)
    local it = { method = "POST", path = "/datasetsv2", query = "", body = "{}", headers = { host = "example.com" } }
    for name, value in pairs(fields or {}) do
      it[name] = value
    end
    return it
  end

  it("sets the headers of a request, as the raw entry would", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
    local signed = request()
    assert.are.equal(signed, signer:sign(signed, TIME))
    local expected = core.sign(raw {
      method = "POST",
      path = "/datasetsv2",
      body = "{}",
      headers = { host = "example.com" },
    })
    assert.are.same({
      host = "example.com",
      ["x-amz-date"] = "20260921T141320Z",
      authorization = expected.authorization,
    }, signed.headers)
  end)

  it("signs a request again as if it had not been signed before", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "s3")
    local once, twice = request(), request()
    signer:sign(once, TIME + 100)
    signer:sign(twice, TIME)
    signer:sign(twice, TIME + 100)
    assert.are.same(once, twice)
  end)

  it("adds the session token, and to S3 the body's hash", function()
    local credentials = { access_key_id = "AKID", secret_access_key = "s", session_token = "token" }
    local headers = core.signer(credentials, "us-east-1", "s3"):sign(request { body = "x" }, TIME).headers
    assert.are.equal("token", headers["x-amz-security-token"])
    assert.are.equal(core.sha256("x"), headers["x-amz-content-sha256"])
    assert.is_truthy(
      headers.authorization:find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ", 1, true)
    )
  end)

  it("takes a new key when the day changes, and back", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
    for _, time in ipairs { TIME, TIME + 86400, TIME, 1789948799, 1789948800 } do
      local fresh = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
      assert.are.same(fresh:sign(request(), time), signer:sign(request(), time))
    end
  end)

  it("cuts fractions off a clock's time", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
    assert.are.same(signer:sign(request(), TIME), signer:sign(request(), TIME + 0.75))
  end)

  it("presigns", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
    local plain = request { method = "GET", query = "maxResults=1", body = "" }
    local query = signer:presign(plain, TIME, 60)
    local expected = core.sign(raw {
      path = "/datasetsv2",
      query = "maxResults=1",
      headers = { host = "example.com" },
      form = "query",
      expires = 60,
    })
    assert.are.equal(expected.query, query)
    assert.is_nil(plain.headers.authorization)
    assert.is_truthy(signer:presign(plain, TIME):find("X-Amz-Expires=3600", 1, true))
  end)

  it("returns nil and a reason for what cannot be signed", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
    local result, message = signer:sign(request { headers = { host = "h", ["x-a"] = "1\r\nevil: 1" } }, TIME)
    assert.is_nil(result)
    assert.are.equal("a header's value must not hold control characters: x-a", message)
    assert.is_nil((signer:presign(request { query = "X-Amz-Date=1" }, TIME)))
  end)

  it("is of no use once it is closed, as often as that happens", function()
    local signer = core.signer(CREDENTIALS, "us-east-1", "finspace-api")
    signer:close()
    signer:close()
    assert.has_error(function() signer:sign(request(), TIME) end)
    assert.has_error(function() signer:presign(request(), TIME) end)
    assert.are.equal("finspace.signer (closed)", tostring(signer))
  end)

  it(
    "shows nothing of its credentials",
    function()
      assert.are.equal("finspace.signer (open)", tostring(core.signer(CREDENTIALS, "us-east-1", "finspace-api")))
    end
  )
end)

describe("secrets #once", function()
  -- Another process reads this one's memory, because looking here would leave copies. It is told the
  -- bytes to look for in hexadecimal.
  local reader = [==[
import re, sys
pid, needles = sys.argv[1], [bytes.fromhex(a) for a in sys.argv[2:]]
counts = [0] * len(needles)
memory = open("/proc/%s/mem" % pid, "rb", 0)
for line in open("/proc/%s/maps" % pid):
    first, last, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
    if not mode.startswith("rw"): continue
    try:
        memory.seek(int(first, 16))
        text = memory.read(int(last, 16) - int(first, 16))
    except (OSError, ValueError, OverflowError): continue
    for i, needle in enumerate(needles): counts[i] += text.count(needle)
print(*counts)
]==]

  local function hex(text)
    return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
  end

  it("leave C's memory when a signer is closed, or collected", function()
    if not support.has_program("python3") then return pending(support.lacking("python3")) end
    local folder = support.temporary_folder()
    finally(function() support.remove_folder(folder) end)
    local script = support.write_file(folder .. "/reader.py", reader)
    local pid = assert(io.open("/proc/self/stat")):read("*n")
    -- Unlike any other bytes here, and never whole in this file.
    local secret, token = ("canary"):rep(2) .. "%7d-secret", ("canary"):rep(2) .. "%7d-token"
    secret, token = secret:format(1234567), token:format(7654321)

    local function count()
      local output, status = support.run(("python3 %s %d %s %s"):format(script, pid, hex(secret), hex(token)))
      if status ~= 0 then return nil end
      local of_secret, of_token = output:match("(%d+) (%d+)")
      return tonumber(of_secret), tonumber(of_token)
    end

    local secrets_before, tokens_before = count()
    if not secrets_before then return pending("this system does not let a process read another's memory") end
    local signer = core.signer({ access_key_id = "A", secret_access_key = secret, session_token = token }, "r", "s")
    signer:sign({ method = "GET", path = "/", headers = { host = "h" } }, TIME)
    local secrets_open, tokens_open = count()
    assert.is_true(secrets_open > secrets_before and tokens_open > tokens_before)
    signer:close()
    local secrets_after, tokens_after = count()
    assert.are.equal(secrets_before, secrets_after)
    assert.are.equal(tokens_before, tokens_after)
  end)
end)
