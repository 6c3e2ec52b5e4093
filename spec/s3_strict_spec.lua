-- Two of other people's S3, OpenStack Swift's and Ceph's, both of which compute every signature anew:
-- `spec/support/strict_servers.lua` names their packages and starts them. The same sentences hold on both.
local finspace = require("finspace")
local service = require("spec.support.service")
local strict = require("spec.support.strict_servers")
local support = require("spec.support")

local MIB = 1024 * 1024
-- The one that our service names as its working location, so that loads find it on the strict server.
local BUCKET = "finspace-local"

-- S3 allows keys of 1,024 bytes.
local HARD_KEYS = {
  " ",
  "a b",
  " before",
  "behind ",
  "+",
  "c+d",
  "%",
  "%25",
  "%zz",
  "e%20f",
  "%2F",
  "a%00b",
  "&",
  "x&y=z",
  "=",
  "?",
  "g?h=1",
  "?uploads",
  "list-type=2",
  "#",
  "i#j",
  "'",
  "q'\"",
  "tilde~!*()",
  ";:@$,",
  "<&>",
  "&amp;",
  "[k]{l}|m^`",
  "\\",
  "back\\slash",
  "ü/日本",
  "e\204\129",
  "\195\169",
  "😀/👩‍👩‍👧",
  "\194\160",
  "/",
  "//",
  "/first",
  "double//slash",
  "trailing/",
  "trailing//",
  ".",
  "..",
  "./n",
  "o/.",
  "p/./q",
  "../r",
  "t/../u",
  "v/../../w",
  "http://x/y",
  "day=1/part 0.csv",
  "tab\tbed",
  "line\nbreak",
  "\r",
  "\127",
  ("k"):rep(1024),
  ("ü"):rep(512),
  (" "):rep(1024),
  ("a/"):rep(512),
}
-- In parts, both servers have less room for keys, whoever asks: Swift adds names of its own to them, and
-- radosgw answers with what lies beyond the end of a buffer.
local HARD_KEYS_OF_PARTS = {
  " a b ",
  "c+d%20e",
  "g?h=1&i#j",
  "'()*!~\"",
  "ü/日本 😀",
  "e\204\129",
  "/x/../y//z/.",
  "//",
  "<&>",
  ";:@$,=\\",
  "tab\tbed\r\n",
  ("ü% "):rep(230),
}

