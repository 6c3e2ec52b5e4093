local core = require("finspace.core")

-- A text is a value of a type exactly, or not at all.
describe("finspace.core.typed_value", function()
  local typed = core.typed_value

  local function reads(kind, values)
    for text, value in pairs(values) do
      assert.are.equal(value, typed(kind, text), kind .. " " .. text)
    end
  end

  local function refuses(kind, texts)
    for _, text in ipairs(texts) do
      assert.is_nil(typed(kind, text), kind .. " " .. text)
    end
  end

  it("reads whole numbers up to the ends of their type, with blanks and a sign", function()
    for kind, largest in pairs { TINYINT = 127, SMALLINT = 32767, INTEGER = 2147483647 } do
      reads(kind, { [("%d"):format(largest)] = largest, [("%d"):format(-largest - 1)] = -largest - 1 })
      refuses(kind, { ("%d"):format(largest + 1), ("%d"):format(-largest - 2), ("9"):rep(30) })
    end
    reads("BIGINT", { [" +7\t"] = 7, ["007"] = 7, ["-0"] = 0, ["9007199254740992"] = 2 ^ 53 })
    assert.is_truthy(typed("BIGINT", "9223372036854775807"))
    assert.is_truthy(typed("BIGINT", "-9223372036854775808"))
    refuses("BIGINT", { "9223372036854775808", "-9223372036854775809" })
  end)

  it(
    "refuses what would have to be changed to be a whole number",
    function()
      refuses("BIGINT", { "", " ", "-", "1.0", "1.5", "0x10", "1_000", "1e3", "1 2", "1,000", "--1", "1\0", "²" })
    end
  )

  it("reads real numbers to the nearest, as strtod does", function()
    reads("DOUBLE", {
      ["0.1"] = 0.1,
      [".5"] = 0.5,
      ["5."] = 5,
      [" -1.25E+2 "] = -125,
      ["1e22"] = 1e22,
      ["1e23"] = 1e23,
      ["123456789012345678"] = 123456789012345678.0,
      ["9007199254740993"] = 9007199254740992,
      ["1.7976931348623157e308"] = 1.7976931348623157e308,
      ["5e-324"] = 5e-324,
      ["1e-400"] = 0,
      [("1"):rep(25)] = 1.111111111111111111111111e24,
      ["0." .. ("0"):rep(400) .. "1e401"] = 1,
    })
    assert.are.equal("0.10000000149012", ("%.14f"):format(typed("FLOAT", "0.1")))
    reads("FLOAT", { ["16777217"] = 16777216, ["1e-50"] = 0 })
  end)

  it("agrees with the interpreter about random real numbers", function()
    math.randomseed(11)
    for _ = 1, 20000 do
      local text = ("%." .. math.random(1, 17) .. "g"):format((math.random() - 0.5) * 10 ^ math.random(-320, 308))
      if math.abs(tonumber(text)) < math.huge then assert.are.equal(tonumber(text), typed("DOUBLE", text), text) end
    end
  end)

  it("refuses infinities, and what is no decimal number", function()
    refuses(
      "DOUBLE",
      { "", "inf", "nan", "-Infinity", "1e309", "0x1p3", "1_0", "1,5", ".", "e5", "1e", "1e+", "1.5.2" }
    )
    refuses("FLOAT", { "3.5e38", "1e39", "nan" })
  end)

  it("reads dates of ISO 8601, of days that the calendar has", function()
    reads("DATE", {
      ["1970-01-01"] = 0,
      [" 2000-02-29 "] = 11016,
      ["0001-01-01"] = -719162,
      ["9999-12-31"] = 2932896,
      ["1969-12-31"] = -1,
    })
    refuses("DATE", {
      "2020-02-30",
      "2019-02-29",
      "1900-02-29",
      "2020-13-01",
      "2020-00-01",
      "2020-01-00",
      "0000-01-01",
      "2020-1-1",
      "2020/01/01",
      "20200101",
      "-020-01-01",
      "12020-01-01",
      "2020-01-01T00:00:00",
      "infinity",
    })
  end)

  it("knows every day from one era to the next", function()
    local days, lengths = typed("DATE", "1896-03-01"), { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
    for year = 1896, 2104 do
      for month = year == 1896 and 3 or 1, 12 do
        local is_leap = year % 4 == 0 and year % 100 ~= 0 or year % 400 == 0
        for day = 1, month == 2 and is_leap and 29 or lengths[month] do
          assert.are.equal(days, typed("DATE", ("%04d-%02d-%02d"):format(year, month, day)))
          days = days + 1
        end
      end
    end
  end)

  it("reads times as instants: offsets are kept, six places are", function()
    local hour = 3600 * 1000000
    reads("DATETIME", {
      ["1970-01-01"] = 0,
      ["1970-01-01T01:00"] = hour,
      ["1970-01-01 01:00:00Z"] = hour,
      ["1970-01-01T01:00:00.000001"] = hour + 1,
      ["1970-01-01T01:00:00,5000000Z"] = hour + 500000,
      ["1970-01-01T01:00:00+02"] = -hour,
      ["1970-01-01T01:00-0130"] = 2.5 * hour,
      ["1970-01-01T01:00:00.25+01:00"] = 250000,
      ["1969-12-31T24:00:00"] = 0,
    })
    refuses("DATETIME", {
      "1970-01-01T",
      "1970-01-01T1:00:00",
      "1970-01-01T 1:00:00Z",
      "1970-01-01T25:00:00",
      "1970-01-01T24:00:01",
      "1970-01-01T01:60:00",
      "1970-01-01T01:00:60",
      "1970-01-01T01:00:00.",
      "1970-01-01T01:00:00.1234567",
      "1970-01-01T01:00:00+2",
      "1970-01-01T01:00:00+02:",
      "1970-01-01T01:00:00+16:00",
      "1970-01-01T01:00:00 Z",
      "1970-01-01T01:00:00 Europe/Berlin",
      "1970-01-01+02:00",
      "1577836800",
      "infinity",
      "now",
    })
  end)

  it("reads truths", function()
    reads("BOOLEAN", { ["true"] = true, T = true, ["1"] = true, FALSE = false, f = false, ["0"] = false })
    refuses("BOOLEAN", { "", "yes", "2", "tRUE", " true" })
  end)

  it("are written as they are read", function()
    math.randomseed(12)
    for _ = 1, 2000 do
      local days = math.random(-719162, 2932896)
      assert.are.equal(days, typed("DATE", core.typed_text("DATE", days)))
      local instant = days % 100000 * 86400000000 + math.floor(math.random() * 86400000000) -- which a double holds
      assert.are.equal(instant, typed("DATETIME", core.typed_text("DATETIME", instant)))
    end
  end)

  it("are written with the places that they have, dates in years of any length", function()
    for text, value in pairs {
      ["1970-01-01T00:00:00"] = 0,
      ["1969-12-31T23:59:59.999999"] = -1,
      ["1970-01-01T01:00:00.25"] = 3600250000,
    } do
      assert.are.equal(text, core.typed_text("DATETIME", value))
    end
    for text, value in pairs {
      ["2000-02-29"] = 11016,
      ["5881580-07-10"] = 2147483646,
      ["5877642-06-25 (BC)"] = -2147483646,
      ["0001-12-31 (BC)"] = -719163,
      infinity = 2147483647,
      ["-infinity"] = -2147483647,
    } do
      assert.are.equal(text, core.typed_text("DATE", value))
    end
    assert.has_error(function() core.typed_text("DATE", 2 ^ 31) end)
    assert.has_error(function() core.typed_text("DOUBLE", 1) end)
  end)

  it("names the argument that is no such type", function()
    assert.has_error(function() typed("STRING", "x") end)
    assert.has_error(function() typed("DATE") end)
    assert.has_error(function() core.typed_function("nothing") end)
  end)
end)
