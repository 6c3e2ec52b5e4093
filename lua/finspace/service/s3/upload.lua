--- Uploads in parts: begun, filled in any order, completed in order or aborted. Until it is completed
--- an upload is no object; one that is left behind is swept away after a week, and so is the memory of what
--- a completed one gave.

local cjson = require("cjson.safe")
local core = require("finspace.core")
local bodies = require("finspace.service.s3.bodies")
local checksums = require("finspace.service.s3.checksums")
local contents = require("finspace.service.s3.contents")
local copy = require("finspace.service.s3.copy")
local commit = require("finspace.service.db.commit")
local headers = require("finspace.service.s3.headers")
local ids = require("finspace.service.ids")
local object = require("finspace.service.s3.object")
local reserve = require("finspace.service.s3.reserve")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local upload = {}

local MOST_PARTS = 10000
local SMALLEST_PART = 5 * 1024 * 1024
local WEEK_MS = 7 * 24 * 3600 * 1000

local SET_PART_SIZE = "UPDATE uploads SET part_size = ? WHERE id = ? AND part_size IS NULL"
-- Once the upload has ended its file belongs to the object.
local FREE = [[SELECT 1 AS is_free FROM uploads u WHERE id = ?1
  AND NOT EXISTS (SELECT 1 FROM parts p WHERE p.upload_id = ?1 AND p.number = ?2)]]

--- @param call table
--- @return table row of the upload that the query names; refuses when there is none
function upload.find(call)
  local db, id = call.state.db, call.query.uploadId
  return db:row("SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?", id, call.bucket, call.key)
    or wire.refuse("NoSuchUpload", "there is no such upload; it may have been completed or aborted")
end

local function forget(db, id)
  db:run("DELETE FROM parts WHERE upload_id = ?", id)
  db:run("DELETE FROM uploads WHERE id = ?", id)
end

-- --- begin ----------------------------------------------------------------------------------------

local function wanted_kind(header)
  local name = header["x-amz-checksum-algorithm"]
  if not name then return nil end
  return checksums.kind(name) or wire.refuse("InvalidRequest", "x-amz-checksum-algorithm is none of S3's")
end

local function wanted_type(header, kind)
  local type = header["x-amz-checksum-type"] and header["x-amz-checksum-type"]:upper()
  if not kind then
    if type then wire.refuse("InvalidRequest", "x-amz-checksum-type needs x-amz-checksum-algorithm") end
    return nil
  end
  if not type then return kind.default end
  local is_possible = (type == "FULL_OBJECT" and kind.full) or (type == "COMPOSITE" and kind.composite)
  if not is_possible then
    wire.refuse("InvalidRequest", ("the checksum type %s cannot be used with %s"):format(type, kind.name))
  end
  return type
end

--- @param call table
function upload.begin(call)
  local header, id = call.request.header, ids.resource() .. ids.resource()
  local about, kind = headers.described(header), wanted_kind(header)
  local type = wanted_type(header, kind)
  bodies.receive_document(call)
  call.state.db:insert("uploads", {
    id = id,
    bucket = call.bucket,
    key = call.key,
    content_type = about.content_type,
    metadata = about.metadata,
    headers = about.headers,
    checksum_name = kind and kind.name,
    checksum_type = type,
    initiated = call.now,
    created_by = call.caller.user_id,
  })
  wire.answer_document("InitiateMultipartUploadResult", {
    { "Bucket", call.bucket },
    { "Key", call.key },
    { "UploadId", id },
  }, { ["x-amz-checksum-algorithm"] = kind and kind.name:upper(), ["x-amz-checksum-type"] = type })
end

-- --- parts ----------------------------------------------------------------------------------------

local function part_number(text)
  local number = text and text:match("^%d+$") and tonumber(text)
  if number and number >= 1 and number <= MOST_PARTS then return number end
  return wire.refuse("InvalidArgument", "partNumber must be a whole number from 1 to 10000")
end

local function kept_kind(call, row)
  local kept, declared = checksums.kind(row.checksum_name), bodies.declared_kind(call)
  if kept and declared and kept ~= declared then
    wire.refuse(
      "InvalidRequest",
      ("the upload was begun with checksums of type %s, not %s"):format(kept.name, declared.name)
    )
  end
  return kept
end

-- The first part says how large the others are: only the last one is smaller, and each has its place. One that fits into a
-- row is likely the only one.
local function part_size(call, row, size)
  if row.part_size then return row.part_size end
  if size <= contents.LARGEST_ROW then return nil end
  local db = call.state.db
  commit.together(db, function() db:run(SET_PART_SIZE, size, row.id) end)
  return upload.find(call).part_size
end

-- Where a part lies in the upload's file. One that is larger than the others has no place there, nor has one that is
-- sent again.
local function places(call, row, number)
  return function(size)
    local step = part_size(call, row, size)
    if not step or size > step or size == 0 then return nil end
    return {
      name = row.id,
      offset = (number - 1) * step,
      is_free = function() return call.state.db:row(FREE, row.id, number) ~= nil end,
    }
  end
