--- The engine: one DuckDB in memory for the process that ingests, which may read and write only below the folders of
--- the service, load nothing, and use bounded memory and temporary space.
---
--- One thread, because with more of them sorted output is not sorted, and because this process is shared in slices.

local duckdb = require("finspace.service.engine.duckdb")

local engine = {}

local COUNTED = 15 / 16 -- of the memory that there is: DuckDB does not count all that it takes

local function settings_of(options)
  return {
    threads = "1",
    memory_limit = ("%dMiB"):format(options.memory_mib * COUNTED),
    temp_directory = options.data .. "/" .. options.temporary,
    autoinstall_known_extensions = "false",
    autoload_known_extensions = "false",
    allow_community_extensions = "false",
    preserve_insertion_order = "true",
  }
end

-- The order matters: the size after the folder, the lock last.
local function harden(connection, options)
  local folders = {}
  for i, name in ipairs { "objects", "lake", "run/temporary" } do
    folders[i] = duckdb.literal(options.data .. "/" .. name .. "/")
  end
  connection:run("SET GLOBAL TimeZone = 'UTC'")
  -- Rows come sorted by partition: buffering more of them would only hold memory for more partitions at once, a block for
  -- each of their columns. Row groups do not become smaller.
  connection:run("SET GLOBAL partitioned_write_flush_threshold = 2048")
  connection:run("SET GLOBAL partitioned_write_max_open_files = 4")
  connection:run(("SET max_temp_directory_size = '%dMiB'"):format(options.disk_mib))
  connection:run(("SET allowed_directories = [%s]"):format(table.concat(folders, ", ")))
  connection:run("SET enable_external_access = false")
  connection:run("SET lock_configuration = true")
end

local opened -- for the rest of this process' life

--- The engine's database; where the library was missing it is looked for again each time.
--- @param options table {data=folder (its real path), memory_mib=, disk_mib=, temporary=folder below data}
--- @return table|nil database {connect()}
--- @return string|nil problem with the command that installs it
function engine.open(options)
  if opened then return opened end
  local database, problem = duckdb.open(settings_of(options))
  if not database then return nil, problem end
  local connection = database:connect()
  harden(connection, options)
  connection:close()
  opened = database
  return opened
end

return engine
