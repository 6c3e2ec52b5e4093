local header = require("finspace.formats.header")

local unpack = table.unpack or unpack -- luacheck: ignore

local SCHEMA = {
  { columnName = "ticker", dataType = "STRING" },
  { columnName = "day", dataType = "DATE" },
  { columnName = "price", dataType = "DOUBLE" },
}

describe("the first line of a CSV, beside a schema,", function()
  it("is the header when its names are the schema's, in any order and case, with blanks around them", function()
    for _, fields in ipairs {
      { "ticker", "day", "price" },
      { "price", "ticker", "day" },
      { " Ticker", "DAY ", "Price" },
    } do
      assert.is_true(header.by_schema(fields, SCHEMA))
    end
  end)

  it("is data when there are as many fields and they read as the schema's types", function()
    for _, fields in ipairs { { "AAPL", "2020-01-02", "1.5" }, { "AAPL", "", "" }, { "", "31/12/2019", "1e-3" } } do
      assert.is_false(header.by_schema(fields, SCHEMA))
    end
  end)

  it("is neither otherwise, and both are said", function()
    for _, fields in ipairs {
      { "ticker", "day" },
      { "ticker", "day", "price", "more" },
      { "ticker", "day", "day" },
      { "symbol", "date", "close" },
      { "AAPL", "2020-13-02", "1.5" },
      { "AAPL", "2020-01-02", "1,5" },
    } do
      local has_header, message = header.by_schema(fields, SCHEMA)
      assert.is_nil(has_header, table.concat(fields, ","))
      assert.matches("neither names the columns", message)
      assert.matches("ticker STRING, day DATE, price DOUBLE", message, 1, true)
    end
  end)

  it("reads as every type that FinSpace has", function()
    for data_type, values in pairs {
      TINYINT = { "-1" },
      BIGINT = { "9223372036854775807" },
      FLOAT = { "1", "1.5", "NaN" },
      BOOLEAN = { "true", "FALSE" },
      DATETIME = { "2020-01-01T00:00:00Z", "2020-01-01", "1577836800000" },
      BINARY = { "0xff", "anything" },
      CHAR = { "x" },
    } do
      for _, value in ipairs(values) do
        assert.is_false(header.by_schema({ value }, { { columnName = "c", dataType = data_type } }), value)
      end
    end
    for data_type, value in pairs { INTEGER = "1.5", BOOLEAN = "yes", DATE = "soon", DATETIME = "1.5", DOUBLE = "x" } do
      assert.is_nil(header.by_schema({ value }, { { columnName = "c", dataType = data_type } }), data_type)
    end
  end)
end)

describe("names of columns", function()
  it("are doubtful when one of them looks like data", function()
    for _, fields in ipairs {
      { "country", "2019" },
      { "ticker", "2020-01-01" },
      { "fund", "31/12/2019" },
      { "id", "true" },
      { "", "open" },
      { "a", "0x1F" },
    } do
      assert.is_true(header.is_doubtful(fields), fields[2])
    end
    assert.is_false(header.is_doubtful { "date", "price 2020", "true_range" })
  end)
end)

describe("a line above others, by its look,", function()
  local function by_look(first, ...) return header.by_look(first, { ... }) end

  it("names their columns where nothing in it looks like data", function()
    assert.is_true(by_look { "day", "price" })
    assert.is_true(by_look({ "ticker", "exchange" }, { "AAPL", "NASDAQ" }))
  end)

  it("names them, too, where its dates, numbers and truth values stand above something else", function()
    for _, case in ipairs {
      { { "country", "2019", "2020" }, { "AT", "1", "2" } },
      { { "2019", "2020", "2021" }, { "1.5", "2", "3" } },
      { { "country", "2019" }, { "AT", "1999" }, { "BE", "7" } },
      { { "ticker", "2020-01-01", "2020-01-02" }, { "A", "1", "2" } },
      { { "fund", "31/12/2019" }, { "X", "1" } },
      { { "id", "true", "false" }, { "1", "0", "1" } },
      { { "", "open" }, { "0", "1.5" } },
      { { "a", "b", "" }, { "1", "2", "" } },
    } do
      assert.is_true(by_look(unpack(case)), table.concat(case[1], ","))
    end
  end)

  it("is data where one of its values stands above its like, or nothing stands below", function()
    for _, case in ipairs {
      { { "2021-01-04", "1" }, { "2021-01-05", "2" } },
      { { "AAPL", "2020-01-01", "1.5" }, { "MSFT", "2020-01-02", "" } },
      { { "AAPL", "2019" }, { "MSFT", "2020" } },
      { { "2019" }, { "2020" }, { "2021" } },
      { { "1", "x" }, { "NA", "y" }, { "2.5", "z" } },
      { { "true" }, { "false" } },
      { { "31/12/2019", "a" }, { "2020-01-01", "b" } },
      { { "5", "" }, { "6", "" } },
      { { "2021-01-04", "1" } },
    } do
      assert.is_false(by_look(unpack(case)), table.concat(case[1], ","))
    end
  end)
end)