end

-- One that had the same number is replaced. The upload may have ended while the bytes came.
local function name_part(call, number, segment, checksum)
  local db, etag = call.state.db, contents.etag(segment)
  commit.together(db, function()
    local id = upload.find(call).id
    db:run("DELETE FROM parts WHERE upload_id = ? AND number = ?", id, number)
    db:insert("parts", {
      upload_id = id,
      number = number,
      segment = contents.name_segment(db, segment),
      place = segment.offset,
      size = segment.size,
      etag = etag,
      checksum = checksum and cjson.encode(checksum),
      modified = call.now,
    })
  end)
  return etag
end

local function keep_part(call, number, segment, checksum)
  local ok, result = pcall(name_part, call, number, segment, checksum)
  if segment.close then segment.close() end
  if not ok then error(result, 0) end
  return result
end

--- Takes a part.
--- @param call table
function upload.put_part(call)
  local number, row = part_number(call.query.partNumber), upload.find(call)
  local segment, checksum = bodies.receive(call, kept_kind(call, row), places(call, row, number))
  local etag = keep_part(call, number, segment, checksum)
  local answer = checksum and { ["x-amz-checksum-" .. checksum.name] = checksum.value } or {}
  answer.ETag = wire.quoted(etag)
  wire.answer(200, answer)
end

--- Takes a part from an object, or from a range of one: UploadPartCopy.
--- @param call table
function upload.copy_part(call)
  local number, row = part_number(call.query.partNumber), upload.find(call)
  local segment, checksum = copy.segment(call, checksums.kind(row.checksum_name), places(call, row, number))
  local etag = keep_part(call, number, segment, checksum)
  wire.answer_document("CopyPartResult", {
    { "LastModified", xml.time(call.now) },
    { "ETag", wire.quoted(etag) },
    checksum and { checksums.kind(checksum.name).element, checksum.value },
  })
end

-- --- complete -------------------------------------------------------------------------------------

local function listed_parts(call)
  local listed, problem = xml.read(bodies.receive_document(call, true), "Part", MOST_PARTS)
  if listed and #listed > 0 then return listed end
  if problem == "too many" then wire.refuse("MalformedXML", "an upload has at most 10000 parts") end
  return wire.refuse("MalformedXML", "the document is not one that lists Part elements")
end

local function check_order(listed)
  local last = 0
  for _, part in ipairs(listed) do
    local text = (part.PartNumber or ""):match("^%s*(%d+)%s*$")
    part.number = tonumber(text or "") or wire.refuse("MalformedXML", "a Part has no PartNumber")
    if part.number <= last then wire.refuse("InvalidPartOrder", "the parts must be listed by rising number") end
    last = part.number
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

local function refuse_part(number, why) wire.refuse("InvalidPart", ("part %d %s"):format(number, why)) end

-- What the list says of a part's checksum must be what was kept; what was not kept nobody can say.
local function check_part_checksum(part, row)
  local kept = row.checksum and cjson.decode(row.checksum) or {}
  for _, kind in ipairs(checksums.KINDS) do
    local listed = part[kind.element]
    if listed and not (kept.name == kind.name and kept.value == listed) then
      refuse_part(part.number, "has another " .. kind.element)
    end
  end
end

local function chosen_parts(listed, stored)
  local chosen = {}
  for i, part in ipairs(listed) do
    local row = stored[part.number]
    if not row or row.etag ~= unquoted(part.ETag) then
      refuse_part(part.number, "was not uploaded, or has another ETag")
    end
    check_part_checksum(part, row)
    if i < #listed and row.size < SMALLEST_PART then
      wire.refuse("EntityTooSmall", ("part %d is smaller than 5 MiB, and not the last"):format(part.number))
    end
    chosen[i] = row
  end
  return chosen
end

local function check_object_size(header, chosen)
  local declared, size = header["x-amz-mp-object-size"], 0
  for _, row in ipairs(chosen) do
    size = size + row.size
  end
  if declared and tonumber(declared) ~= size then
    wire.refuse("InvalidRequest", ("x-amz-mp-object-size is not the %d bytes of the parts"):format(size))
  end
end

-- The kind that the whole has: the upload's, or what the request declares, when each part has kept it.
local function whole_kind(call, row)
  local header = call.request.header
  local declared = bodies.declared_kind(call)
  local kind = checksums.kind(row.checksum_name) or declared
  local type = row.checksum_type or (kind and header["x-amz-checksum-type"]) or (kind and kind.default)
  if declared and declared ~= kind then
    wire.refuse("InvalidRequest", "the upload was begun with checksums of type " .. kind.name)
  end
  if header["x-amz-checksum-type"] and header["x-amz-checksum-type"]:upper() ~= type then
    wire.refuse("InvalidRequest", "x-amz-checksum-type is not the one that the upload was begun with")
  end
  return kind, type
end

