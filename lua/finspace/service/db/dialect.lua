--- What the two databases say differently, side by side: everything else is one SQL that both take as it is. The
--- schema is written in SQLite's words.

local dialect = { sqlite = {}, postgres = {} }

-- --- columns --------------------------------------------------------------------------------------------

-- In this order. Text is compared by its bytes in both, whatever language the database was made for.
local WORDS = {
  { "INTEGER PRIMARY KEY AUTOINCREMENT", "BIGSERIAL PRIMARY KEY" },
  { "INTEGER", "BIGINT" },
  { "BLOB", "BYTEA" },
  { "TEXT", 'TEXT COLLATE "C"' },
  { " UNIQUE COLLATE NOCASE", "" }, -- users_by_email says it in both
  { " WITHOUT ROWID", "" },
}

--- Statements of the schema as a database takes them.
--- @param sql string in SQLite's words
--- @return string
function dialect.sqlite.schema(sql) return sql end

function dialect.postgres.schema(sql)
  for _, word in ipairs(WORDS) do
    sql = sql:gsub(word[1], word[2])
  end
  return sql
end

--- What makes of a key the least text that can stand behind it: PostgreSQL has no text with U+0000.
dialect.sqlite.least = "\0"
dialect.postgres.least = "\1"

-- --- who uses it ----------------------------------------------------------------------------------------

--- Whether processes of other machines may use the database too.
dialect.sqlite.is_shared = false
dialect.postgres.is_shared = true

-- --- rows that are locked -------------------------------------------------------------------------------

--- What follows a SELECT whose rows must stay as they are until the transaction's end, after waiting for those who hold
--- them. SQLite has one writer.
dialect.sqlite.locked = ""
dialect.postgres.locked = " FOR UPDATE"

--- The same, passing over rows that another transaction holds.
dialect.sqlite.unlocked_ones = ""
dialect.postgres.unlocked_ones = " FOR UPDATE SKIP LOCKED"

--- Lets a table's `seq` go on behind the rows that were written with one. SQLite does so itself.
function dialect.sqlite.set_sequence() end

function dialect.postgres.set_sequence(db, name)
  db:row(("SELECT setval(pg_get_serial_sequence('%s', 'seq'), (SELECT max(seq) FROM %s)) AS seq"):format(name, name))
end

-- --- the database's own time ----------------------------------------------------------------------------

--- The milliseconds since 1970 by the clock that all who share the database go by; nil where that is this machine's.
dialect.sqlite.clock = nil
dialect.postgres.clock = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS now"

-- --- whose the database is, and which version its schema has --------------------------------------------

local OURS = 0x46535043 -- "FSPC"

-- SQLite keeps both numbers in the file's header: application_id says whose it is, user_version which version.
local function pragma(db, name) return db:row("PRAGMA " .. name)[name] end

local function has_table(db, catalogue, name)
  return db:row(("SELECT 1 AS found FROM %s AND name = ?"):format(catalogue), name) ~= nil
end

local SQLITE_TABLES = "sqlite_master WHERE type = 'table'"

--- The version of a database's schema: 0 of an empty one, nil when it is another program's.
--- @param db table
--- @return integer|nil
function dialect.sqlite.version(db)
  local owner, version = pragma(db, "application_id"), pragma(db, "user_version")
  if owner ~= 0 and owner ~= OURS then return nil end
  if version > 0 then return version end
  -- Version 1 wrote neither number, and is known by its tables.
  if has_table(db, SQLITE_TABLES, "changesets") and has_table(db, SQLITE_TABLES, "settings") then return 1 end
  return not db:row("SELECT 1 AS found FROM sqlite_master") and 0 or nil
end

function dialect.sqlite.set_version(db, version)
  db:script(("PRAGMA application_id = %d; PRAGMA user_version = %d;"):format(OURS, version))
end

local POSTGRES_TABLES = "(SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()) t WHERE true"

-- Others may have tables of their own in the same schema, as long as none of them is called as ours are.
function dialect.postgres.version(db)
  if has_table(db, POSTGRES_TABLES, "finspace_schema") then
    return db:row("SELECT version FROM finspace_schema").version
  end
  return not has_table(db, POSTGRES_TABLES, "datasets") and 0 or nil
end

function dialect.postgres.set_version(db, version)
  db:script([[CREATE TABLE IF NOT EXISTS finspace_schema (version BIGINT NOT NULL);
    DELETE FROM finspace_schema;]])
  db:run("INSERT INTO finspace_schema VALUES (?)", version)
end

-- --- one at a time --------------------------------------------------------------------------------------

--- Does what only one process may do at a time, such as bringing the schema up to date; others wait. SQLite's folder
--- has one master.
--- @param _ table database
--- @param work fun(): any
--- @return any result of work
function dialect.sqlite.alone(_, work) return work() end

local LONGEST_STEP = 3600 -- seconds for a statement that brings a large table up to date

function dialect.postgres.alone(db, work)
  db:run("SELECT pg_advisory_lock(?)", OURS)
  local ok, result = pcall(db.within, db, LONGEST_STEP, work)
  pcall(db.run, db, "SELECT pg_advisory_unlock(?)", OURS)
  if not ok then error(result, 0) end
  return result
end

return dialect
