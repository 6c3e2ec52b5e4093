--- S3, as far as staging data needs it: one method an operation, over the same signed and retried
--- exchange as everything else. Whole files, in parts and in parallel, are in `finspace.s3.upload`
--- and `finspace.s3.download`.
--
-- Keys are bytes. They arrive as they are given: `/` stays, every other byte that is not unreserved
-- is percent-encoded, and dot segments and double slashes are never tidied away.
local core = require("finspace.core")
local options = require("finspace.options")
local xml = require("finspace.formats.xml")

local s3 = {}

--- @class finspace.S3
--- @field exchange table     sends, signs, retries
--- @field endpoint function  () → endpoint | nil, err
--- @field region function    () → region | nil, err
--- @field credentials function  (refused) → credentials | nil, err
--- @field regions table<string, string>  what S3 told of buckets elsewhere
local S3 = {}
S3.__index = S3

--- @param parts { exchange: table, endpoint: function, region: function, credentials: function, runtime: table }
--- @return finspace.S3
function s3.new(parts)
  return setmetatable({
    exchange = parts.exchange,
    endpoint = parts.endpoint,
    region = parts.region,
    credentials = parts.credentials,
    runtime = parts.runtime,
    regions = {},
  }, S3)
end

-- Addresses ----------------------------------------------------------------------------------------

-- A bucket may stand in the host name where it is one host label: a dot would break the
-- certificate's wildcard, and upper case or `_` is no host name at all.
local function is_host_label(bucket) return #bucket <= 63 and bucket:match("^[a-z0-9][a-z0-9%-]*[a-z0-9]$") ~= nil end

local function virtual_host(endpoint, bucket)
  local copy = {}
  for name, value in pairs(endpoint) do
    copy[name] = value
  end
  copy.host = bucket .. "." .. endpoint.host
  copy.url = ("%s://%s%s"):format(copy.scheme, copy.host, copy.path or "")
  return copy
end

--- Where an object is addressed: the endpoint to call and the encoded path on it.
--- @param endpoint table
--- @param bucket string
--- @param key string|nil  nil for the bucket itself
--- @return table endpoint, string path
function s3.address(endpoint, bucket, key)
  local path = key and core.uri_encode(key, true) or ""
  if endpoint.custom or not is_host_label(bucket) then
    return endpoint, "/" .. core.uri_encode(bucket) .. (key and "/" or "") .. path
  end
  return virtual_host(endpoint, bucket), "/" .. path
end

local function query_string(pairs_list)
  local words = {}
  for _, pair in ipairs(pairs_list or {}) do
    if pair[2] ~= nil then
      table.insert(words, core.uri_encode(pair[1]) .. "=" .. core.uri_encode(tostring(pair[2])))
    end
  end
  return table.concat(words, "&")
end

-- Errors -------------------------------------------------------------------------------------------

local THROTTLING = {
  SlowDown = true,
  Throttling = true,
  ThrottlingException = true,
  RequestLimitExceeded = true,
  TooManyRequests = true,
  BandwidthLimitExceeded = true,
}
local TRANSIENT = {
  InternalError = true,
  ServiceUnavailable = true,
  RequestTimeout = true,
  OperationAborted = true,
}
local CLOCK = { RequestTimeTooSkewed = true, RequestExpired = true }
-- What an answer without a body (to HEAD, above all) means by its status alone.
local CODE_BY_STATUS = {
  [301] = "PermanentRedirect",
  [307] = "TemporaryRedirect",
  [400] = "BadRequest",
  [403] = "AccessDenied",
  [404] = "NotFound",
  [405] = "MethodNotAllowed",
  [412] = "PreconditionFailed",
  [416] = "InvalidRange",
  [503] = "ServiceUnavailable",
}
-- What radosgw, above all, leaves unsaid.
local MESSAGE_BY_CODE = {
  SignatureDoesNotMatch = "the secret access key does not belong to the access key ID",
  InvalidAccessKeyId = "S3 does not know the access key ID",
  NoSuchBucket = "there is no such bucket",
  NoSuchKey = "there is no object under this key",
}
local MAX_ERROR_BYTES = 64 * 1024

local function error_kind(code, status)
  if THROTTLING[code] or status == 429 then return "throttle" end
  if (status >= 500 and status ~= 501) or TRANSIENT[code] then return "service" end
  if status >= 300 and status < 400 then return "protocol" end
  return "client"
