local checksum = require("finspace.s3.checksum")
local core = require("finspace.core")
local finspace = require("finspace")
local address = require("finspace.s3.address")
local s3_errors = require("finspace.s3.errors")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")
local upload = require("finspace.s3.upload")
local xml = require("finspace.formats.xml")

local MIB = 1024 * 1024
local BUCKET = "finspace-local"

describe("addresses in S3", function()
  local own = { scheme = "https", host = "s3.eu-west-1.amazonaws.com", path = "" }
  local custom = { scheme = "http", host = "127.0.0.1:9000", path = "", custom = true }

  it("put the bucket into the host name of Amazon's endpoints", function()
    local endpoint, path = address.of(own, "my-bucket", "a/b.csv")
    assert.are.equal("my-bucket.s3.eu-west-1.amazonaws.com", endpoint.host)
    assert.are.equal("/a/b.csv", path)
  end)

  it("put the bucket into the path of a custom endpoint, and where it is no host label", function()
    for _, bucket in ipairs { "my.bucket", "My_Bucket", "b" } do
      local endpoint, path = address.of(own, bucket, "k")
      assert.are.equal(own, endpoint)
      assert.are.equal("/" .. bucket .. "/k", path)
    end
    local endpoint, path = address.of(custom, "my-bucket", "k")
    assert.are.equal(custom, endpoint)
    assert.are.equal("/my-bucket/k", path)
    assert.are.equal("/my-bucket", select(2, address.of(custom, "my-bucket")))
  end)

  it("leave a key as it is, encoded byte by byte", function()
    local function path_of(key) return select(2, address.of(custom, "b", key)) end
    assert.are.equal("/b/x/../y//z/.", path_of("x/../y//z/."))
    assert.are.equal("/b/a%20b%2Bc%25%22%27", path_of("a b+c%\"'"))
    assert.are.equal("/b//%C3%BC", path_of("/ü"))
  end)
end)

