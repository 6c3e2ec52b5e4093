--- What a changeset is made from: the objects that its s3SourcePath names, as they were when its ingestion began. Their
--- contents are kept with the changeset until it has come to its end.

local cjson = require("cjson.safe")
local access = require("finspace.service.s3.access")
local core = require("finspace.core")
local failure = require("finspace.service.ingest.failure")
local log = require("finspace.service.log")

local source = {}

local NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

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

local function objects_below(job, changeset, bucket, folder)
  local found, skipped = {}, {}
  for _, row in ipairs(job.state.store:below(bucket, folder, job)) do
    local below = row.key:sub(#folder + 2)
    if is_data(below, row.size) then
      row.partition = below:match("^(.*/)")
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

local function find_objects(job, changeset, bucket, key)
  local exact = key:sub(-1) ~= "/" and job.state.store:find(bucket, key, job)
  if exact then return { exact } end
  return objects_below(job, changeset, bucket, (key:gsub("/$", "")))
end

-- A prefix that ends in a slash keeps it: the check is made with what the objects' keys begin with.
local function check_access(state, changeset, bucket, key)
  local user = state.db:row("SELECT id AS user_id, type FROM users WHERE id = ?", changeset.created_by)
  local own = state.store:own_path(bucket, key)
  if user and access.allows(state, user, "read", bucket, own) then return end
  failure.raise("ACCESS_DENIED", "the user who made this changeset may not read s3://%s/%s", bucket, key)
end

local function described(held)
  for _, row in ipairs(held) do
    row.name = row.key
    row.partition = partition_of(row.partition or "")
  end
  return held
end

--- Finds the source's objects and keeps them with the changeset, so that what is read stays what it was; a changeset
--- that has them keeps those.
--- @param job table
--- @param changeset table row
--- @return table[] sources {name=key, size=, partition={ {name=, value=} }, and what the store wants of them} in order
function source.keep(job, changeset)
  local state = job.state
  local held = state.store:held(changeset.id)
  if #held > 0 then return described(held) end
  local path = cjson.decode(changeset.source_params).s3SourcePath
  local bucket, key = path:match("^s3://([^/]+)/(.*)$")
  check_access(state, changeset, bucket, key)
  local found = find_objects(job, changeset, bucket, key)
  if #found == 0 then failure.raise("RESOURCE_NOT_FOUND", "there is no object %s, nor one below it", path) end
  return described(state.store:hold(changeset, found))
end

return source
