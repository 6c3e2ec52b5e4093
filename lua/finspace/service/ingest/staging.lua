--- A source as a file that DuckDB can open: the object's own segment where it is one plain file, else a copy, unpacked,
--- below the job's temporary folder. On the way the bytes are looked at once, run by run: a run is bytes that are there
--- until the next one is asked for, and how many they are.

local ffi = require("ffi")
local failure = require("finspace.service.ingest.failure")
local file = require("finspace.service.s3.segment_file")
local gzip = require("finspace.service.ingest.gzip")
local sniff = require("finspace.service.ingest.sniff")
local sys = require("finspace.sys")

local staging = {}

local MIB = 1024 * 1024

-- next_run, is_packed, and the path of the bytes as they came, where they are one file.
local function open(job, source)
  local raw, path, is_copy = job.state.store:open(job, source)
  local next_run, is_packed = gzip.runs(raw, source.name)
  return next_run, is_packed, path, is_copy
end

-- Bytes that are unpacked are bounded: a small file may hold a disk full of them.
local function bounded(job, source, next_run)
  local left = job.disk_mib * MIB
  return function()
    local bytes, size = next_run()
    left = left - (bytes and size or 0)
    if left < 0 then
      failure.raise("VALIDATION", "%s holds more than the %d MiB of --ingest-disk", source.name, job.disk_mib)
    end
    return bytes, size
  end
end

--- A path that nothing has yet, below the job's temporary folder.
--- @param job table
--- @return string
function staging.new_path(job)
  job.staged = (job.staged or 0) + 1
  return job.folder .. "/" .. job.staged
end

-- The unpacked bytes of a source, run by run, each after a yield; and of these bytes what `open` says.
local function opened(job, source)
  local next_run, is_packed, path, is_copy = open(job, source)
  if is_packed then next_run = bounded(job, source, next_run) end
  local is_first = true
  return function()
    coroutine.yield()
    local bytes, size = next_run()
    if bytes and is_first then sniff.check(ffi.string(bytes, size), job.kind, source.name) end
    is_first = false
    return bytes, size
  end,
    is_packed,
    path,
    is_copy
end

--- The unpacked bytes of a source, piece by piece, each after a yield.
--- @param job table {state=, kind=, disk_mib=}
--- @param source table {name=, size=}
--- @return fun(): string|nil next_piece
function staging.pieces(job, source)
  local next_run = opened(job, source)
  return function()
    local bytes, size = next_run()
    return bytes and ffi.string(bytes, size)
  end
end

--- Writes bytes to a file of the job.
--- @param job table
--- @param next_run fun(): string|ffi.cdata*|nil, integer|nil
--- @return string path
function staging.write(job, next_run)
  local path = staging.new_path(job)
  local out = file.create_temporary(path)
  local ok, problem = pcall(function()
    for bytes, size in next_run do
      out:write(bytes, size)
    end
  end)
  out:close()
  if not ok then error(problem, 0) end
  return path
end

--- Makes a source readable by its path, and shows all of its bytes to `look`.
--- @param job table
--- @param source table
--- @param look? fun(bytes: ffi.cdata*|string, size: integer)
--- @return string path
--- @return boolean is_copy that may be removed when it was read
function staging.file(job, source, look)
  local next_run, is_packed, own, is_copy = opened(job, source)
  local function watched()
    local bytes, size = next_run()
    if bytes and look then look(bytes, size) end
    return bytes, size
  end
  if is_packed or not own then
    local unpacked = staging.write(job, watched)
    if is_copy then staging.remove(own) end
    return unpacked, true
  end
  for _ in watched do -- luacheck: ignore 542
  end
  return own, is_copy
end

--- @param path string of a copy
function staging.remove(path) sys.remove(path) end

--- Removes those of a unit's files that are copies; the others are the staged objects themselves.
--- @param files { path: string, is_copy: boolean }[]
function staging.remove_copies(files)
  for _, staged in ipairs(files) do
    if staged.is_copy then staging.remove(staged.path) end
  end
end

return staging
