local cjson = require("cjson")
local service = require("spec.support.service")
local support = require("spec.support")

-- Random tables of all twelve types go in, and views come out that other people's readers are asked about.
-- FINSPACE_TABLES=60 for a longer trial.
local TABLES = tonumber(os.getenv("FINSPACE_TABLES") or "6")
local NODE_FOLDER = support.root .. "/build/interop" -- that has npm's packages

local TEXTS = {
  "",
  "x",
  "007",
  'say "hi"',
  "a,b",
  "two\nlines",
  "cr\r\nlf",
  " blank ",
  "é漢😀",
  "'",
  "\\N",
  "NULL",
  "a=b/c%d",
  "#",
}
local VALUES = {
  STRING = function() return TEXTS[math.random(#TEXTS)] end,
  CHAR = function() return string.char(math.random(97, 122)) end,
  TINYINT = function() return tostring(math.random(-128, 127)) end,
  SMALLINT = function() return tostring(math.random(-32768, 32767)) end,
  INTEGER = function() return ("%d"):format(math.random(-2147483647, 2147483647)) end,
  BIGINT = function()
    local extremes = { "9223372036854775807", "-9223372036854775808", "9007199254740993", "0", "1" }
    return extremes[math.random(#extremes)]
  end,
  FLOAT = function() return ("%.7g"):format((math.random() - 0.5) * 10 ^ math.random(-30, 30)) end,
  DOUBLE = function()
    local extremes =
      { "1.7976931348623157e308", "5e-324", "-0.1", ("%.17g"):format(math.random() * 10 ^ math.random(-200, 200)) }
    return extremes[math.random(#extremes)]
  end,
  DATE = function() return ("%04d-%02d-%02d"):format(math.random(1, 9999), math.random(12), math.random(28)) end,
  DATETIME = function()
    local zones, fractions = { "", "Z", "+02:00", "-0530" }, { "", ".5", ".123456" }
    return ("%04d-%02d-%02dT%02d:%02d:%02d%s%s"):format(
      math.random(1900, 2200),
      math.random(12),
      math.random(28),
      math.random(0, 23),
      math.random(0, 59),
      math.random(0, 59),
      fractions[math.random(#fractions)],
      zones[math.random(#zones)]
    )
  end,
  BOOLEAN = function() return math.random(2) == 1 and "true" or "false" end,
  BINARY = function() return TEXTS[math.random(2, #TEXTS)] end,
}

local KINDS = {}
for kind in pairs(VALUES) do
  KINDS[#KINDS + 1] = kind
end
table.sort(KINDS)

local NULL = cjson.null

local function random_columns()
  local columns = {}
  for i = 1, math.random(2, 12) do
    local kind = KINDS[math.random(#KINDS)]
    columns[i] = { ("c%d_%s"):format(i, kind:lower()), kind }
  end
  return columns
end

local function random_rows(columns)
  local rows = {}
  for i = 1, math.random(1, 40) do
    rows[i] = {}
    for at, column in ipairs(columns) do
      rows[i][at] = math.random(6) == 1 and NULL or VALUES[column[2]]()
    end
  end
  return rows
end

-- "" is a value of text alone; a blank line of one column would be none.
local function csv_of(columns, rows)
  local lines, names = {}, {}
  for i, column in ipairs(columns) do
    names[i] = column[1]
  end
  lines[1] = table.concat(names, ",")
  for _, row in ipairs(rows) do
    local fields = {}
    for at, cell in ipairs(row) do
      if cell == NULL then
        fields[at] = ""
      else
        fields[at] = (cell == "" or cell:find('[",\r\n ]') or math.random(4) == 1)
            and '"' .. cell:gsub('"', '""') .. '"'
          or cell
      end
    end
    lines[#lines + 1] = table.concat(fields, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function append(list, more)
  for _, item in ipairs(more) do
    list[#list + 1] = item
  end
  return list
end

describe("Random tables #once #interop", function()
  local running, folder, manifest

  local function load(dataset, columns, rows, change_type)
    local changeset = running.ingest(dataset, running.put("table.csv", csv_of(columns, rows)), nil, change_type)
    assert.equal("SUCCESS", changeset.status, changeset.errorInfo and changeset.errorInfo.errorMessage)
    return changeset
  end

  -- Two or three changesets, of which one may hide what came before it, or stand in another's place.
  local function fill(dataset, columns, number)
    local first, second = random_rows(columns), random_rows(columns)
    local earlier = load(dataset, columns, first)
    if number % 3 == 0 then
      load(dataset, columns, second, "REPLACE")
      return second
    end
    load(dataset, columns, second)
    if number % 3 == 1 then return append(first, second) end
    local better = random_rows(columns)
    local made = assert(running.call("UpdateChangeset", {
      datasetId = dataset,
      changesetId = earlier.changesetId,
      sourceParams = { s3SourcePath = running.put("better.csv", csv_of(columns, better)) },
      formatParams = { formatType = "CSV" },
    }))
    assert.equal("SUCCESS", running.await("GetChangeset", made).status)
    return append(better, second)
  end

  local function fetch(view, name)
    local target = folder .. "/" .. name
    local command = ("%s %s/build/bin/finspace get --dataset %s --view %s %s"):format(
      running.shell(),
      support.root,
      view.datasetId,
      view.dataViewId,
      target
    )
    local output, status = support.run(command .. " 2>&1")
    assert.equal(0, status, output)
    return target
  end

  -- By text alone: awswrangler takes Hive's name for NULL for a value, which no number or date can be.
  local function partition_of(columns)
    for _, column in ipairs(columns) do
      if column[2] == "CHAR" then return { column[1] } end
    end
    return {}
  end

  local function add(name, dataset, columns, rows, destination, more)
    more.destinationTypeParams = destination
    local view = running.view(dataset, more)
    assert.equal("SUCCESS", view.status, view.errorInfo and view.errorInfo.errorMessage)
    manifest[#manifest + 1] = {
      name = name,
      folder = fetch(view, name),
      lake = ("%s/lake/views/%s/%s"):format(running.data, dataset, view.dataViewId),
      format = destination.s3DestinationExportFileFormat or "PARQUET",
      partition = more.partitionColumns or {},
      sort = more.sortColumns or {},
      columns = columns,
      rows = rows,
      table = destination.destinationType == "GLUE_TABLE" and "view_" .. view.dataViewId or nil,
    }
  end

  local function make_table(number)
    local columns, schema = random_columns(), {}
    for i, column in ipairs(columns) do
      schema[i] = { columnName = column[1], dataType = column[2] }
    end
    local dataset = running.dataset("Table " .. number, schema)
    local rows = fill(dataset, columns, number)
    local sort, partition = { columns[1][1], columns[2][1] }, partition_of(columns)
    local text = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" }
    local parquet = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" }
    local glue = { destinationType = "GLUE_TABLE", s3DestinationExportFileFormat = "PARQUET" }
    add("text-" .. number, dataset, columns, rows, text, { sortColumns = sort })
    add("parquet-" .. number, dataset, columns, rows, parquet, { sortColumns = number % 2 == 0 and sort or {} })
    add(
      "glue-" .. number,
      dataset,
      columns,
      rows,
      glue,
      { partitionColumns = #columns > #partition and partition or {} }
    )
  end

  -- cjson writes an empty list as an object.
  local function written_manifest()
    local path = folder .. "/manifest.json"
    support.write_file(path, (cjson.encode(manifest):gsub('"(%a+)":{}', '"%1":[]')))
    return path
  end

  setup(function()
    running, folder, manifest = service.start(), support.temporary_folder(), {}
    math.randomseed(tonumber(os.getenv("FINSPACE_SEED") or "1"))
    for number = 1, TABLES do
      make_table(number)
    end
  end)
  teardown(function()
    running.stop()
    support.remove_folder(folder)
  end)

  local function judge(reader, module)
    local python = support.python(module)
    if not python then return pending(support.lacking(module, "make interop")) end
    local judge_in = "%s AWS_DEFAULT_REGION=us-east-1 TZ=UTC JUDGE_ENDPOINT=%s JUDGE_NODE=%s %s"
      .. " %s/spec/support/judge_tables.py %s %s 2>&1"
    local output = support.run(
      judge_in:format(running.shell(), running.endpoint, NODE_FOLDER, python, support.root, written_manifest(), reader)
    )
    local cells, differences = output:match("cells (%d+) differences (%d+)%s*$")
    assert.equal("0", differences, output:sub(-4000))
    assert.is_true(tonumber(cells) > 0)
    io.stderr:write(reader, ": ", cells, " cells\n")
  end

  it("come out of text views cell by cell", function() judge("text", "json") end)
  it("come out of Parquet views, as pyarrow reads them", function() judge("pyarrow", "pyarrow") end)
  it("come out of Parquet views, as pandas reads them", function() judge("pandas", "pandas, pyarrow") end)
  it("come out of GLUE_TABLE views, as awswrangler finds and reads them", function() judge("glue", "awswrangler") end)
  it("come out of Parquet views, as Spark reads them", function() judge("spark", "pyspark") end)

  local function judge_by_node(reader)
    if not support.read_file(NODE_FOLDER .. "/node_modules/@duckdb/node-api/package.json") then
      return pending(support.lacking("npm's @duckdb/node-api", "make interop"))
    end
    judge(reader, "json")
  end

  it("come out of Parquet views, as DuckDB for node reads them", function() judge_by_node("node") end)
  it("lie in the service's folder, as DuckDB for node reads them there", function() judge_by_node("lake") end)
end)
