--- Writes random rows of every type with the service's writer of lines and with DuckDB's, and compares the bytes. Prints
--- how many texts were compared.
---
---     luajit spec/support/line_writers.lua FOLDER SEED

local duckdb = require("finspace.service.engine.duckdb")
local segment_file = require("finspace.service.s3.segment_file")
local types = require("finspace.service.engine.types")
local view_lines = require("finspace.service.ingest.view_lines")

local FOLDER, SEED = arg[1], tonumber(arg[2])
local ROWS = 5000 -- more than two of DuckDB's chunks

-- --- rows -------------------------------------------------------------------------------------------

local ALPHABET = "'a', 'b', '1', '.', '-', '\"', '\"', '''', '#', ',', ';', ' ', 'T', '\t', '\n', '\r', 'é', '漢'"
local BIGINTS = "-9223372036854775808, 9223372036854775807, 0, -1, 10"
local DATES =
  [['5877642-06-25 (BC)'::DATE, '5881580-07-10'::DATE, 'infinity'::DATE, '-infinity'::DATE, '0001-01-01'::DATE,
  '0001-12-31 (BC)'::DATE, '9999-12-31'::DATE, '10000-01-01'::DATE, '2000-02-29'::DATE, '1900-03-01'::DATE]]
local INSTANTS = [[make_timestamptz(-9223372022400000000), make_timestamptz(9223372036854775806), make_timestamptz(0),
  'infinity'::TIMESTAMPTZ, '-infinity'::TIMESTAMPTZ, make_timestamptz(-1), make_timestamptz(-62135596800000001),
  make_timestamptz(253402300800000000), make_timestamptz(100000)]]

local DOUBLES =
  [['nan'::DOUBLE, 'inf'::DOUBLE, '-inf'::DOUBLE, -0.0, 0.0, 0.1, 0.0001, 0.00009999, 1e15, 999999999999999.0,
  999999999999999.9, 99999999999999.95, 1e16, 0.1 + 0.2, 1e-300, 1.7976931348623157e308, 4.9e-324, 5e-5, -100.0]]

local salt = 0

-- SQL of a random number for each row, another one each time; from 0 on, below `range`.
local function chance(range)
  salt = salt + 1
  return ("(hash(i, %d, %d) %% %s)::BIGINT"):format(salt, SEED, range)
end

local function pick(list) return ("[%s][1 + %s %% len([%s])]"):format(list, chance("1000000"), list) end

local function now_and_then(list, value)
  return ("CASE WHEN %s = 0 THEN %s ELSE %s END"):format(chance("7"), pick(list), value)
end

local function signed(range) return ("%s - %s // 2"):format(chance(range), range) end

local function text()
  return ("array_to_string([[%s][1 + (hash(i, x, %d) %% 18)::INTEGER] FOR x IN range(%s)], '')"):format(
    ALPHABET,
    SEED + salt,
    chance("9")
  )
end

local COLUMNS = {
  { "truth", chance("2") .. " = 0" },
  { "tiny", ("(%s)::TINYINT"):format(signed("256")) },
  { "small", ("(%s)::SMALLINT"):format(signed("65536")) },
  { "whole", ("(%s)::INTEGER"):format(signed("4294967296")) },
  { "big", now_and_then(BIGINTS, ("(%s) >> %s"):format(chance("9223372036854775807"), chance("60"))) },
  { "date", now_and_then(DATES, ("DATE '1970-01-01' + (%s)::INTEGER"):format(signed("2000000000"))) },
  { "near date", ("DATE '0001-06-01' + (%s)::INTEGER - 1000"):format(chance("4000000")) },
  { "instant", now_and_then(INSTANTS, ("make_timestamptz(%s)"):format(signed("9000000000000000000"))) },
  { "near instant", ("make_timestamptz((%s) * 1000)"):format(signed("5000000000000")) },
  { "wall clock", ("make_timestamp((%s) * 100000)"):format(signed("5000000000")) },
  { "double", now_and_then(DOUBLES, ("%s / 1e5"):format(chance("1000000007"))) },
  { "decimal", ("(%s) / pow(10, %s)"):format(signed("2000000000000000"), chance("20")) },
  { "any double", ("(%s)::DOUBLE * pow(2.0, %s - 500)"):format(signed("9223372036854775807"), chance("1000")) },
  { "float", ("(%s / 7)::FLOAT"):format(chance("100000")) },
  { 'in "$"', ("(%s / 100)::DECIMAL(18, 2)"):format(chance("1000000")) },
  { "text", text() },
  { "text #2", text() },
  { "bytes", ("encode(%s)"):format(text()) },
  { "list", ("[%s, %s]"):format(text(), text()) },
  { "seconds", ("make_timestamp((%s) * 1000000)::TIMESTAMP_S"):format(signed("5000000000")) },
  { "", "CASE i % 1000 WHEN 3 THEN repeat('long \" ', 12000) ELSE '' END" },
}

