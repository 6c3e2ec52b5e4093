--- The metadata of a service of one machine, on their way into a database that many machines share.

local core = require("finspace.core")
local files = require("finspace.service.migration.files")
local lake = require("finspace.service.lake")
local places = require("finspace.service.places")
local secrets = require("finspace.service.auth.secrets")
local sys = require("finspace.sys")

local metadata = {}

local LARGEST_SUMMARY = 16 * 1024 * 1024

-- --- what rows become -------------------------------------------------------------------------------

-- The JSON is edited, not written anew: that may order its members in another way each time, and is compared.
local function moved_changeset(row)
  row.files = row.files and row.files:gsub('"name":"', "%0" .. files.ATTEMPT .. "/")
  return row
end

local function moved_view(row, target)
  row.prefix = row.prefix and target.store:view_prefix(row, row.generation)
  return row
end

local function as_it_is(row) return row end

-- Tables in the order in which they are written, each with what orders its rows. The keys of sessions end by themselves, and
-- the store knows none of them.
local TABLES = {
  { name = "users", order = "seq", has_sequence = true },
  { name = "passwords", order = "user_id" },
  { name = "permission_groups", order = "seq", has_sequence = true },
  { name = "memberships", order = "seq", has_sequence = true },
  { name = "datasets", order = "seq", has_sequence = true },
  { name = "dataset_permissions", order = "dataset_id, group_id, permission" },
  { name = "changesets", order = "seq", has_sequence = true, become = moved_changeset },
  { name = "data_views", order = "seq", has_sequence = true, become = moved_view },
  { name = "used_links", order = "number" },
  { name = "access_keys", order = "id", where = "expires_seconds IS NULL" },
  { name = "settings", order = "name", where = "name IN ('environment', 'owner', 'page_key')" },
}

local function rows_of(db, wanted)
  local where = wanted.where and " WHERE " .. wanted.where or ""
  return db:rows(("SELECT * FROM %s%s ORDER BY %s"):format(wanted.name, where, wanted.order))
end

local function moved_rows(source, target, wanted)
  local rows, become = rows_of(source.db, wanted), wanted.become or as_it_is
  for i, row in ipairs(rows) do
    rows[i] = become(row, target)
  end
  return rows
end

-- --- secrets ----------------------------------------------------------------------------------------

local function secret_of(name, row)
  if name == "access_keys" then return "secret" end
  return name == "settings" and row.name == "page_key" and "value" or nil
end

-- The row with its secret, where it has one, treated.
local function with_secret(name, row, treat)
  local column = secret_of(name, row)
  if column then row[column] = treat(row[column]) end
  return row
end

-- --- comparing --------------------------------------------------------------------------------------

local function row_text(row)
  local names, words = {}, {}
  for name in pairs(row) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local value = row[name]
    words[i] = name .. "=" .. (type(value) == "number" and ("%.17g"):format(value) or tostring(value))
  end
  return table.concat(words, "\0")
end

local function hash_of(name, rows)
  local stream = core.sha256_stream()
  for _, row in ipairs(rows) do
    stream:update(row_text(with_secret(name, row, secrets.open)) .. "\1")
  end
  local hex = stream:hex()
  stream:close()
  return hex
end

local function compared(source, target, wanted)
  local there = rows_of(target.db, wanted)
  local expected, found = hash_of(wanted.name, moved_rows(source, target, wanted)), hash_of(wanted.name, there)
  if expected == found then return { name = wanted.name, count = #there, hash = found } end
  error({
    message = ("%s differs between the folder and the database: if nodes have used the database, it is moved already; "):format(
      wanted.name
    ) .. "else empty the database, and run it again",
  }, 0)
end

-- --- writing ----------------------------------------------------------------------------------------

local function write_table(source, target, wanted)
  for _, row in ipairs(moved_rows(source, target, wanted)) do
    target.db:insert(
      wanted.name,
      with_secret(wanted.name, row, function(text) return secrets.seal(secrets.open(text)) end)
    )
  end
  if wanted.has_sequence then target.db.dialect.set_sequence(target.db, wanted.name) end
end

-- What the API tells of a changeset in short.
local function write_summaries(source, target)
  for _, row in ipairs(source.db:rows("SELECT id, dataset_id FROM changesets WHERE status = 'SUCCESS'")) do
    local path = source.settings.data .. "/" .. lake.changeset_folder(row.dataset_id, row.id) .. "/" .. places.SUMMARY
    local text = sys.read_limited(path, LARGEST_SUMMARY)
    if text then places.keep_summary(target, row, text) end
  end
end

local AT_WORK = [[SELECT 1 AS found FROM changesets WHERE status IN ('PENDING', 'RUNNING')
  OR (status = 'SUCCESS' AND columns IS NULL)
  UNION ALL SELECT 1 FROM data_views WHERE status IN ('PENDING', 'STARTING', 'RUNNING') LIMIT 1]]

local function environment_of(state)
  local row = state.db:row("SELECT value FROM settings WHERE name = 'environment'")
  return row and row.value
end

--- Refuses what cannot be moved.
--- @param source table state of the folder's service
--- @param target table state of the database's
function metadata.check(source, target)
  if source.db:row(AT_WORK) then
    error({
      message = "changesets or views are still at work: start the service, wait for them, stop it, and run this again",
    }, 0)
  end
  local there = environment_of(target)
  if there and there ~= environment_of(source) then
    error(
      { message = "the database holds another service already: give an empty one, before the first node is started" },
      0
    )
  end
end

--- Writes all in one transaction, unless it is there; compares all.
--- @param source table
--- @param target table
--- @return table compared {name=, count=, hash=} a table, and was_there
function metadata.move(source, target)
  local result = { was_there = environment_of(target) ~= nil }
  if not result.was_there then
    target.db:transaction(function()
      secrets.prepare(target.db)
      for _, wanted in ipairs(TABLES) do
        write_table(source, target, wanted)
      end
      write_summaries(source, target)
    end)
  end
  for i, wanted in ipairs(TABLES) do
    result[i] = compared(source, target, wanted)
  end
  return result
end

return metadata
