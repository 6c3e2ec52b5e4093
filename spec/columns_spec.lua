local columns = require("finspace.formats.columns")

describe("the names of columns", function()
  local cases = {
    { { "date", " price ", "price" }, { "date", "price", "price_2" }, "the same name twice" },
    { { "", "open", "close" }, { "column_1", "open", "close" }, "the index of pandas and R" },
    { { "a", "", "" }, { "a", "column_2", "column_3" }, "separators at the end" },
    {
      { "price", "price", "price_2", "price" },
      { "price", "price_3", "price_2", "price_4" },
      "a number that is taken",
    },
    { { "Price", "PRICE" }, { "Price", "PRICE_2" }, "names that differ in case" },
    { { "column_2", "", "x" }, { "column_2", "column_2_2", "x" }, "a name like a place" },
    { { "2019", "2019-01-01", "true" }, { "2019", "2019-01-01", "true" }, "what looks like data" },
    { {}, {}, "no columns" },
  }
  for _, case in ipairs(cases) do
    it("are kept apart: " .. case[3], function() assert.same(case[2], columns.names(case[1])) end)
  end

  it("are as many as there are fields, and none is there twice, whatever the line", function()
    local words = { "a", "A", "", "a_2", "column_1", "column_2", " a", "a_3" }
    for seed = 1, 500 do
      local fields, seen, number = {}, {}, seed
      for i = 1, seed % 7 + 1 do
        number = (number * 16807) % 2147483647
        fields[i] = words[number % #words + 1]
      end
      local names = columns.names(fields)
      assert.equal(#fields, #names)
      for _, name in ipairs(names) do
        assert.is_nil(seen[name:lower()], table.concat(fields, ","))
        seen[name:lower()] = true
      end
    end
  end)

  it("are places where nothing names them", function() assert.same({ "column_1", "column_2" }, columns.numbered(2)) end)
end)
