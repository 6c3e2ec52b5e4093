--- What a request's headers say: which of them an object keeps and gives back, and which ask for what this
--- service does not have. Nothing is dropped in silence: a header of S3's is heeded, or refused.

local checksums = require("finspace.service.s3.checksums")
local cjson = require("cjson.safe")
local wire = require("finspace.service.s3.wire")
local words = require("finspace.service.s3.words")

local headers = {}

local MOST_METADATA = 2048 -- bytes of names and values, as in S3

-- By the name in a request: the name in an answer, and the query's word that overrides it.
local KEPT = {
  ["cache-control"] = "Cache-Control",
  ["content-disposition"] = "Content-Disposition",
  ["content-encoding"] = "Content-Encoding",
  ["content-language"] = "Content-Language",
  expires = "Expires",
}

-- --- what is not here -----------------------------------------------------------------------------

local function unless(allowed, sentence)
  return function(value)
    if not allowed[value:lower()] then wire.refuse("NotImplemented", sentence) end
  end
end

local function never(sentence) return unless({}, sentence) end

local function heeded() end

-- What S3 has a word for may be missing here; what it has none for is a mistake.
local function known(values, code, judge)
  return function(value)
    if not values[value:lower()] then wire.refuse(code, "a header has a value that S3 does not know") end
    judge(value)
  end
end

local ENCRYPTION = "this service does not encrypt objects: leave server-side encryption out"
local LOCKS = "this service has no object locks"
local ONE_CLASS = "the only storage class here is STANDARD"
local ACLS = "objects and buckets here belong to whom made them: the only ACL is private"
local CANNED_ACLS = words([[private public-read public-read-write authenticated-read aws-exec-read bucket-owner-read
  bucket-owner-full-control log-delivery-write]])
local CLASSES = words([[standard reduced_redundancy standard_ia onezone_ia intelligent_tiering glacier glacier_ir
  deep_archive outposts snow express_onezone fsx_openzfs fsx_ontap]])
local DIRECTIVES = words("copy replace")

local HEEDED = {}
for name in
  ([[algorithm checksum-algorithm checksum-mode checksum-type content-sha256 copy-source copy-source-if-match
  copy-source-if-modified-since copy-source-if-none-match copy-source-if-unmodified-since copy-source-range
  credential date decoded-content-length expires id-2 if-match-last-modified-time if-match-size
  max-parts metadata-directive mp-object-size object-attributes part-number-marker request-payer sdk-checksum-algorithm
  security-token signature signedheaders te trailer user-agent bypass-governance-retention
  optional-object-attributes request-id]]):gmatch("%S+")
do
  HEEDED["x-amz-" .. name] = heeded
end

local JUDGED = {
  ["x-amz-acl"] = known(CANNED_ACLS, "InvalidArgument", unless(words("private"), ACLS)),
  ["x-amz-api-version"] = unless({ ["2006-03-01"] = true }, "the API here is of 2006-03-01"), -- the SDK for C++ says so
  ["x-amz-bucket-object-lock-enabled"] = unless({ ["false"] = true }, LOCKS),
  ["x-amz-mfa"] = never("this service has no MFA delete"),
  ["x-amz-object-ownership"] = unless({ bucketownerenforced = true }, ACLS),
  ["x-amz-storage-class"] = known(CLASSES, "InvalidStorageClass", unless(words("standard"), ONE_CLASS)),
  ["x-amz-tagging"] = unless({ [""] = true }, "this service has no tags"),
  ["x-amz-tagging-directive"] = known(DIRECTIVES, "InvalidArgument", heeded),
  ["x-amz-website-redirect-location"] = never("this service has no websites"),
  ["x-amz-write-offset-bytes"] = never("this service does not append to objects"),
}

local PATTERNS = {
  { "^x%-amz%-meta%-", heeded },
  { "^x%-amz%-checksum%-%w+$", heeded },
  { "^x%-amz%-server%-side%-encryption", never(ENCRYPTION) },
  { "^x%-amz%-copy%-source%-server%-side%-encryption", never(ENCRYPTION) },
  { "^x%-amz%-grant%-", never(ACLS) },
  { "^x%-amz%-object%-lock%-", never(LOCKS) },
}

local function judge_of(name)
  if HEEDED[name] or JUDGED[name] then return HEEDED[name] or JUDGED[name] end
  for _, pattern in ipairs(PATTERNS) do
    if name:find(pattern[1]) then return pattern[2] end
  end
  return never("this service does not know the header " .. name)
end

