--- Buckets: the service's own, and those that people make beside it.

local access = require("finspace.service.s3.access")
local bodies = require("finspace.service.s3.bodies")
local commit = require("finspace.service.db.commit")
local reserve = require("finspace.service.s3.reserve")
local object = require("finspace.service.s3.object")
local fault = require("finspace.service.fault")
local upload = require("finspace.service.s3.upload")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local bucket = {}

local MOST_BUCKETS = 10000
local MOST_KEYS = 1000 -- of one request that deletes

-- --- list -----------------------------------------------------------------------------------------

local function may_see(call, row)
  return access.allows(call.state, call.caller, "read", row.name) or row.created_by == call.caller.user_id
end

local function is_listed(call, row)
  local prefix = call.query.prefix or ""
  return row.name:sub(1, #prefix) == prefix and may_see(call, row)
end

local function start_of(query)
  local token = query["continuation-token"]
  if not token or token == "" then return "" end
  return ngx.decode_base64(token)
    or wire.refuse("InvalidArgument", "continuation-token is not one that a list gave out")
end

local function visible_rows(call)
  local rows = {}
  for _, row in ipairs(call.state.db:rows("SELECT * FROM buckets WHERE name > ? ORDER BY name", start_of(call.query))) do
    if is_listed(call, row) then rows[#rows + 1] = row end
  end
  return rows
end

--- Lists the caller's buckets.
--- @param call table
function bucket.list(call)
  local limit, rows, entries = wire.count(call.query, "max-buckets", 1, MOST_BUCKETS), visible_rows(call), {}
  local region = call.query["bucket-region"]
  if region and region ~= call.state.settings.region then rows = {} end
  for i = 1, math.min(limit, #rows) do
    entries[i] = {
      "Bucket",
      {
        { "Name", rows[i].name },
        { "CreationDate", xml.time(rows[i].created) },
        { "BucketRegion", call.state.settings.region },
      },
    }
  end
  wire.answer_document("ListAllMyBucketsResult", {
    { "Owner", wire.owner(call.caller.user_id) },
    { "Buckets", entries },
    { "Prefix", call.query.prefix },
    { "ContinuationToken", #rows > limit and ngx.encode_base64(rows[limit].name) or nil },
  })
end

-- --- create ---------------------------------------------------------------------------------------

local RESERVED_STARTS = { "xn--", "sthree-", "amzn-s3-demo-" }
local RESERVED_ENDS = { "-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3" }

local function has_reserved_words(name)
  for _, start in ipairs(RESERVED_STARTS) do
    if name:sub(1, #start) == start then return true end
  end
  for _, stop in ipairs(RESERVED_ENDS) do
    if name:sub(-#stop) == stop then return true end
  end
  return false
end

-- "Bucket naming rules" in the Amazon S3 User Guide.
local function problem_of_name(name)
  if #name < 3 or #name > 63 or not name:match("^[a-z0-9][a-z0-9%.%-]*[a-z0-9]$") then
    return "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, at both ends a letter or digit"
  end
  if name:find("..", 1, true) or name:find(".-", 1, true) or name:find("-.", 1, true) then
    return "a bucket's name has no dot beside another dot or a hyphen"
  end
  if name:match("^%d+%.%d+%.%d+%.%d+$") then return "a bucket's name is no address" end
  if has_reserved_words(name) then return "the name begins or ends with words that S3 keeps for itself" end
end

local function check_location(call)
  local document = bodies.receive_document(call)
  if document == "" then return end
  local records, fields = xml.read(document, "Tag", 0)
  if not records then wire.refuse("MalformedXML", "the document is not a CreateBucketConfiguration") end
  for name in pairs(fields) do
    if name ~= "LocationConstraint" then
      wire.refuse("NotImplemented", "this service does not have a bucket's " .. name)
    end
  end
  local wanted, region = fields.LocationConstraint, call.state.settings.region
  if wanted and wanted ~= "" and wanted ~= region then
    wire.refuse("InvalidLocationConstraint", "this service's region is " .. region)
  end
end

local function refuse_taken(call, row)
  if row.created_by == call.caller.user_id then
    wire.refuse("BucketAlreadyOwnedByYou", "you have a bucket of that name already")
  end
  wire.refuse("BucketAlreadyExists", "there is a bucket of that name, and it is another's")
end

--- @param call table
function bucket.create(call)
  local name, db = call.bucket, call.state.db
  local problem = problem_of_name(name)
  if problem then wire.refuse("InvalidBucketName", problem) end
  check_location(call)
  commit.alone(db, function()
    local row = db:row("SELECT created_by FROM buckets WHERE name = ?", name)
    if row then refuse_taken(call, row) end
    db:insert("buckets", { name = name, created_by = call.caller.user_id, created = call.now })
  end)
  wire.answer(200, { Location = "/" .. name })
end

-- --- delete ---------------------------------------------------------------------------------------

--- @param call table
function bucket.delete(call)
  local db = call.state.db
  if call.bucket == call.state.settings.bucket then wire.refuse("AccessDenied", "the service needs this bucket") end
  commit.alone(db, function()
    if db:row("SELECT 1 AS found FROM objects WHERE bucket = ? LIMIT 1", call.bucket) then
      wire.refuse("BucketNotEmpty", "the bucket still has objects")
    end
    upload.forget_bucket(db, call.bucket)
    db:run("DELETE FROM bucket_cors WHERE bucket = ?", call.bucket)
    db:run("DELETE FROM buckets WHERE name = ?", call.bucket)
  end)
  wire.answer(204)
end

local function refused(entry, code, message)
  return {
    "Error",
    { { "Key", entry.Key }, { "VersionId", entry.VersionId }, { "Code", code }, { "Message", message } },
  }
end

local function delete_entry(call, entry)
  local is_open = access.allows(call.state, call.caller, "write", call.bucket, entry.Key)
  if not is_open or not access.is_in_policy(call.caller, "s3:DeleteObject", call.bucket, entry.Key) then
    return refused(entry, "AccessDenied", "these keys do not open it")
  end
  if entry.VersionId and entry.VersionId ~= "null" then
    return refused(entry, "NoSuchVersion", "objects here have one version, null")
  end
  local wanted = { etag = entry.ETag, modified = entry.LastModifiedTime, size = entry.Size }
  local ok, problem = pcall(object.remove, call, entry.Key, wanted)
  if ok then return { "Deleted", { { "Key", entry.Key }, { "VersionId", entry.VersionId } } } end
  if not fault.is(problem) then error(problem, 0) end
  return refused(entry, problem.code, problem.message)
end

local function listed_keys(call)
  local listed, fields = xml.read(bodies.receive_document(call), "Object", MOST_KEYS)
  if fields == "too many" then wire.refuse("MalformedXML", "a request deletes at most 1000 keys") end
  if not listed or #listed == 0 then
    wire.refuse("MalformedXML", "the document is not one that lists Object elements")
  end
  for _, entry in ipairs(listed) do
    if not entry.Key or entry.Key == "" then wire.refuse("MalformedXML", "an Object has no Key") end
  end
  return listed, (fields.Quiet or ""):lower() == "true"
end

--- Deletes the objects that a document lists; each key is judged alone. Quiet: only refusals are told.
--- @param call table
function bucket.delete_objects(call)
  local listed, is_quiet = listed_keys(call)
  local db = call.state.db
  local results = reserve.with_room(call.state, function()
    return commit.alone(db, function()
      local done = {}
      for _, entry in ipairs(listed) do
        local result = delete_entry(call, entry)
        if result[1] == "Error" or not is_quiet then done[#done + 1] = result end
      end
      return done
    end)
  end)
  wire.answer_document("DeleteResult", results)
end

-- --- what a bucket is -----------------------------------------------------------------------------

--- Us-east-1 has no name here, as in S3 itself; clients take it for granted.
--- @param call table
function bucket.location(call)
  local region = call.state.settings.region
  local content = region ~= "us-east-1" and { xml.escape(region) } or {}
  wire.answer_document("LocationConstraint", content)
end

--- Versions were never enabled.
function bucket.versioning() wire.answer_document("VersioningConfiguration", {}) end

--- There are no tags, and S3 says so of a bucket by refusing.
function bucket.tagging() wire.refuse("NoSuchTagSet", "the bucket has no tags") end

--- @param call table
function bucket.head(call) wire.answer(200, { ["x-amz-bucket-region"] = call.state.settings.region }) end

return bucket
