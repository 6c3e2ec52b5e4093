--- Uploads in parts: begun, filled in any order, completed in order or aborted. Until it is completed
-- an upload is no object; one that is left behind is swept away after a week.

local core = require("finspace.core")
local bodies = require("finspace.service.s3.bodies")
local checksums = require("finspace.service.s3.checksums")
local contents = require("finspace.service.s3.contents")
local document = require("finspace.service.s3.document")
local group_commit = require("finspace.service.db.group_commit")
local ids = require("finspace.service.ids")
local object = require("finspace.service.s3.object")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.s3.xml")

local upload = {}

local LARGEST_NUMBER = 10000
local SMALLEST_PART = 5 * 1024 * 1024
local PAGE = 1000
local WEEK_MS = 7 * 24 * 3600 * 1000

local function find(call)
  local db, id = call.state.db, call.query.uploadId
  return db:row("SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?", id, call.bucket, call.key)
    or wire.refuse("NoSuchUpload", "there is no such upload; it may have been completed or aborted")
end

local function forget(db, id)
  db:run("DELETE FROM parts WHERE upload_id = ?", id)
  db:run("DELETE FROM uploads WHERE id = ?", id)
end

--- @param call table
function upload.begin(call)
  local about, id = object.described(call.request.header), ids.resource() .. ids.resource()
  bodies.receive_document(call)
  call.state.db:insert("uploads", {
    id = id,
    bucket = call.bucket,
    key = call.key,
    content_type = about.content_type,
    metadata = about.metadata,
    initiated = call.now,
    created_by = call.caller.user_id,
  })
  wire.answer_document("InitiateMultipartUploadResult", {
    { "Bucket", call.bucket },
    { "Key", call.key },
    { "UploadId", id },
  })
end

local function part_number(text)
  local number = text and text:match("^%d+$") and tonumber(text)
  if number and number >= 1 and number <= LARGEST_NUMBER then return number end
  return wire.refuse("InvalidArgument", "partNumber must be a whole number from 1 to 10000")
end

--- Takes a part; one that had the same number is replaced. The upload may end while the body arrives.
--- @param call table
function upload.put_part(call)
  local number, id, db = part_number(call.query.partNumber), find(call).id, call.state.db
  local segment = bodies.receive(call)
  local etag = contents.etag(segment)
  group_commit.transaction(db, function()
    find(call)
    db:run("DELETE FROM parts WHERE upload_id = ? AND number = ?", id, number)
    db:insert("parts", {
      upload_id = id,
      number = number,
      segment = contents.name_segment(db, segment),
      size = segment.size,
      etag = etag,
      modified = call.now,
    })
  end)
  wire.answer(200, { ETag = wire.quoted(etag) })
end

local function check_order(listed)
  local last = 0
  for _, part in ipairs(listed) do
    local number = tonumber(part.PartNumber)
    if not number or number <= last then
      wire.refuse("InvalidPartOrder", "the parts must be listed by rising number")
    end
    last = number
  end
end

local function stored_parts(db, id)
  local by_number = {}
  for _, row in ipairs(db:rows("SELECT * FROM parts WHERE upload_id = ?", id)) do
    by_number[row.number] = row
  end
  return by_number
end

local function unquoted(etag) return ((etag or ""):gsub('"', "")) end

local function chosen_parts(listed, stored)
  local chosen = {}
  check_order(listed)
  for i, part in ipairs(listed) do
    local row = stored[tonumber(part.PartNumber)]
    if not row or row.etag ~= unquoted(part.ETag) then
      wire.refuse("InvalidPart", ("part %s was not uploaded, or has another ETag"):format(part.PartNumber))
    end
    if i < #listed and row.size < SMALLEST_PART then
      wire.refuse("EntityTooSmall", ("part %s is smaller than 5 MiB, and not the last"):format(part.PartNumber))
    end
    chosen[i] = row
  end
  return chosen
end

local function insert_content(db, chosen)
  local segments, md5s = {}, {}
  for i, row in ipairs(chosen) do
    segments[i] = { name = row.segment, size = row.size }
    md5s[i] = checksums.from_hex(row.etag)
  end
  local etag = contents.etag_of_parts(md5s)
  return contents.insert(db, segments, etag), etag
