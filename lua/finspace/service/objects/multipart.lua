--- Uploads in parts: begun, filled in any order, completed in order or aborted. Until it is completed
--- an upload is no object; an upload that is left behind is swept away after a week.

local contents = require("finspace.service.objects.contents")
local ids = require("finspace.service.ids")
local xml = require("finspace.service.objects.xml")
local lxp = require("lxp")

local multipart = {}

local NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
local LARGEST_NUMBER = 10000
local SMALLEST_PART = 5 * 1024 * 1024
local LARGEST_DOCUMENT = 4 * 1024 * 1024
local PAGE = 1000

--- @param db table
--- @param at table {bucket=, key=}
--- @param id string
--- @param refuse fun(code: string, message: string)
--- @return table upload row
function multipart.find(db, at, id, refuse)
  local upload =
    db:row("SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?", id, at.bucket, at.key)
  if upload then return upload end
  return refuse("NoSuchUpload", "there is no such upload; it may have been completed or aborted")
end

--- @param db table
--- @param at table {bucket=, key=}
--- @param described table {content_type=, metadata=}
--- @param user_id string
--- @param now integer
--- @return string document
function multipart.begin(db, at, described, user_id, now)
  local id = ids.resource() .. ids.resource()
  db:insert("uploads", {
    id = id,
    bucket = at.bucket,
    key = at.key,
    content_type = described.content_type,
    metadata = described.metadata,
    initiated = now,
    created_by = user_id,
  })
  return xml.document(
    "InitiateMultipartUploadResult",
    NAMESPACE,
    { { "Bucket", at.bucket }, { "Key", at.key }, { "UploadId", id } }
  )
end

--- @param text string|nil
--- @param refuse fun(code: string, message: string)
--- @return integer
function multipart.part_number(text, refuse)
  local number = text and text:match("^%d+$") and tonumber(text)
  if number and number >= 1 and number <= LARGEST_NUMBER then return number end
  return refuse("InvalidArgument", "partNumber must be a whole number from 1 to 10000")
end

--- Remembers a part; one that had the same number is replaced.
--- @param state table
--- @param upload table
--- @param number integer
--- @param segment table from contents.write_segment
--- @param now integer
--- @param refuse fun(code: string, message: string)
--- @return string etag
function multipart.add_part(state, upload, number, segment, now, refuse)
  local etag = contents.etag(segment)
  state.db:transaction(function()
    multipart.find(state.db, upload, upload.id, refuse) -- it may have ended while the body arrived
    state.db:run(
      "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)",
      upload.id,
      number,
      segment.name,
      segment.size,
      etag,
      now
    )
  end)
  return etag
end

