local support = require("spec.support")
local world = require("spec.support.world")

describe("fs:infer_schema", function()
  local folder, fs

  setup(function()
    folder = support.temporary_folder()
    fs = world.new({}).client()
  end)
  teardown(function() support.remove_folder(folder) end)

  local function infer(text, more)
    local given = { file = support.write_file(folder .. "/file.csv", text) }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return fs:infer_schema(given)
  end

  -- The types of the columns, in order.
  local function types(text, more)
    local definition, seen = infer(text, more)
    local list = {}
    for i, column in ipairs(assert(definition, tostring(seen)).tabularSchemaConfig.columns) do
      list[i] = column.dataType
    end
    return list
  end

  -- The type of a column with these values.
  local function type_of(values, more) return types("name\n" .. table.concat(values, "\n") .. "\n", more)[1] end

  it("reads real market data", function()
    local definition, seen = fs:infer_schema { file = support.root .. "/examples/data/sp500-2000.csv" }
    local columns = {}
    for i, column in ipairs(definition.tabularSchemaConfig.columns) do
      columns[i] = column.columnName .. " " .. column.dataType
    end
    assert.same({ rows = 5105, complete = true }, seen)
    assert.equal("date DATE", columns[1])
    assert.equal("open DOUBLE", columns[2])
    assert.equal("volume BIGINT", columns[#columns])
  end)

  it("can be created with at once", function()
    local here = world.new { world.ok('{"datasetId":"d1"}') }
    local result, err = here.client():create_dataset {
      datasetTitle = "x",
      kind = "TABULAR",
      permissionGroupParams = {},
      schemaDefinition = infer("a,b\n1,x\n"),
    }
    assert.is_truthy(result, tostring(err))
    assert.matches('"columnName":"a"', here.requests[1].body, 1, true)
    assert.matches('"dataType":"INTEGER"', here.requests[1].body, 1, true)
  end)

  for expected, values in pairs {
    BOOLEAN = { "true", "FALSE" },
    DATE = { "2020-02-29", "1999-12-31" },
    DATETIME = { "2020-01-01 10:30", "2020-01-01T10:30:00.123Z", "2020-01-01T10:30:00+01:00" },
    INTEGER = { "1", "-2147483648", "+7", "0" },
    BIGINT = { "2147483648", "-9223372036854775808" },
    DOUBLE = { "1.5", "-0.25", "1e10", ".5", "NaN" },
    STRING = { "a", "bc" },
  } do
    it("tells a column of " .. expected, function() assert.equal(expected, type_of(values)) end)
  end

  for expected, values in pairs {
    TINYINT = { "127", "-128" },
    SMALLINT = { "128", "-32768" },
    INTEGER = { "32768" },
    BIGINT = { "9223372036854775807" },
    FLOAT = { "1.5", "2" },
    DOUBLE = { "1.23456789" },
    CHAR = { "a", "ä" },
    BINARY = { "0xff", "0x00" },
    STRING = { "ab" },
  } do
    it(
      "tells a column of " .. expected .. " when asked for the narrowest type",
      function() assert.equal(expected, type_of(values, { narrow = true })) end
    )
  end

  it("takes in two kinds at once where one type holds both", function()
    assert.equal("DOUBLE", type_of { "1", "2.5" })
    assert.equal("DOUBLE", type_of { "2.5", "1" })
    assert.equal("DATETIME", type_of { "2020-01-01", "2020-01-01 10:00" })
    assert.equal("STRING", type_of { "1", "x" })
    assert.equal("STRING", type_of { "2020-01-01", "1" })
    assert.equal("STRING", type_of { "true", "1" })
  end)

  it("keeps what only looks like a number as text", function()
    assert.equal("STRING", type_of { "00123" })
    assert.equal("STRING", type_of { "9223372036854775808" })
    assert.equal("STRING", type_of { "2020-13-01" })
    assert.equal("STRING", type_of { "2020-01-01 25:00" })
    assert.equal("STRING", type_of { "1.2.3" })
  end)

  it(
    "learns nothing from empty fields, and calls a column of them a STRING",
    function() assert.same({ "INTEGER", "STRING" }, types("a,b\n1,\n,\n2,\n")) end
  )

  it("names the columns by number where there is no header, or a name is empty", function()
    local definition = infer("1,x\n2,y\n", { header = false })
    assert.same(
      { { columnName = "column_1", dataType = "INTEGER" }, { columnName = "column_2", dataType = "STRING" } },
      definition.tabularSchemaConfig.columns
    )
    assert.equal("column_2", infer("a,,\n1,2,3\n").tabularSchemaConfig.columns[2].columnName)
  end)

  it("looks at no more rows than the sample, and expects larger numbers after it", function()
    local definition, seen = infer("a\n1\n2\nx\n", { sample = 2 })
    assert.same({ rows = 2, complete = false }, seen)
    assert.equal("BIGINT", definition.tabularSchemaConfig.columns[1].dataType)
  end)

  it(
    "takes another separator",
    function() assert.same({ "INTEGER", "STRING" }, types("a\tb\n1\tx,y\n", { separator = "\t" })) end
  )

  it("names the line that has another number of fields", function()
    local definition, err = infer("a,b\n1,2\n1,2,3\n")
    assert.is_nil(definition)
    assert.equal("MalformedFile", err.code)
    assert.matches("line 3 has 3 fields and the first line 2", tostring(err))
  end)

  it("says what is wrong with a file that is not there, a folder, and an empty one", function()
    for path, code in pairs {
      [folder .. "/nowhere.csv"] = "NoSuchFile",
      [folder] = "NotAFile",
      [support.write_file(folder .. "/empty.csv", "")] = "EmptyFile",
    } do
      local definition, err = fs:infer_schema { file = path }
      assert.is_nil(definition)
      assert.same({ "io", code }, { err.kind, err.code })
      assert.truthy(tostring(err):find(path, 1, true))
    end
    local _, err = infer("\n\n")
    assert.equal("MalformedFile", err.code)
  end)
end)
