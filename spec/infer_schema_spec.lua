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

  local function columns_of(file, more)
    local definition, seen = fs:infer_schema { file = file, separator = more and more.separator }
    local list = {}
    for i, column in ipairs(assert(definition, tostring(seen)).tabularSchemaConfig.columns) do
      list[i] = column.columnName .. " " .. column.dataType
    end
    return list
  end

  local DATES = "date%sprice\n2020-01-01%s1\n2020-01-02%s2\n"

  it("finds the separator as a load does", function()
    for _, separator in ipairs { ",", ";", "\t", "|" } do
      local file = support.write_file(folder .. "/found.csv", (DATES:gsub("%%s", separator)))
      assert.same({ "date DATE", "price INTEGER" }, columns_of(file))
    end
    local file = support.write_file(folder .. "/named.csv", "sep=;\r\ndate;price\r\n2020-01-01;1\r\n")
    assert.same({ "date DATE", "price INTEGER" }, columns_of(file))
  end)

  it("learns no types from a header that comes again, as in files that were put behind each other", function()
    local text = ("date;price\n2020-01-01;1\n2020-01-02;2\n"):rep(3)
    local definition, seen = infer(text)
    assert.same({ rows = 8, complete = true, repeated_headers = 2 }, seen)
    assert.same(
      { { columnName = "date", dataType = "DATE" }, { columnName = "price", dataType = "INTEGER" } },
      definition.tabularSchemaConfig.columns
    )
  end)

  it("unpacks gzip, whatever the file is called, however large it is", function()
    local rows = ("2020-01-01,1\n"):rep(20000)
    local plain = support.write_file(folder .. "/plain", "date,price\n" .. rows)
    for _, name in ipairs { "p.csv.gz", "it's packed.csv" } do
      local file = folder .. "/" .. name
      support.run(("gzip -c %s > %s"):format(support.quote(plain), support.quote(file)))
      local definition, seen = fs:infer_schema { file = file, sample = 15000 }
      assert.same({ rows = 15000, complete = false }, seen)
      assert.equal("DATE", definition.tabularSchemaConfig.columns[1].dataType)
      assert.same({ "date DATE", "price BIGINT" }, columns_of(file))
    end
  end)

  it("says when gzip is cut or damaged", function()
    local whole = folder .. "/whole.csv.gz"
    support.run(("printf 'a,b\\n1,2\\n3,4\\n' | gzip -c > %s"):format(whole))
    local bytes = support.read_file(whole)
    for _, broken in ipairs { bytes:sub(1, -6), bytes:sub(1, 12), bytes:sub(1, -9) .. "\0\0\0\0\0\0\0\0" } do
      local definition, err = fs:infer_schema { file = support.write_file(folder .. "/cut.csv.gz", broken) }
      assert.is_nil(definition)
      assert.same({ "validation", "MalformedFile" }, { err.kind, err.code })
      assert.matches("cut or damaged", err.message)
    end
  end)

  it("names no columns of what is no CSV, and says what to do", function()
    for name, content in pairs {
      ["a.parquet"] = "PAR1\21\4\21\0",
      ["a.json"] = '{"a":1}',
      ["a"] = '[{"a":1},{"a":2}]',
      ["a.xml"] = "<rows><row/></rows>",
      ["nul.csv"] = "a\0b,c\n1,2\n",
    } do
      local definition, err = fs:infer_schema { file = support.write_file(folder .. "/" .. name, content) }
      assert.is_nil(definition, name)
      assert.same({ "validation", "NotCsv" }, { err.kind, err.code })
    end
    local _, err = fs:infer_schema { file = support.write_file(folder .. "/utf16.csv", "\255\254a\0,\0b\0") }
    assert.equal("NotUtf8", err.code)
    _, err = fs:infer_schema { file = support.write_file(folder .. "/bytes", "\1\0\2\3") }
    assert.equal("UnknownFormat", err.code)
  end)

  it("keeps columns of one name apart, reads all line ends, and doubts names that look like data", function()
    local definition = infer("price,price,\r1,2,3\r\n4,5,6\n")
    local names = {}
    for i, column in ipairs(definition.tabularSchemaConfig.columns) do
      names[i] = column.columnName
    end
    assert.same({ "price", "price_2", "column_3" }, names)
    assert.is_true(select(2, infer("country,2019\nAT,1\n")).doubtful)
    assert.is_nil(select(2, infer("country,gdp\nAT,1\n")).doubtful)
  end)

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