local connection

local function make_rows()
  connection = assert(duckdb.open { threads = "1" }):connect()
  connection:run("SET TimeZone = 'UTC'")
  local selected = {}
  for at, column in ipairs(COLUMNS) do
    local name = duckdb.identifier(column[1] == "" and "long, with 'all'" or column[1])
    selected[at] = ("CASE WHEN %s > 0 THEN %s END AS %s"):format(chance("9"), column[2], name)
  end
  connection:run(("CREATE TABLE made AS SELECT i, %s FROM range(%d) r(i)"):format(table.concat(selected, ", "), ROWS))
  local columns = {}
  for at, row in ipairs(connection:run("SELECT column_name, column_type FROM (DESCRIBE made)")) do
    columns[at] = { name = row.column_name, sql = row.column_type }
  end
  return columns
end

-- --- two writers ------------------------------------------------------------------------------------

local IN_ORDER = "(SELECT * FROM made ORDER BY i)"

local function content_of(path)
  local file = assert(io.open(path))
  local content = file:read("*a")
  file:close()
  os.remove(path)
  return content
end

local function written_here(columns, options, largest)
  local paths, contents = {}, {}
  view_lines.write(connection, {
    rows = IN_ORDER,
    columns = columns,
    partition = "CAST(0 AS INTEGER)",
    options = options,
    largest = largest,
    create = function()
      paths[#paths + 1] = FOLDER .. "/part-" .. #paths
      return segment_file.create(paths[#paths]), true
    end,
    finish = function() end,
  })
  for at, path in ipairs(paths) do
    contents[at] = content_of(path)
  end
  return contents
end

local COPY = "COPY (SELECT %s FROM %s) TO '%s' (FORMAT csv, HEADER %s, DELIMITER %s, QUOTE %s, ESCAPE %s, NULLSTR '')"

local function written_by_duckdb(columns, options)
  local texts, path, quote = {}, FOLDER .. "/duckdb", duckdb.literal(options.quote)
  for at, column in ipairs(columns) do
    local name = duckdb.identifier(column.name)
    local value = types.of_sql(column.sql).text(name)
    texts[at] = (#columns == 1 and "coalesce(%s, '') AS %s" or "%s AS %s"):format(value, name)
  end
  local selected, header = table.concat(texts, ", "), tostring(options.has_header)
  connection:run(COPY:format(selected, IN_ORDER, path, header, duckdb.literal(options.separator), quote, quote))
  return content_of(path)
end

-- --- comparing --------------------------------------------------------------------------------------

local function first_difference(a, b)
  local at = 1
  while a:byte(at) == b:byte(at) do
    at = at + 1
  end
  return ("%q, DuckDB's %q"):format(a:sub(math.max(1, at - 30), at + 30), b:sub(math.max(1, at - 30), at + 30))
end

local function compare(columns, options)
  local here, there = written_here(columns, options, math.huge)[1], written_by_duckdb(columns, options)
  if here == there then return end
  local with = ("seed %d, separator %q, quote %q, %d columns: "):format(
    SEED,
    options.separator,
    options.quote,
    #columns
  )
  error(with .. first_difference(here, there), 0)
end

-- Of large rows and of small ones: each part as large as it may be, with a header; the lines of all are the whole's.
local function check_parts(columns, largest)
  local options = { separator = ",", quote = '"', has_header = true }
  local whole, parts = written_here(columns, options, math.huge)[1], written_here(columns, options, largest)
  local header = whole:match("^.-\n")
  for at, part in ipairs(parts) do
    local is_one_line = not part:sub(#header + 1, -2):gsub('"[^"]*"', ""):find("\n")
    assert(#part <= largest or is_one_line, "a part is too large")
    assert(part:sub(1, #header) == header, "a part has no header")
    parts[at] = part:sub(#header + 1)
  end
  assert(#parts > 1 and header .. table.concat(parts) == whole, "the parts are not the whole")
end

-- Some are of the characters of numbers and times.
local SEPARATORS_AND_QUOTES =
  { [[,"]], [[;']], [[	"]], [[1"]], [[-']], [[ "]], [[T']], [[:"]], [[#"]], [[,b]], [[|#]], [[,0]] }

local function compare_all()
  local columns, compared = make_rows(), 0
  for at, pair in ipairs(SEPARATORS_AND_QUOTES) do
    local options = { separator = pair:sub(1, 1), quote = pair:sub(2, 2), has_header = at % 3 ~= 0 }
    compare(columns, options)
    for _, column in ipairs(at % 4 == 1 and columns or {}) do
      compare({ column }, options)
      compared = compared + 1
    end
    compared = compared + 1
  end
  check_parts(columns, 100000)
  check_parts(columns, 1000000)
  return compared
end

local ok, result = pcall(compare_all)
if not ok then
  io.stderr:write(duckdb.message(result) or tostring(result), "\n")
  os.exit(1)
end
print(result)
