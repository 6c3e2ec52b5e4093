local core = require("finspace.core")
local mime = require("mime")
local service = require("spec.support.service")
local socket = require("socket")
local sys = require("finspace.sys")

local MIB = 1024 * 1024

describe("What a request to the S3 half says #once", function()
  local running
  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function ask(method, path, more)
    local wanted = { service = "s3", method = method, path = path }
    for name, value in pairs(more or {}) do
      wanted[name] = value
    end
    return running.ask(wanted)
  end

  local function s3(method, key, more) return ask(method, "/finspace-local/" .. key, more) end
  local function code_of(answer) return answer.body:match("<Code>(.-)</Code>") end
  local function refusal(answer) return { answer.status, code_of(answer) } end

  -- Headers by name.
  local function with(headers, more)
    local wanted = { headers = {} }
    for name, value in pairs(headers) do
      table.insert(wanted.headers, { name, value })
    end
    for name, value in pairs(more or {}) do
      wanted[name] = value
    end
    return wanted
  end

  local function put(key, body, headers)
    local answer = s3("PUT", key, with(headers or {}, { body = body }))
    assert.equal(200, answer.status, answer.body)
    return answer.headers.etag
  end

  describe("of headers", function()
    local KEPT = {
      ["content-encoding"] = "gzip",
      ["content-disposition"] = 'attachment; filename="a.csv"',
      ["content-language"] = "en-GB",
      ["cache-control"] = "max-age=60",
      expires = "Thu, 01 Dec 2033 16:00:00 GMT",
      ["x-amz-meta-origin"] = "spec",
    }

    local function check_kept(answer)
      for name, value in pairs(KEPT) do
        assert.equal(value, answer.headers[name], name)
      end
    end

    it("is kept and given back, of an object, of a copy and of an upload in parts", function()
      put("kept", "x", KEPT)
      check_kept(s3("GET", "kept"))
      check_kept(s3("HEAD", "kept"))
      s3("PUT", "kept-copy", with { ["x-amz-copy-source"] = "/finspace-local/kept" })
      check_kept(s3("HEAD", "kept-copy"))
      local id = s3("POST", "kept-parts", with(KEPT, { query = "uploads" })).body:match("<UploadId>(.-)<")
      local etag = s3("PUT", "kept-parts", { query = "partNumber=1&uploadId=" .. id, body = "x" }).headers.etag
      s3("POST", "kept-parts", {
        query = "uploadId=" .. id,
        body = "<C><Part><PartNumber>1</PartNumber><ETag>" .. etag .. "</ETag></Part></C>",
      })
      check_kept(s3("GET", "kept-parts"))
    end)

    it("is kept when there is nothing in it", function()
      put("empty-metadata", "x", { ["x-amz-meta-empty"] = "" })
      assert.equal("", s3("HEAD", "empty-metadata").headers["x-amz-meta-empty"])
    end)

    it("is overridden by response-* in the query", function()
      put("overridden", "x", KEPT)
      local query = "response-content-type=text%2Fplain&response-cache-control=no-cache&response-content-encoding=br"
      local answer = s3("GET", "overridden", { query = query })
      assert.same({ "text/plain", "no-cache", "br", "en-GB" }, {
        answer.headers["content-type"],
        answer.headers["cache-control"],
        answer.headers["content-encoding"],
        answer.headers["content-language"],
      })
      assert.equal(400, s3("GET", "overridden", { query = "response-content-type=a%0Ab" }).status)
    end)

    it("is refused where it asks for what is not here", function()
      for name, value in pairs {
        ["x-amz-server-side-encryption"] = "aws:kms",
        ["x-amz-server-side-encryption-customer-algorithm"] = "AES256",
        ["x-amz-tagging"] = "a=b",
        ["x-amz-storage-class"] = "GLACIER",
        ["x-amz-acl"] = "public-read",
        ["x-amz-grant-read"] = "id=1",
        ["x-amz-expected-bucket-owner"] = "111122223333",
        ["x-amz-object-lock-mode"] = "GOVERNANCE",
        ["x-amz-website-redirect-location"] = "/other",
        ["x-amz-write-offset-bytes"] = "0",
        ["x-amz-of-tomorrow"] = "1",
      } do
        assert.same(
          { 501, "NotImplemented" },
          refusal(s3("PUT", "refused", with({ [name] = value }, { body = "x" }))),
          name
        )
      end
      assert.equal("NoSuchKey", code_of(s3("GET", "refused")))
    end)

    it("destroys and writes nothing where a word in its query means another thing", function()
      put("kept", "as it was")
      for _, case in ipairs {
        { "DELETE", "acl" },
        { "DELETE", "partNumber=1" },
        { "DELETE", "uploads" },
        { "DELETE", "attributes" },
        { "PUT", "uploads" },
        { "PUT", "attributes" },
        { "PUT", "delete" },
        { "POST", "acl&uploads" },
      } do
        local answer = s3(case[1], "kept", { query = case[2], body = "another" })
        assert.same({ 405, "MethodNotAllowed" }, refusal(answer), table.concat(case, " "))
      end
      assert.equal("as it was", s3("GET", "kept").body)
      running.ask { service = "s3", method = "PUT", path = "/words-bucket" }
      for _, word in ipairs { "acl", "location", "uploads", "versions" } do
        assert.equal(
          405,
          running.ask({ service = "s3", method = "DELETE", path = "/words-bucket", query = word }).status
        )
      end
      assert.equal(204, running.ask({ service = "s3", method = "DELETE", path = "/words-bucket" }).status)
    end)

    it("is refused where a change has a condition that it does not heed", function()
      put("kept", "as it was")
      local long_ago = "Thu, 26 Nov 2009 00:00:00 GMT"
      for _, case in ipairs {
        { "PUT", "if-unmodified-since", long_ago },
        { "PUT", "if-modified-since", long_ago },
        { "DELETE", "if-unmodified-since", long_ago },
        { "DELETE", "if-none-match", "*" },
      } do
        local answer = s3(case[1], "kept", with({ [case[2]] = case[3] }, { body = "another" }))
        assert.same({ 501, "NotImplemented" }, refusal(answer), table.concat(case, " "))
      end
      assert.equal("as it was", s3("GET", "kept").body)
    end)

    it("is refused where it copies a range to an object, or tells a decoded length of a body without chunks", function()
      put("kept", "as it was")
      local range = { ["x-amz-copy-source"] = "/finspace-local/kept", ["x-amz-copy-source-range"] = "bytes=0-1" }
      assert.same({ 400, "InvalidRequest" }, refusal(s3("PUT", "refused", with(range))))
      local chunks = { ["content-encoding"] = "aws-chunked", ["x-amz-decoded-content-length"] = "5" }
      local body = "5\r\nhello\r\n0\r\n\r\n"
      assert.same({ 400, "InvalidRequest" }, refusal(s3("PUT", "refused", with(chunks, { body = body }))))
      assert.equal("NoSuchKey", code_of(s3("GET", "refused")))
    end)

    it("is a mistake where it has a word that S3 does not know", function()
      for name, code in pairs {
        ["x-amz-acl"] = "InvalidArgument",
        ["x-amz-storage-class"] = "InvalidStorageClass",
        ["x-amz-tagging-directive"] = "InvalidArgument",
      } do
        assert.same({ 400, code }, refusal(s3("PUT", "refused", with({ [name] = "unheard-of" }, { body = "x" }))), name)
      end
    end)

    it(
      "is done where it asks for what is here anyway",
      function()
        put("plain", "x", {
          ["x-amz-storage-class"] = "STANDARD",
          ["x-amz-acl"] = "private",
          ["x-amz-api-version"] = "2006-03-01",
          ["x-amz-expected-bucket-owner"] = "000000000000",
          ["x-amz-request-payer"] = "requester",
        })
      end
    )

    it("counts in a presigned query, too", function()
      local url = { form = "query", expires = 60, payload_hash = "UNSIGNED-PAYLOAD" }
      url.query = "x-amz-meta-origin=query&x-amz-storage-class=GLACIER"
      url.body = "x"
      assert.same({ 501, "NotImplemented" }, refusal(s3("PUT", "presigned", url)))
      url.query = "x-amz-meta-origin=query"
      assert.equal(200, s3("PUT", "presigned", url).status)
      assert.equal("query", s3("HEAD", "presigned").headers["x-amz-meta-origin"])
    end)
  end)

  describe("of conditions", function()
    local LONG_AGO, LATER = "Sat, 29 Oct 1994 19:43:31 GMT", "Tue, 29 Oct 2094 19:43:31 GMT"

    it("decides what is read", function()
      local etag = put("read", "x")
      local modified = s3("HEAD", "read").headers["last-modified"]
      local cases = {
        { 200, "If-Match", etag },
        { 200, "If-Match", "*" },
        { 200, "If-Match", '"other", ' .. etag },
        { 412, "If-Match", '"other"' },
        { 304, "If-None-Match", etag },
        { 304, "If-None-Match", "W/" .. etag },
        { 304, "If-None-Match", "*" },
        { 200, "If-None-Match", '"other"' },
        { 304, "If-Modified-Since", modified },
        { 304, "If-Modified-Since", LATER },
        { 200, "If-Modified-Since", LONG_AGO },
        { 200, "If-Modified-Since", "yesterday" },
        { 200, "If-Unmodified-Since", modified },
        { 412, "If-Unmodified-Since", LONG_AGO },
        { 200, "If-Unmodified-Since", "yesterday" },
      }
      for _, case in ipairs(cases) do
        for _, method in ipairs { "GET", "HEAD" } do
          local answer = s3(method, "read", with { [case[2]] = case[3] })
          assert.equal(case[1], answer.status, method .. " " .. case[2] .. ": " .. case[3])
          if case[1] == 412 and method == "GET" then assert.equal("PreconditionFailed", code_of(answer)) end
          if case[1] == 304 then assert.same({ "", etag }, { answer.body, answer.headers.etag }) end
        end
      end
      -- An ETag that matches outweighs a date (RFC 9110, section 13.2.2).
      assert.equal(200, s3("GET", "read", with { ["If-Match"] = etag, ["If-Unmodified-Since"] = LONG_AGO }).status)
      assert.equal(200, s3("GET", "read", with { ["If-None-Match"] = '"o"', ["If-Modified-Since"] = LATER }).status)
    end)

    it("decides what is overwritten", function()
      local etag = put("written", "1")
      local function try(headers, key) return s3("PUT", key or "written", with(headers, { body = "2" })) end
      assert.same({ 412, "PreconditionFailed" }, refusal(try { ["If-Match"] = '"other"' }))
      assert.same({ 412, "PreconditionFailed" }, refusal(try { ["If-None-Match"] = "*" }))
      assert.same({ 412, "PreconditionFailed" }, refusal(try { ["If-None-Match"] = etag }))
      assert.same({ 404, "NoSuchKey" }, refusal(try({ ["If-Match"] = etag }, "not-there")))
      assert.equal("1", s3("GET", "written").body)
      assert.equal(200, try({ ["If-Match"] = etag:gsub('"', "") .. "" }).status)
      assert.equal(200, try({ ["If-None-Match"] = "*" }, "written-new").status)
    end)

    it("decides what is deleted, and minds nothing of what is gone", function()
      local etag = put("deleted", "12345")
      local function delete(headers) return s3("DELETE", "deleted", with(headers)) end
      assert.same({ 412, "PreconditionFailed" }, refusal(delete { ["If-Match"] = '"other"' }))
      assert.equal(412, delete({ ["x-amz-if-match-size"] = "4" }).status)
      assert.equal(412, delete({ ["x-amz-if-match-last-modified-time"] = LONG_AGO }).status)
      assert.equal("12345", s3("GET", "deleted").body)
      assert.equal(204, delete({ ["If-Match"] = etag, ["x-amz-if-match-size"] = "5" }).status)
      assert.equal(204, delete({ ["If-Match"] = etag }).status)
    end)

    it("decides what is copied", function()
      local etag = put("source", "x")
      local function copy(name, value)
        return s3(
          "PUT",
          "copied",
          with { ["x-amz-copy-source"] = "/finspace-local/source", ["x-amz-copy-source-" .. name] = value }
        )
      end
      assert.equal(200, copy("if-match", etag).status)
      assert.equal(412, copy("if-match", '"other"').status)
      assert.equal(412, copy("if-none-match", etag).status)
      assert.equal(200, copy("if-none-match", '"other"').status)
      assert.equal(412, copy("if-modified-since", LATER).status)
      assert.equal(412, copy("if-unmodified-since", LONG_AGO).status)
      assert.equal(200, copy("if-unmodified-since", LATER).status)
    end)

    it("keeps the connection, whether what is asked for is sent or not", function()
      local etag = put("connection", "x")
      local connection = assert(socket.connect("127.0.0.1", running.port))
      connection:settimeout(5)
      for _, header in ipairs { { "If-None-Match", etag }, { "If-Match", '"other"' }, { "Range", "bytes=5-" } } do
        local request = running.sign { service = "s3", path = "/finspace-local/connection", headers = { header } }
        local lines = { "GET /finspace-local/connection HTTP/1.1" }
        for _, each in ipairs(request.headers) do
          lines[#lines + 1] = each[1] .. ": " .. each[2]
        end
        connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
        local length = 0
        assert.truthy(connection:receive("*l"):find("^HTTP/1.1 [34]"))
        for line in function() return connection:receive("*l") end do
          if line == "" then break end
          assert.is_nil(line:lower():find("connection: close", 1, true))
          length = tonumber(line:match("^[Cc]ontent%-[Ll]ength: (%d+)")) or length
        end
        if length > 0 then connection:receive(length) end
      end
      connection:close()
    end)
  end)

  describe("of ranges", function()
    it("is told when it lies outside", function()
      put("outside", "0123456789")
      local answer = s3("GET", "outside", with { Range = "bytes=10-12" })
      assert.same({ 416, "InvalidRange" }, refusal(answer))
      assert.equal("bytes */10", answer.headers["content-range"])
      put("nothing", "")
      assert.equal(416, s3("GET", "nothing", with { Range = "bytes=0-" }).status)
      assert.equal(416, s3("GET", "outside", with { Range = "bytes=-0" }).status)
    end)

    it("is of no account where it is none", function()
      put("none", "0123456789")
      for _, range in ipairs { "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=-" } do
        assert.same(
          { 200, "10" },
          (function(answer) return { answer.status, answer.headers["content-length"] } end)(
            s3("HEAD", "none", with { Range = range })
          ),
          range
        )
      end
      local etag = put("none", "0123456789")
      assert.equal(206, s3("GET", "none", with { Range = "bytes=0-1", ["If-Range"] = etag }).status)
      assert.equal(200, s3("GET", "none", with { Range = "bytes=0-1", ["If-Range"] = '"other"' }).status)
    end)
  end)

  describe("of parts", function()
    local FULL = ("p"):rep(5 * MIB)

    local function base64_of(kind, body) return (mime.b64(core.crc(kind, body))) end

    local function begin(key, headers)
      return s3("POST", key, with(headers or {}, { query = "uploads" })).body:match("<UploadId>(.-)<")
    end

    local function part(key, id, number, body, headers)
      local answer =
        s3("PUT", key, with(headers or {}, { query = ("partNumber=%d&uploadId=%s"):format(number, id), body = body }))
      return answer.headers.etag, answer
    end

    local function complete(key, id, parts, headers)
      local lines = {}
      for number, entry in ipairs(parts) do
        lines[number] = ("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>%s</Part>"):format(
          number,
          entry[1],
          entry[2] or ""
        )
      end
      local body = "<CompleteMultipartUpload>" .. table.concat(lines) .. "</CompleteMultipartUpload>"
      return s3("POST", key, with(headers or {}, { query = "uploadId=" .. id, body = body }))
    end

    it("copies whole objects and ranges into them", function()
      put("large", FULL .. "end")
      local id = begin("joined")
      local function copy(number, range)
        return s3(
          "PUT",
          "joined",
          with(
            { ["x-amz-copy-source"] = "/finspace-local/large", ["x-amz-copy-source-range"] = range },
            { query = ("partNumber=%d&uploadId=%s"):format(number, id) }
          )
        )
      end
      local first, second = copy(1), copy(2, ("bytes=%d-%d"):format(5 * MIB, 5 * MIB + 1))
      assert.equal(200, first.status, first.body)
      assert.same({ 416, "InvalidRange" }, refusal(copy(3, "bytes=0-99999999")))
      for _, range in ipairs { "0-2", "bytes=0", "bytes=0-", "bytes=x-y", "bytes=0-1,2-3", "bytes=3-1" } do
        assert.same({ 400, "InvalidArgument" }, refusal(copy(3, range)), range)
      end
      local answer =
        complete("joined", id, { { first.body:match("<ETag>(.-)<") }, { second.body:match("<ETag>(.-)<") } })
      assert.equal(200, answer.status, answer.body)
      assert.equal(core.sha256(FULL .. "enden"), core.sha256(s3("GET", "joined").body))
    end)

    it("is one of them, where its number is given", function()
      local id = begin("numbered")
      local first, second = part("numbered", id, 1, FULL), part("numbered", id, 2, "end")
      complete("numbered", id, { { first }, { second } })
      local answer = s3("GET", "numbered", { query = "partNumber=2" })
      assert.same(
        { 206, "end", "2", ("bytes %d-%d/%d"):format(5 * MIB, 5 * MIB + 2, 5 * MIB + 3) },
        { answer.status, answer.body, answer.headers["x-amz-mp-parts-count"], answer.headers["content-range"] }
      )
      assert.equal(tostring(5 * MIB), s3("HEAD", "numbered", { query = "partNumber=1" }).headers["content-length"])
      assert.equal(400, s3("GET", "numbered", { query = "partNumber=3" }).status)
    end)

    for _, case in ipairs {
      { "crc32", "COMPOSITE" },
      { "crc32c", "COMPOSITE" },
      { "crc32", "FULL_OBJECT" },
      { "crc32c", "FULL_OBJECT" },
      { "crc64nvme", "FULL_OBJECT" },
    } do
      local kind, type = case[1], case[2]
      local element = "Checksum" .. kind:upper()
      local header = "x-amz-checksum-" .. kind

      it(("keeps checksums of each and of all: %s, %s"):format(kind, type), function()
        local key = kind .. type
        local id = begin(key, { ["x-amz-checksum-algorithm"] = kind:upper(), ["x-amz-checksum-type"] = type })
        local first, answer = part(key, id, 1, FULL, { [header] = base64_of(kind, FULL) })
        local second = part(key, id, 2, "end") -- its checksum is made where none is declared
        assert.equal(base64_of(kind, FULL), answer.headers[header])
        local listed = s3("GET", key, { query = "uploadId=" .. id }).body
        assert.truthy(listed:find(("<%s>%s</%s>"):format(element, base64_of(kind, "end"), element), 1, true))
        assert.truthy(listed:find("<ChecksumType>" .. type .. "<", 1, true))

        local wrong = ("<%s>%s</%s>"):format(element, base64_of(kind, "other"), element)
        assert.same({ 400, "InvalidPart" }, refusal(complete(key, id, { { first, wrong }, { second } })))
        local size = { ["x-amz-mp-object-size"] = "7" }
        assert.same({ 400, "InvalidRequest" }, refusal(complete(key, id, { { first }, { second } }, size)))
        local whole = { [header] = base64_of(kind, "other") }
        assert.same({ 400, "BadDigest" }, refusal(complete(key, id, { { first }, { second } }, whole)))

        local digests = core.crc(kind, FULL) .. core.crc(kind, "end")
        local expected = type == "FULL_OBJECT" and base64_of(kind, FULL .. "end") or base64_of(kind, digests) .. "-2"
        local done = complete(key, id, { { first }, { second } }, { ["x-amz-mp-object-size"] = tostring(5 * MIB + 3) })
        assert.equal(200, done.status, done.body)
        assert.equal(expected, done.body:match("<" .. element .. ">(.-)<"))
        local head = s3("HEAD", key, with { ["x-amz-checksum-mode"] = "ENABLED" })
        assert.same({ expected, type }, { head.headers[header], head.headers["x-amz-checksum-type"] })
      end)
    end

    it("is refused with another checksum than the upload's, and with one that cannot be", function()
      local id = begin("mixed", { ["x-amz-checksum-algorithm"] = "CRC32" })
      local _, answer = part("mixed", id, 1, "x", { ["x-amz-checksum-crc32c"] = base64_of("crc32c", "x") })
      assert.same({ 400, "InvalidRequest" }, refusal(answer))
      for algorithm, type in pairs { SHA256 = "FULL_OBJECT", CRC64NVME = "COMPOSITE", MD5 = "COMPOSITE" } do
        local headers = { ["x-amz-checksum-algorithm"] = algorithm, ["x-amz-checksum-type"] = type }
        assert.equal(400, s3("POST", "mixed", with(headers, { query = "uploads" })).status)
      end
    end)

    it("is told by GetObjectAttributes", function()
      local id = begin("told", { ["x-amz-checksum-algorithm"] = "CRC32" })
      local first, second = part("told", id, 1, FULL), part("told", id, 2, "end")
      complete("told", id, { { first }, { second } })
      local names = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"
      local body = s3("GET", "told", with({ ["x-amz-object-attributes"] = names }, { query = "attributes" })).body
      for _, expected in ipairs {
        "<ObjectSize>5242883</ObjectSize>",
        "<StorageClass>STANDARD</StorageClass>",
        "<PartsCount>2</PartsCount>",
        "<ChecksumType>COMPOSITE</ChecksumType>",
        "<Part><PartNumber>2</PartNumber><Size>3</Size><ChecksumCRC32>" .. base64_of("crc32", "end"),
      } do
        assert.truthy(body:find(expected, 1, true), body)
      end
      assert.equal(
        400,
        s3("GET", "told", with({ ["x-amz-object-attributes"] = "Colour" }, { query = "attributes" })).status
      )
    end)

    it("completes only what its conditions allow, and an answer that was lost is given again", function()
      put("taken", "old")
      local id = begin("taken")
      local etag = part("taken", id, 1, "new")
      local unless_there = { ["If-None-Match"] = "*" }
      assert.same({ 412, "PreconditionFailed" }, refusal(complete("taken", id, { { etag } }, unless_there)))
      assert.equal("old", s3("GET", "taken").body)
      s3("DELETE", "taken")
      local first = complete("taken", id, { { etag } }, unless_there)
      local again = complete("taken", id, { { etag } }, unless_there)
      assert.same({ 200, 200, first.body }, { first.status, again.status, again.body })
    end)
  end)

  describe("of buckets", function()
    it("is judged by S3's rules of names", function()
      for _, name in ipairs {
        "ab",
        "Upper",
        "a_b",
        "192.168.0.1",
        "a..b",
        "a.-b",
        "a-.b",
        "-ab",
        "ab-",
        "xn--a",
        ("a"):rep(64),
      } do
        assert.same({ 400, "InvalidBucketName" }, refusal(ask("PUT", "/" .. name)), name)
      end
      assert.same({ 400, "InvalidBucketName" }, refusal(ask("GET", "//bucket/key")))
    end)

    it("says that a bucket is one's own already, and where it is", function()
      assert.equal(200, ask("PUT", "/own-bucket").status)
      assert.same({ 409, "BucketAlreadyOwnedByYou" }, refusal(ask("PUT", "/own-bucket")))
      local there = "<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
      assert.same(
        { 400, "InvalidLocationConstraint" },
        refusal(ask("PUT", "/elsewhere", { body = there:format("eu-west-1") }))
      )
      assert.truthy(
        ask("GET", "/own-bucket", { query = "location" }).body:find(
          "<LocationConstraint xmlns=[^>]+></LocationConstraint>"
        )
      )
    end)

    it("lists some of them, page by page", function()
      ask("PUT", "/page-1")
      ask("PUT", "/page-2")
      local first = ask("GET", "/", { query = "prefix=page-&max-buckets=1" }).body
      assert.truthy(first:find("<Name>page-1</Name>", 1, true))
      assert.is_nil(first:find("<Name>page-2</Name>", 1, true))
      local token = core.uri_encode(first:match("<ContinuationToken>(.-)<"))
      local second = ask("GET", "/", { query = "prefix=page-&continuation-token=" .. token }).body
      assert.truthy(second:find("<Name>page-2</Name>", 1, true))
      assert.is_nil(second:find("page-1", 1, true))
    end)

    it("has versions that were never enabled, one of each object", function()
      ask("PUT", "/versions")
      for _, key in ipairs { "a", "b", "c/d" } do
        ask("PUT", "/versions/" .. key, { body = key })
      end
      assert.truthy(ask("GET", "/versions", { query = "versioning" }).body:find("<VersioningConfiguration [^>]+></"))
      local body = ask("GET", "/versions", { query = "versions&max-keys=2" }).body
      assert.truthy(body:find("<Key>a</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>", 1, true))
      assert.equal("b", body:match("<NextKeyMarker>(.-)<"))
      body = ask("GET", "/versions", { query = "versions&key-marker=b&version-id-marker=null" }).body
      assert.truthy(body:find("<Key>c/d</Key>", 1, true))
      assert.equal("a", ask("GET", "/versions/a", { query = "versionId=null" }).body)
      assert.same({ 404, "NoSuchVersion" }, refusal(ask("GET", "/versions/a", { query = "versionId=1" })))
      assert.equal(501, ask("PUT", "/versions", { query = "versioning", body = "<V/>" }).status)
    end)

    it("names the owner where one asks", function()
      put("owned", "x")
      local function owners(query)
        return select(2, ask("GET", "/finspace-local", { query = query }).body:gsub("<Owner>", ""))
      end
      assert.equal(0, owners("list-type=2&prefix=owned"))
      assert.equal(1, owners("list-type=2&prefix=owned&fetch-owner=true"))
      assert.equal(1, owners("prefix=owned"))
    end)
  end)

  describe("of many keys", function()
    local function delete(entries, before)
      local body = "<Delete>" .. (before or "") .. entries .. "</Delete>"
      return ask("POST", "/finspace-local", { query = "delete", body = body })
    end

    it("is quiet where it is asked to be", function()
      put("quiet", "x")
      local answer = delete("<Object><Key>quiet</Key></Object>", "<Quiet>true</Quiet>")
      assert.is_nil(answer.body:find("<Deleted>", 1, true))
      assert.equal("NoSuchKey", code_of(s3("GET", "quiet")))
    end)

    it("names 1,000 at most, each with one key", function()
      local one = "<Object><Key>a</Key></Object>"
      assert.equal(200, delete(one:rep(1000)).status)
      assert.same({ 400, "MalformedXML" }, refusal(delete(one:rep(1001))))
      assert.same({ 400, "MalformedXML" }, refusal(delete("<Object>" .. ("<Key>a</Key>"):rep(100000) .. "</Object>")))
      assert.same({ 400, "MalformedXML" }, refusal(delete("<Object><Key>" .. ("k"):rep(1000000) .. "</Key></Object>")))
      assert.same({ 400, "MalformedXML" }, refusal(delete(("<a>"):rep(100000))))
    end)

    it("deletes those whose ETag it names", function()
      local etag = put("matching", "x")
      local answer = delete(
        ("<Object><Key>matching</Key><ETag>%s</ETag></Object>"):format('"other"')
          .. ("<Object><Key>matching</Key><ETag>%s</ETag><Size>2</Size></Object>"):format(etag)
      )
      assert.equal(2, select(2, answer.body:gsub("<Code>PreconditionFailed</Code>", "")))
      assert.equal(200, s3("HEAD", "matching").status)
      delete(("<Object><Key>matching</Key><ETag>%s</ETag><VersionId>null</VersionId></Object>"):format(etag))
      assert.equal(404, s3("HEAD", "matching").status)
    end)
  end)

  describe("of access", function()
    local UNKNOWN = { access_key_id = "AKIAUNKNOWN", secret_access_key = "x" }

    -- Sends the head of a signed request whose body does not come.
    local function send_head(more)
      local wanted = { service = "s3", method = "PUT", path = "/finspace-local/x", has_no_length = true }
      for name, value in pairs(more) do
        wanted[name] = value
      end
      local lines = { wanted.method .. " " .. wanted.path .. " HTTP/1.1" }
      for _, header in ipairs(running.sign(wanted).headers) do
        lines[#lines + 1] = header[1] .. ": " .. header[2]
      end
      local connection = assert(socket.connect("127.0.0.1", running.port))
      connection:settimeout(5)
      connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n")
      return connection
    end

    it("is judged before its body has come", function()
      for _, case in ipairs { {}, { service = "finspace-api", method = "POST", path = "/datasetsv2" } } do
        case.credentials, case.headers = UNKNOWN, { { "Content-Length", "1000000" } }
        local connection = send_head(case)
        assert.equal("HTTP/1.1 403 Forbidden", connection:receive("*l"))
        connection:close()
      end
    end)

    it("is told at once to who waits for a word before sending a body, and no such word is said", function()
      local headers = { { "Content-Length", "5" }, { "Expect", "100-continue" } }
      local connection = send_head { credentials = UNKNOWN, headers = headers }
      assert.equal("HTTP/1.1 403 Forbidden", connection:receive("*l"))
      local head = {}
      repeat
        head[#head + 1] = connection:receive("*l"):lower()
      until head[#head] == ""
      local said = table.concat(head, "\n")
      assert.truthy(said:find("connection: close", 1, true)) -- what follows is no request
      assert.falsy(said:find("keep-alive", 1, true))
      connection:receive(tonumber(said:match("content%-length: (%d+)")))
      connection:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") -- which is not taken for the body
      assert.is_nil((connection:receive("*l")))
      connection:close()
      table.insert(headers, { "If-None-Match", "*" })
      put("x", "there")
      connection = send_head { headers = headers }
      assert.equal("HTTP/1.1 412 Precondition Failed", connection:receive("*l"))
      connection:close()
    end)

    it("lets who waits for a word send the body", function()
      local headers = { { "Content-Length", "5" }, { "Expect", "100-continue" } }
      local connection = send_head { headers = headers, body = "hello" }
      assert.equal("HTTP/1.1 100 Continue", connection:receive("*l"))
      connection:receive("*l")
      connection:send("hello")
      assert.equal("HTTP/1.1 200 OK", connection:receive("*l"))
      connection:close()
      assert.equal("hello", s3("GET", "x").body)
    end)

    it("is refused with a sentence where it is signed as in the old days", function()
      local answer = service.send_text(
        running.port,
        "GET /finspace-local HTTP/1.1\r\nHost: x\r\nAuthorization: AWS AKIA:signature\r\nConnection: close\r\n\r\n"
      )
      assert.same({ 400, "InvalidRequest" }, refusal(answer))
      assert.truthy(answer.body:find("SigV4", 1, true))
      answer = service.send_text(
        running.port,
        "GET /finspace-local/a?AWSAccessKeyId=A&Expires=1&Signature=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      )
      assert.truthy(answer.body:find("SigV4", 1, true))
    end)
  end)

  it("is private, in lists of access that clients read and write back", function()
    put("listed", "x")
    local acl = s3("GET", "listed", { query = "acl" }).body
    assert.truthy(acl:find("<Permission>FULL_CONTROL</Permission>", 1, true))
    assert.equal(200, s3("PUT", "listed", { query = "acl", body = acl }).status)
    local public = acl:gsub("<ID>.-</ID>", "<ID>another</ID>")
    assert.equal(501, s3("PUT", "listed", { query = "acl", body = public }).status)
  end)
end)

describe("A service of another region #once", function()
  local running
  setup(function() running = service.start { region = "eu-west-1" } end)
  teardown(function() running.stop() end)

  it("says which one it is", function()
    local location = running.ask { service = "s3", path = "/finspace-local", query = "location" }
    assert.equal("eu-west-1", location.body:match(">([^<]+)</LocationConstraint>"))
    local wrong = running.ask { service = "s3", path = "/finspace-local", region = "us-east-1" }
    assert.same({ 400, "eu-west-1", "eu-west-1" }, {
      wrong.status,
      wrong.headers["x-amz-bucket-region"],
      wrong.body:match("<Region>(.-)</Region>"),
    })
    assert.truthy(sys.stat(running.data .. "/config"))
  end)
end)
