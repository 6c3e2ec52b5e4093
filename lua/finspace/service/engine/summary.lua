--- What a changeset's Parquet files hold, in short: rows, bytes, and for each column its type, its NULLs, and, of numbers and
--- dates, the smallest, the largest and how the values lie between them; the first rows.

local cjson = require("cjson.safe")
local duckdb = require("finspace.service.engine.duckdb")
local json_text = require("finspace.service.json_text")
local types = require("finspace.service.engine.types")

local summary = {}

local BUCKETS = 20
local SAMPLE_ROWS, LONGEST_TEXT = 100, 1000

-- DuckDB takes these from the files' own statistics where it can.
local function ranges(connection, relation, columns)
  local wanted = {}
  for i, column in ipairs(columns) do
    local name, kind = duckdb.identifier(column.name), types.of_sql(column.sql)
    wanted[#wanted + 1] = ("count(*) - count(%s) AS nulls%d"):format(name, i)
    if kind.has_range then
      wanted[#wanted + 1] = ("%s AS min%d"):format(kind.text(("min(%s)"):format(name)), i)
      wanted[#wanted + 1] = ("%s AS max%d"):format(kind.text(("max(%s)"):format(name)), i)
    end
  end
  if #wanted == 0 then return {} end
  return connection:run(("SELECT %s FROM %s"):format(table.concat(wanted, ", "), relation))[1]
end

local function number_of(column)
  local name, kind = duckdb.identifier(column.name), types.of_sql(column.sql)
  if kind.name == "DATETIME" then return ("CAST(epoch_us(%s) AS DOUBLE)"):format(name) end
  if kind.name == "DATE" then return ("CAST(%s - DATE '1970-01-01' AS DOUBLE)"):format(name) end
  return ("CAST(%s AS DOUBLE)"):format(name)
end

local HISTOGRAM =
  [[WITH v AS (SELECT %s AS x FROM %s), b AS (SELECT min(x) AS low, max(x) AS high FROM v WHERE isfinite(x))
  SELECT CASE WHEN high > low THEN least(CAST(floor((x - low) / (high - low) * %d) AS BIGINT), %d) ELSE 0 END AS bucket,
    count(*) AS total FROM v, b WHERE isfinite(x) GROUP BY bucket]]

local function histogram(connection, relation, column)
  local counts = json_text.list {}
  for i = 1, BUCKETS do
    counts[i] = 0
  end
  for _, row in ipairs(connection:run(HISTOGRAM:format(number_of(column), relation, BUCKETS, BUCKETS - 1))) do
    counts[row.bucket + 1] = row.total
  end
  return counts
end

local function sample(connection, relation, columns)
  local selected = {}
  for i, column in ipairs(columns) do
    local text = types.of_sql(column.sql).text(duckdb.identifier(column.name))
    selected[i] = ("CASE WHEN length(%s) > %d THEN left(%s, %d) || '…' ELSE %s END AS c%d"):format(
      text,
      LONGEST_TEXT,
      text,
      LONGEST_TEXT,
      text,
      i
    )
  end
  local rows = {}
  local query = ("SELECT %s FROM %s LIMIT %d"):format(table.concat(selected, ", "), relation, SAMPLE_ROWS)
  for i, row in ipairs(connection:run(query)) do
    rows[i] = json_text.list {}
    for at = 1, #columns do
      rows[i][at] = row["c" .. at] or cjson.null
    end
  end
  return rows
end

local function described(connection, relation, columns)
  local found, list = ranges(connection, relation, columns), {}
  for i, column in ipairs(columns) do
    local kind = types.of_sql(column.sql)
    list[i] = {
      name = column.name,
      type = column.type,
      nulls = found["nulls" .. i],
      min = found["min" .. i],
      max = found["max" .. i],
    }
    if kind.has_range and list[i].min then list[i].histogram = histogram(connection, relation, column) end
  end
  return list
end

--- @param connection table
--- @param relation string SQL of the table
--- @param columns table[] {name=, sql=, type=}
--- @param about table {rows=, bytes=, files=}
--- @return string json
function summary.of(connection, relation, columns, about)
  local list = described(connection, relation, columns)
  local rows = #columns > 0 and sample(connection, relation, columns) or {}
  return json_text.encode {
    version = 1,
    rows = about.rows,
    bytes = about.bytes,
    files = about.files,
    columns = json_text.list(list),
    sample = json_text.list(rows),
  }
end

return summary
