--- Which buckets and keys a caller may touch. Keys that a data view gave out open that view's prefix
--- for reading and nothing else; a user has their own scratch folder and their own buckets; a super
--- user has everything. A session policy takes away from that.

local permissions = require("finspace.service.auth.permissions")

local access = {}

local function starts_with(text, prefix) return text:sub(1, #prefix) == prefix end

-- What the service itself writes stays as it wrote it.
local WRITTEN_HERE = { "datasets/", "views/" }

local function is_written_here(settings, bucket, key)
  if bucket ~= settings.bucket then return false end
  for _, prefix in ipairs(WRITTEN_HERE) do
    if starts_with(key or "", prefix) then return true end
  end
  return false
end

-- Who may read a dataset's data may read its views, and what each changeset holds in short.
local function may_read_data(state, caller, bucket, key)
  if bucket ~= state.settings.bucket or not key then return false end
  local id = key:match("^datasets/([^/]+)/[^/]+/summary%.json$") or key:match("^views/([^/]+)/.")
  local dataset = id and state.db:row("SELECT * FROM datasets WHERE id = ?", id)
  return dataset and permissions.has_dataset({ db = state.db, caller = caller }, dataset, "ReadDatasetData") or false
end

local function is_own(db, settings, caller, bucket, key)
  local row = db:row("SELECT created_by FROM buckets WHERE name = ?", bucket)
  if row and row.created_by == caller.user_id then return true end
  return bucket == settings.bucket and starts_with(key or "", access.scratch(caller.user_id))
end

--- @param user_id string
--- @return string prefix of a user's working locations
function access.scratch(user_id) return "scratch/" .. user_id .. "/" end

--- @param state table {db=, settings=}
--- @param caller table {user_id=, type=, bucket=, prefix=}
--- @param action "read"|"write"
--- @param bucket string
--- @param key? string the key, or the prefix of a listing; nil for the bucket itself
--- @return boolean
function access.allows(state, caller, action, bucket, key)
  if caller.bucket then
    return action == "read" and bucket == caller.bucket and starts_with(key or "", caller.prefix)
  end
  if action == "write" and is_written_here(state.settings, bucket, key) then return false end
  if caller.type == "SUPER_USER" then return true end
  if action == "read" and may_read_data(state, caller, bucket, key) then return true end
  return is_own(state.db, state.settings, caller, bucket, key)
end

--- Whether the session policy of a caller's keys, where there is one, allows something.
--- @param caller table
--- @param action string S3's name for it, for example s3:GetObject
--- @param bucket? string
--- @param key? string
--- @param context? table<string, string> what a policy's conditions may ask for
--- @return boolean
function access.is_in_policy(caller, action, bucket, key, context)
  if not caller.policy then return true end
  local name = "arn:aws:s3:::" .. (bucket or "*") .. (key and "/" .. key or "")
  return caller.policy:allows(action, name, context)
end

--- Whether a caller may write anything in a bucket at all.
--- @param state table
--- @param caller table
--- @param bucket string
--- @return boolean
function access.may_write_in(state, caller, bucket)
  if caller.bucket then return false end
  return access.allows(state, caller, "write", bucket, access.scratch(caller.user_id))
end

return access
