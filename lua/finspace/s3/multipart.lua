--- The operations on multipart uploads.
local answers = require("finspace.s3.answers")
local call = require("finspace.s3.call")
local metadata = require("finspace.s3.metadata")
local options = require("finspace.options")
local xml = require("finspace.formats.xml")

local multipart = {}

local CREATE = options.declare {
  what = "create_upload",
  class = "finspace.s3.CreateUpload",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "content_type", "string", "its media type" },
  { "metadata", "table<string, string>", "names and values that stay with the object" },
}

--- Begins a multipart upload.
--- @param given finspace.s3.CreateUpload
--- @return { upload_id: string }|nil upload
--- @return finspace.Error|nil err
function multipart.create_upload(self, given)
  CREATE:check(given)
  return call.send(self, {
    operation = "CreateMultipartUpload",
    method = "POST",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploads", "" } },
    headers = metadata.headers(given),
    body = "",
    read = answers.document_reader(
      "InitiateMultipartUploadResult",
      function(root, response)
        return answers.whole(response, { upload_id = xml.text(root, "UploadId") }, "an upload", "upload_id")
      end
    ),
  })
end

local PART = options.declare {
  what = "upload_part",
  class = "finspace.s3.UploadPart",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "upload_id", "name", "what `create_upload` gave", required = true },
  { "number", "count", "the part's number", required = true },
  { "body", "string|finspace.FileSlice", "the bytes: a string, or `{ file, offset, length }`", required = true },
  { "sha256", "string", "of the body, as 64 hexadecimal digits; a slice of a file needs it" },
}

--- Sends one part, from a string or from a slice of a file (which needs its `sha256`).
--- @param given finspace.s3.UploadPart
--- @return { etag: string }|nil part
--- @return finspace.Error|nil err
function multipart.upload_part(self, given)
  PART:check(given)
  return call.send(self, {
    operation = "UploadPart",
    method = "PUT",
    bucket = given.bucket,
    key = given.key,
    query = { { "partNumber", ("%d"):format(given.number) }, { "uploadId", given.upload_id } },
    body = given.body,
    payload_hash = given.sha256,
    read = answers.written,
  })
end

local function completion_document(parts)
  local lines = { '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' }
  for number, etag in ipairs(parts) do
    table.insert(lines, ("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>"):format(number, xml.escape(etag)))
  end
  table.insert(lines, "</CompleteMultipartUpload>")
  return table.concat(lines)
end

local COMPLETE = options.declare {
  what = "complete_upload",
  class = "finspace.s3.CompleteUpload",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "upload_id", "name", "what `create_upload` gave", required = true },
  { "etags", "string[]", "the ETags of all parts, in order", required = true },
}

--- Makes an object of the parts. S3 may answer 200 and say in the body that it failed: that is an
--- err here.
--- @param given finspace.s3.CompleteUpload
--- @return { etag: string }|nil object
--- @return finspace.Error|nil err
function multipart.complete_upload(self, given)
  COMPLETE:check(given)
  return call.send(self, {
    operation = "CompleteMultipartUpload",
    method = "POST",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploadId", given.upload_id } },
    headers = { ["content-type"] = "application/xml" },
    body = completion_document(given.etags),
    read = answers.document_reader(
      "CompleteMultipartUploadResult",
      function(root) return { etag = xml.text(root, "ETag") } end
    ),
  })
end

local ABORT = options.declare {
  what = "abort_upload",
  class = "finspace.s3.AbortUpload",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "upload_id", "name", "what `create_upload` gave", required = true },
}

--- Gives an upload up, and everything that was sent of it.
--- @param given finspace.s3.AbortUpload
--- @return table|nil result
--- @return finspace.Error|nil err
function multipart.abort_upload(self, given)
  ABORT:check(given)
  return call.send(self, {
    operation = "AbortMultipartUpload",
    method = "DELETE",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploadId", given.upload_id } },
    read = answers.headers,
  })
end

local function read_parts(root, response)
  local next_marker, err = answers.next_page(root, response, "NextPartNumberMarker")
  if err then return nil, err end
  local list = { parts = {}, next_marker = next_marker }
  for _, item in ipairs(xml.children(root, "Part")) do
    local part = {
      number = answers.whole_number(xml.text(item, "PartNumber")),
      size = answers.whole_number(xml.text(item, "Size")),
      etag = xml.text(item, "ETag"),
    }
    local whole, fault = answers.whole(response, part, "a part", "number", "size", "etag")
    if not whole then return nil, fault end
    table.insert(list.parts, whole)
  end
  return list
end

local PARTS = options.declare {
  what = "list_parts",
  class = "finspace.s3.ListParts",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "upload_id", "name", "what `create_upload` gave", required = true },
  { "marker", "string", "a page's `next_marker`" },
}

--- One page of the parts that have arrived: `parts`, `next_marker`.
--- @param given finspace.s3.ListParts
--- @return table|nil list
--- @return finspace.Error|nil err
function multipart.list_parts(self, given)
  PARTS:check(given)
  return call.send(self, {
    operation = "ListParts",
    method = "GET",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploadId", given.upload_id }, { "part-number-marker", given.marker } },
    read = answers.document_reader("ListPartsResult", read_parts),
  })
end

local function read_uploads(root, response)
  local decode = answers.name_reader(root)
  local next_key, err = answers.next_page(root, response, "NextKeyMarker")
  if err then return nil, err end
  local list = {
    uploads = {},
    next_key = decode(next_key),
    next_upload = next_key and xml.text(root, "NextUploadIdMarker"),
  }
  for _, item in ipairs(xml.children(root, "Upload")) do
    local upload = {
      key = decode(xml.text(item, "Key")),
      upload_id = xml.text(item, "UploadId"),
      initiated = xml.text(item, "Initiated"),
    }
    local whole, fault = answers.whole(response, upload, "an upload", "key")
    if not whole then return nil, fault end
    table.insert(list.uploads, whole)
  end
  return list
end

local function list_uploads(self, given, encoding)
  return call.send(self, {
    operation = "ListMultipartUploads",
    method = "GET",
    bucket = given.bucket,
    query = {
      { "uploads", "" },
      { "encoding-type", encoding },
      { "prefix", given.prefix },
      { "key-marker", given.key_marker },
      { "upload-id-marker", given.upload_marker },
    },
    read = answers.document_reader("ListMultipartUploadsResult", read_uploads),
  })
end

local UPLOADS = options.declare {
  what = "list_uploads",
  class = "finspace.s3.ListUploads",
  { "bucket", "name", "the bucket's name", required = true },
  { "prefix", "string", "what their keys begin with" },
  { "key_marker", "string", "a page's `next_key`" },
  { "upload_marker", "string", "a page's `next_upload`" },
}

--- One page of the uploads that were begun and neither completed nor aborted.
--- @param given finspace.s3.ListUploads
--- @return table|nil list
--- @return finspace.Error|nil err
function multipart.list_uploads(self, given)
  UPLOADS:check(given)
  -- Asked to encode the names here, radosgw does not say that it did, and Swift leaves the markers as
  -- they are. So they are encoded only where XML cannot carry them.
  local list, err = list_uploads(self, given)
  if list or err.code ~= "InvalidResponse" then return list, err end
  return list_uploads(self, given, "url")
end

return multipart
