--- Builds a data view: its dataset's rows as of a moment, in files that take the place of the earlier ones in one small
--- transaction.

local cjson = require("cjson.safe")
local clock = require("finspace.service.clock")
local destination = require("finspace.service.ingest.destination")
local ids = require("finspace.service.ids")
local jobs = require("finspace.service.ingest.job")
local leases = require("finspace.service.leases")
local moments = require("finspace.service.moments")
local tables = require("finspace.service.ingest.dataset_table")
local types = require("finspace.service.engine.types")
local view_files = require("finspace.service.ingest.view_files")

local view = {}

local MOST_ATTEMPTS = 250 -- of a view on which the process dies each time

-- --- building ---------------------------------------------------------------------------------------

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name:lower()] = true
  end
  return set
end

-- The columns as a catalogue tells them: those of the files, and those of their folders.
local function described(open_table, partition_names)
  local columns, in_folders = {}, set_of(partition_names)
  for i, column in ipairs(open_table.columns) do
    columns[i] = {
      name = column.name,
      hive = types.of_sql(column.sql).hive,
      is_partition = in_folders[column.name:lower()],
    }
  end
  return columns
end

-- The files of a partition come one after the other.
local function partitions_of(files)
  local list, last = {}, nil
  for _, file in ipairs(files) do
    if file.values and file.folder ~= last then list[#list + 1] = { folder = file.folder, values = file.values } end
    last = file.folder
  end
  return list
end

local function built(job, row, moment)
  local state, generation = job.state, ids.rising()
  local dataset = state.db:row("SELECT * FROM datasets WHERE id = ?", row.dataset_id)
  local open_table, partition = tables.open(job, dataset, moment), cjson.decode(row.partition_columns)
  local files = view_files.write {
    connection = job.connection,
    table = open_table,
    options = destination.read(cjson.decode(row.destination)),
    sort = cjson.decode(row.sort_columns),
    partition = partition,
    target = job.target,
    may_share = state.store.has_pieces,
    prefix = state.store:view_prefix(row, generation),
  }
  return {
    kept = state.store:keep_view(job, row, generation, files),
    generation = generation,
    columns = described(open_table, partition),
    partitions = partitions_of(files),
  }
end

-- --- the end ----------------------------------------------------------------------------------------

local function encoded(list) return #list > 0 and cjson.encode(list) or "[]" end

-- A dataset that changed meanwhile has made the view PENDING again, and it stays so.
local STATUS = "status = CASE modified WHEN ?2 THEN ?3 ELSE 'PENDING' END"

local function publish(state, row, moment, result, prefix)
  leases.finish(state.db, row)
  state.db:run(
    "UPDATE data_views SET "
      .. STATUS
      .. [[, as_of = ?4, error_category = NULL, error_message = NULL, generation = ?5,
    columns = ?6, partitions = ?7, prefix = ?8, attempts = 0 WHERE id = ?1]],
    row.id,
    row.modified,
    "SUCCESS",
    moment,
    result.generation,
    encoded(result.columns),
    encoded(result.partitions),
    prefix
  )
end

local function succeed(state, row, moment, result)
  state.store:publish_view(row, result.kept, function(prefix) publish(state, row, moment, result, prefix) end)
end

local function fail(state, row, category, message)
  local db = state.db
  db:transaction(function()
    leases.finish(db, row)
    db:run(
      "UPDATE data_views SET " .. STATUS .. ", error_category = ?4, error_message = ?5 WHERE id = ?1",
      row.id,
      row.modified,
      "FAILED",
      category,
      message
    )
  end)
end

--- Builds a view; runs in a coroutine. Cut off anywhere, it is simply begun again.
--- @param state table
--- @param row table of leases.take
function view.build(state, row)
  local db = state.db
  if row.attempts > MOST_ATTEMPTS then
    return fail(state, row, "INTERNAL_SERVICE_EXCEPTION", "the service's process died each time it built this")
  end
  local moment = row.auto_update == 1 and moments.present(db, row.dataset_id, clock.milliseconds()) or row.as_of
  local ok, result = pcall(jobs.with, state, row.id, function(job) return built(job, row, moment) end)
  if ok then return succeed(state, row, moment, result) end
  if jobs.is_passing(result, row) then return jobs.postpone(state, row, "view " .. row.id, result) end
  fail(state, row, jobs.described_failure("view " .. row.id, result))
end

return view
