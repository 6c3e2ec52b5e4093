--- An object becomes a file: in ranges of 8 MiB, five of them in flight, into a temporary name that is
--- renamed when everything is there and right.
--
-- All ranges are of one version of the object (its ETag is asked for), so the file is never put
-- together from two. Where the hash of the whole is known it is checked.
local checksum = require("finspace.s3.checksum")
local errors = require("finspace.errors")
local host = require("finspace.host")
local sys = require("finspace.sys")

local download = {}

local RANGE = 8 * 1024 * 1024
local IN_FLIGHT = 5

--- @class finspace.s3.Download
--- @field s3 finspace.S3
--- @field runtime finspace.Runtime
--- @field bucket string
--- @field key string
--- @field path string                    where the file shall be
--- @field on_bytes? fun(count: integer, total: integer)
--- @field cancel? fun(): boolean

local function failure(kind, code, message)
  return nil, errors.new { kind = kind, code = code, operation = "download", message = message }
end

local function ranges(size)
  local at = 0
  return function()
    if at >= size then return nil end
    local first = at
    at = math.min(at + RANGE, size)
    return { first = first, last = at - 1 }
  end
end

local function fetch(job, object, temporary, range)
  local piece, err = job.s3:get_object {
    bucket = job.bucket,
    key = job.key,
    first = range.first,
    last = range.last,
    if_match = object.etag,
    sink = { file = temporary, offset = range.first },
  }
  if not piece then return nil, err end
  if piece.status ~= 206 and (range.first > 0 or range.last + 1 < object.size) then
    return failure("protocol", "RangeIgnored", "the server does not answer ranges of an object")
  end
  if job.on_bytes then job.on_bytes(range.last - range.first + 1, object.size) end
  return true
end

local function check_content(job, object, temporary)
  local stat = sys.stat(temporary)
  if not stat or stat.size ~= object.size then
    return failure(
      "integrity",
      "WrongSize",
      ("%s has %s bytes instead of %.0f"):format(job.key, stat and ("%.0f"):format(stat.size) or "no", object.size)
    )
  end
  local known = object.metadata.sha256
  if not known then return true end
  local hex, err = checksum.of_slice(job.runtime, temporary, 0, object.size)
  if not hex then return nil, err end
  if hex == known then return true end
  return failure(
    "integrity",
    "WrongChecksum",
    ("what arrived of %s has another SHA-256 than what was " .. "sent; nothing was kept. Download it again."):format(
      job.key
    )
  )
end

local function fill(job, object, temporary)
  local handle, message = io.open(temporary, "wb")
  if not handle then return failure("io", "FileUnwritable", "cannot write " .. message) end
  handle:close()
  local fetched, err = host.each {
    limit = IN_FLIGHT,
    cancel = job.cancel,
    items = ranges(object.size),
    work = function(range) return fetch(job, object, temporary, range) end,
  }
  if not fetched then return nil, err end
  return check_content(job, object, temporary)
end

--- Fetches an object. The file appears under its name whole, or not at all.
--- @param job finspace.s3.Download
--- @return table|nil object, finspace.Error|nil err
function download.file(job)
  local object, err = job.s3:head_object { bucket = job.bucket, key = job.key }
  if not object then return nil, err end
  local temporary = ("%s.%s.part"):format(job.path, job.runtime.uuid():sub(1, 8))
  local filled
  filled, err = fill(job, object, temporary)
  if not filled then
    sys.remove(temporary)
    return nil, err
  end
  local renamed, message = sys.rename(temporary, job.path)
  if renamed then return object end
  sys.remove(temporary)
  return failure("io", "FileUnwritable", message)
end

return download
