--- An object becomes a file: in ranges of 8 MiB, five of them in flight, into a temporary name that is
--- renamed when everything is there and right.
---
--- All ranges are of one version of the object (its ETag is asked for), so the file is never put
--- together from two. Where the hash of the whole is known it is checked.
local checksum = require("finspace.s3.checksum")
local errors = require("finspace.errors")
local host = require("finspace.host")
local options = require("finspace.options")
local sys = require("finspace.sys")

local download = {}

local RANGE = 8 * 1024 * 1024
local IN_FLIGHT = 5

local FILE = options.declare {
  what = "download_file",
  class = "finspace.s3.DownloadFile",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key", required = true },
  { "path", "name", "where the file shall be", required = true },
  { "on_bytes", "fun(count: integer, total: integer)", "called with the bytes that have arrived since the last call" },
  { "cancel", "fun(): boolean", "asked before each range: true stops the download" },
}

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

local function fetch(s3, given, object, temporary, range)
  local piece, err = s3:get_object {
    bucket = given.bucket,
    key = given.key,
    first = range.first,
    last = range.last,
    if_match = object.etag,
    sink = { file = temporary, offset = range.first },
  }
  if not piece then return nil, err end
  if piece.status ~= 206 and (range.first > 0 or range.last + 1 < object.size) then
    return failure("protocol", "RangeIgnored", "the server does not answer ranges of an object")
  end
  if given.on_bytes then given.on_bytes(range.last - range.first + 1, object.size) end
  return true
end

local function check_content(s3, given, object, temporary)
  local stat = sys.stat(temporary)
  if not stat or stat.size ~= object.size then
    return failure(
      "integrity",
      "WrongSize",
      ("%s has %s bytes instead of %.0f"):format(given.key, stat and ("%.0f"):format(stat.size) or "no", object.size)
    )
  end
  local known = object.metadata.sha256
  if not known then return true end
  local hex, err = checksum.of_slice(s3.runtime, temporary, 0, object.size)
  if not hex then return nil, err end
  if hex == known then return true end
  return failure(
    "integrity",
    "WrongChecksum",
    ("what arrived of %s has another SHA-256 than what was " .. "sent; nothing was kept. Download it again."):format(
      given.key
    )
  )
end

local function fill(s3, given, object, temporary)
  local handle, message = io.open(temporary, "wb")
  if not handle then return failure("io", "FileUnwritable", "cannot write " .. message) end
  handle:close()
  local fetched, err = host.each {
    limit = IN_FLIGHT,
    cancel = given.cancel,
    items = ranges(object.size),
    work = function(range) return fetch(s3, given, object, temporary, range) end,
  }
  if not fetched then return nil, err end
  return check_content(s3, given, object, temporary)
end

--- Fetches an object into a file, in ranges, five at a time. The file appears under its name whole, or not at all.
--- @param s3 finspace.S3
--- @param given finspace.s3.DownloadFile
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function download.file(s3, given)
  FILE:check(given)
  local object, err = s3:head_object { bucket = given.bucket, key = given.key }
  if not object then return nil, err end
  if not object.size then return failure("protocol", "InvalidResponse", "S3 does not say how large the object is") end
  local temporary = ("%s.%s.part"):format(given.path, s3.runtime.uuid():sub(1, 8))
  local filled
  filled, err = fill(s3, given, object, temporary)
  if not filled then
    sys.remove(temporary)
    return nil, err
  end
  local renamed, message = sys.rename(temporary, given.path)
  if renamed then return object end
  sys.remove(temporary)
  return failure("io", "FileUnwritable", message)
end

return download