end

--- Makes the object of the listed parts, in one transaction with the upload's end.
--- @param call table
function upload.complete(call)
  local listed = document.read(bodies.receive_document(call), "Part")
  local db = call.state.db
  local etag = db:transaction(function()
    local row = find(call)
    local content_id, etag = insert_content(db, chosen_parts(listed, stored_parts(db, row.id)))
    object.name(call, content_id, row)
    forget(db, row.id)
    return etag
  end)
  local path = "/" .. call.bucket .. "/" .. core.uri_encode(call.key, true)
  wire.answer_document("CompleteMultipartUploadResult", {
    { "Location", call.state.settings.endpoint .. path },
    { "Bucket", call.bucket },
    { "Key", call.key },
    { "ETag", wire.quoted(etag) },
  })
end

--- @param call table
function upload.abort(call)
  local db = call.state.db
  db:transaction(function() forget(db, find(call).id) end)
  wire.answer(204)
end

-- A page's limit, and its rows without the one that only shows that there are more.
local function page_size(text) return math.max(1, math.min(tonumber(text or PAGE) or PAGE, PAGE)) end

local function cut(rows, limit)
  local is_truncated = #rows > limit
  if is_truncated then rows[#rows] = nil end
  return is_truncated, rows[#rows] or {}
end

local function number_text(number) return ("%d"):format(number) end

--- @param call table
function upload.list_parts(call)
  local row, query = find(call), call.query
  local after, limit = tonumber(query["part-number-marker"]) or 0, page_size(query["max-parts"])
  local rows = call.state.db:rows(
    "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
    row.id,
    after,
    limit + 1
  )
  local is_truncated, last = cut(rows, limit)
  local content = {
    { "Bucket", call.bucket },
    { "Key", call.key },
    { "UploadId", row.id },
    { "PartNumberMarker", number_text(after) },
    { "NextPartNumberMarker", number_text(last.number or 0) },
    { "MaxParts", number_text(limit) },
    { "IsTruncated", tostring(is_truncated) },
    { "StorageClass", "STANDARD" },
  }
  for _, part in ipairs(rows) do
    content[#content + 1] = {
      "Part",
      {
        { "PartNumber", number_text(part.number) },
        { "LastModified", xml.time(part.modified) },
        { "ETag", wire.quoted(part.etag) },
        { "Size", number_text(part.size) },
      },
    }
  end
  wire.answer_document("ListPartsResult", content)
end

local UPLOADS = [[SELECT * FROM uploads WHERE bucket = ?1 AND substr(key, 1, length(?2)) = ?2
  AND (key > ?3 OR (key = ?3 AND id > ?4)) ORDER BY key, id LIMIT ?5]]

--- Lists a bucket's uploads.
--- @param call table
function upload.list(call)
  local query, limit = call.query, page_size(call.query["max-uploads"])
  local key_marker, id_marker = query["key-marker"] or "", query["upload-id-marker"] or ""
  local rows = call.state.db:rows(UPLOADS, call.bucket, query.prefix or "", key_marker, id_marker, limit + 1)
  local is_truncated, last = cut(rows, limit)
  local content = {
    { "Bucket", call.bucket },
    { "Prefix", query.prefix or "" },
    { "KeyMarker", key_marker },
    { "UploadIdMarker", id_marker },
    { "NextKeyMarker", is_truncated and last.key or nil },
    { "NextUploadIdMarker", is_truncated and last.id or nil },
    { "MaxUploads", number_text(limit) },
    { "IsTruncated", tostring(is_truncated) },
  }
  for _, row in ipairs(rows) do
    content[#content + 1] = {
      "Upload",
      {
        { "Key", row.key },
        { "UploadId", row.id },
        { "StorageClass", "STANDARD" },
        { "Initiated", xml.time(row.initiated) },
      },
    }
  end
  wire.answer_document("ListMultipartUploadsResult", content)
end

--- Ends the uploads that were begun more than a week ago.
--- @param db table
--- @param now integer epoch milliseconds
function upload.sweep(db, now)
  for _, row in ipairs(db:rows("SELECT id FROM uploads WHERE initiated < ?", now - WEEK_MS)) do
    db:transaction(function() forget(db, row.id) end)
  end
end

return upload
