--- What a changeset is made from: the objects that its s3SourcePath names, as they were when its
-- ingestion began. Their contents are kept with the changeset, so that it can be read again when the
-- staged objects are gone.

local cjson = require("cjson.safe")
local access = require("finspace.service.s3.access")
local failure = require("finspace.service.ingest.failure")

local source = {}

local BELOW = [[SELECT o.key, o.content_id, c.size FROM objects o JOIN contents c ON c.id = o.content_id
  WHERE o.bucket = ? AND o.key >= ? AND o.key < ? ORDER BY o.key]]

-- Folder marks, and what other programs leave beside their data, are no data.
local function is_data(row)
  local name = row.key:match("([^/]*)$")
  return name ~= "" and not (row.size == 0 and name:find("^[_%.]"))
end

local function objects_below(db, bucket, folder)
  local found = {}
  for _, row in ipairs(db:rows(BELOW, bucket, folder .. "/", folder .. "0")) do -- "0" follows "/"
    if is_data(row) then found[#found + 1] = row end
  end
  return found
end

local function find_objects(db, bucket, key)
  local exact = db:row("SELECT key, content_id FROM objects WHERE bucket = ? AND key = ?", bucket, key)
  if exact and key:sub(-1) ~= "/" then return { exact } end
  return objects_below(db, bucket, (key:gsub("/$", "")))
end

-- A prefix that ends in a slash keeps it: the check is made with what the objects' keys begin with.
local function check_access(state, changeset, bucket, key)
  local user = state.db:row("SELECT id AS user_id, type FROM users WHERE id = ?", changeset.created_by)
  if user and access.allows(state, user, "read", bucket, key) then return end
  failure.raise("ACCESS_DENIED", "the user who made this changeset may not read s3://%s/%s", bucket, key)
end

--- Finds the source's objects and keeps them with the changeset; a changeset that has them keeps those.
--- @param state table
--- @param changeset table row
--- @return table[] {key=, content_id=} in order
function source.keep(state, changeset)
  local db = state.db
  local kept =
    db:rows("SELECT key, content_id FROM changeset_sources WHERE changeset_id = ? ORDER BY position", changeset.id)
  if #kept > 0 then return kept end
  local path = cjson.decode(changeset.source_params).s3SourcePath
  local bucket, key = path:match("^s3://([^/]+)/(.*)$")
  check_access(state, changeset, bucket, key)
  local found = find_objects(db, bucket, key)
  if #found == 0 then failure.raise("RESOURCE_NOT_FOUND", "there is no object %s, nor one below it", path) end
  db:transaction(function()
    for i, row in ipairs(found) do
      db:run("INSERT INTO changeset_sources VALUES (?, ?, ?, ?)", changeset.id, i, row.key, row.content_id)
    end
  end)
  return found
end

return source
