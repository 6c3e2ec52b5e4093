--- Buckets: the service's own, and those that people make beside it.

local access = require("finspace.service.s3.access")
local bodies = require("finspace.service.s3.bodies")
local document = require("finspace.service.s3.document")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.s3.xml")

local bucket = {}

local function may_see(call, row)
  return access.allows(call.state, call.caller, "read", row.name) or row.created_by == call.caller.user_id
end

--- Lists the caller's buckets.
--- @param call table
function bucket.list(call)
  local entries = {}
  for _, row in ipairs(call.state.db:rows("SELECT * FROM buckets ORDER BY name")) do
    if may_see(call, row) then
      local described = { { "Name", row.name }, { "CreationDate", xml.time(row.created) } }
      entries[#entries + 1] = { "Bucket", described }
    end
  end
  wire.answer_document("ListAllMyBucketsResult", {
    { "Owner", { { "ID", call.caller.user_id } } },
    { "Buckets", entries },
  })
end

--- @param call table
function bucket.create(call)
  local name, db = call.bucket, call.state.db
  if #name < 3 or #name > 63 or not name:match("^[a-z0-9][a-z0-9%.%-]*[a-z0-9]$") then
    wire.refuse("InvalidBucketName", "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens")
  end
  bodies.receive_document(call)
  db:transaction(function()
    if db:row("SELECT 1 AS found FROM buckets WHERE name = ?", name) then
      wire.refuse("BucketAlreadyExists", "there is a bucket of that name")
    end
    db:insert("buckets", { name = name, created_by = call.caller.user_id, created = call.now })
  end)
  wire.answer(200, { Location = "/" .. name })
end

--- @param call table
function bucket.delete(call)
  local db = call.state.db
  if call.bucket == call.state.settings.bucket then wire.refuse("AccessDenied", "the service needs this bucket") end
  db:transaction(function()
    if db:row("SELECT 1 AS found FROM objects WHERE bucket = ? LIMIT 1", call.bucket) then
      wire.refuse("BucketNotEmpty", "the bucket still has objects")
    end
    db:run("DELETE FROM buckets WHERE name = ?", call.bucket)
  end)
  wire.answer(204)
end

--- Us-east-1 has no name here, as in S3 itself; clients take it for granted.
function bucket.location() wire.answer_document("LocationConstraint", {}) end

--- @param call table
function bucket.head(call) wire.answer(200, { ["x-amz-bucket-region"] = call.state.settings.region }) end

local function deleted_or_refused(call, key)
  if access.allows(call.state, call.caller, "write", call.bucket, key) then
    call.state.db:run("DELETE FROM objects WHERE bucket = ? AND key = ?", call.bucket, key)
    return { "Deleted", { { "Key", key } } }
  end
  return {
    "Error",
    { { "Key", key }, { "Code", "AccessDenied" }, { "Message", "these keys do not open it" } },
  }
end

--- Deletes the objects that a document lists; each key is judged alone.
--- @param call table
function bucket.delete_objects(call)
  local listed = document.read(bodies.receive_document(call), "Object")
  local db, results = call.state.db, {}
  db:transaction(function()
    for i, entry in ipairs(listed) do
      results[i] = deleted_or_refused(call, entry.Key or "")
    end
  end)
  wire.answer_document("DeleteResult", results)
end

return bucket
