local finspace = require("finspace")

describe("the first line of a text", function()
  local SCHEMA = { { columnName = "year", dataType = "INTEGER" }, { columnName = "price", dataType = "DOUBLE" } }

  it("names the columns where the schema says so, and is data where it reads as values", function()
    assert.same({ true, 1 }, { finspace.names_columns("year,price\n2020,1\n", "a.csv", SCHEMA) })
    assert.same({ false, 1 }, { finspace.names_columns("2019,2020\n1,2\n", "a.csv", SCHEMA) })
  end)

  it(
    "names the columns where it is neither, so that the load says what is wrong",
    function() assert.is_true((finspace.names_columns("day,price\n2020-01-01,1\n", "a.csv", SCHEMA))) end
  )

  it("is told by its look where there is no schema, with the separator that the name or the text tells", function()
    assert.is_true((finspace.names_columns("country,2019\nAT,1999\nBE,7\n", "a.csv")))
    assert.is_false((finspace.names_columns("2021-01-04\t1,5\n2021-01-05\t2,5\n", "a.tsv")))
    assert.is_false((finspace.names_columns("AT;1,5\nBE;2,5\n", "a.csv")))
  end)

  it("may take several lines, and be none", function()
    assert.same({ true, 2 }, { finspace.names_columns('"two\nlines",b\n1,2\n', "a.csv") })
    assert.is_nil(finspace.names_columns("", "a.csv"))
  end)
end)