-- There is one account; whoever names another one means to be refused.
local function check_owner(call, name)
  local wanted = call.request.header[name]
  if not wanted or wanted == "000000000000" or wanted == call.caller.user_id then return end
  wire.refuse("NotImplemented", name .. " names another account than 000000000000, and there is no other here")
end

--- Refuses a request whose headers ask for what is not here.
--- @param call table
function headers.check(call)
  check_owner(call, "x-amz-expected-bucket-owner")
  check_owner(call, "x-amz-source-expected-bucket-owner")
  for name, value in pairs(call.request.header) do
    if name:sub(1, 6) == "x-amz-" and not name:find("expected-bucket-owner", 1, true) then judge_of(name)(value) end
  end
end

-- Parameters that are a presigned request's signature, and no headers.
local OF_THE_SIGNATURE = {}
for name in ("algorithm content-sha256 credential date expires security-token signature signedheaders"):gmatch("%S+") do
  OF_THE_SIGNATURE["x-amz-" .. name] = true
end

-- Who signs an upload before its body is known (the AWS SDK for JavaScript does) signs the checksum of none,
-- which says nothing of the body.
local function names_of_no_body(query)
  local names = {}
  for name, value in pairs(query) do
    local kind = checksums.kind(name:lower():match("^x%-amz%-checksum%-(%w+)$"))
    if kind and value == ngx.encode_base64(checksums.of(kind.name, "")) then
      names[name:lower()], names["x-amz-sdk-checksum-algorithm"] = true, true
    end
  end
  return names
end

local function add(header, name, value)
  if header[name] and header[name] ~= value then
    wire.refuse("InvalidArgument", name .. " is in the query and in a header, and not the same")
  end
  header[name] = value
end

--- What stands as x-amz-* in a presigned query counts as headers.
--- @param header table<string, string> is added to
--- @param query table<string, string>
function headers.add_of_query(header, query)
  local of_no_body = names_of_no_body(query)
  for name, value in pairs(query) do
    local lower = name:lower()
    local is_meant = not OF_THE_SIGNATURE[lower] and not of_no_body[lower]
    if lower:sub(1, 6) == "x-amz-" and is_meant then add(header, lower, value) end
  end
end

-- --- what is kept ---------------------------------------------------------------------------------

-- aws-chunked is how the body came, not what it is.
local function without_framing(encoding)
  local kept = {}
  for word in encoding:gmatch("[^,%s]+") do
    if word:lower() ~= "aws-chunked" then kept[#kept + 1] = word end
  end
  return #kept > 0 and table.concat(kept, ",") or nil
end

local function encoded(map) return next(map) and cjson.encode(map) or nil end

local function kept_headers(header)
  local kept = {}
  for name in pairs(KEPT) do
    kept[name] = header[name]
  end
  if kept["content-encoding"] then kept["content-encoding"] = without_framing(kept["content-encoding"]) end
  return encoded(kept)
end

local function metadata_of(header)
  local metadata, size = {}, 0
  for name, value in pairs(header) do
    local key = name:match("^x%-amz%-meta%-(.+)$")
    if key then
      metadata[key] = value
      size = size + #key + #value
    end
  end
  if size > MOST_METADATA then wire.refuse("MetadataTooLarge", "an object's metadata has at most 2048 bytes") end
  return encoded(metadata)
end

--- What a request's headers say about the object that it brings.
--- @param header table<string, string>
--- @return table {content_type=, metadata=, headers=} the last two JSON, or nil
function headers.described(header)
  return {
    content_type = header["content-type"] or "binary/octet-stream",
    metadata = metadata_of(header),
    headers = kept_headers(header),
  }
end

-- A header without a value would not be sent; a blank is trimmed by who reads it.
local function visible(value) return value == "" and " " or value end

local function check_override(name, value)
  if value:find("%c") then wire.refuse("InvalidArgument", name .. " must not hold control characters") end
  return value
end

--- Sets the headers that an object was given, or that the query wants in their place.
--- @param found table row of an object
--- @param query table<string, string>
function headers.set(found, query)
  local answer = ngx.header
  local kept = found.headers and cjson.decode(found.headers) or {}
  kept["content-type"] = found.content_type
  for name, value in pairs(query) do
    local word = name:match("^response%-(.+)$")
    if word and (KEPT[word] or word == "content-type") then kept[word] = check_override(name, value) end
  end
  for name, value in pairs(kept) do
    answer[KEPT[name] or "Content-Type"] = value
  end
  for name, value in pairs(found.metadata and cjson.decode(found.metadata) or {}) do
    answer["x-amz-meta-" .. name] = visible(value)
  end
end

return headers