end

local function error_document(body)
  if not body or body == "" or #body > MAX_ERROR_BYTES then return nil end
  local root = xml.parse((body:gsub("^%s+", "")))
  return root and root.name == "Error" and root or nil
end

local function error_message(document, code)
  local message = document and xml.text(document, "Message") or ""
  return message ~= "" and message or MESSAGE_BY_CODE[code]
end

--- What S3 says went wrong, as the fields of an err.
--- @param response table
--- @return table fields
function s3.error_fields(response)
  local document = error_document(response.body)
  local code = document and xml.text(document, "Code") or CODE_BY_STATUS[response.status] or "HTTP" .. response.status
  local kind = error_kind(code, response.status)
  return {
    kind = kind,
    code = code,
    status = response.status,
    message = error_message(document, code),
    request_id = response.headers["x-amz-request-id"] or (document and xml.text(document, "RequestId")),
    region = response.headers["x-amz-bucket-region"] or (document and xml.text(document, "Region")),
    retryable = kind == "throttle" or kind == "service",
    throttle = kind == "throttle",
    clock = CLOCK[code] or false,
  }
end

-- One call -----------------------------------------------------------------------------------------

-- Seconds that a body may take: the slowest line that is still worth waiting for carries 8 KiB/s.
local SLOWEST = 8 * 1024

local function body_length(body)
  if type(body) == "table" then return body.length end
  return body and #body or 0
end

local function finisher(read)
  return function(response)
    if response.status < 200 or response.status > 299 then return nil, s3.error_fields(response) end
    return read(response)
  end
end

local function send(self, call, region)
  local endpoint, err = self.endpoint(region)
  if not endpoint then return nil, err end
  local address, path = s3.address(endpoint, call.bucket, call.key)
  return self.exchange:send {
    operation = call.operation,
    service = "s3",
    region = region,
    endpoint = address,
    credentials = self.credentials,
    finish = finisher(call.read),
    repeatable = true, -- every call here may be made twice, and end the same
    timeout = 60 + math.ceil((body_length(call.body) + (call.expected or 0)) / SLOWEST),
    sink = call.sink,
    max_body = call.max_body,
    request = {
      method = call.method,
      path = path,
      query = query_string(call.query),
      headers = call.headers or {},
      body = call.body,
      payload_hash = call.payload_hash,
    },
  }
end

-- S3 says where a bucket is in a header. It is believed only about the region's name: the host is
-- made from it by our own rule, and a custom endpoint is never left.
local function moved_to(self, err, region)
  local endpoint = self.endpoint(region)
  if not err.region or err.region == region or not endpoint or endpoint.custom then return nil end
  return err.region:match("^[a-z0-9][a-z0-9%-]*[a-z0-9]$")
end

local function region_of(self, bucket)
  if self.regions[bucket] then return self.regions[bucket] end
  return self.region()
end

local function call_s3(self, call)
  local region, missing = region_of(self, call.bucket)
  if not region then return nil, missing end
  local result, err = send(self, call, region)
  local elsewhere = err and moved_to(self, err, region)
  if not elsewhere then return result, err end
  self.regions[call.bucket] = elsewhere
  return send(self, call, elsewhere)
end

local function check(what, given, rules, ...)
  options.check(what, given, rules, 4)
  for _, name in ipairs { ... } do
    options.require(what, given, name, 4)
    if given[name] == "" then error(("%s: option %q must not be empty"):format(what, name), 4) end
  end
  return given
end

-- Reading answers ----------------------------------------------------------------------------------

local METADATA = "x-amz-meta-"

