--- A dataset as one table: the rows of the changesets that count at a moment, under one set of columns, as SQL over their
--- Parquet files.

local cjson = require("cjson.safe")
local duckdb = require("finspace.service.engine.duckdb")
local engine = require("finspace.service.engine.parquet")
local failure = require("finspace.service.ingest.failure")
local formats = require("finspace.service.ingest.formats")
local schema = require("finspace.service.ingest.schema")
local types = require("finspace.service.engine.types")

local tables = {}

local COUNTING = [[SELECT * FROM changesets WHERE dataset_id = ? AND status = 'SUCCESS' AND active_from <= ?
  AND (active_until IS NULL OR active_until > ?)]]

-- A changeset that replaces another one stands in its place.
local function place_of(db, row)
  while row.updates_id do
    row = db:row("SELECT seq, updates_id FROM changesets WHERE id = ?", row.updates_id)
  end
  return row.seq
end

local function counting(db, dataset_id, moment)
  local rows = db:rows(COUNTING, dataset_id, moment, moment)
  for _, row in ipairs(rows) do
    row.place = place_of(db, row)
    if not row.columns then
      failure.raise("VALIDATION", "changeset %s, of an earlier version, could not be read: %s", row.id, row.progress)
    end
  end
  table.sort(rows, function(a, b) return a.place < b.place end)
  return rows
end

-- --- columns ----------------------------------------------------------------------------------------

-- Names that differ by case only are one column, as DuckDB and Hive have it: the first one's spelling stays.
local function add(list, name, sql)
  local folded = name:lower()
  local known = list.by_name[folded]
  if not known then
    known = { name = name, sql = sql }
    list[#list + 1], list.by_name[folded] = known, known
  elseif known.sql ~= sql then
    known.sql = "VARCHAR"
  end
  return known
end

-- What came without a header is known by its position: it goes where the columns before it stand.
local function name_of(list, changeset, i)
  local name = changeset.columns[i].name
  if changeset.has_header or name ~= "column_" .. i or not list[i] then return name end
  return list[i].name
end

-- The schema's columns, then those that only files have: nothing that was loaded is left out. Where changesets disagree
-- about a column's type it is text.
local function columns_of(dataset, changesets)
  local list = { by_name = {} }
  for _, column in ipairs(schema.columns(dataset) or {}) do
    add(list, column.name, column.kind.sql)
  end
  for _, changeset in ipairs(changesets) do
    for i, column in ipairs(changeset.columns) do
      changeset.own[add(list, name_of(list, changeset, i), column.sql)] = column
    end
  end
  return list
end

-- --- rows -------------------------------------------------------------------------------------------

local function value_of(column, own)
  if not own then return ("CAST(NULL AS %s)"):format(column.sql) end
  local value = duckdb.identifier(own.name)
  if own.sql == column.sql then return value end
  return types.of_sql(own.sql).text(value)
end

local function most_rows(files)
  local most = 0
  for _, file in ipairs(files) do
    most = math.max(most, file.rows)
  end
  return most
end

-- One changeset's rows; `finspace_place` rises with the order in which they were loaded, from `first` on.
local function select_of(job, changeset, columns, first)
  local selected = {}
  for i, column in ipairs(columns) do
    selected[i] = ("%s AS %s"):format(value_of(column, changeset.own[column]), duckdb.identifier(column.name))
  end
  local paths = job.state.store:changeset_paths(job, changeset)
  local step = most_rows(changeset.files)
  local place = ("%d + file_index::BIGINT * %d + file_row_number AS finspace_place"):format(first, step)
  local query = ("SELECT %s, %s FROM %s"):format(table.concat(selected, ", "), place, engine.table(paths))
  return query, first + step * #paths
end

local function without_rows(columns)
  local selected = { "CAST(0 AS BIGINT) AS finspace_place" }
  for i, column in ipairs(columns) do
    selected[i + 1] = ("CAST(NULL AS %s) AS %s"):format(column.sql, duckdb.identifier(column.name))
  end
  return "SELECT " .. table.concat(selected, ", ") .. " WHERE false"
end

local function rows_of(job, changesets, columns)
  local queries, first = {}, 0
  for _, changeset in ipairs(changesets) do
    if #changeset.files > 0 and changeset.row_count > 0 then
      queries[#queries + 1], first = select_of(job, changeset, columns, first)
    end
  end
  if #queries == 0 then return without_rows(columns) end
  return table.concat(queries, " UNION ALL ")
end

local function total(changesets, of)
  local sum = 0
  for _, changeset in ipairs(changesets) do
    sum = sum + of(changeset)
  end
  return sum
end

local function bytes_of(changeset)
  local sum = 0
  for _, file in ipairs(changeset.files) do
    sum = sum + file.bytes
  end
  return sum
end

--- A dataset as it was at a moment.
--- @param job table
--- @param dataset table row
--- @param moment integer epoch milliseconds
--- @return table {columns={ {name=, sql=} }, query=SQL of the rows with one column more, `finspace_place`, by which they are in the
---   order of loading, rows=, bytes=of the Parquet files}
function tables.open(job, dataset, moment)
  local changesets = counting(job.state.db, dataset.id, moment)
  for _, changeset in ipairs(changesets) do
    changeset.columns, changeset.files = cjson.decode(changeset.columns), cjson.decode(changeset.files)
    changeset.has_header = formats.read(cjson.decode(changeset.format_params)).has_header
    changeset.own = {} -- its columns by those of the table
  end
  local columns = columns_of(dataset, changesets)
  return {
    columns = columns,
    query = #columns > 0 and rows_of(job, changesets, columns),
    rows = total(changesets, function(changeset) return changeset.row_count end),
    bytes = total(changesets, bytes_of),
  }
end

return tables
