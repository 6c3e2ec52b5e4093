--- A view's files: one query over a dataset's table, sorted and partitioned as asked, written below a folder.

local duckdb = require("finspace.service.engine.duckdb")
local failure = require("finspace.service.ingest.failure")
local gzip = require("finspace.service.ingest.gzip")
local hive = require("finspace.service.ingest.hive")
local lake = require("finspace.service.lake")
local log = require("finspace.service.log")
local parquet = require("finspace.service.engine.parquet")
local segment_file = require("finspace.service.s3.segment_file")
local sys = require("finspace.sys")
local types = require("finspace.service.engine.types")
local view_lines = require("finspace.service.ingest.view_lines")

local view_files = {}

local LARGEST_FILE = 256 * 1024 * 1024
local MOST_PARTITIONS = 10000
local LONGEST_KEY = 1024
local LONGEST_NAME = 255 -- of a folder on disk
local FILES_OF_A_SLICE = 64 -- of text
local LARGEST_SHARED = 16 * 1024 * 1024 -- what is larger is followed by a new file
local CHUNKS = 2 ^ 32 -- more than a partition can have

-- --- columns ----------------------------------------------------------------------------------------

local function find(columns, member, names)
  local found, by_name = {}, {}
  for _, column in ipairs(columns) do
    by_name[column.name:lower()] = column
  end
  for i, name in ipairs(names) do
    found[i] = by_name[name:lower()] or failure.raise("VALIDATION", "%s: the data has no column %q", member, name)
  end
  return found
end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end

