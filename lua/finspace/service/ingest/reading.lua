--- Sources into Parquet: units of files that are alike, each one query.

local duckdb = require("finspace.service.engine.duckdb")
local engine = require("finspace.service.engine.parquet")
local failure = require("finspace.service.ingest.failure")
local lake = require("finspace.service.lake")
local log = require("finspace.service.log")
local sys = require("finspace.sys")

local reading = {}

local READERS = {
  CSV = require("finspace.service.ingest.csv"),
  JSON = require("finspace.service.ingest.json"),
  PARQUET = require("finspace.service.ingest.parquet"),
  XML = require("finspace.service.ingest.xml"),
}

local MOST_FILES = 200 -- that one query reads

-- DuckDB's own words show paths of the service: they are for its log.
local function refuse(job, message)
  log.problem("changeset " .. job.id, message)
  if message:find("Out of Memory", 1, true) then
    failure.raise(
      "VALIDATION",
      "the data needs more memory than --ingest-memory, or more space than --ingest-disk, allow"
    )
  end
  failure.raise("VALIDATION", "the data cannot be read as %s", job.kind)
end

local function written(job, unit, folder)
  local query = unit:query()
  if not query then return {} end
  local ok, result = pcall(engine.write, job.connection, query, folder)
  if ok then return result end
  local message = duckdb.message(result)
  if not message then error(result, 0) end
  lake.remove(folder)
  if unit:examine(message) then return written(job, unit, folder) end
  return refuse(job, message)
end

-- The files of a unit get their place among those of the others; those without rows say nothing.
local function take_over(job, paths, files)
  for _, path in ipairs(paths) do
    local rows = engine.rows(job.connection, path)
    if rows > 0 or #files == 0 then
      local name = ("part-%05d.parquet"):format(#files)
      local ok, problem = sys.rename(path, job.target .. "/" .. name)
      if not ok then error(problem, 0) end
      files[#files + 1] = { name = name, rows = rows, bytes = sys.stat(job.target .. "/" .. name).size }
    end
  end
end

--- Reads sources and writes them as Parquet files into a folder; raises a failure where they are not what they must be.
--- @param job table {state=, connection=, kind=formatType, format=, schema=columns or nil, folder=temporary folder of the
---   job, target=folder for the files, disk_mib=, id=}
--- @param sources table[] {name=, size=, segments=, partition=}
--- @return table[] files {name=, rows=, bytes=}
function reading.write(job, sources)
  local files, units = {}, 0
  job.most_files = MOST_FILES
  READERS[job.kind].each_unit(job, sources, function(unit)
    units = units + 1
    local folder = job.target .. "/unit-" .. units
    take_over(job, written(job, unit, folder), files)
    unit:close()
    lake.remove(folder)
  end)
  return files
end

return reading
