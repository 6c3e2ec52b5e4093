--- A file becomes an object: in one PUT up to 8 MiB, above that in parts, ten of them in flight.
---
--- A part is hashed, then sent, straight from the file: nothing is held in memory. Each part is
--- retried alone. The file is watched; when it changes, or anything else fails for good, the upload
--- is aborted, unless the caller means to resume it.
local core = require("finspace.core")
local checksum = require("finspace.s3.checksum")
local errors = require("finspace.errors")
local host = require("finspace.host")
local options = require("finspace.options")
local source = require("finspace.s3.source")

local upload = {}

local MIB = 1024 * 1024

--- Bytes that go up in one PUT.
upload.SINGLE = 8 * MIB
--- Parts, or whole small files, in flight at a time.
upload.IN_FLIGHT = 10

local MAX_PARTS = 10000
-- A file up to this size is read once, hashed and sent from memory.
local SMALL = 256 * 1024

--- The size of the parts of a file, in bytes: 8 MiB, grown in whole MiB to need at most 10,000.
--- @param size integer
--- @return integer
function upload.part_size(size)
  local needed = math.ceil(size / MAX_PARTS / MIB) * MIB
  return math.max(upload.SINGLE, math.floor(needed))
end

local FILE = options.declare {
  what = "upload_file",
  class = "finspace.s3.UploadFile",
  { "path", "name", "the file" },
  { "source", "table", "the file as it was looked at before, instead of its path" },
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the key that the object shall have", required = true },
  { "content_type", "string", "its media type" },
  { "on_bytes", "fun(count: integer)", "called with the bytes that have arrived since the last call" },
  { "cancel", "fun(): boolean", "asked before each part: true stops the upload" },
  { "resume", "boolean", "goes on with an upload of this key that was begun before", default = false },
  { "keep", "fun(err: finspace.Error): boolean", "whether to leave the parts of an upload that failed, to be resumed" },
}

local function report(job, count)
  if job.on_bytes then job.on_bytes(count) end
end

local function read_small(seen)
  local handle = io.open(seen.path, "rb")
  local content = handle and (handle:read(seen.size + 1) or "")
  if handle then handle:close() end
  if content and #content == seen.size then return content end
  return nil, source.explain(seen, errors.not_sent("io", "FileUnreadable", "cannot read " .. seen.path))
end

-- What a slice of the file is sent as: its body and the hash of it.
local function read_slice(job, offset, length)
  if length <= SMALL and length == job.source.size then
    local content, err = read_small(job.source)
    if not content then return nil, err end
    return content, core.sha256(content)
  end
  local hex, err = checksum.of_slice(job.runtime, job.source.path, offset, length)
  if not hex then return nil, source.explain(job.source, err) end
  return { file = job.source.path, offset = offset, length = length }, hex
end

local function put(job)
  local body, sha256 = read_slice(job, 0, job.source.size)
  if not body then return nil, sha256 end
  local object, err = job.s3:put_object {
    bucket = job.bucket,
    key = job.key,
    body = body,
    sha256 = sha256,
    content_type = job.content_type,
    metadata = { sha256 = sha256 },
  }
  if not object then return nil, source.explain(job.source, err) end
  local same, changed = source.check(job.source)
  if not same then
    job.s3:delete_object { bucket = job.bucket, key = job.key }
    return nil, changed
  end
  report(job, job.source.size)
  return object
end

-- Parts --------------------------------------------------------------------------------------------

local function part_length(job, number)
  local size = upload.part_size(job.source.size)
  return math.min(size, job.source.size - (number - 1) * size)
end

-- The parts of an earlier run that are whole: their ETags by number.
local function arrived_parts(job, upload_id)
  local etags, marker = {}, nil
  repeat
    local page, err = job.s3:list_parts {
      bucket = job.bucket,
      key = job.key,
      upload_id = upload_id,
      marker = marker,
    }
    if not page then return nil, err end
    for _, part in ipairs(page.parts) do
      if part.size == part_length(job, part.number) then etags[part.number] = part.etag end
    end
    marker = page.next_marker
  until not marker
  return etags
end

-- The upload of this key that an earlier run began, with what has arrived of it. A server that
-- cannot list them makes us begin again, no more.
local function earlier_upload(job)
  local page = job.s3:list_uploads { bucket = job.bucket, prefix = job.key }
  for _, found in ipairs(page and page.uploads or {}) do
    local etags = found.key == job.key and found.upload_id and arrived_parts(job, found.upload_id)
    if etags then return found.upload_id, etags end
  end
  return nil
end

local function begin(job)
  if job.resume then
    local upload_id, etags = earlier_upload(job)
    if upload_id then return upload_id, etags end
  end
  local begun, err = job.s3:create_upload {
    bucket = job.bucket,
    key = job.key,
    content_type = job.content_type,
  }
  if not begun then return nil, err end
  return begun.upload_id, {}