local function check_whole(call, kind, value)
  local declared = call.request.header["x-amz-checksum-" .. kind.name]
  if not declared then return end
  local is_right = declared == value or declared == value:gsub("%-%d+$", "")
  if not is_right then wire.refuse("BadDigest", "x-amz-checksum-" .. kind.name .. " does not match the parts") end
end

local function whole_checksum(call, row, chosen)
  local kind, type = whole_kind(call, row)
  if not kind then return nil end
  local parts = {}
  for i, part in ipairs(chosen) do
    local kept = part.checksum and cjson.decode(part.checksum) or {}
    if kept.name ~= kind.name then refuse_part(part.number, "was uploaded without a checksum of type " .. kind.name) end
    parts[i] = { checksum = kept.value, size = part.size }
  end
  local value = checksums.of_parts(kind.name, type, parts)
  check_whole(call, kind, value)
  return { name = kind.name, value = value, type = type }
end

local function describe_parts(chosen)
  local parts = {}
  for i, row in ipairs(chosen) do
    parts[i] = { size = row.size, checksum = row.checksum and cjson.decode(row.checksum) }
  end
  return cjson.encode(parts)
end

local function insert_content(db, chosen, checksum)
  local segments, md5s = {}, {}
  for i, row in ipairs(chosen) do
    segments[i] = { name = row.segment, size = row.size, offset = row.place }
    md5s[i] = checksums.from_hex(row.etag)
  end
  local etag = contents.etag_of_parts(md5s)
  local about = { checksums = object.encode_checksum(checksum), parts = describe_parts(chosen) }
  return contents.insert(db, segments, etag, about), etag
end

local function make_object(call, listed)
  local db, row = call.state.db, upload.find(call)
  local chosen = chosen_parts(listed, stored_parts(db, row.id))
  check_object_size(call.request.header, chosen)
  local checksum = whole_checksum(call, row, chosen)
  object.check_conditions(call)
  local content_id, etag = insert_content(db, chosen, checksum)
  object.name(call, content_id, row)
  return { etag = etag, checksum = checksum }
end

-- What says whether a repeated request is the same one.
local function fingerprint(call, listed)
  local words = { call.bucket, call.key }
  for _, part in ipairs(listed) do
    words[#words + 1] = part.number .. ":" .. unquoted(part.ETag)
  end
  return core.sha256(table.concat(words, "\n"))
end

local function earlier_result(call, listed)
  local row = call.state.db:row("SELECT * FROM completed_uploads WHERE id = ?", call.query.uploadId)
  return row and row.fingerprint == fingerprint(call, listed) and cjson.decode(row.result) or nil
end

local function remember(call, listed, result)
  call.state.db:insert("completed_uploads", {
    id = call.query.uploadId,
    fingerprint = fingerprint(call, listed),
    result = cjson.encode(result),
    completed = call.now,
  })
end

local function completed(call, listed)
  local earlier = earlier_result(call, listed)
  if earlier then return earlier end
  local result = make_object(call, listed)
  remember(call, listed, result)
  forget(call.state.db, call.query.uploadId)
  return result
end

--- Makes the object of the listed parts, in one transaction with the upload's end. Asked again, because the
--- answer was lost, it gives the first one's.
--- @param call table
function upload.complete(call)
  local listed = listed_parts(call)
  check_order(listed)
  local result = commit.alone(call.state.db, function() return completed(call, listed) end)
  local path = "/" .. call.bucket .. "/" .. core.uri_encode(call.key, true)
  local content = {
    { "Location", call.state.settings.endpoint .. path },
    { "Bucket", call.bucket },
    { "Key", call.key },
    { "ETag", wire.quoted(result.etag) },
  }
  for _, element in ipairs(object.checksum_elements(result.checksum)) do
    content[#content + 1] = element
  end
  wire.answer_document("CompleteMultipartUploadResult", content)
end

-- --- the end --------------------------------------------------------------------------------------

--- @param call table
function upload.abort(call)
  local db = call.state.db
  reserve.with_room(call.state, function()
    commit.alone(db, function() forget(db, upload.find(call).id) end)
  end)
  wire.answer(204)
end

--- Ends a bucket's uploads with it. Call it in a transaction.
--- @param db table
--- @param bucket string
function upload.forget_bucket(db, bucket)
  db:run("DELETE FROM parts WHERE upload_id IN (SELECT id FROM uploads WHERE bucket = ?)", bucket)
  db:run("DELETE FROM uploads WHERE bucket = ?", bucket)
end

--- Ends the uploads that were begun more than a week ago, and forgets those that were completed then.
--- @param db table
--- @param now integer epoch milliseconds
function upload.sweep(db, now)
  for _, row in ipairs(db:rows("SELECT id FROM uploads WHERE initiated < ?", now - WEEK_MS)) do
    db:transaction(function() forget(db, row.id) end)
  end
  db:run("DELETE FROM completed_uploads WHERE completed < ?", now - WEEK_MS)
end

return upload
