--- What the service remembers: how its database is made, and how a process opens it.
--- SQLite: write-ahead log, synchronous=FULL, so that what was acknowledged is on disk. PostgreSQL sees to that itself.

local database = require("finspace.service.db")
local ids = require("finspace.service.ids")
local schema = require("finspace.service.db.schema")
local secrets = require("finspace.service.auth.secrets")
local schema_version = require("finspace.service.db.schema_version")

local metadata = {}

-- Where earlier versions kept answers in plain text, passwords among them: its pages are overwritten.
local FORGET_PLAIN_ANSWERS =
  "PRAGMA secure_delete = ON; DROP TABLE IF EXISTS client_tokens; PRAGMA secure_delete = OFF;"

local function path_of(place) return place.database or place.data .. "/finspace.db" end

--- @param place table {data=folder, database=postgresql://… or nil}
--- @return table database connection for this process alone
function metadata.open(place)
  local db = database.open(path_of(place))
  if not place.database then
    db:script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
  end
  return db
end

local function ensure_setting(db, name, make)
  db:run("INSERT INTO settings VALUES (?, ?) ON CONFLICT DO NOTHING", name, make())
end

local EVERY_PERMISSION = '["CreateDataset","ManageClusters","ManageUsersAndGroups","ManageAttributeSets",'
  .. '"ViewAuditData","AccessNotebooks","GetTemporaryCredentials"]'

-- Whoever holds the data folder administers it, whatever an earlier version let happen to the owner.
local function restore_owner(db)
  db:run([[UPDATE users SET type = 'SUPER_USER', status = 'ENABLED', api_access = 'ENABLED'
    WHERE id = (SELECT value FROM settings WHERE name = 'owner')]])
end

local function ensure_owner(db, now)
  if db:row("SELECT 1 AS found FROM users LIMIT 1") then return restore_owner(db) end
  local user, group = ids.resource(), ids.resource()
  db:insert("users", {
    id = user,
    email = "owner@finspace.local",
    type = "SUPER_USER",
    first_name = "Local",
    last_name = "Owner",
    api_access = "ENABLED",
    status = "ENABLED",
    created = now,
    modified = now,
    last_enabled = now,
  })
  db:insert("permission_groups", {
    id = group,
    name = "Administrators",
    description = "Made with the service; may do everything.",
    permissions = EVERY_PERMISSION,
    created = now,
    modified = now,
  })
  db:run("INSERT INTO memberships (group_id, user_id) VALUES (?, ?)", group, user)
  db:run("INSERT INTO settings VALUES ('owner', ?)", user)
end

local OWNER_KEYS = [[SELECT k.id AS access_key_id, k.secret AS secret_access_key FROM access_keys k
  JOIN settings s ON s.value = k.user_id WHERE s.name = 'owner' AND k.expires_seconds IS NULL ORDER BY k.id]]

--- @param db table
--- @return table|nil owner_key {access_key_id=, secret_access_key=}
function metadata.owner_key(db)
  local key = db:row(OWNER_KEYS)
  if key then key.secret_access_key = secrets.open(key.secret_access_key) end
  return key
end

local function replace_owner_key(db, owner_key)
  local owner = db:row("SELECT value FROM settings WHERE name = 'owner'").value
  db:run("DELETE FROM access_keys WHERE user_id = ? AND expires_seconds IS NULL", owner)
  db:run(
    "INSERT INTO access_keys (id, secret, user_id) VALUES (?, ?, ?)",
    owner_key.access_key_id,
    secrets.seal(owner_key.secret_access_key),
    owner
  )
end

-- What all nodes were given is written by the first of them. Where none was given, the first node makes one.
local function ensure_owner_key(db, given)
  local known = metadata.owner_key(db)
  if not given and known then return nil end
  local wanted = given or { access_key_id = ids.access_key("AKIA"), secret_access_key = ids.secret() }
  local is_known = known
    and known.access_key_id == wanted.access_key_id
    and known.secret_access_key == wanted.secret_access_key
  if not is_known then replace_owner_key(db, wanted) end
  return not given and wanted or nil
end

-- Before anything else is written, SQLite's log mode included.
local function bring_up_to_date(place)
  local db = database.open(path_of(place))
  local ok, problem = pcall(db.dialect.alone, db, function() schema_version.bring_up_to_date(db) end)
  db:close()
  if not ok then error(problem, 0) end
end

local OTHER_BYTES = "its bytes lie in %s, and this node would keep them in %s: start all nodes with the same --store"

-- The first node says where bytes lie, and the others must reach the same ones.
local function check_bytes(db, here)
  if not here then return end
  ensure_setting(db, "bytes", function() return here end)
  local there = db:row("SELECT value FROM settings WHERE name = 'bytes'").value
  if there ~= here then error({ message = OTHER_BYTES:format(there, here) }, 0) end
end

local function fill(db, place, owner_key, now)
  return db:transaction(function()
    check_bytes(db, place.bytes)
    secrets.prepare(db)
    ensure_setting(db, "environment", ids.resource)
    ensure_setting(db, "page_key", function() return secrets.seal(ids.secret()) end)
    ensure_setting(db, "bucket", function() return "finspace-local" end)
    ensure_owner(db, now)
    local made = ensure_owner_key(db, owner_key)
    db:run(
      "INSERT INTO buckets SELECT 'finspace-local', value, ? FROM settings WHERE name = 'owner' ON CONFLICT DO NOTHING",
      now
    )
    return made
  end)
end

--- Makes the schema where it is missing or older.
--- @param place table as for metadata.open, and bytes=where they lie, of a database that many nodes may share
--- @return table database
function metadata.make(place)
  bring_up_to_date(place)
  local db = metadata.open(place)
  db.dialect.alone(db, function()
    db:script(db.dialect.schema(schema.METADATA))
    db:script(db.dialect.schema(schema.BYTES))
    if not place.database then db:script(FORGET_PLAIN_ANSWERS) end
  end)
  return db
end

--- Makes the schema, the owner and the working bucket where they are missing.
--- Called in the master process, before any worker exists.
--- @param place table as for metadata.open
--- @param owner_key table|nil {access_key_id=, secret_access_key=} the owner's; nil keeps what the database has, or
---   makes one
--- @param now integer epoch milliseconds
--- @return table|nil owner_key that was made, to be shown once
function metadata.prepare(place, owner_key, now)
  local db = metadata.make(place)
  local made = db.dialect.alone(db, function() return fill(db, place, owner_key, now) end)
  db:close()
  return made
end

--- @param db table
--- @return table<string, string> every setting
function metadata.settings(db)
  local settings = {}
  for _, row in ipairs(db:rows("SELECT name, value FROM settings")) do
    settings[row.name] = row.value
  end
  settings.page_key = settings.page_key and secrets.open(settings.page_key)
  return settings
end

return metadata
