--- One GiB to an S3 on loopback over plain HTTP: every part hashed and signed, beside boto3, the AWS
--- CLI and an unsigned `curl -T`. The server reads everything and keeps nothing.
local measure = require("spec.bench.table")
local sink = require("spec.bench.sink")
local support = require("spec.support")
local sys = require("finspace.sys")

local SIZE, TURNS = 1024 * 1024 * 1024, 3
local MIB = 1024 * 1024

-- Prints seconds and the peak of resident memory in KiB.
local OURS = [[
local finspace = require("finspace")
local sys = require("finspace.sys")
local fs = finspace.new {
  region = "us-east-1", s3_endpoint_url = arg[1],
  credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
}
local began = sys.monotonic()
local object, err = fs.s3:upload_file { bucket = "bucket", key = "key", path = arg[2] }
local seconds = sys.monotonic() - began
assert(object, tostring(err))
local status = assert(io.open("/proc/self/status")):read("*a")
print(seconds, status:match("VmHWM:%s*(%d+)"))]]

local BOTO3 = [[
import sys, time, resource, warnings
warnings.filterwarnings("ignore")
import boto3
s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=sys.argv[1],
                  aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
began = time.time()
s3.upload_file(sys.argv[2], "bucket", "key")
print(time.time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)]]

local folder = support.temporary_folder()
local server = sink.start(folder)
local url = server.url
local file = folder .. "/data"
support.run(("head -c %d /dev/urandom > %s"):format(SIZE, file))

local function quoted(...)
  local words = {}
  for i, word in ipairs { ... } do
    words[i] = support.quote(word)
  end
  return table.concat(words, " ")
end

local peaks = {}

-- MiB a second, the median of some turns; the program prints seconds and its peak memory.
local function rate(name, command)
  return measure.median(TURNS, function()
    local output = support.run(command)
    local seconds, peak = output:match("([%d.]+)%s+(%d+)%s*$")
    if not seconds then error(name .. ": " .. output, 0) end
    peaks[name] = math.max(peaks[name] or 0, tonumber(peak))
    return SIZE / MIB / tonumber(seconds)
  end)
end

local function boto3()
  local python = support.python("boto3")
  return python and rate("boto3", python .. " -c " .. quoted(BOTO3, url, file))
end

local function curl()
  return rate(
    "curl",
    "curl -s -o /dev/null -H 'Expect:' -w '%{time_total} 0' -T " .. quoted(file, url .. "/bucket/key")
  )
end

local function aws()
  if not support.has_program("aws") then return nil end
  local copy = "env AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_REGION=us-east-1 aws s3 cp --quiet "
    .. "--endpoint-url "
    .. quoted(url, file, "s3://bucket/key")
  return measure.median(TURNS, function()
    local began = sys.monotonic()
    local output, status = support.run(copy)
    assert(status == 0, output)
    return SIZE / MIB / (sys.monotonic() - began)
  end)
end

local function ours(backend)
  local force = backend and ('require("finspace.core").digest_backend(%q) '):format(backend) or ""
  support.write_file(folder .. "/ours.lua", force .. OURS)
  return rate("finspace" .. (backend or ""), "lua5.4 " .. quoted(folder .. "/ours.lua", url, file))
end

local measured, why = pcall(function()
  local rows = {
    { name = "boto3 upload_file", value = boto3(), unit = "MiB/s", why = "python3 has no boto3 here" },
    { name = "AWS CLI, s3 cp", value = aws(), unit = "MiB/s", why = "there is no AWS CLI here" },
    { name = "curl -T, unsigned", value = curl(), unit = "MiB/s" },
    { name = "finspace", value = ours(), unit = "MiB/s" },
  }
  if not rows[1].value then table.insert(rows, table.remove(rows, 1)) end
  measure.show("Upload of 1 GiB over plain HTTP on loopback", rows)
  print(
    ("  peak memory: finspace %.0f MiB%s"):format(
      peaks.finspace / 1024,
      peaks.boto3 and (", boto3 %.0f MiB"):format(peaks.boto3 / 1024) or ""
    )
  )
end)
server.stop()
support.remove_folder(folder)
if not measured then error(why, 0) end