local function metadata_of(headers)
  local metadata = {}
  for name, value in pairs(headers) do
    if name:sub(1, #METADATA) == METADATA then metadata[name:sub(#METADATA + 1)] = value end
  end
  return metadata
end

local function whole_number(text)
  local number = tonumber(text)
  return number and (math.tointeger and math.tointeger(number) or number)
end

local function read_headers(response)
  local headers = response.headers
  return {
    etag = headers.etag,
    version_id = headers["x-amz-version-id"],
    size = whole_number(headers["content-length"]),
    content_type = headers["content-type"],
    content_range = headers["content-range"],
    last_modified = headers["last-modified"],
    metadata = metadata_of(headers),
    status = response.status,
  }
end

local function read_object(response)
  local object = read_headers(response)
  object.body = response.body
  return object
end

local function broken_answer(response, message)
  return {
    kind = "protocol",
    code = "InvalidResponse",
    status = response.status,
    message = message,
    request_id = response.headers["x-amz-request-id"],
  }
end

-- A reader of one kind of document; an error that came with a success's status is still an error.
local function document_reader(name, read)
  return function(response)
    local root, message = xml.parse(((response.body or ""):gsub("^%s+", "")))
    if not root then return nil, broken_answer(response, "S3 answered no XML: " .. message) end
    if root.name == "Error" then
      local fields = s3.error_fields(response)
      fields.retryable, fields.kind = not fields.throttle or fields.retryable, "service"
      return nil, fields
    end
    if root.name ~= name then
      return nil, broken_answer(response, ("S3 answered a %s instead of a %s"):format(root.name, name))
    end
    return read(root, response)
  end
end

-- Where a list goes on. One that says that it does, and not where, would pass for the whole.
local function next_page(root, response, name)
  if xml.text(root, "IsTruncated") ~= "true" then return nil end
  local marker = xml.text(root, name) or ""
  if marker ~= "" then return marker end
  return nil, broken_answer(response, "S3 says that its list goes on, and does not say where")
end

local function put_headers(given)
  local headers = { ["content-type"] = given.content_type }
  for name, value in pairs(given.metadata or {}) do
    headers[METADATA .. name:lower()] = value
  end
  return headers
end

-- Objects ------------------------------------------------------------------------------------------

--- @class finspace.s3.Put
--- @field bucket string
--- @field key string
--- @field body? string|{ file: string, offset: integer, length: integer }
--- @field sha256? string               of the body, 64 hexadecimal digits
--- @field content_type? string
--- @field metadata? table<string, string>

--- Writes an object, from a string or from a slice of a file. A slice needs its `sha256`.
--- @param given finspace.s3.Put
--- @return table|nil object, finspace.Error|nil err
function S3:put_object(given)
  check("put_object", given, {
    bucket = "string",
    key = "string",
    body = "string|table",
    sha256 = "string",
    content_type = "string",
    metadata = "table",
  }, "bucket", "key")
  return call_s3(self, {
    operation = "PutObject",
    method = "PUT",
    bucket = given.bucket,
    key = given.key,
    headers = put_headers(given),
    body = given.body or "",
    payload_hash = given.sha256,
    read = read_headers,
  })
end

--- @param given { bucket: string, key: string }
--- @return table|nil object      etag, size, metadata …
--- @return finspace.Error|nil err
function S3:head_object(given)
  check("head_object", given, { bucket = "string", key = "string" }, "bucket", "key")
  return call_s3(self, {
    operation = "HeadObject",
    method = "HEAD",
    bucket = given.bucket,
    key = given.key,
    read = read_headers,
  })
end

--- @class finspace.s3.Get
--- @field bucket string
--- @field key string
--- @field first? integer
--- @field last? integer
--- @field if_match? string  an ETag: another version of the object is an err
--- @field sink? table       the file that the bytes go to
--- @field max_body? integer

--- Reads an object, or the bytes `first` to `last` of it (both counted from 0, both included). With
--- a `sink` the bytes go to that file.
--- @param given finspace.s3.Get
--- @return table|nil object, finspace.Error|nil err
function S3:get_object(given)
  check("get_object", given, {
    bucket = "string",
    key = "string",
    first = "number",
    last = "number",
    if_match = "string",
    sink = "table",
    max_body = "number",
  }, "bucket", "key")
  local range = given.first and ("bytes=%d-%s"):format(given.first, given.last and ("%d"):format(given.last) or "")
  return call_s3(self, {
    operation = "GetObject",
    method = "GET",
    bucket = given.bucket,
    key = given.key,
    headers = { range = range, ["if-match"] = given.if_match },
    sink = given.sink,
    max_body = given.max_body,
    expected = given.last and given.last - given.first + 1,
    read = read_object,
  })
end

--- Removes an object; one that is not there is as good as removed.
--- @param given { bucket: string, key: string }
--- @return table|nil result, finspace.Error|nil err
function S3:delete_object(given)
  check("delete_object", given, { bucket = "string", key = "string" }, "bucket", "key")
  return call_s3(self, {
    operation = "DeleteObject",
    method = "DELETE",
    bucket = given.bucket,
    key = given.key,
    read = read_headers,
  })
end

-- Names in a list are form-encoded on demand, because XML cannot carry every byte of a key.
local function name_reader(root)
  if xml.text(root, "EncodingType") ~= "url" then
    return function(name) return name end
  end
  return function(name) return name and core.uri_decode((name:gsub("+", "%%20"))) end
end

local function read_list(root, response)
  local decode = name_reader(root)
  local next_token, err = next_page(root, response, "NextContinuationToken")
  if err then return nil, err end
  local list = { objects = {}, prefixes = {}, next_token = next_token }
  for _, item in ipairs(xml.children(root, "Contents")) do
    table.insert(list.objects, {
      key = decode(xml.text(item, "Key")),
      size = whole_number(xml.text(item, "Size")),
      etag = xml.text(item, "ETag"),
      last_modified = xml.text(item, "LastModified"),
    })
  end
  for _, item in ipairs(xml.children(root, "CommonPrefixes")) do
    table.insert(list.prefixes, decode(xml.text(item, "Prefix")))
  end
  return list
end

--- @class finspace.s3.List
--- @field bucket string
--- @field prefix? string
--- @field delimiter? string
--- @field max_keys? integer
--- @field token? string  a page's next_token
--- @field start_after? string

--- One page of a bucket's objects: `objects`, `prefixes` (with a `delimiter`), `next_token`.
--- @param given finspace.s3.List
--- @return table|nil list, finspace.Error|nil err
function S3:list_objects(given)
  check("list_objects", given, {
    bucket = "string",
    prefix = "string",
    delimiter = "string",
    max_keys = "count",
    token = "string",
    start_after = "string",
  }, "bucket")
  return call_s3(self, {
    operation = "ListObjectsV2",
    method = "GET",
    bucket = given.bucket,
    query = {
      { "list-type", "2" },
      { "encoding-type", "url" },
      { "prefix", given.prefix },
      { "delimiter", given.delimiter },
      { "max-keys", given.max_keys },
      { "continuation-token", given.token },
      { "start-after", given.start_after },
    },
    read = document_reader("ListBucketResult", read_list),
  })
end

local FIRST_PAGE = {}

--- All objects below a prefix, page by page as they are asked for. An err ends the walk and comes as
--- the second value: `for object, err in s3:each_object{…} do`, where `object` is then false.
--- @param given { bucket: string, prefix?: string }
--- @return fun(): table|false|nil, finspace.Error|nil
function S3:each_object(given)
  local objects, at, token = {}, 0, FIRST_PAGE
  return function()
    while at >= #objects do
      if not token then return nil end
      local page, err = self:list_objects {
        bucket = given.bucket,
        prefix = given.prefix,
        token = token ~= FIRST_PAGE and token or nil,
      }
      if not page then
        objects, at, token = {}, 0, nil
        return false, err
      end
      objects, at, token = page.objects, 0, page.next_token
    end
    at = at + 1
    return objects[at]
  end
end

-- Multipart uploads --------------------------------------------------------------------------------

--- Begins a multipart upload.
--- @param given { bucket: string, key: string, content_type?: string, metadata?: table }
--- @return { upload_id: string }|nil upload, finspace.Error|nil err
function S3:create_upload(given)
  check("create_upload", given, {
    bucket = "string",
    key = "string",
    content_type = "string",
    metadata = "table",
  }, "bucket", "key")
  return call_s3(self, {
    operation = "CreateMultipartUpload",
    method = "POST",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploads", "" } },
    headers = put_headers(given),
    body = "",
    read = document_reader(
      "InitiateMultipartUploadResult",
      function(root) return { upload_id = xml.text(root, "UploadId") } end
    ),
  })
end

--- Sends one part, from a string or from a slice of a file (which needs its `sha256`).
--- @param given finspace.s3.Put|{ upload_id: string, number: integer }
--- @return { etag: string }|nil part, finspace.Error|nil err
function S3:upload_part(given)
  check("upload_part", given, {
    bucket = "string",
    key = "string",
    upload_id = "string",
    number = "count",
    body = "string|table",
    sha256 = "string",
  }, "bucket", "key", "upload_id", "number", "body")
  return call_s3(self, {
    operation = "UploadPart",
    method = "PUT",
    bucket = given.bucket,
    key = given.key,
    query = { { "partNumber", ("%d"):format(given.number) }, { "uploadId", given.upload_id } },
    body = given.body,
    payload_hash = given.sha256,
    read = read_headers,
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

--- Makes an object of the parts. S3 may answer 200 and say in the body that it failed: that is an
--- err here.
--- @param given { bucket: string, key: string, upload_id: string, etags: string[] }
--- @return { etag: string }|nil object, finspace.Error|nil err
function S3:complete_upload(given)
  check("complete_upload", given, {
    bucket = "string",
    key = "string",
    upload_id = "string",
    etags = "table",
  }, "bucket", "key", "upload_id", "etags")
  return call_s3(self, {
    operation = "CompleteMultipartUpload",
    method = "POST",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploadId", given.upload_id } },
    headers = { ["content-type"] = "application/xml" },
    body = completion_document(given.etags),
    read = document_reader(
      "CompleteMultipartUploadResult",
      function(root) return { etag = xml.text(root, "ETag") } end
    ),
  })
end

--- Gives an upload up, and everything that was sent of it.
--- @param given { bucket: string, key: string, upload_id: string }
--- @return table|nil result, finspace.Error|nil err
function S3:abort_upload(given)
  check(
    "abort_upload",
    given,
    { bucket = "string", key = "string", upload_id = "string" },
    "bucket",
    "key",
    "upload_id"
  )
  return call_s3(self, {
    operation = "AbortMultipartUpload",
    method = "DELETE",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploadId", given.upload_id } },
    read = read_headers,
  })
end

local function read_parts(root, response)
  local next_marker, err = next_page(root, response, "NextPartNumberMarker")
  if err then return nil, err end
  local list = { parts = {}, next_marker = next_marker }
  for _, item in ipairs(xml.children(root, "Part")) do
    table.insert(list.parts, {
      number = whole_number(xml.text(item, "PartNumber")),
      size = whole_number(xml.text(item, "Size")),
      etag = xml.text(item, "ETag"),
    })
  end
  return list
end

--- One page of the parts that have arrived: `parts`, `next_marker`.
--- @param given { bucket: string, key: string, upload_id: string, marker?: string }
--- @return table|nil list, finspace.Error|nil err
function S3:list_parts(given)
  check("list_parts", given, {
    bucket = "string",
    key = "string",
    upload_id = "string",
    marker = "string",
  }, "bucket", "key", "upload_id")
  return call_s3(self, {
    operation = "ListParts",
    method = "GET",
    bucket = given.bucket,
    key = given.key,
    query = { { "uploadId", given.upload_id }, { "part-number-marker", given.marker } },
    read = document_reader("ListPartsResult", read_parts),
  })
end

local function read_uploads(root, response)
  local decode = name_reader(root)
  local next_key, err = next_page(root, response, "NextKeyMarker")
  if err then return nil, err end
  local list = {
    uploads = {},
    next_key = decode(next_key),
    next_upload = next_key and xml.text(root, "NextUploadIdMarker"),
  }
  for _, item in ipairs(xml.children(root, "Upload")) do
    table.insert(list.uploads, {
      key = decode(xml.text(item, "Key")),
      upload_id = xml.text(item, "UploadId"),
      initiated = xml.text(item, "Initiated"),
    })
  end
  return list
end

local function list_uploads(self, given, encoding)
  return call_s3(self, {
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
    read = document_reader("ListMultipartUploadsResult", read_uploads),
  })
end

--- One page of the uploads that were begun and neither completed nor aborted.
--- @param given { bucket: string, prefix?: string, key_marker?: string, upload_marker?: string }
--- @return table|nil list, finspace.Error|nil err
function S3:list_uploads(given)
  check("list_uploads", given, {
    bucket = "string",
    prefix = "string",
    key_marker = "string",
    upload_marker = "string",
  }, "bucket")
  -- Asked to encode the names here, radosgw does not say that it did, and Swift leaves the markers as
  -- they are. So they are encoded only where XML cannot carry them.
  local list, err = list_uploads(self, given)
  if list or err.code ~= "InvalidResponse" then return list, err end
  return list_uploads(self, given, "url")
end

return s3
