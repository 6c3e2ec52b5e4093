--- Parquet files: written from a query, and read as one table.

local duckdb = require("finspace.service.engine.duckdb")
local sys = require("finspace.sys")

local parquet = {}

parquet.LARGEST_FILE = "256MB"

-- zstd's first level packs typed columns as well as its third, in half the time; a dictionary pays for few values, and
-- looking for it costs as much as writing does.
local LEVELS = { zstd = ", COMPRESSION_LEVEL 1", snappy = "" }
local OPTIONS = "FORMAT parquet, COMPRESSION %s%s, DICTIONARY_SIZE_LIMIT 2048"

--- @param compression "zstd"|"snappy"
--- @return string options of a COPY
function parquet.options(compression) return OPTIONS:format(compression, LEVELS[compression]) end

local WRITE = "COPY (%s) TO %s (" .. parquet.options("zstd") .. ", FILE_SIZE_BYTES '%s')"

local function in_order(names)
  table.sort(names, function(a, b) return tonumber(a:match("%d+")) < tonumber(b:match("%d+")) end)
  return names
end

--- Writes a query's rows into files below a folder that is not there yet.
--- @param connection table
--- @param query string
--- @param folder string
--- @return string[] paths in the order of the rows
function parquet.write(connection, query, folder)
  connection:run(WRITE:format(query, duckdb.literal(folder), parquet.LARGEST_FILE))
  local paths = {}
  for i, name in ipairs(in_order(sys.list(folder) or {})) do
    paths[i] = folder .. "/" .. name
  end
  return paths
end

local function list_of(paths)
  local literals = {}
  for i, path in ipairs(paths) do
    literals[i] = duckdb.literal(path)
  end
  return "[" .. table.concat(literals, ", ") .. "]"
end

--- @param paths string[]
--- @return string sql of the table that the files are together; a column that a file lacks is NULL there
function parquet.table(paths)
  return ("read_parquet(%s, union_by_name = true, hive_partitioning = false)"):format(list_of(paths))
end

local BLOCKS = 20
local BLOCK = "SELECT * FROM read_parquet(%s) WHERE file_row_number BETWEEN %d AND %d"

local function block_of(files, first, rows)
  for _, file in ipairs(files) do
    if first < file.rows then return BLOCK:format(duckdb.literal(file.path), first, first + rows - 1) end
    first = first - file.rows
  end
end

--- Some of the rows of files: blocks of them, evenly spread, so that most of each file is not read.
--- @param files { path: string, rows: integer }[]
--- @param rows integer as many as there are in all of them
--- @param wanted integer fewer than that
--- @return string sql of a table
function parquet.sample(files, rows, wanted)
  local paths, blocks, size = {}, {}, math.ceil(wanted / BLOCKS)
  for i, file in ipairs(files) do
    paths[i] = file.path
  end
  for i = 1, BLOCKS do
    blocks[i] = block_of(files, math.floor((i - 0.5) * rows / BLOCKS), size)
  end
  -- The first part has the columns of all files.
  local all = "SELECT * FROM " .. parquet.table(paths) .. " WHERE false"
  return ("(%s UNION ALL BY NAME %s)"):format(all, table.concat(blocks, " UNION ALL BY NAME "))
end

--- @param connection table
--- @param relation string SQL of a table
--- @return table[] columns {name=, sql=type as DuckDB calls it}
function parquet.describe(connection, relation)
  local columns = {}
  for i, row in
    ipairs(connection:run(("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM %s)"):format(relation)))
  do
    columns[i] = { name = row.column_name, sql = row.column_type }
  end
  return columns
end

--- @param connection table
--- @param path string
--- @return integer rows
function parquet.rows(connection, path)
  return connection:run(("SELECT num_rows FROM parquet_file_metadata(%s)"):format(duckdb.literal(path)))[1].num_rows
end

return parquet