end

local function send_part(job, upload_id, etags, number)
  local length = part_length(job, number)
  local body, sha256 = read_slice(job, (number - 1) * upload.part_size(job.source.size), length)
  if not body then return nil, sha256 end
  local part, err = job.s3:upload_part {
    bucket = job.bucket,
    key = job.key,
    upload_id = upload_id,
    number = number,
    body = body,
    sha256 = sha256,
  }
  if not part then return nil, source.explain(job.source, err) end
  local same, changed = source.check(job.source)
  if not same then return nil, changed end
  etags[number] = part.etag
  report(job, length)
  return true
end

-- The numbers of the parts that are still to be sent.
local function missing_parts(job, etags)
  local number, count = 0, math.ceil(job.source.size / upload.part_size(job.source.size))
  return function()
    repeat
      number = number + 1
    until number > count or not etags[number]
    return number <= count and number or nil
  end
end

local function report_arrived(job, etags)
  for number in pairs(etags) do
    report(job, part_length(job, number))
  end
end

-- The answer to "complete" may be lost although the object was made; then the upload is gone, and
-- the object tells.
local function is_complete(job)
  local object = job.s3:head_object { bucket = job.bucket, key = job.key }
  return object and object.size == job.source.size and object
end

local function complete(job, upload_id, etags)
  local same, changed = source.check(job.source)
  if not same then return nil, changed end
  local object, err = job.s3:complete_upload {
    bucket = job.bucket,
    key = job.key,
    upload_id = upload_id,
    etags = etags,
  }
  if object then return object end
  local uncertain = err.code == "NoSuchUpload" or err.outcome == "unknown"
  local found = uncertain and is_complete(job)
  if found then return found end
  return nil, err
end

local function send_parts(job, upload_id, etags)
  report_arrived(job, etags)
  local sent, err = host.each {
    limit = upload.IN_FLIGHT,
    cancel = job.cancel,
    items = missing_parts(job, etags),
    work = function(number) return send_part(job, upload_id, etags, number) end,
  }
  if not sent then return nil, err end
  return complete(job, upload_id, etags)
end

local function multipart(job)
  local upload_id, etags = begin(job)
  if not upload_id then return nil, etags end
  local object, err = send_parts(job, upload_id, etags)
  if object then return object end
  if not (job.keep and job.keep(err)) then
    job.s3:abort_upload { bucket = job.bucket, key = job.key, upload_id = upload_id }
  end
  return nil, err
end

-- What is being done, for the functions above.
local function job_of(s3, given)
  local job = { s3 = s3, runtime = s3.runtime }
  for name, value in pairs(given) do
    job[name] = value
  end
  return job
end

--- Sends a file: in one piece up to 8 MiB, above that in parts, ten at a time. A file that changes meanwhile is
--- an err, and nothing is kept of it.
--- @param s3 finspace.S3
--- @param given finspace.s3.UploadFile
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function upload.file(s3, given)
  local job, err = job_of(s3, FILE:check(given)), nil
  if not job.source then
    job.source, err = source.look(job.path)
  end
  if not job.source then return nil, err end
  if job.source.size <= upload.SINGLE then return put(job) end
  return multipart(job)
end

local SWEEP = options.declare {
  what = "abort_uploads",
  class = "finspace.s3.AbortUploads",
  { "bucket", "name", "the bucket's name", required = true },
  { "prefix", "string", "what their keys begin with", default = "" },
}

local function nameless(found)
  return errors.new {
    kind = "protocol",
    code = "InvalidResponse",
    operation = "ListMultipartUploads",
    message = ("S3 answered an upload of %q without its UploadId"):format(found.key),
  }
end

--- Aborts what was begun below a prefix and neither completed nor aborted.
--- @param s3 finspace.S3
--- @param given finspace.s3.AbortUploads
--- @return integer|nil count
--- @return finspace.Error|nil err
function upload.sweep(s3, given)
  SWEEP:check(given)
  local count, key_marker, upload_marker = 0, nil, nil
  repeat
    local page, err = s3:list_uploads {
      bucket = given.bucket,
      prefix = given.prefix,
      key_marker = key_marker,
      upload_marker = upload_marker,
    }
    if not page then return nil, err end
    for _, found in ipairs(page.uploads) do
      if not found.upload_id then return nil, nameless(found) end
      local aborted, failure = s3:abort_upload {
        bucket = given.bucket,
        key = found.key,
        upload_id = found.upload_id,
      }
      if not aborted and failure.code ~= "NoSuchUpload" then return nil, failure end
      count = count + 1
    end
    key_marker, upload_marker = page.next_key, page.next_upload
  until not key_marker
  return count
end

return upload
