--- A small load beside a large one and beside a large sort, and the memory that these take. FINSPACE_BENCH_LARGE says how many
--- rows the large one has: 57000000 are 5 GiB, which want 15 GiB of disk.
local rows = require("spec.bench.rows")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local ROWS = tonumber(os.getenv("FINSPACE_BENCH_LARGE") or "2000000")
local MEMORY_MIB = 512
local SMALL = "a,b\n" .. ("1,x\n"):rep(250)

local folder = support.temporary_folder()
local running = service.start { ingest_memory = MEMORY_MIB }
local large, small = running.dataset("Large", rows.COLUMNS), running.dataset("Small")

local function stage()
  local path = folder .. "/large.csv"
  rows.make(folder, ROWS, path)
  local size = sys.stat(path).size
  local command = "%s %s/build/bin/finspace load %s --dataset Large --no-wait --json"
  local output, status = support.run(command:format(running.shell(), support.root, path))
  if status ~= 0 then error(output, 0) end
  os.remove(path)
  return size
end

-- Loads a small file again and again until the large work is at its end; the longest that one took.
local function longest_beside(operation, ids)
  local longest, loads = 0, 0
  while true do
    local result = assert(running.call(operation, ids))
    if result.status == "SUCCESS" then return longest, loads end
    if result.status == "FAILED" then error(result.errorInfo.errorMessage, 0) end
    local began = sys.monotonic()
    assert(running.ingest(small, running.put("small.csv", SMALL)).status == "SUCCESS")
    longest, loads = math.max(longest, sys.monotonic() - began), loads + 1
    sys.sleep(0.5)
  end
end

local function show(title, operation, ids)
  local before, began = rows.processor_seconds(rows.ingester(running)), sys.monotonic()
  local longest, loads = longest_beside(operation, ids)
  local pid = rows.ingester(running)
  print(
    ("%-28s %6.1f s, processor %6.1f s, peak %4.0f MiB; the slowest of %d loads of 1 KB beside it: %.2f s"):format(
      title,
      sys.monotonic() - began,
      rows.processor_seconds(pid) - before,
      rows.peak_mib(pid),
      loads,
      longest
    )
  )
end

print(("\n%.2f GiB of CSV, %.1f million rows; --ingest-memory %d"):format(stage() / 2 ^ 30, ROWS / 1e6, MEMORY_MIB))
local changeset = running.call("ListChangesets", { datasetId = large }).changesets[1]
show("its load", "GetChangeset", { datasetId = large, changesetId = changeset.changesetId })
show(
  "a PARQUET view, sorted",
  "GetDataView",
  assert(running.call("CreateDataView", {
    datasetId = large,
    sortColumns = { "sym" },
    destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" },
  }))
)

running.stop()
support.remove_folder(folder)
