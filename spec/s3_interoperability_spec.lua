-- Other people's S3: a server from npm that verifies every signature, and boto3 as the other client.
local finspace = require("finspace")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local MIB = 1024 * 1024

-- What `make interop` has installed through npm.
local function find_s3rver()
  local folder = support.root .. "/build/interop"
  if not support.has_program("node") or not sys.stat(folder .. "/node_modules/@20minutes/s3rver") then
    return nil, support.lacking("s3rver", "make interop")
  end
  return sys.realpath(folder)
end

local START = [[
const S3rver = require('@20minutes/s3rver');
new S3rver({ port: Number(process.argv[2]), address: '127.0.0.1', silent: true, directory: process.argv[3],
  configureBuckets: [{ name: 'staging' }] }).run();
]]

local function write_random(path, size)
  support.run(("head -c %d /dev/urandom > %s"):format(size, support.quote(path)))
  return path
end

local function same(left, right)
  return select(2, support.run(("cmp %s %s"):format(support.quote(left), support.quote(right)))) == 0
end

local function send(fs, path, bucket, key) return fs.s3:upload_file { path = path, bucket = bucket, key = key } end

local function fetch(fs, bucket, key, path) return fs.s3:download_file { bucket = bucket, key = key, path = path } end

describe("s3rver, an S3 of others #once #interop", function()
  local folder, pid, fs, missing

  setup(function()
    local installed
    installed, missing = find_s3rver()
    if not installed then return end
    folder = support.temporary_folder()
    local port = support.free_port()
    support.write_file(installed .. "/start.js", START)
    pid = assert(support.start { argv = { "node", installed .. "/start.js", tostring(port), folder .. "/data" } })
    assert(nginx.await_port(port, pid))
    fs = finspace.new {
      region = "us-east-1",
      s3_endpoint_url = "http://127.0.0.1:" .. port,
      credentials = { access_key_id = "S3RVER", secret_access_key = "S3RVER" },
    }
  end)

  teardown(function()
    if pid then nginx.end_process(pid) end
    if folder then support.remove_folder(folder) end
  end)

  local test = support.unless_missing({ it = it, skip = function(why) pending(why) end }, function() return missing end)

  test("takes and gives back objects under hard keys", function()
    for _, key in ipairs { "a b", "c+d", "e%20f", "ü/日本", "q'\"", "tilde~!*()", "x&y=z?", "semi;colon:at@" } do
      assert(fs.s3:put_object { bucket = "staging", key = key, body = "of " .. key })
      assert.are.equal("of " .. key, assert(fs.s3:get_object { bucket = "staging", key = key }).body)
    end
  end)

  test("accepts the signature of every key, whatever it makes of it", function()
    for _, key in ipairs { "x/../y", "./z", "double//slash", "trailing/" } do
      local _, err = fs.s3:head_object { bucket = "staging", key = key }
      assert.is_true(err == nil or err.code == "NotFound", tostring(err))
    end
  end)

  test("refuses a wrong secret", function()
    local wrong = finspace.new {
      region = "us-east-1",
      s3_endpoint_url = fs.session.options.s3_endpoint_url,
      credentials = { access_key_id = "S3RVER", secret_access_key = "wrong" },
    }
    local _, err = wrong.s3:put_object { bucket = "staging", key = "k", body = "x" }
    assert.are.equal("SignatureDoesNotMatch", err.code)
  end)

  test("lists what is below a prefix", function() -- its own next page fails on the OpenSSL of today
    local keys = {}
    for i = 1, 5 do
      assert(fs.s3:put_object { bucket = "staging", key = "list/" .. i, body = "x" })
    end
    for object in fs.s3:each_object { bucket = "staging", prefix = "list/" } do
      table.insert(keys, object.key)
    end
    assert.are.same({ "list/1", "list/2", "list/3", "list/4", "list/5" }, keys)
  end)

  test("puts a file together from its parts, and gives it back in ranges", function()
    local path = write_random(folder .. "/large", 30 * MIB + 7)
    assert(send(fs, path, "staging", "large file"))
    assert(fetch(fs, "staging", "large file", folder .. "/back"))
    assert.is_true(same(path, folder .. "/back"))
  end)
end)

describe("boto3, another client of the same objects #once", function()
  local BOTO3 = [[
import sys, warnings
warnings.filterwarnings("ignore")
import boto3
s3 = boto3.client("s3", endpoint_url=sys.argv[5])
if sys.argv[1] == "get":
    s3.download_file(sys.argv[2], sys.argv[3], sys.argv[4])
else:
    s3.upload_file(sys.argv[4], sys.argv[2], sys.argv[3])
]]
  local BUCKET = "finspace-local"
  local server, folder, fs, python

  setup(function()
    python = support.python("boto3")
    if not python then return end
    server, folder = service.start(), support.temporary_folder()
    support.write_file(folder .. "/boto.py", BOTO3)
    fs = finspace.new {
      region = server.region,
      endpoint_url = server.endpoint,
      s3_endpoint_url = server.endpoint,
      credentials = server.credentials,
    }
  end)

  teardown(function()
    if server then server.stop() end
    if folder then support.remove_folder(folder) end
  end)

  local function boto3(verb, key, path)
    local output, status = support.run(
      ("%s %s %s/boto.py %s %s %s %s %s"):format(
        server.shell(),
        python,
        folder,
        verb,
        BUCKET,
        support.quote(key),
        support.quote(path),
        server.endpoint
      )
    )
    assert(status == 0, output)
  end

  for name, size in pairs { small = 1000, large = 20 * MIB + 3 } do
    it(("reads a %s object of ours, and we read its"):format(name), function()
      if not python then return pending(support.lacking("python3 with boto3")) end
      local path = write_random(folder .. "/" .. name, size)
      local key = "both/" .. name .. " ü+%.bin"
      assert(send(fs, path, BUCKET, key))
      boto3("get", key, folder .. "/theirs")
      assert.is_true(same(path, folder .. "/theirs"))
      boto3("put", key .. "2", path)
      assert(fetch(fs, BUCKET, key .. "2", folder .. "/ours"))
      assert.is_true(same(path, folder .. "/ours"))
    end)
  end
end)
