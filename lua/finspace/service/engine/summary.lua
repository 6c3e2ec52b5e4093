--- What a changeset's Parquet files hold, in short: rows, bytes, and for each column its type, its NULLs, and, of numbers and
--- dates, the smallest, the largest and how the values lie between them; the first rows.

local cjson = require("cjson.safe")
local duckdb = require("finspace.service.engine.duckdb")
local json_text = require("finspace.service.json_text")
local parquet = require("finspace.service.engine.parquet")
local types = require("finspace.service.engine.types")

local summary = {}

local BUCKETS = 20
local MOST_COUNTED, SAMPLED = 1000000, 327680 -- rows for the histograms
local SAMPLE_ROWS, LONGEST_TEXT = 100, 1000

local function number_of(kind, value)
  if kind.name == "DATETIME" then return ("CAST(epoch_us(%s) AS DOUBLE)"):format(value) end
  if kind.name == "DATE" then return ("CAST(%s - DATE '1970-01-01' AS DOUBLE)"):format(value) end
  return ("CAST(%s AS DOUBLE)"):format(value)
end

-- DuckDB takes these from the files' own statistics where it can.
local function ranges(connection, relation, columns)
  local wanted = {}
  for i, column in ipairs(columns) do
    local name, kind = duckdb.identifier(column.name), types.of_sql(column.sql)
    wanted[#wanted + 1] = ("count(*) - count(%s) AS nulls%d"):format(name, i)
    if kind.has_range then
      local min, max = ("min(%s)"):format(name), ("max(%s)"):format(name)
      wanted[#wanted + 1] = ("%s AS min%d, %s AS max%d"):format(kind.text(min), i, kind.text(max), i)
      wanted[#wanted + 1] = ("%s AS low%d, %s AS high%d"):format(number_of(kind, min), i, number_of(kind, max), i)
    end
  end
  if #wanted == 0 then return {} end
  return connection:run(("SELECT %s FROM %s"):format(table.concat(wanted, ", "), relation))[1]
end

local function is_finite(number) return number - number == 0 end

local FINITE = "SELECT min(x) AS low, max(x) AS high FROM (SELECT %s AS x FROM %s) WHERE isfinite(x)"
local HISTOGRAM = [[SELECT CAST(greatest(0, least(%d, floor((x - (%.17g)) * %.17g))) AS BIGINT) AS bucket,
  count(*) AS total FROM (SELECT %s AS x FROM %s) WHERE isfinite(x) GROUP BY bucket]]

-- How many values lie in each of equal steps between the smallest and the largest.
local function histogram(connection, sampled, column, low, high)
  local counts = json_text.list {}
  for i = 1, BUCKETS do
    counts[i] = 0
  end
  local number = number_of(types.of_sql(column.sql), duckdb.identifier(column.name))
  if not is_finite(high - low) then
    local finite = connection:run(FINITE:format(number, sampled.relation))[1]
    low, high = finite.low or 0, finite.high or 0
  end
  local steps = high > low and BUCKETS / (high - low) or 0
  if not is_finite(steps) then steps = 0 end
  for _, row in ipairs(connection:run(HISTOGRAM:format(BUCKETS - 1, low, steps, number, sampled.relation))) do
    counts[row.bucket + 1] = math.floor(row.total * sampled.factor + 0.5)
  end
  return counts
end

local function ranged(columns)
  local names = {}
  for _, column in ipairs(columns) do
    if types.of_sql(column.sql).has_range then names[#names + 1] = duckdb.identifier(column.name) end
  end
  return names
end

-- How values spread is seen in a part of many rows as well as in all of them.
local function sampled_of(connection, relation, columns, about)
  local names = ranged(columns)
  if about.rows <= MOST_COUNTED or #names == 0 then return { relation = relation, factor = 1 } end
  local some = parquet.sample(about.paths, about.rows, SAMPLED)
  connection:run(("CREATE OR REPLACE TEMP TABLE sampled AS SELECT %s FROM %s"):format(table.concat(names, ", "), some))
  local rows = connection:run("SELECT count(*) AS total FROM sampled")[1].total
  return { relation = "sampled", factor = about.rows / rows, rows = rows }
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

local function described(connection, relation, columns, sampled)
  local found, list = ranges(connection, relation, columns), {}
  for i, column in ipairs(columns) do
    list[i] = {
      name = column.name,
      type = column.type,
      nulls = found["nulls" .. i],
      min = found["min" .. i],
      max = found["max" .. i],
    }
    if found["low" .. i] then
      list[i].histogram = histogram(connection, sampled, column, found["low" .. i], found["high" .. i])
    end
  end
  return list
end

--- @param connection table
--- @param relation string SQL of the table
--- @param columns table[] {name=, sql=, type=}
--- @param about table {rows=, bytes=, files=, paths=of the files: { {path=, rows=} }}
--- @return string json; `sampled` says how many rows its histograms come from, where these are not all
function summary.of(connection, relation, columns, about)
  local sampled = sampled_of(connection, relation, columns, about)
  local list = described(connection, relation, columns, sampled)
  local rows = #columns > 0 and sample(connection, relation, columns) or {}
  return json_text.encode {
    version = 1,
    rows = about.rows,
    bytes = about.bytes,
    files = about.files,
    sampled = sampled.rows,
    columns = json_text.list(list),
    sample = json_text.list(rows),
  }
end

return summary
