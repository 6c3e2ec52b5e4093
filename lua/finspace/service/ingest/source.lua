--- What a changeset is made from: the objects that its s3SourcePath names, as they were when its ingestion began. Their
--- contents are kept with the changeset until it has come to its end.

local cjson = require("cjson.safe")
local access = require("finspace.service.s3.access")
local core = require("finspace.core")
local failure = require("finspace.service.ingest.failure")
local log = require("finspace.service.log")

local source = {}

local NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

local BELOW = [[SELECT o.key, o.content_id, c.size FROM objects o JOIN contents c ON c.id = o.content_id
  WHERE o.bucket = ? AND o.key >= ? AND o.key < ? ORDER BY o.key]]

-- What other programs leave beside their data: marks of folders, of success and of work in progress, logs, checksums.
local function is_data(below, size)
  local name = below:match("([^/]*)$")
  if size == 0 or name == "Thumbs.db" or name == "desktop.ini" then return false end
  if name == "" or name:find("_%$folder%$$") or name:find("%.crc$") then return false end
  for part in below:gmatch("[^/]+") do
    local is_partition = part:find("=", 1, true) and part ~= name
    if part:find("^[_%.]") and not is_partition then return false end
  end
  return true
end

-- d=2020-01-01/x.csv: folders below the source's say columns, as Hive writes them.
local function partition_of(below)
  local partition = {}
  for part in below:gmatch("([^/]*)/") do
    local name, value = part:match("^([^=]+)=(.*)$")
    if name then
      value = core.uri_decode(value) or value
      if value == NO_VALUE then value = nil end
      partition[#partition + 1] = { name = core.uri_decode(name) or name, value = value }
    end
  end
  return partition
end

local function objects_below(db, changeset, bucket, folder)
  local found, skipped = {}, {}
  for _, row in ipairs(db:rows(BELOW, bucket, folder .. "/", folder .. "0")) do -- "0" follows "/"
    local below = row.key:sub(#folder + 2)
    if is_data(below, row.size) then
      row.below = below
      found[#found + 1] = row
    elseif below:sub(-1) ~= "/" and below ~= "" then
      skipped[#skipped + 1] = below
    end
  end
  if #skipped > 0 then
    local names = table.concat(skipped, ", ", 1, math.min(#skipped, 20)) .. (#skipped > 20 and " …" or "")
    log.note("changeset " .. changeset.id, ("no data, skipped: %s"):format(names))
  end
  return found
end

local function find_objects(db, changeset, bucket, key)
  local exact = db:row("SELECT key, content_id FROM objects WHERE bucket = ? AND key = ?", bucket, key)
  if exact and key:sub(-1) ~= "/" then return { exact } end
  return objects_below(db, changeset, bucket, (key:gsub("/$", "")))
end

-- A prefix that ends in a slash keeps it: the check is made with what the objects' keys begin with.
local function check_access(state, changeset, bucket, key)
  local user = state.db:row("SELECT id AS user_id, type FROM users WHERE id = ?", changeset.created_by)
  if user and access.allows(state, user, "read", bucket, key) then return end
  failure.raise("ACCESS_DENIED", "the user who made this changeset may not read s3://%s/%s", bucket, key)
end

local KEPT =
  [[SELECT s.key, s.partition, c.size, c.segments FROM changeset_sources s JOIN contents c ON c.id = s.content_id
  WHERE s.changeset_id = ? ORDER BY s.position]]

local function kept_sources(db, changeset)
  local sources = db:rows(KEPT, changeset.id)
  for _, row in ipairs(sources) do
    row.name = row.key
    row.partition = partition_of(row.partition or "")
  end
  return sources
end

--- Finds the source's objects and keeps them with the changeset, so that what is read stays what it was; a changeset
--- that has them keeps those.
--- @param state table
--- @param changeset table row
--- @return table[] sources {name=key, size=, segments=json, partition={ {name=, value=} }} in order
function source.keep(state, changeset)
  local db = state.db
  local kept = kept_sources(db, changeset)
  if #kept > 0 then return kept end
  local path = cjson.decode(changeset.source_params).s3SourcePath
  local bucket, key = path:match("^s3://([^/]+)/(.*)$")
  check_access(state, changeset, bucket, key)
  local found = find_objects(db, changeset, bucket, key)
  if #found == 0 then failure.raise("RESOURCE_NOT_FOUND", "there is no object %s, nor one below it", path) end
  db:transaction(function()
    for i, row in ipairs(found) do
      db:insert("changeset_sources", {
        changeset_id = changeset.id,
        position = i,
        key = row.key,
        content_id = row.content_id,
        partition = row.below and row.below:match("^(.*/)"),
      })
    end
  end)
  return kept_sources(db, changeset)
end

return source
