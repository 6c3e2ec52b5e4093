--- Builds a data view: its dataset's rows as of a moment, in files that take the place of the earlier ones in one small
--- transaction. Others write meanwhile, so a view of many files gets a prefix of its own, under which they are named
--- beforehand, some at a time.

local cjson = require("cjson.safe")
local contents = require("finspace.service.s3.contents")
local destination = require("finspace.service.ingest.destination")
local ids = require("finspace.service.ids")
local jobs = require("finspace.service.ingest.job")
local lake = require("finspace.service.lake")
local moments = require("finspace.service.moments")
local sys = require("finspace.sys")
local tables = require("finspace.service.ingest.dataset_table")
local types = require("finspace.service.engine.types")
local view_files = require("finspace.service.ingest.view_files")

local view = {}

local MOST_ATTEMPTS = 250 -- of a view on which the process dies each time
local FEW_FILES = 300 -- whose names are swapped in one transaction
local BATCH = 100 -- rows of a transaction: other writers wait for it

local function now_ms() return math.floor(sys.now() * 1000) end

-- --- files and their names --------------------------------------------------------------------------

local function each_batch(db, list, work, pause)
  for first = 1, #list, BATCH do
    db:transaction(function()
      for at = first, math.min(first + BATCH - 1, #list) do
        work(list[at])
      end
    end)
    if pause then pause() end
  end
end

local CONTENT_TYPES = { csv = "text/csv", gz = "application/gzip", parquet = "application/vnd.apache.parquet" }

local function name_object(state, folder, prefix, file, now)
  local content = contents.insert_lake_file(state.db, folder .. "/" .. file.path, file.bytes)
  state.db:insert("objects", {
    bucket = state.settings.bucket,
    key = prefix .. file.key,
    content_id = content,
    modified = now,
    content_type = CONTENT_TYPES[file.key:match("%w+$")],
  })
end

local function after(prefix) return prefix:sub(1, -2) .. "0" end -- "0" follows "/"

local ALL_BUT = "SELECT key FROM objects WHERE bucket = ? AND key >= ? AND key < ? AND NOT (key >= ? AND key < ?)"

-- Objects and files of earlier builds, and of one that was cut off. The view's prefixes begin with its id and "/" or ".".
local function forget_others(state, row, prefix, generation, pause)
  local db, bucket, own = state.db, state.settings.bucket, lake.view_prefix(row.dataset_id, row.id)
  local keys = db:rows(ALL_BUT, bucket, own:sub(1, -2) .. ".", after(own), prefix, after(prefix))
  each_batch(
    db,
    keys,
    function(object) db:run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, object.key) end,
    pause
  )
  local folder = state.settings.data .. "/" .. lake.view_folder(row.dataset_id, row.id)
  for _, name in ipairs(sys.list(folder) or {}) do
    if name ~= generation then lake.remove(folder .. "/" .. name) end
  end
end

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

local function partitions_of(files)
  local list, seen = {}, {}
  for _, file in ipairs(files) do
    local folder = file.key:match("^(.*/)") or ""
    if file.values and not seen[folder] then
      seen[folder] = true
      list[#list + 1] = { folder = folder, values = file.values }
    end
  end
  return list
end

local function built(job, row, moment)
  local state, generation = job.state, ids.rising()
  local dataset = state.db:row("SELECT * FROM datasets WHERE id = ?", row.dataset_id)
  local open_table, partition = tables.open(state, dataset, moment), cjson.decode(row.partition_columns)
  local files = view_files.write {
    connection = job.connection,
    table = open_table,
    options = destination.read(cjson.decode(row.destination)),
    sort = cjson.decode(row.sort_columns),
    partition = partition,
    target = job.target,
    prefix = lake.view_prefix(row.dataset_id, row.id, generation),
  }
  forget_others(state, row, row.prefix or lake.view_prefix(row.dataset_id, row.id), row.generation, coroutine.yield)
  lake.place(state.settings.data, job.target, lake.view_folder(row.dataset_id, row.id, generation))
  return {
    files = files,
    generation = generation,
    columns = described(open_table, partition),
    partitions = partitions_of(files),
  }
end

-- --- the end ----------------------------------------------------------------------------------------

local function encoded(list) return #list > 0 and cjson.encode(list) or "[]" end

-- A dataset that changed meanwhile has made the view PENDING again, and it stays so.
local STATUS = "status = CASE modified WHEN ?2 THEN ?3 ELSE 'PENDING' END"

local function publish(state, row, moment, result)
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
    result.prefix
  )
end

-- The earlier files' names go and the new ones come in the transaction that says SUCCESS.
local function swap(state, row, moment, result, name)
  local db, bucket, prefix = state.db, state.settings.bucket, result.prefix
  db:transaction(function()
    db:run("DELETE FROM objects WHERE bucket = ? AND key >= ? AND key < ?", bucket, prefix, after(prefix))
    for _, file in ipairs(result.files) do
      name(file)
    end
    publish(state, row, moment, result)
  end)
end

local function succeed(state, row, moment, result)
  local is_large, now = #result.files > FEW_FILES, now_ms()
  local folder = lake.view_folder(row.dataset_id, row.id, result.generation)
  result.prefix = lake.view_prefix(row.dataset_id, row.id, is_large and result.generation or nil)
  local function name(file) name_object(state, folder, result.prefix, file, now) end
  if is_large then
    each_batch(state.db, result.files, name, coroutine.yield)
    publish(state, row, moment, result)
  else
    swap(state, row, moment, result, name)
  end
  forget_others(state, row, result.prefix, result.generation, coroutine.yield)
end

local function fail(state, row, category, message)
  state.db:run(
    "UPDATE data_views SET " .. STATUS .. ", error_category = ?4, error_message = ?5 WHERE id = ?1",
    row.id,
    row.modified,
    "FAILED",
    category,
    message
  )
end

--- Builds a view; runs in a coroutine. Cut off anywhere, it is simply begun again.
--- @param state table
--- @param row table
function view.build(state, row)
  local db = state.db
  db:run("UPDATE data_views SET status = 'RUNNING', attempts = attempts + 1 WHERE id = ?", row.id)
  if row.attempts >= MOST_ATTEMPTS then
    return fail(state, row, "INTERNAL_SERVICE_EXCEPTION", "the service's process died each time it built this")
  end
  local moment = row.auto_update == 1 and moments.present(db, row.dataset_id, now_ms()) or row.as_of
  local ok, result = pcall(jobs.with, state, row.id, function(job) return built(job, row, moment) end)
  if ok then return succeed(state, row, moment, result) end
  fail(state, row, jobs.described_failure("view " .. row.id, result))
end

--- Takes away what builds left that were cut off after their view was published. Nothing is at work meanwhile.
--- @param state table
function view.sweep(state)
  for _, row in ipairs(state.db:rows("SELECT * FROM data_views")) do
    forget_others(state, row, row.prefix or lake.view_prefix(row.dataset_id, row.id), row.generation)
  end
end

return view
