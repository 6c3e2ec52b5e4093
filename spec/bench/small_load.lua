--- A small file on loopback: from `fs:load` until its changeset is told to be SUCCESS; and the memory of one call.
local finspace = require("finspace")
local measure = require("spec.bench.table")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local TURNS = 7

local ONE_CALL = [[
local fs = require("finspace").new {}
assert(fs:get_working_location { locationType = "INGESTION" })
print(assert(io.open("/proc/self/status")):read("*a"):match("VmHWM:%s*(%d+)"))]]

local server, folder = service.start(), support.temporary_folder()

local function load_it(fs, dataset)
  return function()
    local began = sys.monotonic()
    assert(fs:load { file = folder .. "/prices.csv", dataset = dataset, change_type = "APPEND", journal = false })
    return (sys.monotonic() - began) * 1000
  end
end

local function peak_of(script)
  support.write_file(folder .. "/script.lua", script)
  local output = support.run(("%s lua5.4 %s/script.lua"):format(server.shell(), folder))
  return assert(tonumber(output:match("(%d+)%s*$")), output) / 1024
end

local measured, why = pcall(function()
  support.write_file(folder .. "/prices.csv", "day,price\n2020-01-01,1.5\n")
  local fs = finspace.new { profile = "finspace-local", getenv = function(name) return server.env[name] end }
  local dataset = assert(fs:ensure_dataset { title = "Small", kind = "TABULAR" }).datasetId
  local rows = measure.turns(TURNS, {
    {
      name = "one call to the service",
      run = function()
        local began = sys.monotonic()
        assert(fs:get_dataset { datasetId = dataset })
        return (sys.monotonic() - began) * 1000
      end,
    },
    { name = "fs:load of one row, until SUCCESS", run = load_it(fs, dataset) },
  })
  measure.show("A small load on loopback", "ms", rows)
  measure.show(
    "Peak memory of a process that makes one call",
    "MiB",
    measure.turns(3, {
      {
        name = "lua5.4 with libcurl loaded",
        run = function()
          return peak_of([[require("finspace.http")
      print(assert(io.open("/proc/self/status")):read("*a"):match("VmHWM:%s*(%d+)"))]])
        end,
      },
      { name = "finspace", run = function() return peak_of(ONE_CALL) end },
    })
  )
end)
server.stop()
support.remove_folder(folder)
if not measured then error(why, 0) end
