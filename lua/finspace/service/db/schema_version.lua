--- Which version of the schema a database has. An older one is brought up to date, step by step, in one transaction; a newer
--- one, and one that is not ours, are refused before anything is written.

local schema_version = {}

local CURRENT = 6

-- What each version added to the one before it. Version 1 wrote neither number.
local STEPS = {
  [2] = [[
    ALTER TABLE changesets ADD COLUMN columns TEXT;
    ALTER TABLE changesets ADD COLUMN files TEXT;
    ALTER TABLE changesets ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE changeset_sources ADD COLUMN partition TEXT;
    ALTER TABLE data_views ADD COLUMN generation TEXT;
    ALTER TABLE data_views ADD COLUMN prefix TEXT;
    ALTER TABLE data_views ADD COLUMN columns TEXT;
    ALTER TABLE data_views ADD COLUMN partitions TEXT;
    ALTER TABLE data_views ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    UPDATE changesets SET progress = NULL;]],
  [3] = [[
    ALTER TABLE contents ADD COLUMN checksums TEXT;
    ALTER TABLE contents ADD COLUMN parts TEXT;
    ALTER TABLE objects ADD COLUMN headers TEXT;
    ALTER TABLE uploads ADD COLUMN headers TEXT;
    ALTER TABLE uploads ADD COLUMN checksum_name TEXT;
    ALTER TABLE uploads ADD COLUMN checksum_type TEXT;
    ALTER TABLE parts ADD COLUMN checksum TEXT;]],
  [4] = [[
    ALTER TABLE changesets ADD COLUMN worker TEXT;
    ALTER TABLE changesets ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE changesets ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE data_views ADD COLUMN worker TEXT;
    ALTER TABLE data_views ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE data_views ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;]],
  [5] = [[
    ALTER TABLE datasets ADD COLUMN latest_moment INTEGER NOT NULL DEFAULT 0;
    UPDATE datasets SET latest_moment = coalesce((
      SELECT max(CASE WHEN active_until > active_from THEN active_until ELSE active_from END)
      FROM changesets c WHERE c.dataset_id = datasets.id), 0);]],
  [6] = [[
    ALTER TABLE uploads ADD COLUMN part_size INTEGER;
    ALTER TABLE parts ADD COLUMN place INTEGER;]],
}

local function refuse(text, ...) error({ message = text:format(...) }, 0) end

local function check(version)
  if not version then refuse("it is another program's database") end
  if version > CURRENT then
    refuse("its schema has version %d, and this finspace knows %d: use the newer finspace", version, CURRENT)
  end
end

--- Brings an older database up to date; refuses one that it cannot read.
--- @param db table connection that has written nothing yet
function schema_version.bring_up_to_date(db)
  local version = db.dialect.version(db)
  check(version)
  if version == CURRENT then return end
  db:transaction(function()
    for step = math.max(version, 1) + 1, version > 0 and CURRENT or 0 do
      db:script(db.dialect.schema(STEPS[step]))
    end
    db.dialect.set_version(db, CURRENT)
  end)
end

return schema_version