-- Parquet files find their partition columns in their path.
local function written_columns(build)
  local list = {}
  for _, column in ipairs(build.columns) do
    if not contains(build.partition, column) then list[#list + 1] = column end
  end
  if #list == 0 then failure.raise("VALIDATION", "partitionColumns: the files would have no column left") end
  return list
end

-- Hive's readers expect a time as they write one.
local function partition_text(column)
  local value = duckdb.identifier(column.name)
  if column.sql == "TIMESTAMP WITH TIME ZONE" then
    return ("CAST(make_timestamp(epoch_us(%s)) AS VARCHAR)"):format(value)
  end
  return types.of_sql(column.sql).text(value)
end

-- --- partitions -------------------------------------------------------------------------------------

local function partition_list(build)
  local selected, order = {}, {}
  for i, column in ipairs(build.partition) do
    selected[i] = ("%s AS p%d, %s AS t%d"):format(duckdb.identifier(column.name), i, partition_text(column), i)
    order[i] = ("p%d NULLS LAST"):format(i)
  end
  return ("CREATE TEMP TABLE partitions AS SELECT row_number() OVER (ORDER BY %s) - 1 AS finspace_partition, * FROM (SELECT DISTINCT %s FROM (%s))"):format(
    table.concat(order, ", "),
    table.concat(selected, ", "),
    build.query
  )
end

local function values_of(row, count)
  local values = {}
  for i = 1, count do
    values[i] = row["t" .. i]
  end
  return values
end

local function texts(count)
  local names = {}
  for i = 1, count do
    names[i] = "t" .. i
  end
  return table.concat(names, ", ")
end

-- Refuses what S3 cannot name before anything is written.
local function check_paths(build, partitions)
  local around = #build.prefix + #"part-00000.parquet.gz"
  for _, partition in pairs(partitions) do
    if around + #partition.path > LONGEST_KEY then
      failure.raise(
        "VALIDATION",
        "partitionColumns: the key of %s would be longer than %d bytes",
        partition.path:sub(1, 200),
        LONGEST_KEY
      )
    end
  end
end

local function find_partitions(build)
  if #build.partition == 0 then return nil end
  build.connection:run(partition_list(build))
  local total = build.connection:run("SELECT count(*) AS total FROM partitions")[1].total
  if total > MOST_PARTITIONS then
    failure.raise("VALIDATION", "partitionColumns: there would be %d partitions, more than %d", total, MOST_PARTITIONS)
  end
  local partitions, names, count = {}, {}, #build.partition
  for i, column in ipairs(build.partition) do
    names[i] = column.name
  end
  for _, row in ipairs(build.connection:run(("SELECT finspace_partition, %s FROM partitions"):format(texts(count)))) do
    local values = values_of(row, count)
    partitions[row.finspace_partition] = { values = values, path = hive.path(names, values) }
  end
  check_paths(build, partitions)
  return partitions
end

-- --- the query --------------------------------------------------------------------------------------

local function selected_columns(build)
  local list = {}
  for i, column in ipairs(written_columns(build)) do
    list[i] = duckdb.identifier(column.name)
  end
  return list
end

-- The order of loading decides between rows that are equal; without anything else to sort by it stands already.
local function order_of(build)
  if #build.sort == 0 and not build.partitions then return "" end
  local order = {}
  if build.partitions then order[1] = "finspace_partition" end
  for _, column in ipairs(build.sort) do
    order[#order + 1] = duckdb.identifier(column.name) .. " NULLS LAST"
  end
  order[#order + 1] = "finspace_place"
  return " ORDER BY " .. table.concat(order, ", ")
end

local function joined(build)
  if not build.partitions then return build.query end
  local conditions = {}
  for i, column in ipairs(build.partition) do
    conditions[i] = ("r.%s IS NOT DISTINCT FROM partitions.p%d"):format(duckdb.identifier(column.name), i)
  end
  return ("SELECT r.*, partitions.finspace_partition FROM (%s) r JOIN partitions ON %s"):format(
    build.query,
    table.concat(conditions, " AND ")
  )
end

local function ordered(build) return ("(SELECT * FROM (%s)%s)"):format(joined(build), order_of(build)) end

-- How many rows a file of Parquet may have, where DuckDB does not watch its size itself.
local function rows_of_a_file(build)
  local width = build.bytes / math.max(build.rows, 1)
  return math.max(1, math.floor(0.8 * LARGEST_FILE / math.max(width, 1)))
end

-- Partitions of more rows than a file may have become several.
local function query_of(build)
  local selected = table.concat(selected_columns(build), ", ")
  if not build.partitions then return ("SELECT %s FROM %s"):format(selected, ordered(build)) end
  local chunk = ("(row_number() OVER () - 1) // %d"):format(rows_of_a_file(build))
  local number = ("finspace_partition * %d + %s"):format(CHUNKS, chunk)
  return ("SELECT %s, %s AS finspace_file FROM %s"):format(selected, number, ordered(build))
end

-- --- writing ----------------------------------------------------------------------------------------

local function copy(build, target)
  local split = ""
  if build.rows > 0 then
    split = build.partitions and ", PARTITION_BY (finspace_file)" or (", FILE_SIZE_BYTES %d"):format(LARGEST_FILE)
  end
  build.connection:run(
    ("COPY (%s) TO %s (%s%s)"):format(
      query_of(build),
      duckdb.literal(target),
      parquet.options(build.options.compression),
      split
    )
  )
end

local function number_in(name) return tonumber(name:match("%d+")) end

local function in_order(folder)
  local names = sys.list(folder) or {}
  table.sort(names, function(a, b) return number_in(a) < number_in(b) end)
  return names
end

-- The files of a partition, folder by folder, in the order of their rows.
local function each_written(build, folder, give)
  if build.rows == 0 then return give(folder) end
  if not build.partitions then
    for _, name in ipairs(in_order(folder)) do
      give(folder .. "/" .. name)
    end
    return
  end
  for _, number in ipairs(in_order(folder)) do
    local below, partition = folder .. "/" .. number, math.floor(number_in(number) / CHUNKS)
    for _, name in ipairs(in_order(below)) do
      give(below .. "/" .. name, partition)
    end
  end
end

local function fits_on_disk(path)
  if #path <= LONGEST_NAME then return true end
  for name in path:gmatch("[^/]+") do
    if #name > LONGEST_NAME then return false end
  end
  return true
end

local function extension_of(options)
  if not options.is_text then return ".parquet" end
  return options.compression == "gzip" and ".csv.gz" or ".csv"
end

local NO_PARTITION = { path = "" }

-- Where a file lies below the target. Rows of text have their partition's columns, so it needs no folder, which would take as
-- much of the disk as a small file does, and longer to make. Parquet is read in place too, by its folders; where one's name
-- is too long for a disk, the file stands beside them.
local function path_of(build, folder, name)
  if build.options.is_text or folder == "" or not fits_on_disk(folder) then return name end
  lake.make_folder(build.target, folder, true)
  return folder .. name
end

-- Names the next file, in Hive's layout, and gives it its place, where it has none in another.
local function next_file(build, number, path)
  local partition, files = build.partitions and build.partitions[number] or NO_PARTITION, build.files
  local folder, name = partition.path, ("part-%05d%s"):format(#files, extension_of(build.options))
  path = path or path_of(build, folder, name)
  files[#files + 1] = { key = folder .. name, path = path, folder = folder, values = partition.values }
  return files[#files]
end

local function refuse(message)
  if message:find("Out of Memory", 1, true) then
    log.note("a view", message:match("^[^\n]*")) -- says what there was of which
    failure.raise(
      "VALIDATION",
      "the view needs more memory than --ingest-memory, or more space than --ingest-disk, allow"
    )
  end
  error({ duckdb = message }, 0)
end

local Part = {}
Part.__index = Part

function Part:write(bytes, size)
  self.file:write(bytes, size)
  self.size = self.file.size - self.offset
end

function Part:close() end -- luacheck: ignore

-- The next part of the file that is being written: as an object it has that file's header before its rows.
local function part_of(build, file, header_size)
  file.part = setmetatable({ file = build.shared, offset = build.shared.size, size = 0 }, Part)
  file.header_size = header_size
  return file.part
end

local function close_shared(build)
  if build.shared then build.shared:close() end
  build.shared = nil
end

-- A disk needs more for each file than for the text of a small one, so those lie one behind the other in one: in place it is
-- a text of all their rows. What is packed, and what is sent to a store, is a file of its own. Others are let in between: a
-- chunk of DuckDB's may be of as many partitions as it has rows.
local function create_text(build, number, header_size)
  if #build.files % FILES_OF_A_SLICE == 0 and coroutine.running() then coroutine.yield() end
  if build.shared and build.shared.size >= LARGEST_SHARED then close_shared(build) end
  local file = next_file(build, number, build.shared and build.files[#build.files].path)
  if build.shared then return part_of(build, file, header_size), false end
  local out = segment_file.create(build.target .. "/" .. file.path)
  if build.pack then return build.pack(out), true end
  if not build.may_share then return out, true end
  build.shared = out
  return part_of(build, file, 0), true
end

local function finish_text(build, size)
  local file = build.files[#build.files]
  local head = file.header_size or 0
  file.bytes = head + size
  if file.part then file.pieces = { { offset = 0, size = head }, { offset = file.part.offset, size = size } } end
end

local function write_text(build)
  view_lines.write(build.connection, {
    rows = ordered(build),
    columns = build.columns,
    partition = build.partitions and "CAST(finspace_partition AS INTEGER)" or "CAST(0 AS INTEGER)",
    options = build.options,
    largest = LARGEST_FILE,
    create = function(number, header_size) return create_text(build, number, header_size) end,
    finish = function(size) finish_text(build, size) end,
  })
  close_shared(build)
end

local function write_parquet(build)
  local written = build.target .. "/written"
  copy(build, written)
  each_written(build, written, function(path, number)
    local file = next_file(build, number)
    local target = build.target .. "/" .. file.path
    local ok, problem = sys.rename(path, target)
    if not ok then error(problem, 0) end
    file.bytes = sys.stat(target).size
  end)
  lake.remove(written)
end

-- Of a dataset with neither schema nor data there is an empty text, and no Parquet at all.
local function write_nothing(build)
  if not build.options.is_text then return end
  local out = create_text(build, nil, 0)
  out:close()
  finish_text(build, out.size)
  close_shared(build)
end

local function writer_of(build)
  if #build.columns == 0 then return write_nothing end
  return build.options.is_text and write_text or write_parquet
end

--- Writes a view's files into a folder.
--- @param build table {connection=, table=from dataset_table.open, options=from destination.read, sort=names,
---   partition=names, target=folder that is there and empty, prefix=what the files' keys begin with, may_share=whether an
---   object may be pieces of a file}
--- @return table[] files {key=below the prefix, path=below the folder, folder=of the key, bytes=, values=of the partition or
---   nil, pieces=of the file at that path, one behind the other: { {offset=, size=} }, or nil for all of it}
function view_files.write(build)
  local open_table = build.table
  build.columns, build.query, build.rows, build.bytes =
    open_table.columns, open_table.query, open_table.rows, open_table.bytes
  build.sort = find(build.columns, "sortColumns", build.sort)
  build.partition = find(build.columns, "partitionColumns", build.partition)
  build.partitions = build.rows > 0 and find_partitions(build) or nil
  build.files = {}
  build.pack = build.options.compression == "gzip" and gzip.packer()
  local ok, problem = pcall(writer_of(build), build)
  if not ok and duckdb.message(problem) then refuse(duckdb.message(problem)) end
  if not ok then error(problem, 0) end
  return build.files
end

return view_files
