local at_once = require("spec.support.at_once")
local core = require("finspace.core")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local busted = { it = it, skip = function(why) pending(why) end }
local it_with_files = support.unless_missing(busted, service.no_files)
local it_with_own_s3 = support.unless_missing(busted, service.no_own_s3)

describe("The service's S3 half #once", function()
  local running, bucket

  setup(function()
    running = service.start()
    bucket = "/" .. running.bucket
  end)
  teardown(function() running.stop() end)

  local function s3(method, key, more)
    local wanted = { service = "s3", method = method, path = bucket .. "/" .. key }
    for name, value in pairs(more or {}) do
      wanted[name] = value
    end
    return running.ask(wanted)
  end

  local function code_of(answer) return answer.body:match("<Code>(.-)</Code>") end

  local function put(key, body)
    local answer = s3("PUT", key, { body = body })
    assert.equal(200, answer.status, answer.body)
    return answer.headers.etag
  end

  describe("with one object", function()
    it("gives back the bytes that it was given, whatever they are", function()
      local bytes = {}
      for i = 0, 255 do
        bytes[#bytes + 1] = string.char(i)
      end
      for _, body in ipairs { "", "x", table.concat(bytes), ("0123456789"):rep(100000) } do
        put("bytes", body)
        local answer = s3("GET", "bytes")
        assert.equal(200, answer.status)
        assert.equal(core.sha256(body), core.sha256(answer.body))
        assert.equal(tostring(#body), answer.headers["content-length"])
      end
    end)

    it("keeps keys of any kind apart", function()
      local keys = {
        "a%20b",
        "a%2Bb",
        "a%2520b",
        "%C3%A9",
        "%27%22%3C%26%3E",
        "a/../b",
        "./x",
        "..",
        "/double",
        "tail/",
        "a//b",
        "%01",
        "%F0%9F%98%80",
        "~",
        "CON",
        ("k"):rep(1024),
      }
      for _, key in ipairs(keys) do
        put(key, "body of " .. key)
      end
      for _, key in ipairs(keys) do
        assert.equal("body of " .. key, s3("GET", key).body)
      end
    end)

    it_with_own_s3(
      "refuses a key of more than 1,024 bytes",
      function() assert.equal("KeyTooLongError", code_of(s3("PUT", ("k"):rep(1025), { body = "x" }))) end
    )

    it("tells about it in a HEAD", function()
      local etag = put("told", "hello")
      local answer = s3("HEAD", "told")
      assert.same({ 200, "5", etag, "bytes" }, {
        answer.status,
        answer.headers["content-length"],
        answer.headers.etag,
        answer.headers["accept-ranges"],
      })
      assert.equal('"5d41402abc4b2a76b9719d911017c592"', etag)
      assert.equal(404, s3("HEAD", "not-there").status)
    end)

    it("keeps its content type and its metadata", function()
      s3("PUT", "described", { body = "x", content_type = "text/csv", headers = { { "x-amz-meta-origin", "spec" } } })
      local answer = s3("HEAD", "described")
      assert.same({ "text/csv", "spec" }, { answer.headers["content-type"], answer.headers["x-amz-meta-origin"] })
    end)

    it("gives ranges", function()
      put("ranged", "0123456789")
      local function range(text)
        local answer = s3("GET", "ranged", { headers = { { "Range", text } } })
        return answer.status, answer.body, answer.headers["content-range"]
      end
      assert.same({ 206, "234", "bytes 2-4/10" }, { range("bytes=2-4") })
      assert.same({ 206, "789", "bytes 7-9/10" }, { range("bytes=7-") })
      assert.same({ 206, "89", "bytes 8-9/10" }, { range("bytes=-2") })
      assert.same({ 206, "0123456789", "bytes 0-9/10" }, { range("bytes=0-99") })
      assert.equal(416, (range("bytes=10-")))
      assert.equal(200, (range("lines=1-2")))
    end)

    it("heeds If-Match and If-None-Match", function()
      local etag = put("conditional", "1")
      local function get(name, value) return s3("GET", "conditional", { headers = { { name, value } } }).status end
      assert.equal(200, get("If-Match", etag))
      assert.equal(412, get("If-Match", '"other"'))
      assert.equal(304, get("If-None-Match", etag))
      local again = s3("PUT", "conditional", { body = "2", headers = { { "If-None-Match", "*" } } })
      assert.equal("PreconditionFailed", code_of(again))
      assert.equal("1", s3("GET", "conditional").body)
    end)

    it_with_own_s3("says of a PUT with a condition that it was done", function()
      local function put_if(name, value)
        return s3("PUT", "on-condition", { body = "new", headers = { { name, value } } }).status
      end
      s3("DELETE", "on-condition")
      assert.equal(200, put_if("If-None-Match", "*"))
      assert.equal(200, put_if("If-Match", put("on-condition", "old")))
      assert.equal("new", s3("GET", "on-condition").body)
    end)

    it("deletes it, and does not mind when it is gone", function()
      put("gone", "x")
      assert.equal(204, s3("DELETE", "gone").status)
      assert.equal("NoSuchKey", code_of(s3("GET", "gone")))
      assert.equal(204, s3("DELETE", "gone").status)
    end)

    it("copies it without reading it", function()
      put("original", "copied")
      local answer = s3("PUT", "copy", { headers = { { "x-amz-copy-source", bucket .. "/original" } } })
      assert.equal(200, answer.status, answer.body)
      s3("DELETE", "original")
      assert.equal("copied", s3("GET", "copy").body)
    end)

    it("deletes many at once", function()
      put("many%26/1", "x")
      put("many%26/2", "x")
      local answer = running.ask {
        service = "s3",
        method = "POST",
        path = bucket,
        query = "delete",
        body = "<Delete><Object><Key>many&amp;/1</Key></Object><Object><Key>not-there</Key></Object></Delete>",
      }
      assert.equal(200, answer.status, answer.body)
      assert.truthy(answer.body:find("<Deleted><Key>many&amp;/1</Key></Deleted>", 1, true))
      assert.same({ 404, 200 }, { s3("GET", "many%26/1").status, s3("GET", "many%26/2").status })
    end)

    it("can be read by a presigned URL", function()
      put("presigned", "hello")
      local answer = s3("GET", "presigned", { form = "query", expires = 60, payload_hash = "UNSIGNED-PAYLOAD" })
      assert.same({ 200, "hello" }, { answer.status, answer.body })
    end)
  end)

  -- A row's limit is 64 KiB; what is larger is a file.
  for _, size in ipairs { 1, 5000, 65536, 65537, 1000000 } do
    describe(("with an object of %d bytes"):format(size), function()
      local body = sys.random_bytes(size)

      local function range(from, to)
        return s3("GET", "sized", { headers = { { "Range", ("bytes=%d-%d"):format(from, to) } } }).body
      end

      before_each(function() put("sized", body) end)

      it("gives its ranges", function()
        local middle = math.floor(size / 2)
        assert.equal(core.sha256(body), core.sha256(range(0, size - 1)))
        assert.equal(body:sub(1, 1), range(0, 0))
        assert.equal(body:sub(-1), range(size - 1, size + 9))
        assert.equal(core.sha256(body:sub(middle + 1)), core.sha256(range(middle, size - 1)))
      end)

      it("tells its size and ETag in a HEAD and in a listing", function()
        local etag = put("sized", body)
        local answer = s3("HEAD", "sized")
        assert.same({ tostring(size), etag }, { answer.headers["content-length"], answer.headers.etag })
        local listed = running.ask { service = "s3", path = bucket, query = "list-type=2&prefix=sized" }
        assert.truthy(listed.body:find(("<Size>%d</Size>"):format(size), 1, true))
      end)

      it("keeps its copy when it is overwritten and deleted", function()
        assert.equal(200, s3("PUT", "sized-copy", { headers = { { "x-amz-copy-source", bucket .. "/sized" } } }).status)
        put("sized", "other")
        assert.equal("other", s3("GET", "sized").body)
        assert.equal(204, s3("DELETE", "sized").status)
        assert.equal("NoSuchKey", code_of(s3("GET", "sized")))
        assert.equal(core.sha256(body), core.sha256(s3("GET", "sized-copy").body))
      end)
    end)
  end

  describe("with requests that come at the same time", function()
    local function puts(count, key_of, headers)
      local requests = {}
      for i = 1, count do
        requests[i] = running.sign {
          service = "s3",
          method = "PUT",
          path = bucket .. "/" .. key_of(i),
          body = "body " .. i,
          headers = headers,
        }
      end
      return requests
    end

    local function key_of(i) return "together/" .. i end

    it("answers each, and keeps what each brought", function()
      local statuses = at_once.ask(puts(50, key_of))
      for i = 1, 50 do
        assert.equal(200, statuses[i])
        assert.equal("body " .. i, s3("GET", key_of(i)).body)
      end
    end)

    it("refuses those that must be refused, and no others", function()
      for i = 2, 40, 2 do
        s3("DELETE", key_of(i))
      end
      local unless_there = { { "If-None-Match", "*" } }
      local statuses = at_once.ask(puts(40, key_of, unless_there))
      for i = 1, 40 do
        assert.equal(i % 2 == 0 and 200 or 412, statuses[i])
        assert.equal("body " .. i, s3("GET", key_of(i)).body)
      end
    end)

    it("lets one alone make an object that must not exist yet", function()
      local unless_there = { { "If-None-Match", "*" } }
      local statuses = at_once.ask(puts(20, function() return "only-one" end, unless_there))
      local winner, winners = nil, 0
      for i, status in pairs(statuses) do
        if status == 200 then
          winner, winners = i, winners + 1
        end
      end
      assert.equal(1, winners)
      assert.equal("body " .. winner, s3("GET", "only-one").body)
    end)
  end)

  describe("with a body that is not what was signed", function()
    local function refuse(change, wanted)
      local request = running.sign {
        service = "s3",
        method = "PUT",
        path = bucket .. "/refused",
        body = "hello",
        headers = wanted,
      }
      change(request)
      return running.send(request)
    end

    it("stores nothing", function()
      local answer = refuse(function(request) request.body = "jello" end)
      assert.same({ 400, "XAmzContentSHA256Mismatch" }, { answer.status, code_of(answer) })
      assert.equal("NoSuchKey", code_of(s3("GET", "refused")))
      local own = running.store or running
      if own.data then assert.same({}, sys.list(own.data .. "/objects/incoming")) end
    end)

    it("stores nothing when the body is cut off", function()
      local request = running.sign { service = "s3", method = "PUT", path = bucket .. "/refused", body = "hello" }
      local socket = require("socket").connect("127.0.0.1", request.port)
      socket:send(running.text_of(request):sub(1, -3)) -- "hel"
      socket:close()
      assert.truthy(running.call("ListDatasets"))
      assert.equal("NoSuchKey", code_of(s3("GET", "refused")))
    end)

    it_with_own_s3("checks the checksums that come with it", function()
      local function with(name, value)
        return refuse(function() end, { { name, value } })
      end
      assert.equal("BadDigest", code_of(with("x-amz-checksum-crc32", "AAAAAA==")))
      assert.equal("BadDigest", code_of(with("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")))
      assert.equal("BadDigest", code_of(with("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")))
      assert.equal("InvalidRequest", code_of(with("x-amz-checksum-crc32", "AAAA")))
      assert.equal("InvalidRequest", code_of(with("x-amz-checksum-crc16", "AAAA")))
      assert.equal("NoSuchKey", code_of(s3("GET", "refused")))
      assert.equal(200, with("x-amz-checksum-crc32", "NhCmhg==").status)
      s3("DELETE", "refused")
    end)

    it("wants to know how long it is", function()
      local answer = s3("PUT", "refused", { body = "hello", has_no_length = true })
      assert.equal("MissingContentLength", code_of(answer))
    end)
  end)

  describe("listing", function()
    local function list(query)
      local answer = running.ask { service = "s3", path = bucket, query = "list-type=2&" .. query }
      assert.equal(200, answer.status, answer.body)
      local keys, prefixes = {}, {}
      for contents in answer.body:gmatch("<Contents>(.-)</Contents>") do
        keys[#keys + 1] = contents:match("<Key>(.-)<")
      end
      for prefix in answer.body:gmatch("<CommonPrefixes><Prefix>(.-)<") do
        prefixes[#prefixes + 1] = prefix
      end
      return keys, prefixes, answer.body:match("<NextContinuationToken>(.-)<"), answer.body
    end

    setup(function()
      for _, key in ipairs { "l/a", "l/b/1", "l/b/2", "l/c%20c", "l/d/", "l/e", "m" } do
        put(key, "x")
      end
    end)

    it("goes by prefix, in the order of bytes", function()
      assert.same({ "l/a", "l/b/1", "l/b/2", "l/c c", "l/d/", "l/e" }, (list("prefix=l%2F")))
      assert.same({}, (list("prefix=nothing")))
    end)

    it("folds at a delimiter", function()
      local keys, prefixes = list("prefix=l%2F&delimiter=%2F")
      assert.same({ "l/a", "l/c c", "l/e" }, keys)
      assert.same({ "l/b/", "l/d/" }, prefixes)
    end)

    it("goes on behind what it folded at a delimiter of any character", function()
      -- The last byte of each, or all of them, cannot be raised and be a text still.
      for _, delimiter in ipairs { "%C2%BF", "%DF%BF", "%ED%9F%BF", "%EF%BF%BF", "%F4%8F%BF%BF", "%7F" } do
        local place = "fold" .. delimiter:gsub("%%", "")
        for i = 1, 12 do
          put(("%s/a%s%d"):format(place, delimiter, i), "x")
        end
        put(place .. "/b", "x")
        local keys, prefixes = list(("prefix=%s%%2F&delimiter=%s"):format(place, delimiter))
        assert.same({ { place .. "/b" }, 1 }, { keys, #prefixes })
        local _, _, token = list(("prefix=%s%%2F&max-keys=1&delimiter=%s"):format(place, delimiter))
        local query = "prefix=%s%%2F&delimiter=%s&continuation-token=%s"
        assert.same({ place .. "/b" }, (list(query:format(place, delimiter, core.uri_encode(token)))))
      end
    end)

    it("goes on in its first version too", function()
      local seen, marker = {}, ""
      repeat
        local query = "delimiter=%2F&prefix=l%2F&max-keys=2&marker=" .. marker
        local body = running.ask({ service = "s3", path = bucket, query = query }).body
        for found in body:gmatch("<Key>(.-)<") do
          seen[#seen + 1] = found
        end
        for found in body:gmatch("<CommonPrefixes><Prefix>(.-)<") do
          seen[#seen + 1] = found
        end
        marker = core.uri_encode(body:match("<NextMarker>(.-)<") or "")
      until marker == ""
      table.sort(seen)
      assert.same({ "l/a", "l/b/", "l/c c", "l/d/", "l/e" }, seen)
    end)

    it("goes on page by page, and says where one ends", function()
      for size = 1, 7 do
        local seen, token, pages = {}, nil, 0
        repeat
          local more = token and "&continuation-token=" .. core.uri_encode(token) or ""
          local keys, prefixes, next_token = list("prefix=l%2F&delimiter=%2F&max-keys=" .. size .. more)
          for _, key in ipairs(keys) do
            seen[#seen + 1] = key
          end
          for _, prefix in ipairs(prefixes) do
            seen[#seen + 1] = prefix
          end
          assert.truthy(#keys + #prefixes <= size)
          token, pages = next_token, pages + 1
        until not token
        table.sort(seen)
        assert.same({ "l/a", "l/b/", "l/c c", "l/d/", "l/e" }, seen)
        assert.equal(math.ceil(5 / size), pages)
      end
    end)

    it_with_own_s3("refuses a token that it did not give, and a count that is none", function()
      local wrong =
        { "continuation-token=junk", "continuation-token=bC9h", "max-keys=-1", "max-keys=x", "max-keys=2147483648" }
      for _, query in ipairs(wrong) do
        local answer = running.ask { service = "s3", path = bucket, query = "list-type=2&" .. query }
        assert.equal("400 InvalidArgument", answer.status .. " " .. answer.body:match("<Code>(.-)<"), query)
      end
      assert.same({}, (list("prefix=l%2F&max-keys=0")))
    end)

    it_with_own_s3("names a next marker where it folds, and nowhere else", function()
      local function marker(query)
        return running.ask({ service = "s3", path = bucket, query = query }).body:match("<NextMarker>(.-)<")
      end
      assert.equal("l/b/", marker("prefix=l%2F&max-keys=2&delimiter=%2F"))
      assert.is_nil(marker("prefix=l%2F&max-keys=2"))
    end)

    it("starts after a key, and encodes keys when asked", function()
      local keys, _, _, body = list("prefix=l%2F&start-after=l%2Fb%2F2&encoding-type=url")
      for i, key in ipairs(keys) do
        keys[i] = core.uri_decode(key)
      end
      assert.same({ "l/c c", "l/d/", "l/e" }, keys)
      assert.truthy(body:find("c%20c<", 1, true))
    end)

    it_with_own_s3("writes any key as well-formed XML", function()
      put("xml/%3Ca%3E%26%01", "x")
      local _, _, _, body = list("prefix=xml")
      assert.truthy(body:find("<Key>xml/&lt;a&gt;&amp;&#x1;</Key>", 1, true))
    end)

    it("answers for buckets too", function()
      assert.equal("NoSuchBucket", code_of(running.ask { service = "s3", path = "/elsewhere", query = "list-type=2" }))
      assert.equal(200, running.ask({ service = "s3", method = "HEAD", path = bucket }).status)
      assert.truthy(
        running.ask({ service = "s3", path = "/" }).body:find(("<Name>%s</Name>"):format(running.bucket), 1, true)
      )
      assert.equal(200, running.ask({ service = "s3", method = "PUT", path = "/mine" }).status)
      assert.equal(204, running.ask({ service = "s3", method = "DELETE", path = "/mine" }).status)
      assert.equal(404, running.ask({ service = "s3", method = "HEAD", path = "/mine" }).status)
    end)

    it_with_own_s3("makes a bucket once, and none of a wrong name", function()
      local function make(name) return running.ask { service = "s3", method = "PUT", path = "/" .. name } end
      assert.equal(200, make("made-once").status)
      assert.equal("BucketAlreadyOwnedByYou", code_of(make("made-once")))
      assert.equal("InvalidBucketName", code_of(make("No")))
    end)

    it("puts nothing into a bucket that was deleted while the body arrived", function()
      local leaving = { service = "s3", method = "PUT", path = "/leaving" }
      assert.equal(200, running.ask(leaving).status)
      local request = running.sign { service = "s3", method = "PUT", path = "/leaving/late", body = "hello" }
      request.body = "hel"
      local connection = at_once.send({ request })[1]
      sys.sleep(0.05)
      leaving.method = "DELETE"
      assert.equal(204, running.ask(leaving).status)
      connection:send("lo")
      assert.equal(404, at_once.status(connection))
      leaving.method = "PUT"
      assert.equal(200, running.ask(leaving).status)
      assert.equal(404, running.ask({ service = "s3", path = "/leaving/late" }).status)
    end)

    it_with_own_s3("says what it does not have", function()
      local answer = running.ask { service = "s3", path = bucket, query = "policy" }
      assert.same({ 501, "NotImplemented" }, { answer.status, code_of(answer) })
    end)
  end)

  describe("with an upload in parts", function()
    local FULL = ("p"):rep(5 * 1024 * 1024)

    local function begin(key)
      local answer = s3("POST", key, { query = "uploads" })
      return answer.body:match("<UploadId>(.-)<")
    end
    local function part(key, id, number, body)
      return s3("PUT", key, { query = ("partNumber=%s&uploadId=%s"):format(number, id), body = body })
    end
    local function complete(key, id, parts)
      local lines = {}
      for _, entry in ipairs(parts) do
        lines[#lines + 1] = ("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>"):format(entry[1], entry[2])
      end
      return s3("POST", key, {
        query = "uploadId=" .. id,
        body = "<CompleteMultipartUpload>" .. table.concat(lines) .. "</CompleteMultipartUpload>",
      })
    end
    local function etag(key, id, number, body) return part(key, id, number, body).headers.etag:gsub('"', "&quot;") .. "" end

    it("makes one object of the parts, in their order", function()
      local id = begin("parts")
      local second = etag("parts", id, 2, "end")
      local first = etag("parts", id, 1, FULL)
      assert.equal("NoSuchKey", code_of(s3("GET", "parts")))
      local answer = complete("parts", id, { { 1, first }, { 2, second } })
      assert.equal(200, answer.status, answer.body)
      assert.truthy(s3("HEAD", "parts").headers.etag:find('%-2"$'))
      assert.equal(core.sha256(FULL .. "end"), core.sha256(s3("GET", "parts").body))
      local across = s3("GET", "parts", { headers = { { "Range", ("bytes=%d-"):format(#FULL - 2) } } })
      assert.equal("ppend", across.body)
    end)

    it_with_own_s3("tells the object's ETag when it is complete, and the same to who asks again", function()
      local id = begin("asked-again")
      local first = etag("asked-again", id, 1, "only")
      local answer = complete("asked-again", id, { { 1, first } })
      assert.truthy(answer.body:find("%-1&quot;</ETag>"), answer.body)
      local again = complete("asked-again", id, { { 1, first } })
      assert.same({ 200, answer.body }, { again.status, again.body })
      assert.equal("NoSuchUpload", code_of(complete("asked-again", id, { { 2, first } })))
    end)

    it("gives ranges within a last part that is small, and keeps it when the upload's name is deleted", function()
      local id = begin("small-end")
      local first, second = etag("small-end", id, 1, FULL), etag("small-end", id, 2, "0123456789")
      assert.equal(200, complete("small-end", id, { { 1, first }, { 2, second } }).status)
      assert.equal(200, s3("PUT", "end-copy", { headers = { { "x-amz-copy-source", bucket .. "/small-end" } } }).status)
      s3("DELETE", "small-end")
      local inside = { { "Range", ("bytes=%d-%d"):format(#FULL + 3, #FULL + 5) } }
      assert.equal("345", s3("GET", "end-copy", { headers = inside }).body)
      assert.equal("89", s3("GET", "end-copy", { headers = { { "Range", "bytes=-2" } } }).body)
    end)

    it_with_own_s3("checks the parts' numbers, order, sizes and ETags", function()
      local id = begin("checked")
      local first, second = etag("checked", id, 1, "small"), etag("checked", id, 2, "small too")
      assert.equal("InvalidArgument", code_of(part("checked", id, 0, "x")))
      assert.equal("InvalidArgument", code_of(part("checked", id, 10001, "x")))
      assert.equal("InvalidPartOrder", code_of(complete("checked", id, { { 2, second }, { 1, first } })))
      assert.equal("EntityTooSmall", code_of(complete("checked", id, { { 1, first }, { 2, second } })))
      assert.equal("InvalidPart", code_of(complete("checked", id, { { 1, second } })))
      assert.equal("InvalidPart", code_of(complete("checked", id, { { 3, first } })))
      assert.equal("MalformedXML", code_of(complete("checked", id, {})))
      assert.equal(
        "MalformedXML",
        code_of(s3("POST", "checked", {
          query = "uploadId=" .. id,
          body = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        }))
      )
      assert.equal(200, complete("checked", id, { { 1, first } }).status)
    end)

    it("replaces a part that is sent again", function()
      local id = begin("again")
      etag("again", id, 1, "wrong")
      local right = etag("again", id, 1, "right")
      assert.equal(200, complete("again", id, { { 1, right } }).status)
      assert.equal("right", s3("GET", "again").body)
    end)

    -- How large the files are that an upload has.
    local function sizes_of(id)
      local found = {}
      for _, folder in ipairs(sys.list(running.data .. "/objects")) do
        for _, name in ipairs(sys.list(running.data .. "/objects/" .. folder)) do
          local stat = sys.stat(running.data .. "/objects/" .. folder .. "/" .. name)
          if name == id then found[#found + 1] = stat.size end
        end
      end
      return found
    end

    it_with_files("lays the parts side by side in one file, in whatever order they come", function()
      local id, middle = begin("placed"), ("m"):rep(#FULL)
      local first = etag("placed", id, 1, FULL)
      local third = etag("placed", id, 3, "end")
      local second = etag("placed", id, 2, middle)
      assert.same({ 2 * #FULL + 3 }, sizes_of(id))
      assert.equal(200, complete("placed", id, { { 1, first }, { 2, second }, { 3, third } }).status)
      assert.equal(core.sha256(FULL .. middle .. "end"), core.sha256(s3("GET", "placed").body))
      local segments = "SELECT segments FROM contents WHERE segments LIKE '%%%s%%'"
      assert.equal(1, select(2, running.sql(segments:format(id)):gsub('"name"', "")))
    end)

    it_with_files("gives what was completed, where the file holds more parts than those", function()
      local id, last = begin("some"), ("z"):rep(100 * 1024)
      local first = etag("some", id, 1, FULL)
      etag("some", id, 2, ("n"):rep(#FULL))
      local third, fifth = etag("some", id, 3, FULL), etag("some", id, 5, last)
      etag("some", id, 7, "not wanted")
      assert.equal(200, complete("some", id, { { 1, first }, { 3, third }, { 5, fifth } }).status)
      assert.equal(core.sha256(FULL .. FULL .. last), core.sha256(s3("GET", "some").body))
      local across = s3("GET", "some", { headers = { { "Range", ("bytes=%d-%d"):format(2 * #FULL - 2, 2 * #FULL) } } })
      assert.equal("ppz", across.body)
    end)

    it("takes a last part that comes before the others, which are larger", function()
      local id, last = begin("backwards"), ("l"):rep(70 * 1024)
      local second = etag("backwards", id, 2, last)
      local first = etag("backwards", id, 1, FULL)
      assert.equal(200, complete("backwards", id, { { 1, first }, { 2, second } }).status)
      assert.equal(core.sha256(FULL .. last), core.sha256(s3("GET", "backwards").body))
    end)

    it("replaces a large part that is sent again, and one that was refused", function()
      local id, right = begin("sent-again"), ("r"):rep(#FULL)
      local refused = s3("PUT", "sent-again", {
        query = "partNumber=1&uploadId=" .. id,
        body = FULL,
        headers = { { "Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==" } },
      })
      assert.equal("BadDigest", code_of(refused))
      etag("sent-again", id, 1, FULL)
      local first, second = etag("sent-again", id, 1, right), etag("sent-again", id, 2, "end")
      assert.equal(200, complete("sent-again", id, { { 1, first }, { 2, second } }).status)
      assert.equal(core.sha256(right .. "end"), core.sha256(s3("GET", "sent-again").body))
    end)

    -- A request for a part whose bytes come in two halves.
    local function slowly(key, id, number, body)
      local request = running.sign {
        service = "s3",
        method = "PUT",
        path = bucket .. "/" .. key,
        query = ("partNumber=%d&uploadId=%s"):format(number, id),
        body = body,
      }
      local socket = assert(require("socket").connect("127.0.0.1", request.port))
      socket:settimeout(30)
      local text, half = running.text_of(request), math.floor(#body / 2)
      assert(socket:send(text:sub(1, -half - 1)))
      return function()
        socket:send(text:sub(-half))
        local answer = socket:receive("*a") or ""
        socket:close()
        return answer
      end
    end

    it_with_own_s3("keeps apart what two requests bring for one part at the same time", function()
      local id, slow, quick = begin("twice"), ("s"):rep(#FULL), ("q"):rep(#FULL)
      local go_on = slowly("twice", id, 1, slow)
      local first = etag("twice", id, 1, quick)
      local answer = go_on()
      assert.truthy(answer:find("^HTTP/1.1 200"), answer)
      assert.equal("InvalidPart", code_of(complete("twice", id, { { 1, first } })))
      local last = answer:match('[eE][tT]ag: ("%x+")'):gsub('"', "&quot;")
      assert.equal(200, complete("twice", id, { { 1, last } }).status)
      assert.equal(core.sha256(slow), core.sha256(s3("GET", "twice").body))
    end)

    it_with_own_s3("never changes an object by what still comes for a part of its upload", function()
      local id, slow, quick = begin("late"), ("s"):rep(#FULL), ("q"):rep(#FULL)
      local go_on = slowly("late", id, 1, slow)
      local first, second = etag("late", id, 1, quick), etag("late", id, 2, "end")
      assert.equal(200, complete("late", id, { { 1, first }, { 2, second } }).status)
      assert.truthy(go_on():find("NoSuchUpload", 1, true))
      assert.equal(core.sha256(quick .. "end"), core.sha256(s3("GET", "late").body))
    end)

    it_with_files("goes on with the parts that it acknowledged, and no others, when everything was killed", function()
      local id, unfinished = begin("killed"), ("u"):rep(#FULL)
      local first = etag("killed", id, 1, FULL)
      local go_on = slowly("killed", id, 2, unfinished)
      running.kill()
      running.restart()
      assert.equal("", go_on())
      assert.equal("InvalidPart", code_of(complete("killed", id, { { 1, first }, { 2, first } })))
      local second = etag("killed", id, 2, "end")
      assert.equal(200, complete("killed", id, { { 1, first }, { 2, second } }).status)
      assert.equal(core.sha256(FULL .. "end"), core.sha256(s3("GET", "killed").body))
    end)

    it("tells which parts and which uploads there are", function()
      local id = begin("told-of")
      for number = 1, 3 do
        part("told-of", id, number, "part " .. number)
      end
      local answer = s3("GET", "told-of", { query = "max-parts=2&uploadId=" .. id })
      local numbers = {}
      for number in answer.body:gmatch("<PartNumber>(%d+)<") do
        numbers[#numbers + 1] = number
      end
      assert.same({ "1", "2" }, numbers)
      assert.equal("2", answer.body:match("<NextPartNumberMarker>(%d+)<"))
      assert.truthy(answer.body:find("<IsTruncated>true<", 1, true))
      local uploads = running.ask({ service = "s3", path = bucket, query = "uploads" }).body
      assert.truthy(uploads:find("<UploadId>" .. id .. "<", 1, true))
      assert.equal(204, s3("DELETE", "told-of", { query = "uploadId=" .. id }).status)
      uploads = running.ask({ service = "s3", path = bucket, query = "uploads" }).body
      assert.is_nil(uploads:find(id, 1, true))
      assert.equal("NoSuchUpload", code_of(part("told-of", id, 4, "x")))
    end)
  end)

  it("keeps what it acknowledged when everything is killed", function()
    local bodies = {}
    for i = 1, 20 do
      bodies[i] = ("body %d "):format(i):rep(i * 1000)
      put("kept/" .. i, bodies[i])
    end
    running.kill()
    running.restart()
    for i = 1, 20 do
      assert.equal(core.sha256(bodies[i]), core.sha256(s3("GET", "kept/" .. i).body))
    end
  end)

  describe("over time", function()
    local SWEEP = [[server { listen 127.0.0.1:%d; location / { content_by_lua_block {
      local state = { settings = { data = %q } }
      local sleep, longest, begun = ngx.sleep, 0, os.clock() -- the process's own time
      ngx.sleep = function(seconds)
        longest = math.max(longest, os.clock() - begun)
        sleep(seconds)
        begun = os.clock()
      end
      state.db = require("finspace.service.db.metadata").open(state.settings)
      state.store = require("finspace.service.store").open(state)
      require("finspace.service.ingest.sweep").run(state)
      require("finspace.service.ingest.sweep").run(state)
      state.db:close()
      ngx.print("swept twice, and gave way after ", longest)
    } } }]]
    local PATHS = ("%s/lua/?.lua;%s/lua/?/init.lua"):format(support.root, support.root)

    local function sweep_twice()
      local port = support.free_port()
      local sweeper = nginx.start(SWEEP:format(port, running.data), { ports = { port }, package_path = PATHS })
      local said = support.run("curl -sS http://127.0.0.1:" .. port) -- which waits
      local errors = sweeper.errors()
      sweeper.stop()
      local longest = said:match("swept twice, and gave way after ([%d%.e%-]+)")
      assert.truthy(longest, errors)
      return tonumber(longest)
    end

    local function rows_of(...)
      local rows = {}
      for i, body in ipairs { ... } do
        local count = ("SELECT count(*) FROM small_segments WHERE bytes = CAST('%s' AS BLOB)"):format(body)
        rows[i] = tonumber(running.sql(count))
      end
      return rows
    end

    it_with_files(
      "forgets the bytes of small objects that were deleted or overwritten, and of parts that nobody took",
      function()
        put("swept/deleted", "of a deleted one")
        s3("DELETE", "swept/deleted")
        put("swept/overwritten", "of an overwritten one")
        put("swept/overwritten", "of one that is there")
        local id = s3("POST", "swept/parts", { query = "uploads" }).body:match("<UploadId>(.-)<")
        s3("PUT", "swept/parts", { query = "partNumber=1&uploadId=" .. id, body = "of a part that was replaced" })
        s3("PUT", "swept/parts", { query = "partNumber=1&uploadId=" .. id, body = "of a part that is waiting" })
        sweep_twice()
        assert.same(
          { 0, 0, 1, 0, 1 },
          rows_of(
            "of a deleted one",
            "of an overwritten one",
            "of one that is there",
            "of a part that was replaced",
            "of a part that is waiting"
          )
        )
        assert.equal("of one that is there", s3("GET", "swept/overwritten").body)
        assert.equal(204, s3("DELETE", "swept/parts", { query = "uploadId=" .. id }).status)
        sweep_twice()
        assert.same({ 0 }, rows_of("of a part that is waiting"))
      end
    )

    it_with_files(
      "keeps the file of an upload as long as that goes on, whether a part in it has a name or not",
      function()
        local id = s3("POST", "swept/begun", { query = "uploads" }).body:match("<UploadId>(.-)<")
        local refused = s3("PUT", "swept/begun", {
          query = "partNumber=1&uploadId=" .. id,
          body = ("r"):rep(100000),
          headers = { { "Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==" } },
        })
        assert.equal("BadDigest", code_of(refused))
        local path = ("%s/objects/%s/%s"):format(running.data, id:sub(1, 1), id)
        local function age() support.run("touch -d '2 hours ago' " .. path) end
        age()
        sweep_twice()
        assert.truthy(sys.stat(path))
        assert.equal(204, s3("DELETE", "swept/begun", { query = "uploadId=" .. id }).status)
        age()
        sweep_twice()
        assert.is_nil(sys.stat(path))
      end
    )

    it_with_files("keeps what a changeset was made of, when its small object is deleted", function()
      local dataset = running.dataset()
      local format = { formatType = "CSV" }
      assert.equal(1, running.ingest(dataset, running.put("swept/source.csv", "a,b\n7,seven\n"), format).rowCount)
      s3("DELETE", "swept/source.csv")
      sweep_twice()
      local view = running.await(
        "GetDataView",
        assert(running.call("CreateDataView", {
          datasetId = dataset,
          destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" },
        }))
      )
      assert.equal("SUCCESS", view.status)
      local key = ("views/%s/%s/part-00000.csv"):format(dataset, view.dataViewId)
      assert.equal("a,b\n7,seven\n", s3("GET", key).body)
    end)

    -- With FINSPACE_SWEEP=1000000 of a million.
    local MANY = tonumber(os.getenv("FINSPACE_SWEEP") or 20000)
    local FILL = [[
      BEGIN;
      INSERT INTO small_segments (bytes) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
        SELECT CAST('many' AS BLOB) FROM n;
      INSERT INTO contents (id, size, etag, segments)
        SELECT printf('many%%09d', number), 4, 'etag', '[{"name":"row\/' || number || '","size":4}]'
        FROM small_segments WHERE bytes = CAST('many' AS BLOB);
      INSERT INTO objects (bucket, key, content_id, modified)
        SELECT 'finspace-local', id, id, 1 FROM contents WHERE id LIKE 'many%%' AND substr(id, 5) %% 2 = 0;
      COMMIT]]

    it_with_files("gives way to ingestion again and again, and never holds it for 100 ms", function()
      running.sql(FILL:format(MANY))
      local longest = sweep_twice()
      if MANY > 20000 then print(("\n%d objects: gave way after %.1f ms at most"):format(MANY, longest * 1000)) end
      assert.truthy(longest < 0.1, longest)
      assert.same({ MANY - math.min(MANY / 2, 50000) }, rows_of("many")) -- a sweep notes so many, and leaves the rest to the next
    end)

    it_with_files("still gives the small objects of a data folder that was made when each was a file", function()
      running.sql("UPDATE objects SET content_id = 'elder' WHERE key = 'swept/overwritten'")
      running.sql(
        [[INSERT INTO contents (id, size, etag, segments) VALUES ('elder', 5, 'etag', '[{"name":"elder-segment","size":5}]')]]
      )
      sys.mkdir(running.data .. "/objects/e", tonumber("700", 8))
      support.write_file(running.data .. "/objects/e/elder-segment", "elder")
      support.run("touch -d '2 hours ago' " .. running.data .. "/objects/e/elder-segment")
      sweep_twice()
      assert.equal("elder", s3("GET", "swept/overwritten").body)
    end)
  end)

  it_with_files("removes the files that nobody refers to", function()
    local stray = running.data .. "/objects/a"
    sys.mkdir(stray, tonumber("700", 8))
    support.write_file(stray .. "/astray", "left by a writer that died")
    support.run("touch -d '2 hours ago' " .. stray .. "/astray")
    running.restart()
    for _ = 1, 6000 do
      if not sys.stat(stray .. "/astray") then break end
      sys.sleep(0.01)
    end
    assert.is_nil(sys.stat(stray .. "/astray"))
    assert.equal("hello", s3("GET", "presigned").body)
  end)
end)
