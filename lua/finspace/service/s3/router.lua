--- The S3 half, path-style: what staging needs, and what the AWS tools use on their way there. Here a
--- request finds its handler, and is judged before a byte of its body is read; a call is
--- `{state, request, caller, bucket, key, query, now}`.

local core = require("finspace.core")
local access = require("finspace.service.s3.access")
local acl = require("finspace.service.s3.acl")
local bucket = require("finspace.service.s3.bucket")
local copy = require("finspace.service.s3.copy")
local cors = require("finspace.service.s3.cors")
local headers = require("finspace.service.s3.headers")
local listing = require("finspace.service.s3.listing")
local object = require("finspace.service.s3.object")
local query = require("finspace.service.query")
local upload = require("finspace.service.s3.upload")
local upload_listing = require("finspace.service.s3.upload_listing")
local wire = require("finspace.service.s3.wire")
local words = require("finspace.service.s3.words")

local s3 = {}

local LONGEST_KEY = 1024

-- Parts of S3 that are asked for by a word in the query, and are not here.
local NOT_HERE =
  words([[accelerate abac analytics append encryption intelligent-tiering inventory legal-hold lifecycle logging
  metadataConfiguration metadataTable metrics notification object-lock ownershipControls policy policyStatus
  publicAccessBlock renameObject replication requestPayment restore retention select select-type session torrent
  website]])

-- A handler, and what its caller must be allowed to do.
local function of_service(call) return call.request.method == "GET" and bucket.list, "look" end

local BUCKET = {
  PUT = function(asked)
    if asked.acl then return acl.put, "write" end
    if asked.cors then return cors.put, "write" end
    return bucket.create, "create"
  end,
  DELETE = function(asked) return asked.cors and cors.delete or bucket.delete, "write" end,
  HEAD = function() return bucket.head, "read" end,
  POST = function(asked) return asked.delete and bucket.delete_objects, "delete" end,
  GET = function(asked)
    if asked.location then return bucket.location, "read" end
    if asked.versioning then return bucket.versioning, "read" end
    if asked.acl then return acl.get, "read" end
    if asked.cors then return cors.get, "read" end
    if asked.tagging then return bucket.tagging, "read" end
    if asked.versions then return listing.versions, "list" end
    return asked.uploads and upload_listing.uploads or listing.objects, "list"
  end,
}

local OBJECT = {
  PUT = function(asked, header)
    if asked.acl then return acl.put, "write" end
    local is_copy = header["x-amz-copy-source"] ~= nil
    if asked.uploadId or asked.partNumber then return is_copy and upload.copy_part or upload.put_part, "write" end
    return is_copy and copy.object or object.put, "write"
  end,
  POST = function(asked)
    if asked.uploads then return upload.begin, "write" end
    return asked.uploadId and upload.complete, "write"
  end,
  GET = function(asked)
    if asked.uploadId then return upload_listing.parts, "read" end
    if asked.acl then return acl.get, "read" end
    if asked.tagging then return object.tagging, "read" end
    return asked.attributes and object.attributes or object.get, "read"
  end,
  HEAD = function() return object.get, "read" end,
  DELETE = function(asked) return asked.uploadId and upload.abort or object.delete, "write" end,
}

-- Words that make a request another one, and what has them: where one would be dropped, an object would be written or
-- deleted that was not meant.
local DECISIVE = words("acl attributes cors delete location partNumber tagging uploadId uploads versioning versions")
local OF_BUCKET = {
  PUT = words("acl cors"),
  DELETE = words("cors"),
  HEAD = {},
  POST = words("delete"),
  GET = words("acl cors location tagging uploads versioning versions"),
}
local OF_OBJECT = {
  PUT = words("acl partNumber uploadId"),
  DELETE = words("uploadId"),
  HEAD = words("partNumber"),
  POST = words("uploadId uploads"),
  GET = words("acl attributes partNumber tagging uploadId"),
}

local function check_words(call)
  local taken = (call.key and OF_OBJECT or OF_BUCKET)[call.request.method]
  for word in pairs(call.query) do
    if taken and DECISIVE[word] and not taken[word] then
      wire.refuse("MethodNotAllowed", ("there is no %s of ?%s here"):format(call.request.method, word))
    end
  end
end

local function check_query(call)
  local asked, method = call.query, call.request.method
  for word in pairs(asked) do
    if NOT_HERE[word] then wire.refuse("NotImplemented", "this service does not have ?" .. word) end
  end
  if asked.cors and call.key then wire.refuse("NotImplemented", "rules for pages (?cors) belong to buckets") end
  if (asked.tagging or asked.versioning) and method ~= "GET" then
    wire.refuse("NotImplemented", "this service has no versions and no tags")
  end
  if asked.versionId and asked.versionId ~= "null" then
    wire.refuse("NoSuchVersion", "objects here have one version, null")
  end
end

local function route(call)
  check_query(call)
  check_words(call)
  if not call.bucket then return of_service(call) end
  local choose = (call.key and OBJECT or BUCKET)[call.request.method]
  if choose then return choose(call.query, call.request.header) end
end

local function parse_path(path)
  if path:sub(1, 2) == "//" then wire.refuse("InvalidBucketName", "the path names no bucket: it begins with //") end
  local name, key = path:match("^/([^/]*)/?(.*)$")
  name, key = core.uri_decode(name), core.uri_decode(key)
  if #key > LONGEST_KEY then wire.refuse("KeyTooLongError", "a key has at most 1024 bytes") end
  return name ~= "" and name or nil, key ~= "" and key or nil
end

