--- 10,000 files of 4 KB, as one load stages them, beside `aws s3 cp --recursive`: against an S3 that
--- keeps nothing, where the clients are measured, and on the service, which waits for its disk.
local measure = require("spec.bench.table")
local service = require("spec.support.service")
local sink = require("spec.bench.sink")
local support = require("spec.support")
local sys = require("finspace.sys")

local COUNT, SIZE = 10000, 4096

local OURS = [[
local finspace = require("finspace")
local sys = require("finspace.sys")
local fs = finspace.new { s3_endpoint_url = arg[2] }
local began, used = sys.monotonic(), os.clock()
local selection = assert(require("finspace.verbs.load.files").select(arg[1]))
local sent, err = require("finspace.verbs.load.staging").send {
  fs = fs, place = { bucket = "finspace-local", prefix = "scratch/bench/" }, entries = selection.entries,
  on_bytes = function() end, on_file = function() end,
}
assert(sent, tostring(err))
local status = assert(io.open("/proc/self/status")):read("*a")
print(sys.monotonic() - began, os.clock() - used, status:match("VmHWM:%s*(%d+)"))]]

local function write_files(folder)
  sys.mkdir(folder .. "/files", 493)
  for number = 1, COUNT do
    support.write_file(("%s/files/%05d.csv"):format(folder, number), sys.random_bytes(SIZE))
  end
end

local server, folder = service.start(), support.temporary_folder()
local nothing = sink.start(folder)
write_files(folder)

local peak

local function ours(url)
  support.write_file(folder .. "/ours.lua", OURS)
  local command = ("%s lua5.4 %s/ours.lua %s/files %s"):format(server.shell(), folder, folder, url)
  return function()
    local output = support.run(command)
    local clock, processor, most = output:match("([%d.]+)%s+([%d.]+)%s+(%d+)%s*$")
    if not clock then error(output, 0) end
    peak = tonumber(most) / 1024
    return tonumber(clock), tonumber(processor)
  end
end

local function aws(url)
  if not support.has_program("aws") then return nil end
  local words = "%s aws s3 cp --quiet --recursive --endpoint-url %s %s/files s3://finspace-local/scratch/aws/"
  local command = words:format(server.shell(), url, folder)
  return function()
    local clock, processor = measure.program(1, command)
    return clock / 1000, processor / 1000
  end
end

-- Ours takes seconds and the other a minute: one turn of that, and the median of three of ours.
local function rows_of(url)
  local absent = "there is no AWS CLI here"
  local cli = measure.turns(1, { { name = "AWS CLI, s3 cp --recursive", run = aws(url), why = absent } })
  local own = measure.turns(3, { { name = "finspace", run = ours(url) } })
  return { own[1], cli[1] }
end

local measured, why = pcall(function()
  measure.show("10,000 files of 4 KB to an S3 that keeps nothing", "s", rows_of(nothing.url))
  print(("  peak memory: finspace %.0f MiB"):format(peak))
  measure.show("The same on the service, which has each on its disk first", "s", rows_of(server.endpoint))
end)
nothing.stop()
server.stop()
support.remove_folder(folder)
if not measured then error(why, 0) end