-- Bytes that look random and are the same in every run.
local function block(size)
  local line, state = {}, 1
  for i = 1, 65536 do
    state = state * 16807 % 2147483647
    line[i] = string.char(math.floor(state / 64) % 256)
  end
  return table.concat(line):rep(math.ceil(size / #line)):sub(1, size)
end

local BOTO3 = [[
import sys
import boto3
from botocore.config import Config
endpoint, access_key, secret_key, bucket, *pairs = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=access_key,
                  aws_secret_access_key=secret_key, config=Config(s3={"addressing_style": "path"},
                  request_checksum_calculation="when_required", response_checksum_validation="when_required"))
for key, path in zip(pairs[::2], pairs[1::2]):
    s3.download_file(bucket, key, path + ".theirs")
    s3.upload_file(path, bucket, key + ".theirs")
]]

local SERVERS = { { "Swift", strict.swift }, { "radosgw", strict.radosgw } }

for _, known in ipairs(SERVERS) do
  describe(("the S3 of %s #once #interop"):format(known[1]), function()
    local server, missing, folder, fs, real_transport, close
    local wire = {} -- what specs do to requests: before(request) → response | nil; after(request, response)

    local function transport(request)
      local response = wire.before and wire.before(request)
      if response then return response end
      local err
      response, err = real_transport(request)
      if wire.after then return wire.after(request, response, err) end
      return response, err
    end

    local function client(changes)
      local credentials = {}
      for name, value in pairs(server.credentials) do
        credentials[name] = value
      end
      for name, value in pairs(changes or {}) do
        credentials[name] = value
      end
      return finspace.new {
        region = server.region,
        s3_endpoint_url = server.endpoint,
        credentials = credentials,
        transport = transport,
        sleep = function() end,
      }
    end

    setup(function()
      server, missing = known[2]()
      if not server then return end
      real_transport, close = require("finspace.host.transport.curl").new {}
      server:create_bucket(BUCKET)
      folder, fs = support.temporary_folder(), client()
    end)

    teardown(function()
      if not server then return end
      close()
      server:stop()
      support.remove_folder(folder)
    end)

    after_each(function() wire = {} end)

    local test = support.unless_missing(
      { it = it, skip = function(why) pending(why) end },
      function() return missing end
    )

    local function write(name, size) return support.write_file(folder .. "/" .. name, block(size)) end

    local function put(key, body) return assert(fs.s3:put_object { bucket = BUCKET, key = key, body = body }) end

    local function get(key) return assert(fs.s3:get_object { bucket = BUCKET, key = key }).body end

    local function send(path, key, more)
      local job = { path = path, bucket = BUCKET, key = key }
      for name, value in pairs(more or {}) do
        job[name] = value
      end
      return fs.s3:upload_file(job)
    end

    local function fetch(key)
      local path = folder .. "/back"
      os.remove(path)
      assert(fs.s3:download_file { bucket = BUCKET, key = key, path = path })
      return path
    end

    local function is_same(left, right) return support.read_file(left) == support.read_file(right) end

    local function keys_below(prefix)
      local keys = {}
      for object, err in fs.s3:each_object { bucket = BUCKET, prefix = prefix } do
        assert(object, tostring(err))
        table.insert(keys, object.key)
      end
      return keys
    end

    local function uploads_below(prefix) return assert(fs.s3:list_uploads { bucket = BUCKET, prefix = prefix }).uploads end

    -- Keys, metadata and signatures ------------------------------------------------------------------

    test("takes, finds and gives back objects under hard keys", function()
      for _, key in ipairs(HARD_KEYS) do
        local body = "of " .. key
        put(key, body)
        assert.are.equal(body, get(key))
        assert.are.equal(key, keys_below(key)[1])
        assert(fs.s3:delete_object { bucket = BUCKET, key = key })
      end
      assert.are.same({}, keys_below(""))
    end)

    test("gives ranges of an object, of the version that is wanted", function()
      local object = put("range ü+%", "0123456789")
      local wanted = { bucket = BUCKET, key = "range ü+%", first = 2, last = 4, if_match = object.etag }
      local range = assert(fs.s3:get_object(wanted))
      assert.are.same({ 206, "234" }, { range.status, range.body })
      put("range ü+%", "9876543210")
      assert.are.equal("PreconditionFailed", select(2, fs.s3:get_object(wanted)).code)
      assert(fs.s3:delete_object { bucket = BUCKET, key = "range ü+%" })
      assert.are.equal("NotFound", select(2, fs.s3:head_object { bucket = BUCKET, key = "range ü+%" }).code)
    end)

    test("puts objects together from parts under hard keys, and lists the uploads", function()
      for _, key in ipairs(HARD_KEYS_OF_PARTS) do
        local begun = {
          bucket = BUCKET,
          key = key,
          upload_id = assert(fs.s3:create_upload { bucket = BUCKET, key = key }).upload_id,
        }
        local function part(body)
          return assert(
            fs.s3:upload_part { bucket = BUCKET, key = key, upload_id = begun.upload_id, number = 1, body = body }
          )
        end
        part("to be sent again")
        begun.etags = { part("of " .. key).etag }
        local found = uploads_below(key)
        assert.are.same({ 1, key, begun.upload_id }, { #found, found[1].key, found[1].upload_id })
        assert(fs.s3:complete_upload(begun))
        assert.are.equal("of " .. key, get(key))
      end
    end)

    test("keeps metadata and the content's type", function()
      for _, value in ipairs { "a", "a b", "a  b", "a,b;c=d", '"q"', "%41+&/?#'()*!~", ("x"):rep(250) } do
        assert(fs.s3:put_object {
          bucket = BUCKET,
          key = "metadata",
          metadata = { Owner = value, ["a-b"] = "2" },
          content_type = "text/csv; charset=utf-8",
        })
        local object = assert(fs.s3:head_object { bucket = BUCKET, key = "metadata" })
        assert.are.same(
          { value, "2", "text/csv; charset=utf-8" },
          { object.metadata.owner, object.metadata["a-b"], object.content_type }
        )
      end
    end)

    test("refuses a wrong secret and an unknown key, and says so", function()
      local wrong = client { secret_access_key = "wrong" }
      local _, err = wrong.s3:put_object { bucket = BUCKET, key = "k", body = "x" }
      assert.are.same({ "client", "SignatureDoesNotMatch", 403 }, { err.kind, err.code, err.status })
      assert.is_truthy(err.message)
      assert.are.equal("AccessDenied", select(2, wrong.s3:head_object { bucket = BUCKET, key = "k" }).code)
      local unknown = client { access_key_id = "nobody:nothing" }
      assert.are.equal(403, select(2, unknown.s3:put_object { bucket = BUCKET, key = "k", body = "x" }).status)
    end)

    test("accepts signatures with a session token", function()
      local temporary = client { session_token = "some+token/with==" }
      assert(temporary.s3:put_object { bucket = BUCKET, key = "token ü", body = "x" })
      assert.are.equal("x", assert(temporary.s3:get_object { bucket = BUCKET, key = "token ü" }).body)
    end)

    test("accepts signatures in the query", function()
      for _, token in ipairs { false, "some+token/with==" } do
        local keys = {
          access_key_id = server.credentials.access_key_id,
          session_token = token or nil,
          secret_access_key = server.credentials.secret_access_key,
        }
        local path = "/" .. BUCKET .. "/signed%20%C3%BC%2B%25/../x//y"
        assert.are.equal(200, server:ask("PUT", path, "in the query", keys).status)
        assert.are.equal("in the query", server:ask("GET", path, nil, keys).body)
      end
    end)

    -- Lists ------------------------------------------------------------------------------------------

    test("lists page by page and by folders", function()
      local expected = {}
      for i = 1, 12 do
        expected[i] = ("list/%02d %%+&ü/x"):format(i)
        put(expected[i], "x")
      end
      assert.are.same(expected, keys_below("list/"))
      local token, folders, pages = nil, {}, 0
      repeat
        local page =
          assert(fs.s3:list_objects { bucket = BUCKET, prefix = "list/", delimiter = "/", max_keys = 5, token = token })
        for _, prefix in ipairs(page.prefixes) do
          table.insert(folders, prefix .. "x")
        end
        token, pages = page.next_token, pages + 1
      until not token
      assert.are.same({ 3, expected }, { pages, folders })
      local rest = assert(fs.s3:list_objects { bucket = BUCKET, prefix = "list/", start_after = expected[10] })
      assert.are.same({ expected[11], expected[12] }, { rest.objects[1].key, rest.objects[2].key })
    end)

    test("sweeps away the uploads below a prefix, and no others", function()
      for i = 1, 3 do
        assert(fs.s3:create_upload { bucket = BUCKET, key = "sweep ü/+%20 " .. i })
      end
      local other = assert(fs.s3:create_upload { bucket = BUCKET, key = "sweep" })
      assert.are.equal(3, fs.s3:abort_uploads { bucket = BUCKET, prefix = "sweep ü/" })
      assert.are.equal(1, #uploads_below("sweep"))
      local given = { bucket = BUCKET, key = "sweep", upload_id = other.upload_id }
      assert(fs.s3:abort_upload(given))
      assert.are.equal("NoSuchUpload", select(2, fs.s3:abort_upload(given)).code)
    end)

    -- Files ------------------------------------------------------------------------------------------

    for _, size in ipairs { 0, 8 * MIB, 8 * MIB + 1 } do
      test(("carries a file of %d bytes there and back"):format(size), function()
        local path = write("there", size)
        assert(send(path, "files/ü " .. size))
        assert.is_true(is_same(path, fetch("files/ü " .. size)))
        assert.are.same({}, uploads_below("files/"))
      end)
    end

    local STEPS = {
      ["the beginning"] = function(request) return request.url:find("uploads=", 1, true) end,
      ["a part"] = function(request) return request.url:find("partNumber=2", 1, true) end,
      ["the end"] = function(request) return request.url:find("%?uploadId=") and request.method == "POST" end,
    }

    for step, is_it in pairs(STEPS) do
      test(("gets the whole file although the answer to %s is lost"):format(step), function()
        local path, lost = write("there", 17 * MIB), false
        wire.after = function(request, response, err)
          if lost or not is_it(request) then return response, err end
          lost = true
          return nil, { kind = "protocol", code = "ConnectionReset", message = "reset", sent = true }
        end
        assert(send(path, "lost"))
        assert.is_true(lost)
        assert.is_true(is_same(path, fetch("lost")))
        fs.s3:abort_uploads { bucket = BUCKET, prefix = "lost" }
      end)
    end

    test("goes on with an upload that was cut off", function()
      local path, key, sent = write("there", 25 * MIB), "cut off/ü +%20", 0
      wire.before = function(request)
        if request.url:find("partNumber=4", 1, true) then return { status = 403, body = "", headers = {} } end
      end
      assert.is_nil((send(path, key, { keep = function() return true end })))
      wire.before = function(request)
        if request.url:find("partNumber=", 1, true) then sent = sent + 1 end
      end
      assert(send(path, key, { resume = true }))
      assert.are.equal(1, sent)
      assert.is_true(is_same(path, fetch(key)))
      assert.are.same({}, uploads_below(key))
    end)

    test("gives a prefix as a folder", function()
      for _, name in ipairs { "a b.csv", "sub/ü+%.csv" } do
        put("tree/" .. name, name)
      end
      assert.are.equal(2, assert(fs:download { source = "s3://" .. BUCKET .. "/tree/", to = folder .. "/tree" }).files)
      assert.are.equal("sub/ü+%.csv", support.read_file(folder .. "/tree/sub/ü+%.csv"))
    end)

    test("has boto3 read objects of ours, and us its", function()
      local python, keys = support.python("boto3"), server.credentials
      if not python then return pending(support.lacking("python3 with boto3")) end
      local script = support.write_file(folder .. "/boto.py", BOTO3)
      local words = { python, script, server.endpoint, keys.access_key_id, keys.secret_access_key, BUCKET }
      local paths = {}
      for name, size in pairs { small = 1000, large = 17 * MIB } do
        local key = "both/ü +%25//" .. name
        paths[key] = write(name, size)
        assert(send(paths[key], key))
        table.insert(words, key)
        table.insert(words, paths[key])
      end
      for i, word in ipairs(words) do
        words[i] = support.quote(word)
      end
      local output, status = support.run(table.concat(words, " "))
      assert(status == 0, output)
      for key, path in pairs(paths) do
        assert.is_true(is_same(path, path .. ".theirs"))
        assert.is_true(is_same(path, fetch(key .. ".theirs")))
      end
    end)

    -- Loads: our service keeps the datasets, and the strict server what is staged -----------------------

    describe("staging for fs:load", function()
      local ours, loader, dataset

      setup(function()
        if missing then return end
        ours = service.start()
        loader = finspace.new {
          region = ours.region,
          endpoint_url = ours.endpoint,
          s3_endpoint_url = ours.endpoint,
          credentials = ours.credentials,
          getenv = function(name) return name == "XDG_STATE_HOME" and folder .. "/state" or nil end,
        }
        dataset = ours.dataset()
        local rows = ("2020-01-01,1.5\n"):rep(600000) -- more than goes in one PUT
        support.run(("mkdir -p %s/in/'a b+%%'"):format(support.quote(folder)))
        support.write_file(folder .. "/in/a b+%/ü.csv", "date,price\n2020-01-01,1.5\n2020-01-02,2.5\n")
        support.write_file(folder .. "/in/large.csv", "date,price\n" .. rows)
      end)

      teardown(function()
        if ours then ours.stop() end
      end)

      -- `at_staged` runs when all is on the strict server, and before the service is told.
      local function load(at_staged)
        local own = loader.s3
        loader.s3 = fs.s3
        local changeset, err = loader:load {
          file = folder .. "/in",
          dataset = dataset,
          change_type = "APPEND",
          min_interval = 0.02,
          max_interval = 0.1,
          on_progress = function(event)
            if event.stage == "staged" then at_staged(own) end
          end,
        }
        loader.s3 = own
        return changeset, err
      end

      local function staged()
        local keys = {}
        for _, key in ipairs(keys_below("")) do
          if key:find("large.csv", 1, true) or key:find("ü.csv", 1, true) then table.insert(keys, key) end
        end
        return keys
      end

      test("holds every byte of a folder", function()
        local changeset = assert(load(function(own)
          for _, key in ipairs(staged()) do
            local body = assert(fs.s3:get_object { bucket = BUCKET, key = key, max_body = 32 * MIB }).body
            assert(own:put_object { bucket = BUCKET, key = key, body = body })
            assert(fs.s3:delete_object { bucket = BUCKET, key = key })
          end
        end))
        assert.are.same({ "SUCCESS", 600002 }, { changeset.status, changeset.rowCount })
      end)

      test("is cleared where the load fails", function()
        local count
        local changeset, err = load(function() count = #staged() end)
        assert.is_nil(changeset)
        assert.are.equal(2, count, tostring(err)) -- and then the service finds nothing in its own S3
        assert.are.same({ {}, {} }, { staged(), uploads_below("") })
      end)
    end)
  end)
end