describe("XML of S3", function()
  it("is read into elements with text", function()
    local root = assert(xml.parse('<?xml version="1.0"?><R xmlns="urn:x"><K>a &amp; b</K><K>c</K></R>'))
    assert.are.equal("R", root.name)
    assert.are.equal("a & b", xml.text(root, "K"))
    assert.are.equal(2, #xml.children(root, "K"))
    assert.is_nil(xml.text(root, "Missing"))
  end)

  it("is refused with a document type, whatever it declares", function()
    for _, document in ipairs {
      '<!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/passwd">]><R>&x;</R>',
      '<!DOCTYPE R SYSTEM "http://127.0.0.1/x.dtd"><R/>',
      '<!DOCTYPE R [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><R>&b;</R>',
    } do
      local root, message = xml.parse(document)
      assert.is_nil(root)
      assert.matches("document type", message)
    end
  end)

  it("is refused when it is broken, too deep or too large", function()
    for _, document in ipairs { "", "<R>", "<R></S>", "no xml", "<R/><R/>", "<R>&x;</R>", ("<R>"):rep(100) } do
      assert.is_nil(xml.parse(document))
    end
    assert.is_nil(xml.parse("<R>" .. (" "):rep(xml.MAX_BYTES) .. "</R>"))
  end)

  it("writes text that reads back as itself", function()
    local text = [[<a> & "b" 'c']]
    assert.are.equal(text, xml.parse("<R>" .. xml.escape(text) .. "</R>").text)
  end)
end)

describe("the errors of S3", function()
  local function fields_of(status, body, headers)
    return s3_errors.fields { status = status, body = body, headers = headers or {} }
  end

  it("are read from the document, or from the status where there is none", function()
    local err =
      fields_of(404, "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", { ["x-amz-request-id"] = "r1" })
    assert.are.same(
      { "client", "NoSuchKey", "gone", "r1", false },
      { err.kind, err.code, err.message, err.request_id, err.retryable }
    )
    assert.are.equal("NotFound", fields_of(404, "").code)
    assert.are.equal("HTTP418", fields_of(418, "<html>").code)
  end)

  it("say what is wrong where the server has no words for it", function()
    local err = fields_of(403, "<Error><Code>SignatureDoesNotMatch</Code><Message></Message></Error>")
    assert.matches("secret access key", err.message)
    assert.is_nil(fields_of(409, "<Error><Code>Odd</Code><Message></Message></Error>").message)
  end)

  it("are told apart by what helps against them", function()
    local slow = fields_of(503, "<Error><Code>SlowDown</Code></Error>")
    assert.are.same({ "throttle", true, true }, { slow.kind, slow.throttle, slow.retryable })
    assert.is_true(fields_of(500, "<Error><Code>InternalError</Code></Error>").retryable)
    assert.is_true(fields_of(400, "<Error><Code>RequestTimeout</Code></Error>").retryable)
    assert.is_true(fields_of(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>").clock)
    assert.is_false(fields_of(501, "<Error><Code>NotImplemented</Code></Error>").retryable)
    assert.are.equal("protocol", fields_of(301, "").kind)
  end)
end)

describe("a checksum of S3", function()
  it("is written in base64, however many bytes are left at its end", function()
    assert.are.equal("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", checksum.in_base64(""))
    assert.are.equal("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", checksum.in_base64("abc"))
  end)
end)

describe("parts", function()
  it("are of 8 MiB, and grow to be 10,000 at most", function()
    assert.are.equal(8 * MIB, upload.part_size(9 * MIB))
    assert.are.equal(8 * MIB, upload.part_size(80000 * MIB))
    assert.are.equal(9 * MIB, upload.part_size(80000 * MIB + 1))
    local largest = 5 * 1024 * 1024 * MIB
    assert.is_true(largest / upload.part_size(largest) <= 10000)
  end)
end)

describe("finspace.hashing", function()
  local hashing = require("finspace.hashing")
  local folder, path

  setup(function()
    folder = support.temporary_folder()
    path = support.write_file(folder .. "/data", ("0123456789abcdef"):rep(MIB / 4))
  end)

  teardown(function() support.remove_folder(folder) end)

  local function result_of(job)
    while true do
      local hex, message, code = job:poll()
      if hex or message then return hex, message, code end
      sys.sleep(0.001)
    end
  end

  local default = hashing.digest_backend()
  after_each(function() hashing.digest_backend(default) end)

  -- Lengths that end within a block, at its end and between pieces, so that two jobs hash together
  -- for a while and alone for the rest.
  local LENGTHS = { 0, 1, 64, 131072, 131073, 262144, 300001, 1000000, 1000000, 131135 }

  for _, backend in ipairs { default, "bearssl" } do
    it(("hashes slices side by side, as one after the other, with %s"):format(backend), function()
      hashing.digest_backend(backend)
      local content, jobs = support.read_file(path), {}
      for i, length in ipairs(LENGTHS) do
        jobs[i] = assert(hashing.start(path, i * 1001, length))
      end
      for i, job in ipairs(jobs) do
        assert.are.equal(core.sha256(content:sub(i * 1001 + 1, i * 1001 + LENGTHS[i])), result_of(job))
      end
    end)
  end

  it("hashes what lies beyond 2 GiB", function()
    local large = folder .. "/beyond"
    local size = support.write_sparse(large, "the end")
    assert.are.equal(size, assert(sys.stat(large)).size)
    assert.are.equal(core.sha256("the end"), result_of(assert(hashing.start(large, size - 7, 7))))
    os.remove(large)
  end)

  it("says what it could not read", function()
    local _, message, code = hashing.start(folder .. "/none", 0, 1)
    assert.matches("cannot read .*/none", message)
    assert.are.equal("Unreadable", code)
    assert.are.equal("Truncated", select(3, result_of(assert(hashing.start(path, 0, 5 * MIB)))))
    assert.are.equal("Unreadable", select(3, result_of(assert(hashing.start(folder, 0, 1)))))
  end)

  it("ends its threads when it is closed, twice even, or forgotten", function()
    for _ = 1, 20 do
      local job = assert(hashing.start(path, 0, 4 * MIB))
      job:close()
      job:close()
      assert.error_matches(function() job:poll() end, "closed")
      assert(hashing.start(path, 0, 4 * MIB))
      collectgarbage()
    end
  end)
end)

describe("S3", function()
  local server, fs, folder, real_transport, close
  local wire = {} -- what specs do to requests: before(request) → response | nil, err; after(request, response)

  local function transport(request)
    local response, err
    if wire.before then
      response, err = wire.before(request)
    end
    if response or err then return response, err end
    response, err = real_transport(request)
    if wire.after then return wire.after(request, response, err) end
    return response, err
  end

  setup(function()
    server = service.start()
    folder = support.temporary_folder()
    real_transport, close = require("finspace.host.transport.curl").new {}
    fs = finspace.new {
      region = server.region,
      endpoint_url = server.endpoint,
      s3_endpoint_url = server.endpoint,
      credentials = server.credentials,
      transport = transport,
      sleep = function() end,
    }
  end)

  teardown(function()
    close()
    server.stop()
    support.remove_folder(folder)
  end)

  after_each(function() wire = {} end)

  local function write(name, content) return support.write_file(folder .. "/" .. name, content) end

  local function send(path, key, more)
    local job = { path = path, bucket = BUCKET, key = key }
    for name, value in pairs(more or {}) do
      job[name] = value
    end
    return fs.s3:upload_file(job)
  end

  local function fetch(key, path) return fs.s3:download_file { bucket = BUCKET, key = key, path = path } end

  local function keys_below(prefix)
    local keys = {}
    for object in fs.s3:each_object { bucket = BUCKET, prefix = prefix } do
      table.insert(keys, object.key)
    end
    return keys
  end

  local function open_uploads(prefix) return #assert(fs.s3:list_uploads { bucket = BUCKET, prefix = prefix }).uploads end

  local function block(size)
    local line = {}
    for i = 1, 4096 do
      line[i] = string.char((i * 7 + math.floor(i / 256)) % 256)
    end
    return table.concat(line):rep(math.ceil(size / 4096)):sub(1, size)
  end

  local HARD_KEYS = {
    "plain",
    "a b/c+d%20e",
    "ü/日本",
    "quotes\"'",
    "x/../y",
    "./x",
    "double//slash",
    "tilde~!*()",
    "q?a=1&b=2#frag",
    "back\\slash",
    "trailing/",
    "<&>",
    "percent%",
    "plus+",
    "semi;colon:at@",
    "$,=",
  }

  for _, key in ipairs(HARD_KEYS) do
    it(("keeps the key %q as it is"):format(key), function()
      assert(fs.s3:put_object { bucket = BUCKET, key = "hard/" .. key, body = "of " .. key })
      assert.are.equal("of " .. key, assert(fs.s3:get_object { bucket = BUCKET, key = "hard/" .. key }).body)
      local listed
      for _, found in ipairs(keys_below("hard/")) do
        listed = listed or found == "hard/" .. key
      end
      assert.is_true(listed)
      assert(fs.s3:delete_object { bucket = BUCKET, key = "hard/" .. key })
    end)
  end

  it("keeps a bucket's rules for pages of other origins, and tells them as they are", function()
    local rules = {
      {
        id = "a & b",
        allowed_origins = { "https://a.example", "https://*.b.example" },
        allowed_methods = { "GET", "PUT" },
        allowed_headers = { "x-amz-*" },
        expose_headers = { "ETag" },
        max_age_seconds = 600,
      },
      { allowed_origins = { "*" }, allowed_methods = { "HEAD" } },
    }
    local none, err = fs.s3:get_bucket_cors { bucket = BUCKET }
    assert.is_nil(none)
    assert.are.equal("NoSuchCORSConfiguration", err.code)
    assert(fs.s3:put_bucket_cors { bucket = BUCKET, rules = rules })
    assert.are.same(rules, assert(fs.s3:get_bucket_cors { bucket = BUCKET }))
    rules[1].allowed_methods = { "PATCH" }
    local _, refused = fs.s3:put_bucket_cors { bucket = BUCKET, rules = rules }
    assert.are.equal("InvalidRequest", refused.code)
  end)

  it("says where a bucket is called, and in which region once that was learnt", function()
    local place = assert(fs.s3:bucket_place { bucket = BUCKET })
    assert.are.same({ url = server.endpoint .. "/" .. BUCKET, region = server.region }, place)
    local keys = { access_key_id = "AKIA", secret_access_key = "canary" }
    local amazon = finspace.new { region = "us-east-1", credentials = keys, endpoint_url = server.endpoint }
    amazon.s3.regions["my-bucket"] = "eu-west-1"
    local there = { url = "https://my-bucket.s3.eu-west-1.amazonaws.com", region = "eu-west-1" }
    assert.are.same(there, assert(amazon.s3:bucket_place { bucket = "my-bucket" }))
    there = { url = "https://s3.us-east-1.amazonaws.com/my.bucket", region = "us-east-1" }
    assert.are.same(there, assert(amazon.s3:bucket_place { bucket = "my.bucket" }))
  end)

  it("gives back what was put, whole and in ranges, with its metadata", function()
    assert(fs.s3:put_object {
      bucket = BUCKET,
      key = "o",
      body = "0123456789",
      metadata = { Owner = "me" },
      content_type = "text/plain",
    })
    local head = assert(fs.s3:head_object { bucket = BUCKET, key = "o" })
    assert.are.same({ 10, "text/plain", "me" }, { head.size, head.content_type, head.metadata.owner })
    local range = assert(fs.s3:get_object { bucket = BUCKET, key = "o", first = 2, last = 4 })
    assert.are.same({ 206, "234" }, { range.status, range.body })
    local _, err = fs.s3:get_object { bucket = BUCKET, key = "o", if_match = '"other"' }
    assert.are.equal("PreconditionFailed", err.code)
  end)

  it("says that an object is not there, to GET and to HEAD", function()
    assert.are.equal("NoSuchKey", select(2, fs.s3:get_object { bucket = BUCKET, key = "none" }).code)
    assert.are.equal("NotFound", select(2, fs.s3:head_object { bucket = BUCKET, key = "none" }).code)
    assert.is_truthy(fs.s3:delete_object { bucket = BUCKET, key = "none" })
  end)

  it("lists page by page, and by folders", function()
    for i = 1, 5 do
      assert(fs.s3:put_object { bucket = BUCKET, key = "list/f" .. i .. "/x", body = "x" })
    end
    local page = assert(fs.s3:list_objects { bucket = BUCKET, prefix = "list/", max_keys = 2 })
    assert.are.equal(2, #page.objects)
    local rest = assert(fs.s3:list_objects { bucket = BUCKET, prefix = "list/", token = page.next_token })
    assert.are.same({ 3, nil }, { #rest.objects, rest.next_token })
    local folders = assert(fs.s3:list_objects { bucket = BUCKET, prefix = "list/", delimiter = "/" })
    assert.are.same({ 5, 0 }, { #folders.prefixes, #folders.objects })
    assert.are.equal(5, #keys_below("list/"))
  end)

  it("reads the names of uploads from servers that encode them and do not say so", function()
    wire.before = function(request)
      local encoded = request.url:find("encoding-type", 1, true)
      return {
        status = 200,
        headers = {},
        body = (
          "<ListMultipartUploadsResult><Upload><Key>%s</Key>"
          .. "<UploadId>u</UploadId></Upload></ListMultipartUploadsResult>"
        ):format(encoded and "a%20b" or "a b"),
      }
    end
    assert.are.equal("a b", assert(fs.s3:list_uploads { bucket = BUCKET }).uploads[1].key)
  end)

  it("asks for encoded names of uploads where the plain ones are no XML", function()
    wire.before = function(request)
      local encoded = request.url:find("encoding-type=url", 1, true)
      return {
        status = 200,
        headers = {},
        body = ("<ListMultipartUploadsResult>%s</ListMultipartUploadsResult>"):format(
          encoded and "<EncodingType>url</EncodingType><Upload><Key>a%01b</Key></Upload>"
            or "<Upload><Key>a&#1;b</Key></Upload>"
        ),
      }
    end
    assert.are.equal("a\1b", assert(fs.s3:list_uploads { bucket = BUCKET }).uploads[1].key)
  end)

  it("never takes the beginning of a list for the whole", function()
    for _, token in ipairs { "", "<NextContinuationToken/>" } do
      wire.before = function()
        return {
          status = 200,
          headers = {},
          body = (
            "<ListBucketResult><IsTruncated>true</IsTruncated>%s"
            .. "<Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>"
          ):format(token),
        }
      end
      local list, err = fs.s3:list_objects { bucket = BUCKET }
      assert.is_nil(list)
      assert.are.same({ "protocol", "InvalidResponse" }, { err.kind, err.code })
    end
  end)

  it("walks no list in a circle, and none for ever", function()
    local pages = 0
    local function answer_with(token, contents)
      wire.before = function()
        pages = pages + 1
        local body = ("<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%s"):format(token(pages))
          .. ("</NextContinuationToken>%s</ListBucketResult>"):format(contents)
        return { status = 200, headers = {}, body = body }
      end
    end
    local function walk()
      for object, err in fs.s3:each_object { bucket = BUCKET, prefix = "x" } do
        if not object then return err end
      end
    end
    answer_with(function() return "again" end, "<Contents><Key>x</Key><Size>1</Size></Contents>")
    local err = walk()
    assert.same({ "protocol", "EndlessList", 2 }, { err.kind, err.code, pages })
    answer_with(function(number) return number end, "")
    assert.equal("EndlessList", walk().code)
    local report
    report, err = fs:download { source = "s3://" .. BUCKET .. "/x/", to = support.temporary_folder() }
    assert.is_nil(report)
    assert.equal("EndlessList", err.code)
  end)

  it("raises on options that make no sense, and names them", function()
    assert.error_matches(function() fs.s3:put_object { bucket = BUCKET, kee = "x" } end, "kee")
    assert.error_matches(function() fs.s3:put_object { bucket = BUCKET } end, "key")
    assert.error_matches(function() fs.s3:get_object { bucket = BUCKET, key = "" } end, "empty")
  end)

  it("never follows a redirect to a host that it did not choose", function()
    local requests = 0
    wire.before = function()
      requests = requests + 1
      return {
        status = 307,
        body = "",
        headers = { location = "http://127.0.0.1:1/", ["x-amz-bucket-region"] = "eu-west-1" },
      }
    end
    local _, err = fs.s3:head_object { bucket = BUCKET, key = "o" }
    assert.are.same({ "protocol", 1 }, { err.kind, requests })
  end)

  it("hashes a slice of a file as it hashes a string", function()
    local content = block(3 * MIB + 17)
    local path = write("slice", content)
    for _, range in ipairs { { 0, #content }, { 1, 2 * MIB }, { 5, 0 }, { MIB, 2 * MIB + 17 } } do
      local expected = core.sha256(content:sub(range[1] + 1, range[1] + range[2]))
      assert.are.equal(expected, checksum.of_slice(fs.session.runtime, path, range[1], range[2]))
    end
    assert.are.equal("FileChanged", select(2, checksum.of_slice(fs.session.runtime, path, MIB, #content)).code)
    assert.are.equal("FileUnreadable", select(2, checksum.of_slice(fs.session.runtime, path .. "x", 0, 1)).code)
  end)

  for _, size in ipairs { 0, 1, 300 * 1024, 8 * MIB, 8 * MIB + 1 } do
    it(("carries a file of %d bytes there and back"):format(size), function()
      local content, arrived = block(size), 0
      local path = write("there", content)
      assert(send(path, "files/x", { on_bytes = function(count) arrived = arrived + count end }))
      assert.are.equal(size, arrived)
      assert(fetch("files/x", folder .. "/back"))
      assert.is_true(support.read_file(folder .. "/back") == content)
      assert.are.equal(0, open_uploads("files/"))
    end)
  end

  -- Parts that fail ------------------------------------------------------------------------------------

  local function large() return write("large", block(17 * MIB)) end

  local function is_part(request, number)
    return request.method == "PUT" and request.url:find("partNumber=" .. number, 1, true) ~= nil
  end
  local STEPS = {
    create = function(request) return request.method == "POST" and request.url:find("uploads=", 1, true) end,
    ["part 1"] = function(request) return is_part(request, 1) end,
    ["part 2"] = function(request) return is_part(request, 2) end,
    ["part 3"] = function(request) return is_part(request, 3) end,
    complete = function(request) return request.method == "POST" and request.url:find("uploadId=", 1, true) end,
  }

  local function fail(step, times)
    wire.before = function(request)
      if times > 0 and STEPS[step](request) then
        times = times - 1
        return { status = 500, body = "<Error><Code>InternalError</Code></Error>", headers = {} }
      end
    end
  end

  for step in pairs(STEPS) do
    it(("sends the whole file although %s fails once #once"):format(step), function()
      local path = large()
      fail(step, 1)
      assert(send(path, "once/x"))
      assert(fetch("once/x", folder .. "/back"))
      assert.is_true(support.read_file(folder .. "/back") == support.read_file(path))
      assert.are.equal(0, open_uploads("once/"))
    end)

    it(("leaves neither an object nor an upload where %s fails for ever #once"):format(step), function()
      fail(step, math.huge)
      local object, err = send(large(), "ever/x")
      assert.is_nil(object)
      assert.are.equal("InternalError", err.code)
      wire = {}
      assert.are.same({ 0, 0 }, { open_uploads("ever/"), #keys_below("ever/") })
    end)
  end

  it("keeps the parts where the caller wants to resume, and then sends only what is missing #once", function()
    local path, sent = large(), 0
    fail("part 3", math.huge)
    assert.is_nil((send(path, "resume/x", { keep = function() return true end })))
    wire = {
      before = function(request)
        if request.url:find("partNumber=", 1, true) then sent = sent + 1 end
      end,
    }
    assert.are.equal(1, open_uploads("resume/"))
    assert(send(path, "resume/x", { resume = true }))
    assert.are.same({ 1, 0 }, { sent, open_uploads("resume/") })
    assert(fetch("resume/x", folder .. "/back"))
    assert.is_true(support.read_file(folder .. "/back") == support.read_file(path))
  end)

  it("takes a success that carries an error for the failure that it is #once", function()
    wire.before = function(request)
      if STEPS.complete(request) then
        return {
          status = 200,
          headers = {},
          body = " \n<?xml version='1.0'?><Error><Code>InternalError</Code></Error>",
        }
      end
    end
    local object, err = send(large(), "lie/x")
    wire = {}
    assert.is_nil(object)
    assert.are.equal("InternalError", err.code)
    assert.are.same({ 0, 0 }, { open_uploads("lie/"), #keys_below("lie/") })
  end)

  for how, answer in pairs {
    ["to nobody"] = function()
      return nil, { kind = "protocol", code = "ConnectionReset", message = "reset", sent = true }
    end,
    ["with what cannot be read"] = function() return { status = 200, headers = {}, body = "<Location>&#0;" } end,
  } do
    it(("finds the object whose completion was answered %s #once"):format(how), function()
      wire.after = function(request, response, err)
        if STEPS.complete(request) then return answer() end
        return response, err
      end
      local path = large()
      assert(send(path, "lost/x"))
      wire = {}
      assert(fetch("lost/x", folder .. "/back"))
      assert.is_true(support.read_file(folder .. "/back") == support.read_file(path))
    end)
  end

  for what, change in pairs {
    shrinks = function(path) support.write_file(path, "short") end,
    grows = function(path) support.write_file(path, block(18 * MIB)) end,
    ["is replaced"] = function(path)
      support.write_file(path .. ".new", block(17 * MIB))
      sys.rename(path .. ".new", path)
    end,
    vanishes = function(path) os.remove(path) end,
  } do
    it(("fails and leaves nothing where the file %s meanwhile #once"):format(what), function()
      local path = large()
      wire.before = function(request)
        if is_part(request, 2) then change(path) end
      end
      local object, err = send(path, "watch/x")
      assert.is_nil(object)
      assert.are.same({ "integrity", "FileChanged" }, { err.kind, err.code })
      wire = {}
      assert.are.same({ 0, 0 }, { open_uploads("watch/"), #keys_below("watch/") })
    end)
  end

  it("never leaves half a download behind #once", function()
    assert(send(large(), "down/x"))
    local gets = 0
    wire.before = function(request)
      if request.method == "GET" then gets = gets + 1 end
      if gets > 1 then return { status = 403, body = "", headers = {} } end
    end
    support.write_file(folder .. "/target", "old")
    local object, err = fetch("down/x", folder .. "/target")
    assert.is_nil(object)
    assert.are.equal("AccessDenied", err.code)
    assert.are.equal("old", support.read_file(folder .. "/target"))
    for _, name in ipairs(sys.list(folder)) do
      assert.is_nil(name:match("%.part$"))
    end
  end)

  it("refuses a download whose hash is another one", function()
    assert(fs.s3:put_object { bucket = BUCKET, key = "wrong", body = "abc", metadata = { sha256 = core.sha256("x") } })
    local _, err = fetch("wrong", folder .. "/wrong")
    assert.are.same({ "integrity", "WrongChecksum" }, { err.kind, err.code })
    assert.is_nil(sys.stat(folder .. "/wrong"))
  end)

  it("downloads a prefix into a folder, and no key out of it", function()
    for name, body in pairs { ["a.csv"] = "A", ["sub/b.csv"] = "B" } do
      assert(fs.s3:put_object { bucket = BUCKET, key = "tree/" .. name, body = body })
    end
    local done = assert(fs:download { source = "s3://" .. BUCKET .. "/tree/", to = folder .. "/tree" })
    assert.are.equal(2, done.files)
    assert.are.equal("B", support.read_file(folder .. "/tree/sub/b.csv"))
    assert(fs.s3:put_object { bucket = BUCKET, key = "tree/../../out", body = "X" })
    local _, err = fs:download { source = "s3://" .. BUCKET .. "/tree/", to = folder .. "/tree" }
    assert.are.equal("UnsafeKey", err.code)
  end)

  -- Puts objects below a prefix of their own and downloads it. Gives the folder, what it returned, and why keys failed.
  local function download_of(contents)
    local prefix, into = ("odd/%s/"):format(sys.uuid()), folder .. "/" .. sys.uuid()
    for name, body in pairs(contents) do
      assert(fs.s3:put_object { bucket = BUCKET, key = prefix .. name, body = body })
    end
    local done, err = fs:download { source = "s3://" .. BUCKET .. "/" .. prefix, to = into }
    local why = {}
    for _, failure in ipairs(err and err.failed or {}) do
      why[failure.key:sub(#prefix + 1)] = failure.err.message
    end
    return into, done, err, why
  end

  it("downloads all keys that can be files, and says of the others why they cannot", function()
    local into, done, err, why = download_of {
      ["a//b"] = "x",
      ["c.csv"] = "c",
      ["esc\27[31m.csv"] = "7",
      ["sp ace.csv"] = "1",
      ["plus+plus.csv"] = "2",
      ["pct%2B.csv"] = "3",
      ["amp&lt;.csv"] = "4",
      ["uml\195\164.csv"] = "5",
      ["q?x=1#f.csv"] = "6",
      ["colon:=.csv"] = "8",
      [("x"):rep(300) .. ".csv"] = "9",
      ["up/../../d"] = "10",
    }
    assert.is_nil(done)
    assert.same({ 8, 8 }, { err.files, err.bytes })
    for name, body in pairs {
      ["c.csv"] = "c",
      ["sp ace.csv"] = "1",
      ["plus+plus.csv"] = "2",
      ["pct%2B.csv"] = "3",
      ["amp&lt;.csv"] = "4",
      ["uml\195\164.csv"] = "5",
      ["q?x=1#f.csv"] = "6",
      ["colon:=.csv"] = "8",
    } do
      assert.equal(body, support.read_file(into .. "/" .. name))
    end
    assert.matches("an empty part", why["a//b"])
    assert.matches("control character", why["esc\27[31m.csv"])
    assert.matches("a part `%.%.`", why["up/../../d"])
    assert.matches("too long", why[("x"):rep(300) .. ".csv"])
    assert.matches("4 of 12 keys", err.message)
    assert.is_nil(tostring(err):gsub("\n", ""):find("%c"))
  end)

  it("downloads what lies beside a key that is a file and a folder at once", function()
    local into, done, err, why = download_of { a = "file a", ["a/b"] = "file b", z = "z" }
    assert.is_nil(done)
    assert.same({ "file a", "z" }, { support.read_file(into .. "/a"), support.read_file(into .. "/z") })
    assert.matches("is not a folder", why["a/b"])
    assert.equal("io", err.kind)
  end)

  it("takes an empty key that ends in a slash for a folder, and tells of one that holds bytes", function()
    local _, done = download_of { ["dir/"] = "", ["dir/c"] = "c" }
    assert.equal(1, done.files)
    local into, none, _, why = download_of { ["dir/"] = "marker data", ["dir/c"] = "c" }
    assert.is_nil(none)
    assert.equal("c", support.read_file(into .. "/dir/c"))
    assert.matches("called like a folder", why["dir/"])
  end)

  it("writes no key that was not asked for, whatever the list says", function()
    wire.before = function(request)
      if not request.url:find("list-type=2", 1, true) then return end
      local body = "<ListBucketResult><Contents><Key>other/a</Key><Size>1</Size></Contents></ListBucketResult>"
      return { status = 200, headers = {}, body = body }
    end
    local into = folder .. "/asked"
    local done, err = fs:download { source = "s3://" .. BUCKET .. "/asked/", to = into }
    assert.is_nil(done)
    assert.same({ "UnsafeKey", 1, 0 }, { err.code, #err.failed, err.files })
    assert.same({}, sys.list(into))
  end)

  it("gives up where the next key cannot do better, or three in a row could not", function()
    local prefix = "down/" .. sys.uuid() .. "/"
    for i = 1, 6 do
      assert(fs.s3:put_object { bucket = BUCKET, key = prefix .. i, body = "x" })
    end
    local heads = 0
    wire.before = function(request)
      if request.method ~= "HEAD" then return end
      heads = heads + 1
      return nil, { kind = "config", code = "Broken", message = "m", sent = false }
    end
    local _, err = fs:download { source = "s3://" .. BUCKET .. "/" .. prefix, to = folder .. "/down" }
    assert.same({ "Broken", 1 }, { err.code, heads })
    wire.before = function(request)
      if request.method ~= "HEAD" then return end
      heads = heads + 1
      return nil, { kind = "tls", code = "CertificateRefused", message = "m", sent = false }
    end
    heads = 0
    _, err = fs:download { source = "s3://" .. BUCKET .. "/" .. prefix, to = folder .. "/down" }
    assert.same({ "CertificateRefused", 3 }, { err.code, heads })
  end)
end)
