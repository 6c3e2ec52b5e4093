--- The ingestion of one changeset: RUNNING, its sources read into Parquet, then SUCCESS or FAILED in one transaction with
--- everything that follows from it. Cut off anywhere, it begins again: what was written has no place yet.

local cjson = require("cjson.safe")
local clock = require("finspace.service.clock")
local engine = require("finspace.service.engine.parquet")
local failure = require("finspace.service.ingest.failure")
local formats = require("finspace.service.ingest.formats")
local jobs = require("finspace.service.ingest.job")
local leases = require("finspace.service.leases")
local metrics = require("finspace.service.node.metrics")
local moments = require("finspace.service.moments")
local reading = require("finspace.service.ingest.reading")
local schema = require("finspace.service.ingest.schema")
local source = require("finspace.service.ingest.source")
local summary = require("finspace.service.engine.summary")
local types = require("finspace.service.engine.types")

local changeset = {}

local MOST_ATTEMPTS = 250 -- of a changeset on which the process dies each time

-- --- reading ----------------------------------------------------------------------------------------

local function paths_of(job, files)
  local paths = {}
  for i, written in ipairs(files) do
    paths[i] = job.target .. "/" .. written.name
  end
  return paths
end

local function described(job, files)
  if #files == 0 then return nil, {} end
  local relation = engine.table(paths_of(job, files))
  local columns = engine.describe(job.connection, relation)
  for _, column in ipairs(columns) do
    column.type = types.of_sql(column.sql).name
  end
  return relation, columns
end

local function total(files, member)
  local sum = 0
  for _, written in ipairs(files) do
    sum = sum + written[member]
  end
  return sum
end

local function summary_of(job, files, relation, columns)
  local about = { rows = total(files, "rows"), bytes = total(files, "bytes"), files = #files, paths = {} }
  for i, path in ipairs(paths_of(job, files)) do
    about.paths[i] = { path = path, rows = files[i].rows }
  end
  return summary.of(job.connection, relation, columns, about)
end

-- Reads everything and gives it its place in the store; nobody knows of it yet.
local function written(job, row, columns)
  job.format = formats.read(cjson.decode(row.format_params))
  job.kind, job.schema = job.format.type, columns
  local sources = source.keep(job, row)
  local files = reading.write(job, sources)
  local relation, found = described(job, files)
  local result = { columns = found, rows = total(files, "rows"), read = total(sources, "size") }
  result.kept = job.state.store:keep_changeset(job, row, files, summary_of(job, files, relation, found))
  return result
end

local function ingested(state, row)
  local dataset = state.db:row("SELECT * FROM datasets WHERE id = ?", row.dataset_id)
  return jobs.with(state, row.id, function(job) return written(job, row, schema.columns(dataset)) end)
end

-- --- the end ----------------------------------------------------------------------------------------

-- REPLACE hides every changeset before it; MODIFY hides the one it replaces.
local function hide_earlier(db, row, moment)
  if row.change_type == "REPLACE" then
    db:run(
      [[UPDATE changesets SET active_until = ? WHERE dataset_id = ? AND seq < ? AND status = 'SUCCESS'
      AND active_until IS NULL]],
      moment,
      row.dataset_id,
      row.seq
    )
  elseif row.updates_id then
    db:run("UPDATE changesets SET active_until = ? WHERE id = ? AND active_until IS NULL", moment, row.updates_id)
  end
end

-- Views that follow their dataset are built anew.
local function refresh_views(db, dataset_id, now)
  db:run(
    [[UPDATE data_views SET status = 'PENDING', attempts = 0,
    modified = CASE WHEN modified < ?1 THEN ?1 ELSE modified + 1 END WHERE dataset_id = ?2 AND auto_update = 1]],
    now,
    dataset_id
  )
end

-- What the store holds of a changeset, as the database knows it.
local function publish(state, row, result)
  local db, files = state.db, result.kept.files
  state.store:publish_changeset(row, result.kept)
  db:run(
    "UPDATE changesets SET columns = ?, files = ?, progress = NULL WHERE id = ?",
    #result.columns > 0 and cjson.encode(result.columns) or "[]",
    #files > 0 and cjson.encode(files) or "[]",
    row.id
  )
  db:run("DELETE FROM changeset_sources WHERE changeset_id = ?", row.id)
end

local function succeed(state, row, result)
  local db = state.db
  db:transaction(function()
    leases.finish(db, row)
    local moment = moments.next(db, row.dataset_id, clock.milliseconds())
    hide_earlier(db, row, moment)
    publish(state, row, result)
    db:run(
      "UPDATE changesets SET status = 'SUCCESS', row_count = ?, active_from = ? WHERE id = ?",
      result.rows,
      moment,
      row.id
    )
    refresh_views(db, row.dataset_id, moment)
  end)
  metrics.count("finspace_ingested_rows_total", result.rows)
  metrics.count("finspace_ingested_bytes_total", result.read)
end

-- A changeset that failed to replace another one lets it go, so that it can be updated again.
local function fail(state, row, category, message)
  local db = state.db
  db:transaction(function()
    leases.finish(db, row)
    db:run(
      "UPDATE changesets SET status = 'FAILED', error_category = ?, error_message = ? WHERE id = ?",
      category,
      message,
      row.id
    )
    db:run("DELETE FROM changeset_sources WHERE changeset_id = ?", row.id)
    db:run("UPDATE changesets SET updated_by_id = NULL WHERE id = ?", row.updates_id)
  end)
end

--- Ingests a changeset; runs in a coroutine.
--- @param state table
--- @param row table of leases.take
function changeset.ingest(state, row)
  if row.attempts > MOST_ATTEMPTS then
    return fail(state, row, "INTERNAL_SERVICE_EXCEPTION", "the service's process died each time it read this")
  end
  local ok, result = pcall(ingested, state, row)
  if ok then return succeed(state, row, result) end
  if jobs.is_passing(result, row) then return jobs.postpone(state, row, "changeset " .. row.id, result) end
  fail(state, row, jobs.described_failure("changeset " .. row.id, result))
end

-- --- what earlier versions left ---------------------------------------------------------------------

--- Reads into Parquet what an earlier version counted and did not read. What the schema refuses now was accepted then:
--- it is read as it stands.
--- @param state table
--- @param row table
function changeset.convert(state, row)
  local ok, result = pcall(ingested, state, row)
  if not ok and failure.is(result) and result.category == "VALIDATION" then
    ok, result = pcall(jobs.with, state, row.id, function(job) return written(job, row, nil) end)
  end
  if not ok and jobs.is_passing(result, row) then return jobs.postpone(state, row, "changeset " .. row.id, result) end
  local db = state.db
  db:transaction(function()
    leases.finish(db, row)
    if ok then return publish(state, row, result) end
    local _, message = jobs.described_failure("changeset " .. row.id .. " of an earlier version", result)
    db:run("UPDATE changesets SET progress = ? WHERE id = ?", message, row.id)
  end)
end

return changeset
