--- The S3 half, path-style: what staging needs, and what the AWS tools use on their way there.
-- A call is `{state=, request=, caller=, bucket=, key=, query=, now=}`; a handler writes the answer.

local cjson = require("cjson.safe")
local core = require("finspace.core")
local fault = require("finspace.service.fault")
local access = require("finspace.service.objects.access")
local contents = require("finspace.service.objects.contents")
local listing = require("finspace.service.objects.listing")
local multipart = require("finspace.service.objects.multipart")
local xml = require("finspace.service.objects.xml")

local s3 = {}

local NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
local PIECE = 256 * 1024
local LARGEST_PUT = 5 * 1024 * 1024 * 1024
local LARGEST_DOCUMENT = 4 * 1024 * 1024

local STATUS = {
  AccessDenied = 403,
  BadDigest = 400,
  BucketAlreadyExists = 409,
  BucketNotEmpty = 409,
  EntityTooLarge = 400,
  EntityTooSmall = 400,
  IncompleteBody = 400,
  InvalidArgument = 400,
  InvalidBucketName = 400,
  InvalidDigest = 400,
  InvalidPart = 400,
  InvalidPartOrder = 400,
  InvalidRange = 416,
  InvalidRequest = 400,
  InvalidURI = 400,
  KeyTooLongError = 400,
  MalformedXML = 400,
  MethodNotAllowed = 405,
  MissingContentLength = 411,
  NoSuchBucket = 404,
  NoSuchKey = 404,
  NoSuchUpload = 404,
  NotImplemented = 501,
  NotModified = 304,
  PreconditionFailed = 412,
  XAmzContentSHA256Mismatch = 400,
}

local function refuse(code, message)
  error(fault.new(code, message, STATUS[code]), 0)
end

-- --- answers --------------------------------------------------------------------------------------

local function answer(status, headers, body)
  ngx.status = status
  for name, value in pairs(headers or {}) do
    ngx.header[name] = value
  end
  ngx.header["Content-Length"] = #(body or "")
  if body then ngx.print(body) end
end

local function answer_xml(document)
  answer(200, { ["Content-Type"] = "application/xml" }, document)
end

local function quoted(etag)
  return '"' .. etag .. '"'
end

-- --- bodies ---------------------------------------------------------------------------------------

local function declared_length(call)
  local length = call.request.header["content-length"]
  if not length or not length:match("^%d+$") then
    refuse("MissingContentLength", "the request needs a Content-Length")
  end
  length = tonumber(length)
  if length > LARGEST_PUT then
    refuse("EntityTooLarge", "one request holds at most 5 GiB: upload it in parts")
  end
  return length
end

local function body_pieces(length)
  if length == 0 then
    return function()
      return nil
    end
  end
  local socket = ngx.req.socket()
  local left = length
  return function()
    if left == 0 then return nil end
    local piece = socket:receive(math.min(PIECE, left))
    if not piece then refuse("IncompleteBody", "the body ended before its Content-Length") end
    left = left - #piece
    return piece
  end
end

local CHECKSUMS = { crc32 = "crc32", sha256 = "sha256_bytes" }