local function parse_query(text)
  local asked, twice = query.parse(text)
  if twice then wire.refuse("InvalidArgument", twice .. " is in the query more than once") end
  return asked
end

-- S3's own names of what is asked for, which session policies speak of.
local BUCKET_ACTIONS = {
  PUT = function(asked)
    if asked.cors then return "PutBucketCORS" end
    return asked.acl and "PutBucketAcl" or "CreateBucket"
  end,
  DELETE = function(asked) return asked.cors and "PutBucketCORS" or "DeleteBucket" end,
  HEAD = function() return "ListBucket" end,
  POST = function() return "DeleteObject" end,
  GET = function(asked)
    if asked.location then return "GetBucketLocation" end
    if asked.versioning then return "GetBucketVersioning" end
    if asked.acl then return "GetBucketAcl" end
    if asked.cors then return "GetBucketCORS" end
    if asked.tagging then return "GetBucketTagging" end
    if asked.versions then return "ListBucketVersions" end
    return asked.uploads and "ListBucketMultipartUploads" or "ListBucket"
  end,
}

local function get_object(asked)
  if asked.uploadId then return "ListMultipartUploadParts" end
  if asked.acl then return "GetObjectAcl" end
  if asked.tagging then return "GetObjectTagging" end
  return asked.attributes and "GetObjectAttributes" or "GetObject"
end

local OBJECT_ACTIONS = {
  PUT = function(asked) return asked.acl and "PutObjectAcl" or "PutObject" end,
  POST = function() return "PutObject" end,
  GET = get_object,
  HEAD = get_object,
  DELETE = function(asked) return asked.uploadId and "AbortMultipartUpload" or "DeleteObject" end,
}

local function name_of(call)
  local names = call.key and OBJECT_ACTIONS or BUCKET_ACTIONS
  return "s3:" .. (call.bucket and names[call.request.method](call.query) or "ListAllMyBuckets")
end

local function is_in_policy(call)
  if not call.caller.policy then return true end
  local context = { ["s3:prefix"] = call.query.prefix, ["s3:delimiter"] = call.query.delimiter }
  return access.is_in_policy(call.caller, call.request.operation, call.bucket, call.key, context)
end

-- Who deletes many objects at once is judged for each, and who lists buckets is shown his own.
local function is_allowed(call, action)
  if action ~= "delete" and not is_in_policy(call) then return false end
  if action == "look" then return true end
  if action == "create" then return call.caller.type == "SUPER_USER" and not call.caller.bucket end
  if action == "delete" then return access.may_write_in(call.state, call.caller, call.bucket) end
  local subject = action == "list" and (call.query.prefix or "") or call.key
  return access.allows(call.state, call.caller, action == "write" and "write" or "read", call.bucket, subject)
end

local function check_bucket(call, action)
  if not call.bucket or action == "create" or call.bucket == call.state.settings.bucket then return end
  if call.state.db:row("SELECT 1 AS found FROM buckets WHERE name = ?", call.bucket) then return end
  wire.refuse("NoSuchBucket", "there is no bucket of that name")
end

-- Where a store keeps the bytes, this half of the service keeps what its API says of them, and nothing else.
local function check_place(call)
  local store = call.state.store
  if not store or not store.is_remote then return end
  local method = call.request.method
  local is_summary = call.bucket == call.state.settings.bucket
    and (call.key or ""):find("^datasets/[^/]+/[^/]+/summary%.json$")
  if is_summary and (method == "GET" or method == "HEAD") then return end
  wire.refuse(
    "InvalidRequest",
    "the objects of this service lie in its store: call S3 "
      .. store:where()
      .. ", with keys of GetProgrammaticAccessCredentials"
  )
end

-- nginx would judge them, too, by the answer's own headers, and answer in its own form.
local CONDITIONS = { "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range" }

-- What each change heeds of them.
local ON_PLACE = words("if-match if-none-match")
local ON_CHANGES = {
  [object.put] = ON_PLACE,
  [copy.object] = ON_PLACE,
  [upload.complete] = ON_PLACE,
  [object.delete] = words("if-match"),
}

local function check_conditions(request, handler)
  if request.method == "GET" or request.method == "HEAD" then return end
  for name in pairs(words("if-match if-none-match if-modified-since if-unmodified-since")) do
    if request.header[name] and not (ON_CHANGES[handler] or {})[name] then
      wire.refuse("NotImplemented", ("this service has no %s for this request"):format(name))
    end
  end
end

local function hide_conditions(request)
  for _, name in ipairs(CONDITIONS) do
    if request.header[name:lower()] then ngx.req.clear_header(name) end
  end
end

-- Before a signature is read: what browsers ask about pages of other origins.
s3.preflight, s3.let_pages_read = cors.preflight, cors.let_pages_read

--- Answers one request whose signature has been verified.
--- @param state table
--- @param request table
--- @param caller table
--- @param now integer epoch milliseconds
function s3.answer(state, request, caller, now)
  local call = { state = state, request = request, caller = caller, now = now }
  call.bucket, call.key = parse_path(request.path)
  call.query = parse_query(request.query)
  if request.auth.form == "query" then headers.add_of_query(request.header, call.query) end
  headers.check(call)
  check_place(call)
  hide_conditions(request)
  local handler, action = route(call)
  if not handler then wire.refuse("MethodNotAllowed", "there is no such S3 operation here") end
  check_conditions(request, handler)
  request.operation = name_of(call)
  if not is_allowed(call, action) then wire.refuse("AccessDenied", "these keys do not open this bucket or key") end
  check_bucket(call, action)
  handler(call)
end

return s3