-- The parts that a CompleteMultipartUpload document lists. A document type is refused: no entities.
local function read_document(text, refuse)
  local parts, part, name, malformed = {}, nil, nil, #text > LARGEST_DOCUMENT
  local parser = lxp.new({
    StartElement = function(_, element)
      name = element
      if element == "Part" then part = {} end
    end,
    EndElement = function(_, element)
      if element == "Part" then parts[#parts + 1] = part end
      name = nil
    end,
    CharacterData = function(_, characters)
      if part and name then part[name] = (part[name] or "") .. characters end
    end,
    StartDoctypeDecl = function(self)
      malformed = true
      self:stop()
    end,
  })
  malformed = malformed or not parser:parse(text) or not parser:parse()
  pcall(parser.close, parser)
  if malformed or #parts == 0 then refuse("MalformedXML", "the document does not list the upload's parts") end
  return parts
end

local function stored_parts(db, upload)
  local by_number = {}
  for _, row in ipairs(db:rows("SELECT * FROM parts WHERE upload_id = ?", upload.id)) do
    by_number[row.number] = row
  end
  return by_number
end

local function unquoted(etag)
  return ((etag or ""):gsub('"', ""))
end

local function check_order(listed, refuse)
  local last = 0
  for _, part in ipairs(listed) do
    local number = tonumber(part.PartNumber)
    if not number or number <= last then
      refuse("InvalidPartOrder", "the parts must be listed by rising number")
    end
    last = number
  end
end

local function chosen_parts(listed, stored, refuse)
  local chosen = {}
  check_order(listed, refuse)
  for i, part in ipairs(listed) do
    local row = stored[tonumber(part.PartNumber)]
    if not row or row.etag ~= unquoted(part.ETag) then
      refuse("InvalidPart", ("part %s was not uploaded, or its ETag is another one"):format(part.PartNumber))
    end
    if i < #listed and row.size < SMALLEST_PART then
      refuse("EntityTooSmall", ("part %s is smaller than 5 MiB and is not the last"):format(part.PartNumber))
    end
    chosen[i] = row
  end
  return chosen
end

local function from_hex(text)
  return (text:gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

local function content_of(db, chosen)
  local segments, md5s = {}, {}
  for i, row in ipairs(chosen) do
    segments[i] = { name = row.segment, size = row.size }
    md5s[i] = from_hex(row.etag)
  end
  local etag = contents.etag_of_parts(md5s)
  return contents.insert(db, segments, etag), etag
end

local function forget(db, upload)
  db:run("DELETE FROM parts WHERE upload_id = ?", upload.id)
  db:run("DELETE FROM uploads WHERE id = ?", upload.id)
end

--- Makes the object of the listed parts, in one transaction with the upload's end.
--- @param db table
--- @param at table {bucket=, key=}
--- @param id string upload
--- @param document string
--- @param put fun(content_id: string, described: table)
--- @param refuse fun(code: string, message: string)
--- @return string etag
function multipart.complete(db, at, id, document, put, refuse)
  local listed = read_document(document, refuse)
  return db:transaction(function()
    local upload = multipart.find(db, at, id, refuse)
    local chosen = chosen_parts(listed, stored_parts(db, upload), refuse)
    local content_id, etag = content_of(db, chosen)
    put(content_id, upload)
    forget(db, upload)
    return etag
  end)
end

--- @param db table
--- @param at table
--- @param id string
--- @param refuse fun(code: string, message: string)
function multipart.abort(db, at, id, refuse)
  db:transaction(function()
    forget(db, multipart.find(db, at, id, refuse))
  end)
end

--- @param db table
--- @param at table
--- @param query table
--- @param refuse fun(code: string, message: string)
--- @return string document
function multipart.list_parts(db, at, query, refuse)
  local upload = multipart.find(db, at, query.uploadId, refuse)
  local after = tonumber(query["part-number-marker"] or 0) or 0
  local limit = math.min(tonumber(query["max-parts"] or PAGE) or PAGE, PAGE)
  local rows = db:rows(
    "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
    upload.id,
    after,
    limit + 1
  )
  local truncated = #rows > limit
  if truncated then rows[#rows] = nil end
  local content = {
    { "Bucket", at.bucket },
    { "Key", at.key },
    { "UploadId", upload.id },
    { "PartNumberMarker", ("%d"):format(after) },
    { "NextPartNumberMarker", rows[#rows] and ("%d"):format(rows[#rows].number) or "0" },
    { "MaxParts", ("%d"):format(limit) },
    { "IsTruncated", tostring(truncated) },
    { "StorageClass", "STANDARD" },
  }
  for _, row in ipairs(rows) do
    content[#content + 1] = {
      "Part",
      {
        { "PartNumber", ("%d"):format(row.number) },
        { "LastModified", xml.time(row.modified) },
        { "ETag", '"' .. row.etag .. '"' },
        { "Size", ("%d"):format(row.size) },
      },
    }
  end
  return xml.document("ListPartsResult", NAMESPACE, content)
end

--- @param db table
--- @param bucket string
--- @param query table
--- @return string document
function multipart.list_uploads(db, bucket, query)
  local prefix, limit = query.prefix or "", math.min(tonumber(query["max-uploads"] or PAGE) or PAGE, PAGE)
  local rows = db:rows(
    [[SELECT * FROM uploads WHERE bucket = ?1 AND substr(key, 1, length(?2)) = ?2
    AND (key > ?3 OR (key = ?3 AND id > ?4)) ORDER BY key, id LIMIT ?5]],
    bucket,
    prefix,
    query["key-marker"] or "",
    query["upload-id-marker"] or "",
    limit + 1
  )
  local truncated = #rows > limit
  if truncated then rows[#rows] = nil end
  local last = truncated and rows[#rows] or {}
  local content = {
    { "Bucket", bucket },
    { "Prefix", prefix },
    { "KeyMarker", query["key-marker"] or "" },
    { "NextKeyMarker", last.key },
    { "NextUploadIdMarker", last.id },
    { "MaxUploads", ("%d"):format(limit) },
    { "IsTruncated", tostring(truncated) },
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
  return xml.document("ListMultipartUploadsResult", NAMESPACE, content)
end

--- Ends the uploads that nobody touched for a week.
--- @param db table
--- @param now integer
function multipart.sweep(db, now)
  local week = 7 * 24 * 3600 * 1000
  for _, upload in ipairs(db:rows("SELECT id FROM uploads WHERE initiated < ?", now - week)) do
    db:transaction(function()
      forget(db, upload)
    end)
  end
end

return multipart
