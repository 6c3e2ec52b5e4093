local header = require("finspace.formats.header")

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
