--- What there is of uploads in parts: a bucket's uploads, and an upload's parts.

local cjson = require("cjson.safe")
local checksums = require("finspace.service.s3.checksums")
local listing = require("finspace.service.s3.listing")
local upload = require("finspace.service.s3.upload")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local upload_listing = {}

local PAGE = 1000

local function number_text(number) return ("%d"):format(number) end

-- --- parts ----------------------------------------------------------------------------------------

local function part_element(row)
  local kept = row.checksum and cjson.decode(row.checksum)
  return {
    "Part",
    {
      { "PartNumber", number_text(row.number) },
      { "LastModified", xml.time(row.modified) },
      { "ETag", wire.quoted(row.etag) },
      { "Size", number_text(row.size) },
      kept and { checksums.kind(kept.name).element, kept.value } or nil,
    },
  }
end

local PARTS = "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?"

local function marker_of(query)
  local text = query["part-number-marker"] or "0"
  return tonumber(text:match("^%d+$")) or wire.refuse("InvalidArgument", "part-number-marker must be a whole number")
end

--- Lists an upload's parts.
--- @param call table
function upload_listing.parts(call)
  local row, after = upload.find(call), marker_of(call.query)
  local limit = wire.count(call.query, "max-parts", 0, PAGE)
  local rows = call.state.db:rows(PARTS, row.id, after, limit + 1)
  local is_truncated = limit > 0 and #rows > limit -- who asks for none would go on for ever
  rows[limit + 1] = nil
  local content = {
    { "Bucket", call.bucket },
    { "Key", wire.key_encoder(call.query)(call.key) },
    { "UploadId", row.id },
    { "Initiator", wire.owner(row.created_by) },
    { "Owner", wire.owner(row.created_by) },
    { "StorageClass", "STANDARD" },
    { "PartNumberMarker", number_text(after) },
    { "NextPartNumberMarker", number_text(rows[#rows] and rows[#rows].number or 0) },
    { "MaxParts", number_text(limit) },
    { "IsTruncated", tostring(is_truncated) },
    { "ChecksumAlgorithm", row.checksum_name and row.checksum_name:upper() },
    { "ChecksumType", row.checksum_type },
  }
  for _, part in ipairs(rows) do
    content[#content + 1] = part_element(part)
  end
  wire.answer_document("ListPartsResult", content)
end

-- --- uploads --------------------------------------------------------------------------------------

-- Several uploads may have one key: the marker of the key alone stands behind all of them, that of an
-- upload behind itself.
local AFTER_KEY = "SELECT * FROM uploads WHERE bucket = ? AND key >= ? ORDER BY key, id LIMIT ?"
local AFTER_ID = "SELECT * FROM uploads WHERE bucket = ? AND key = ? AND id > ? ORDER BY id LIMIT ?"

local function finder(call, wanted, key_marker, id_marker)
  local is_within = key_marker:sub(1, #wanted.prefix) == wanted.prefix
  local rest = id_marker and is_within and { key = key_marker, id = id_marker }
  return function(from, limit)
    local db, rows = call.state.db, {}
    if rest then
      rows = db:rows(AFTER_ID, call.bucket, rest.key, rest.id, limit)
      rest = nil
    end
    from = listing.bound(db, from)
    for _, row in ipairs(#rows < limit and db:rows(AFTER_KEY, call.bucket, from, limit - #rows) or {}) do
      rows[#rows + 1] = row
    end
    return rows
  end
end

local function upload_element(encode)
  return function(row)
    return xml.elements {
      {
        "Upload",
        {
          { "Key", encode(row.key) },
          { "UploadId", row.id },
          { "Initiator", wire.owner(row.created_by) },
          { "Owner", wire.owner(row.created_by) },
          { "StorageClass", "STANDARD" },
          { "Initiated", xml.time(row.initiated) },
          { "ChecksumAlgorithm", row.checksum_name and row.checksum_name:upper() },
          { "ChecksumType", row.checksum_type },
        },
      },
    }
  end
end

--- Lists a bucket's uploads.
--- @param call table
function upload_listing.uploads(call)
  local query, wanted = call.query, listing.wanted(call.query, "max-uploads")
  local key_marker = query["key-marker"] or ""
  local id_marker = query["upload-id-marker"] ~= "" and query["upload-id-marker"] or nil
  wanted.has_equal_keys = true
  wanted.from = listing.behind_marker(key_marker, not id_marker and wanted.delimiter or nil)
  local page = listing.page(finder(call, wanted, key_marker, id_marker), wanted)
  local last = page.is_truncated and page.entries[#page.entries] or nil
  local content = {
    { "Bucket", call.bucket },
    { "Prefix", wanted.encode(wanted.prefix) },
    { "Delimiter", wanted.encode(wanted.delimiter) },
    { "EncodingType", query["encoding-type"] },
    { "KeyMarker", wanted.encode(key_marker) },
    { "UploadIdMarker", id_marker or "" },
    { "NextKeyMarker", last and wanted.encode(last.prefix or last.key) },
    { "NextUploadIdMarker", last and (last.id or "") },
    { "MaxUploads", number_text(wanted.limit) },
    { "IsTruncated", tostring(page.is_truncated) },
  }
  listing.add_entries(content, page, wanted.encode, upload_element(wanted.encode))
  wire.answer_document("ListMultipartUploadsResult", content)
end

return upload_listing