local function from_hex(text)
  return (text:gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- A checksum that cannot be checked is refused: accepting it would be a promise that is not kept.
local function check_declared_checksums(header, digests)
  digests.sha256_bytes = from_hex(digests.sha256)
  for name, value in pairs(header) do
    local kind = name:match("^x%-amz%-checksum%-(%w+)$")
    if kind and kind ~= "type" and kind ~= "algorithm" then
      local digest = CHECKSUMS[kind] and digests[CHECKSUMS[kind]]
      if not digest then refuse("NotImplemented", "checksums here are crc32 or sha256, not " .. kind) end
      if ngx.encode_base64(digest) ~= value then refuse("BadDigest", name .. " does not match the body") end
    end
  end
end

local function approve_for(call)
  local header = call.request.header
  return function(digests)
    local declared = call.request.payload_hash
    if declared ~= "UNSIGNED-PAYLOAD" and declared ~= digests.sha256 then
      refuse("XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match the body")
    end
    local md5 = header["content-md5"]
    if md5 and md5 ~= ngx.encode_base64(digests.md5) then
      refuse("BadDigest", "Content-MD5 does not match the body")
    end
    check_declared_checksums(header, digests)
  end
end

local function receive(call)
  local length = declared_length(call)
  return contents.write_segment(call.state, body_pieces(length), approve_for(call))
end

-- Small documents only: what lists parts or keys.
local function receive_document(call)
  local length = declared_length(call)
  if length > LARGEST_DOCUMENT then refuse("MalformedXML", "the document is too large") end
  local pieces = {}
  for piece in body_pieces(length) do
    pieces[#pieces + 1] = piece
  end
  local document = table.concat(pieces)
  local declared = call.request.payload_hash
  if declared ~= "UNSIGNED-PAYLOAD" and declared ~= core.sha256(document) then
    refuse("XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match the body")
  end
  return document
end

-- --- objects --------------------------------------------------------------------------------------

local function described(header)
  local metadata = {}
  for name, value in pairs(header) do
    local key = name:match("^x%-amz%-meta%-(.+)$")
    if key then metadata[key] = value end
  end
  return {
    content_type = header["content-type"] or "binary/octet-stream",
    metadata = next(metadata) and cjson.encode(metadata) or nil,
  }
end

local function put(call, content_id, about)
  call.state.db:run(
    "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)",
    call.bucket,
    call.key,
    content_id,
    call.now,
    about.content_type,
    about.metadata
  )
end

local FIND = [[SELECT o.*, c.size, c.etag, c.segments FROM objects o JOIN contents c ON c.id = o.content_id
  WHERE bucket = ? AND key = ?]]

local function find(call)
  local object = call.state.db:row(FIND, call.bucket, call.key)
  return object or refuse("NoSuchKey", "there is no object under this key")
end

local function matches(condition, etag)
  return condition == "*" or condition:find(etag, 1, true) ~= nil
end

local function check_conditions(header, object)
  local wanted, unwanted = header["if-match"], header["if-none-match"]
  if wanted and not (object and matches(wanted, object.etag)) then
    refuse("PreconditionFailed", "the object is not the one that If-Match names")
  end
  if not unwanted or not object or not matches(unwanted, object.etag) then return true end
  return false
end

local function put_object(call)
  local segment = receive(call)
  local etag = contents.etag(segment)
  local db = call.state.db
  db:transaction(function()
    if not check_conditions(call.request.header, db:row(FIND, call.bucket, call.key)) then
      refuse("PreconditionFailed", "the object exists already")
    end
    put(call, contents.insert(db, { segment }, etag), described(call.request.header))
  end)
  answer(200, { ETag = quoted(etag) })
end

-- Both names of a copy's source are checked like a read of it.
local function copy_object(call)
  local source = call.request.header["x-amz-copy-source"]:match("^/?(.*)$"):gsub("%?.*$", "")
  local bucket, key = (core.uri_decode(source) or ""):match("^([^/]+)/(.+)$")
  if not bucket then refuse("InvalidArgument", "x-amz-copy-source must be BUCKET/KEY") end
  if not access.allows(call.state, call.caller, "read", bucket, key) then
    refuse("AccessDenied", "these keys do not open the copy's source")
  end
  local object = find({ state = call.state, bucket = bucket, key = key })
  local replace = (call.request.header["x-amz-metadata-directive"] or ""):upper() == "REPLACE"
  put(call, object.content_id, replace and described(call.request.header) or object)
  answer_xml(
    xml.document(
      "CopyObjectResult",
      NAMESPACE,
      { { "LastModified", xml.time(call.now) }, { "ETag", quoted(object.etag) } }
    )
  )
end

local function whole_number(text)
  return text ~= "" and tonumber(text) or nil
end

-- bytes=a-b, bytes=a-, bytes=-n; anything else is the whole object, as RFC 9110 lets a server do.
local function wanted_range(header, size)
  local from, to = (header.range or ""):match("^bytes=(%d*)%-(%d*)$")
  local first, last = whole_number(from or ""), whole_number(to or "")
  if not first and not last then return nil end
  if not first then
    first, last = math.max(0, size - last), size - 1
  end
  last = math.min(last or size - 1, size - 1)
  if first > last then refuse("InvalidRange", "the range is outside of the object") end
  return first, last
end

local function object_headers(object)
  local headers = {
    ETag = quoted(object.etag),
    ["Last-Modified"] = ngx.http_time(math.floor(object.modified / 1000)),
    ["Content-Type"] = object.content_type,
    ["Accept-Ranges"] = "bytes",
  }
  for name, value in pairs(object.metadata and cjson.decode(object.metadata) or {}) do
    headers["x-amz-meta-" .. name] = value
  end
  return headers
end

local function send_pieces(call, object, first, last)
  for piece in contents.pieces(call.state, object.segments, first, last) do
    if not ngx.print(piece) or not ngx.flush(true) then return end -- the reader went away
  end
end

local function get_object(call)
  local object = find(call)
  if not check_conditions(call.request.header, object) then
    return answer(304, { ETag = quoted(object.etag) })
  end
  local first, last = wanted_range(call.request.header, object.size)
  for name, value in pairs(object_headers(object)) do
    ngx.header[name] = value
  end
  if first then
    ngx.status = 206
    ngx.header["Content-Range"] = ("bytes %d-%d/%d"):format(first, last, object.size)
  end
  first, last = first or 0, last or object.size - 1
  ngx.header["Content-Length"] = ("%d"):format(last - first + 1)
  if call.request.method == "HEAD" then return ngx.send_headers() end
  send_pieces(call, object, first, last)
end

local function delete_object(call)
  call.state.db:run("DELETE FROM objects WHERE bucket = ? AND key = ?", call.bucket, call.key)
  answer(204)
end

-- --- buckets --------------------------------------------------------------------------------------

local function list_buckets(call)
  local entries = {}
  for _, row in ipairs(call.state.db:rows("SELECT * FROM buckets ORDER BY name")) do
    if access.allows(call.state, call.caller, "read", row.name) or row.created_by == call.caller.user_id then
      entries[#entries + 1] =
        { "Bucket", { { "Name", row.name }, { "CreationDate", xml.time(row.created) } } }
    end
  end
  answer_xml(
    xml.document(
      "ListAllMyBucketsResult",
      NAMESPACE,
      { { "Owner", { { "ID", call.caller.user_id } } }, { "Buckets", entries } }
    )
  )
end

local function create_bucket(call)
  local name = call.bucket
  if #name < 3 or #name > 63 or not name:match("^[a-z0-9][a-z0-9%.%-]*[a-z0-9]$") then
    refuse("InvalidBucketName", "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens")
  end
  receive_document(call)
  local made =
    call.state.db:run("INSERT OR IGNORE INTO buckets VALUES (?, ?, ?)", name, call.caller.user_id, call.now)
  if made == 0 then refuse("BucketAlreadyExists", "there is a bucket of that name") end
  answer(200, { Location = "/" .. name })
end

local function delete_bucket(call)
  local db = call.state.db
  if call.bucket == call.state.settings.bucket then
    refuse("AccessDenied", "the service needs this bucket")
  end
  db:transaction(function()
    if db:row("SELECT 1 AS found FROM objects WHERE bucket = ? LIMIT 1", call.bucket) then
      refuse("BucketNotEmpty", "the bucket still has objects")
    end
    db:run("DELETE FROM buckets WHERE name = ?", call.bucket)
  end)
  answer(204)
end

local function bucket_location(call)
  answer_xml(xml.document("LocationConstraint", NAMESPACE, {}))
end

local function head_bucket(call)
  answer(200, { ["x-amz-bucket-region"] = call.state.settings.region })
end

local function list_objects(call)
  answer_xml(listing.answer(call.state.db, call.bucket, call.query, refuse))
end

local function list_uploads(call)
  answer_xml(multipart.list_uploads(call.state.db, call.bucket, call.query))
end

-- --- uploads in parts -----------------------------------------------------------------------------

local function begin_upload(call)
  local about = described(call.request.header)
  receive_document(call)
  answer_xml(multipart.begin(call.state.db, call, about, call.caller.user_id, call.now))
end

local function upload_part(call)
  local number = multipart.part_number(call.query.partNumber, refuse)
  local upload = multipart.find(call.state.db, call, call.query.uploadId, refuse)
  local segment = receive(call)
  answer(200, { ETag = quoted(multipart.add_part(call.state, upload, number, segment, call.now, refuse)) })
end

local function list_parts(call)
  answer_xml(multipart.list_parts(call.state.db, call, call.query, refuse))
end

local function complete_upload(call)
  local document = receive_document(call)
  local function make(content_id, upload)
    put(call, content_id, upload)
  end
  local etag = multipart.complete(call.state.db, call, call.query.uploadId, document, make, refuse)
  answer_xml(xml.document("CompleteMultipartUploadResult", NAMESPACE, {
    {
      "Location",
      call.state.settings.endpoint .. "/" .. call.bucket .. "/" .. core.uri_encode(call.key, true),
    },
    { "Bucket", call.bucket },
    { "Key", call.key },
    { "ETag", quoted(etag) },
  }))
end

local function abort_upload(call)
  multipart.abort(call.state.db, call, call.query.uploadId, refuse)
  answer(204)
end

-- --- routes ---------------------------------------------------------------------------------------

local NOT_HERE = {
  "acl",
  "attributes",
  "cors",
  "delete",
  "encryption",
  "legal-hold",
  "lifecycle",
  "logging",
  "notification",
  "object-lock",
  "policy",
  "replication",
  "restore",
  "retention",
  "select",
  "tagging",
  "torrent",
  "versioning",
  "versions",
  "website",
}

local function service_route(call)
  return call.request.method == "GET" and list_buckets, "read"
end

local function bucket_route(call)
  local method, query = call.request.method, call.query
  if method == "PUT" then return create_bucket, "create" end
  if method == "DELETE" then return delete_bucket, "write" end
  if method == "HEAD" then return head_bucket, "read" end
  if method ~= "GET" then return nil end
  if query.location then return bucket_location, "read" end
  if query.uploads then return list_uploads, "list" end
  return list_objects, "list"
end

local OBJECT = {
  PUT = function(query, header)
    if query.uploadId then return upload_part, "write" end
    return header["x-amz-copy-source"] and copy_object or put_object, "write"
  end,
  POST = function(query)
    if query.uploads then return begin_upload, "write" end
    return query.uploadId and complete_upload, "write"
  end,
  GET = function(query)
    return query.uploadId and list_parts or get_object, "read"
  end,
  HEAD = function()
    return get_object, "read"
  end,
  DELETE = function(query)
    return query.uploadId and abort_upload or delete_object, "write"
  end,
}

local function route(call)
  for _, name in ipairs(NOT_HERE) do
    if call.query[name] then refuse("NotImplemented", "this service does not have ?" .. name) end
  end
  if not call.bucket then return service_route(call) end
  if not call.key then return bucket_route(call) end
  local choose = OBJECT[call.request.method]
  if choose then return choose(call.query, call.request.header) end
end

local function parse_path(path)
  local bucket, key = path:match("^/([^/]*)/?(.*)$")
  bucket, key = core.uri_decode(bucket), core.uri_decode(key)
  if not bucket or not key then refuse("InvalidURI", "the path is not percent-encoded text") end
  if #key > 1024 then refuse("KeyTooLongError", "a key has at most 1024 bytes") end
  return bucket ~= "" and bucket or nil, key ~= "" and key or nil
end

local function parse_query(text)
  local query = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = core.uri_decode(name), core.uri_decode(value)
    if not name or not value then refuse("InvalidURI", "the query is not percent-encoded text") end
    if query[name] then refuse("InvalidArgument", name .. " is in the query more than once") end
    query[name] = value
  end
  return query
end

local function check_access(call, kind)
  local key = kind == "list" and (call.query.prefix or "") or call.key
  if kind == "create" then return call.caller.type == "SUPER_USER" and not call.caller.bucket end
  return not call.bucket
    or access.allows(call.state, call.caller, kind == "list" and "read" or kind, call.bucket, key)
end

--- Answers one request whose signature has been verified.
--- @param state table
--- @param request table
--- @param caller table
--- @param now integer
function s3.answer(state, request, caller, now)
  local call = { state = state, request = request, caller = caller, now = now }
  call.bucket, call.key = parse_path(request.path)
  call.query = parse_query(request.query)
  local handler, kind = route(call)
  if not handler then refuse("MethodNotAllowed", "there is no such S3 operation here") end
  if not check_access(call, kind) then refuse("AccessDenied", "these keys do not open this bucket or key") end
  if
    call.bucket
    and kind ~= "create"
    and not state.db:row("SELECT 1 AS found FROM buckets WHERE name = ?", call.bucket)
  then
    refuse("NoSuchBucket", "there is no bucket of that name")
  end
  handler(call)
end

return s3
