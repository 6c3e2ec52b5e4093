local formats = require("finspace.formats.sniff")

local function params_of(name, sample, wanted) return assert(formats.detect(name, sample, wanted)) end

describe("the format of a file", function()
  it("is told by the name", function()
    local expected = {
      ["a.csv"] = "CSV",
      ["a.TSV"] = "CSV",
      ["a.json"] = "JSON",
      ["a.jsonl"] = "JSON",
      ["a.parquet"] = "PARQUET",
      ["a.xml"] = "XML",
    }
    for name, format in pairs(expected) do
      assert.are.equal(format, params_of(name, "a,b\n1,2\n").formatType, name)
    end
  end)

  it("is told by the first bytes where the name says nothing", function()
    assert.are.equal("PARQUET", params_of("data", "PAR1\21\4").formatType)
    assert.are.equal("JSON", params_of("data", '\239\187\191 {"a":1}').formatType)
    assert.are.equal("XML", params_of("data", "\n<?xml version='1.0'?>").formatType)
    assert.are.equal("CSV", params_of("data", "a;b\n1;2\n").formatType)
  end)

  it("is refused to be guessed from bytes that say nothing", function()
    local _, err = formats.detect("data", "\0\1\2\3")
    assert.are.equal("UnknownFormat", err.code)
    assert.matches("CSV, JSON, PARQUET or XML", err.message)
  end)

  it(
    "is what the caller says it is",
    function() assert.are.equal("JSON", params_of("a.csv", "a,b\n1,2\n", "JSON").formatType) end
  )

  it("sees gzip in the bytes, and takes the kind of the name below it", function()
    local params = params_of("trades.tsv.gz", "\31\139\8\0")
    assert.are.same({ formatType = "CSV", withHeader = "true", separator = "\t", compression = "GZIP" }, params)
    assert.are.same({ formatType = "JSON", compression = "GZIP" }, params_of("a.json.gz", "\31\139\8\0"))
    assert.are.equal("UnknownFormat", select(2, formats.detect("a.gz", "\31\139\8\0")).code)
  end)
end)

describe("the separator of a CSV", function()
  local samples = {
    [","] = "date,price\n2020-01-01,1.5\n",
    [";"] = "date;price\n2020-01-01;1,5\n2020-01-02;1,6\n",
    ["\t"] = "date\tprice\n2020-01-01\t1\n",
    ["|"] = "date|price\n2020-01-01|1\n",
  }
  for separator, sample in pairs(samples) do
    it(
      ("is found where it is %q"):format(separator),
      function() assert.are.equal(separator, params_of("a.csv", sample).separator) end
    )
  end

  it(
    "is a comma where there is one column alone",
    function() assert.are.equal(",", params_of("a.csv", "price\n1\n2\n").separator) end
  )

  it("is not mistaken for one inside quotes", function()
    local sample = 'name;note\n"a,b";"c,d,e"\n"f,g";"h"\n'
    assert.are.equal(";", params_of("a.csv", sample).separator)
  end)

  it("is found although the sample ends within a record", function()
    local line = "a;1;2;3\n"
    local sample = line:rep(formats.SAMPLE / #line - 1) .. "a;1"
    sample = sample .. ("x"):rep(formats.SAMPLE - #sample)
    assert.are.equal(";", params_of("a.csv", sample).separator)
  end)
end)

describe("the header of a CSV", function()
  local first_lines = {
    ["country,2019,2020\nAT,1,2\n"] = { "country", "2019", "2020" },
    ["ticker,2020-01-01,2020-01-02\nA,1,2\n"] = { "ticker", "2020-01-01", "2020-01-02" },
    ["fund,31/12/2019,31/12/2020\nX,1,2\n"] = { "fund", "31/12/2019", "31/12/2020" },
    ["id,true,false\n1,0,1\n"] = { "id", "true", "false" },
    [",open,close\n0,1.5,2\n"] = { "", "open", "close" },
    ["date,,price\n2020-01-01,x,1\n"] = { "date", "", "price" },
    ["a,b,\n1,2,\n"] = { "a", "b", "" },
    ["2020-01-01,1\n2020-01-02,2\n"] = { "2020-01-01", "1" },
    ["date,price,price\n2020-01-01,1,2\n"] = { "date", "price", "price" },
    ["a,b\r1,2\r3,4"] = { "a", "b" },
    ['"name" ,"price"\n"Ann" ,1\n'] = { "name", "price" },
    ["sep=;\nid;price\n1;2,5\n2;3,5\n"] = { "id", "price" },
    ["date,price\n"] = { "date", "price" },
    ["\239\187\191date,price\n2020-01-01,1\n"] = { "date", "price" },
    ['"date","price, in USD"\n"2020-01-01",1\n'] = { "date", "price, in USD" },
  }
  for sample, fields in pairs(first_lines) do
    it(("is the first line where no schema says otherwise: %q"):format(sample), function()
      local params, first = formats.detect("a.csv", sample)
      assert.equal("true", params.withHeader)
      assert.same(fields, first)
    end)
  end

  it("is read with the separator that a sep= line names, or the caller", function()
    assert.equal(";", params_of("a.csv", "sep=;\nid;price\n1;2,5\n").separator)
    local params, first = formats.detect("a.csv", "a|b,c\n", nil, "|")
    assert.same({ "|", { "a", "b,c" } }, { params.separator, first })
  end)
end)

describe("a text", function()
  it("in UTF-16 is refused by name, with the cure", function()
    for _, mark in ipairs { "\255\254", "\254\255" } do
      local _, err = formats.detect("a.csv", mark .. "a\0,\0b\0")
      assert.equal("NotUtf8", err.code)
      assert.matches("iconv", err.message)
    end
  end)
end)

describe("a format", function()
  it("is described in a line for people", function()
    assert.are.equal("CSV with a header, separated by commas", formats.describe(params_of("a.csv", "a,b\n1,2\n")))
    assert.are.equal("JSON, gzip", formats.describe { formatType = "JSON", compression = "GZIP" })
    assert.are.equal(
      'CSV without a header, separated by "~"',
      formats.describe { formatType = "CSV", withHeader = "false", separator = "~", compression = "None" }
    )
  end)
end)
