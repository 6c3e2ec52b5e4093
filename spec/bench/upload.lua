--- One GiB to an S3 on loopback over plain HTTP: every part hashed and signed, beside boto3, the AWS
--- CLI and an unsigned `curl -T`. The server reads everything and keeps nothing. Beside them the hash alone: what it
--- and curl's sending need of the processors is the least that a signed upload can take.
local measure = require("spec.bench.table")
local sink = require("spec.bench.sink")
local support = require("spec.support")

local SIZE, TURNS = 1024 * 1024 * 1024, 5

-- Prints seconds by the clock, of the processor, and the peak of resident memory in KiB.
local OURS = [[
local finspace = require("finspace")
local sys = require("finspace.sys")
local fs = finspace.new {
  region = "us-east-1", s3_endpoint_url = arg[1],
  credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
}
local began, used = sys.monotonic(), os.clock()
local object, err = fs.s3:upload_file { bucket = "bucket", key = "key", path = arg[2] }
local clock, processor = sys.monotonic() - began, os.clock() - used
assert(object, tostring(err))
local status = assert(io.open("/proc/self/status")):read("*a")
print(clock, processor, status:match("VmHWM:%s*(%d+)"))]]

local BOTO3 = [[
import sys, time, resource, warnings
warnings.filterwarnings("ignore")
import boto3
s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=sys.argv[1],
                  aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
began, used = time.perf_counter(), time.process_time()
s3.upload_file(sys.argv[2], "bucket", "key")
print(time.perf_counter() - began, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)]]

-- The SHA-256 of the whole file in the parts that an upload has, by the thread that an upload uses.
local HASH = [[
local hashing, sys = require("finspace.hashing"), require("finspace.sys")
local began, used, size, part = sys.monotonic(), os.clock(), sys.stat(arg[1]).size, 8 * 1024 * 1024
local jobs = {}
for at = 0, size - 1, part do
  jobs[#jobs + 1] = hashing.start(arg[1], at, math.min(part, size - at))
end
for _, job in ipairs(jobs) do
  while not job:poll() do sys.sleep(0.001) end
  job:close()
end
print(sys.monotonic() - began, os.clock() - used, 0)]]

local folder = support.temporary_folder()
local server = sink.start(folder)
local url, file = server.url, folder .. "/data"

local function quoted(...)
  local words = {}
  for i, word in ipairs { ... } do
    words[i] = support.quote(word)
  end
  return table.concat(words, " ")
end

local peaks = {}

-- A program that prints seconds, seconds of the processor, and its peak memory.
local function prints(name, command)
  return function()
    local output = support.run(command)
    local clock, processor, peak = output:match("([%d.]+)%s+([%d.]+)%s+(%d+)%s*$")
    if not clock then error(name .. ": " .. output, 0) end
    peaks[name] = math.max(peaks[name] or 0, tonumber(peak) / 1024)
    return tonumber(clock), tonumber(processor)
  end
end

local function boto3()
  local python = support.python("boto3")
  return python and prints("boto3", python .. " -c " .. quoted(BOTO3, url, file))
end

local function runs(command)
  return function()
    local clock, processor = measure.program(1, command)
    return clock / 1000, processor / 1000
  end
end

local function aws()
  if not support.has_program("aws") then return nil end
  return runs(
    "env AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_REGION=us-east-1 aws s3 cp --quiet --endpoint-url "
      .. quoted(url, file, "s3://bucket/key")
  )
end

-- The server's work is not in the least time, so that it cannot be reached.
local function print_rates(curl, ours, hash, python)
  local cores = tonumber((support.run("nproc")))
  local least = (curl.processor + hash.processor) / cores
  local function of(row) return ("%.2f, at most %.2f"):format(row.clock / ours.clock, row.clock / least) end
  print(("  peak memory %.0f MiB; the rate is, of curl's, %s"):format(peaks.finspace, of(curl)))
  if python.clock then print(("  and of boto3's, with %.0f MiB, %s"):format(peaks.boto3, of(python))) end
  print(("  (at most: if %d cores did nothing but curl's work and the hash)"):format(cores))
end

local measured, why = pcall(function()
  support.run(("head -c %d /dev/urandom > %s"):format(SIZE, file))
  support.write_file(folder .. "/ours.lua", OURS)
  support.write_file(folder .. "/hash.lua", HASH)
  local curl =
    { name = "curl -T, unsigned", run = runs("curl -s -H 'Expect:' -T " .. quoted(file, url .. "/bucket/key")) }
  local ours = { name = "finspace", run = prints("finspace", "lua5.4 " .. quoted(folder .. "/ours.lua", url, file)) }
  local python = { name = "boto3 upload_file", run = boto3(), why = "python3 has no boto3 here" }
  local hash = { name = "its hash alone", run = prints("hash", "lua5.4 " .. quoted(folder .. "/hash.lua", file)) }
  local cli = { name = "AWS CLI, s3 cp", run = aws(), why = "there is no AWS CLI here" }
  measure.show(
    "Upload of 1 GiB over plain HTTP on loopback",
    "s",
    measure.turns(TURNS, { curl, ours, hash, python, cli })
  )
  print_rates(curl, ours, hash, python)
end)
server.stop()
support.remove_folder(folder)
if not measured then error(why, 0) end
