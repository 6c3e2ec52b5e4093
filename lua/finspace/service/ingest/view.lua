--- Builds a data view: its dataset's rows as of a moment, partitioned and sorted as asked, written to
-- files that replace the view's earlier ones in one transaction.

local cjson = require("cjson.safe")
local core = require("finspace.core")
local sys = require("finspace.sys")
local contents = require("finspace.service.s3.contents")
local failure = require("finspace.service.ingest.failure")
local log = require("finspace.service.log")
local records = require("finspace.service.ingest.csv_records")
local sorter = require("finspace.service.ingest.sorter")
local tables = require("finspace.service.ingest.dataset_table")

local view = {}

local LARGEST_FILE = 128 * 1024 * 1024
local PIECE = 256 * 1024
local NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

local function now_ms() return math.floor(sys.now() * 1000) end

local function positions(open_table, member, names)
  local found = {}
  for i, name in ipairs(names) do
    found[i] = open_table.index[name] or failure.raise("VALIDATION", "%s: the data has no column %q", member, name)
  end
  return found
end

-- column=value/ for each partition column, as Hive's readers know it.
local function partition_of(row, names, at)
  local folders = {}
  for i, name in ipairs(names) do
    local value = row[at[i]]
    folders[i] = core.uri_encode(name) .. "=" .. (value == "" and NO_VALUE or core.uri_encode(value)) .. "/"
  end
  return table.concat(folders)
end

local function options_of(row)
  local options = cjson.decode(row.destination).s3DestinationExportFileFormatOptions or {}
  return { separator = options.delimiter or ",", has_header = options.header ~= "false" }
end

local function scratch_path(state, row) return state.settings.data .. "/run/view-" .. row.id .. ".db" end

-- The rows as `partition, line`, in the order of the files.
local function lines_of(state, row, open_table, options)
  local partition_names, sort_names = cjson.decode(row.partition_columns), cjson.decode(row.sort_columns)
  local partition_at = positions(open_table, "partitionColumns", partition_names)
  local sort_at = positions(open_table, "sortColumns", sort_names)
  local function next_line()
    local fields = open_table.next()
    if not fields then return nil end
    return partition_of(fields, partition_names, partition_at), records.line(fields, options.separator), fields
  end
  if #partition_at == 0 and #sort_at == 0 then return next_line end
  return sorter.sorted(scratch_path(state, row), next_line, sort_at, open_table.types)
end

-- Writes one file: lines of one partition, up to a size. Returns the line that belongs to the next.
local function write_file(state, next_line, first, header)
  local partition, line, size = first.partition, first.line, 0
  local is_open, following = true, nil
  local function next_piece()
    if not is_open then return nil end
    coroutine.yield()
    local lines, length = { size == 0 and header or "" }, 0
    while line and length < PIECE do
      lines[#lines + 1] = line
      length = length + #line
      local next_partition, next_text = next_line()
      line = next_text
      if next_partition ~= partition or size + length >= LARGEST_FILE then
        following = next_text and { partition = next_partition, line = next_text }
        is_open, line = false, nil
      end
    end
    size = size + length
    is_open = is_open and line ~= nil
    return table.concat(lines)
  end
  return contents.write_segment(state, next_piece), following
end

local function write_files(state, next_line, header)
  local files, partition, line = {}, next_line()
  local first, number = line and { partition = partition, line = line }, 0
  while first do
    local name = ("%spart-%05d.csv"):format(first.partition, number)
    local segment, following = write_file(state, next_line, first, header)
    files[#files + 1] = { name = name, segment = segment }
    first, number = following, number + 1
  end
  return files
end

-- A view without rows still is a file, so that who reads it finds its columns.
local function ensure_file(state, files, header)
  if #files > 0 then return end
  local text = header
  local segment = contents.write_segment(state, function()
    local piece = text
    text = nil
    return piece ~= "" and piece or nil
  end)
  files[1] = { name = "part-00000.csv", segment = segment }
end

local function build_files(state, row, moment)
  local dataset = state.db:row("SELECT * FROM datasets WHERE id = ?", row.dataset_id)
  local open_table = tables.open(state, dataset, moment)
  local options = options_of(row)
  local has_header = options.has_header and #open_table.columns > 0
  local header = has_header and records.line(open_table.columns, options.separator) or ""
  local files = write_files(state, lines_of(state, row, open_table, options), header)
  ensure_file(state, files, header)
  return files
end

local function swap_objects(state, row, files, now)
  local db, bucket = state.db, state.settings.bucket
  local folder = "views/" .. row.dataset_id .. "/" .. row.id
  db:run("DELETE FROM objects WHERE bucket = ? AND key >= ? AND key < ?", bucket, folder .. "/", folder .. "0")
  for _, file in ipairs(files) do
    local content = contents.insert(db, { file.segment }, contents.etag(file.segment))
    db:run(
      "INSERT INTO objects (bucket, key, content_id, modified, content_type) VALUES (?, ?, ?, ?, 'text/csv')",
      bucket,
      folder .. "/" .. file.name,
      content,
      now
    )
  end
end

-- A dataset that changed meanwhile has made the view PENDING again, and it stays so.
local function finish(state, row, change)
  state.db:run(
    [[UPDATE data_views SET status = CASE modified WHEN ?2 THEN ?3 ELSE 'PENDING' END,
    as_of = ?4, error_category = ?5, error_message = ?6 WHERE id = ?1]],
    row.id,
    row.modified,
    change.status,
    change.as_of or row.as_of,
    change.category,
    change.message
  )
end

local function describe_failure(row, problem)
  if failure.is(problem) then return problem.category, problem.message end
  log.problem("view " .. row.id, problem)
  return "INTERNAL_SERVICE_EXCEPTION", "the service failed; its log says why"
end

--- Builds a view; runs in a coroutine. Cut off anywhere, it is simply begun again.
--- @param state table
--- @param row table
function view.build(state, row)
  local db = state.db
  db:run("UPDATE data_views SET status = 'RUNNING' WHERE id = ?", row.id)
  local moment = row.auto_update == 1 and now_ms() or row.as_of
  local ok, result = pcall(build_files, state, row, moment)
  if not ok then
    sys.remove(scratch_path(state, row))
    local category, message = describe_failure(row, result)
    return finish(state, row, { status = "FAILED", category = category, message = message })
  end
  db:transaction(function()
    swap_objects(state, row, result, now_ms())
    finish(state, row, { status = "SUCCESS", as_of = moment })
  end)
end

return view
