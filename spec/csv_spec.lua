local csv = require("finspace.formats.csv")

-- All records of a text that arrives in pieces of this size, with the lines they begin on.
local function read(text, separator, size)
  local at = 1
  local reader = csv.reader(function()
    if at > #text then return nil end
    local piece = text:sub(at, at + (size or #text) - 1)
    at = at + #piece
    return piece
  end, separator)
  local records, lines = {}, {}
  while true do
    local record, message = reader:next()
    if not record then return records, lines, message end
    records[#records + 1], lines[#lines + 1] = record, reader.line
  end
end

describe("separated values", function()
  local cases = {
    { "plain lines", "a,b\n1,2\n", { { "a", "b" }, { "1", "2" } } },
    { "a last line without an end", "a,b\n1,2", { { "a", "b" }, { "1", "2" } } },
    { "DOS line ends", "a,b\r\n1,2\r\n", { { "a", "b" }, { "1", "2" } } },
    { "a byte order mark", "\239\187\191a,b\n", { { "a", "b" } } },
    { "empty fields", ",\na,,\n", { { "", "" }, { "a", "", "" } } },
    { "empty lines, which are no records", "a\n\n\r\nb\n", { { "a" }, { "b" } } },
    { "quoted separators", '"a,b",c\n', { { "a,b", "c" } } },
    { "quoted line ends", '"a\nb",c\nd,e\n', { { "a\nb", "c" }, { "d", "e" } } },
    { "doubled quotes", '"say ""hi""",""\n', { { 'say "hi"', "" } } },
    { "a quoted last field without a line end", 'a,"b"', { { "a", "b" } } },
    { "quotes and DOS line ends", '"a","b"\r\nc,d\r\n', { { "a", "b" }, { "c", "d" } } },
    { "nothing", "", {} },
    { "line ends of old Macs", "a,b\r1,2\r3,4", { { "a", "b" }, { "1", "2" }, { "3", "4" } } },
    { "line ends of all kinds", "a,b\r\n1,2\r3,4\n5,6", { { "a", "b" }, { "1", "2" }, { "3", "4" }, { "5", "6" } } },
    { "empty lines of all kinds", "a\r\r\r\n\n\rb\r", { { "a" }, { "b" } } },
    { "blanks around quotes", '"name" , "price"\t\r\n"Ann"  ,1\n', { { "name", "price" }, { "Ann", "1" } } },
    { "blanks before a quoted separator", 'a, "b,c" ,d\n', { { "a", "b,c", "d" } } },
    { "blanks in fields without quotes", " a , b\n", { { " a ", " b" } } },
    { "empty values of one column, in quotes", 'a\n""\n\n1\n', { { "a" }, { "" }, { "1" } } },
    { "empty lines after a line that names the separator", "sep=,\n\n\na,b\n", { { "a", "b" } } },
    { "quotes within a field", '5" pipe,6\n', { { '5" pipe', "6" } } },
    { "quotes and line ends of old Macs", '"a\rb",c\r"d","e"\r', { { "a\rb", "c" }, { "d", "e" } } },
    { "a mark and an empty line first", "\239\187\191\r\n\na,b\n", { { "a", "b" } } },
    { "a line that names the separator", "sep=,\r\na,b\r\n", { { "a", "b" } } },
    { "that line in quotes after a mark", '\239\187\191"SEP=,"\ra,b\r', { { "a", "b" } } },
    { "a first field that only begins like it", "sep=,b\n", { { "sep=", "b" } } },
  }

  for _, case in ipairs(cases) do
    it("are read with " .. case[1] .. ", in pieces of any size", function()
      for size = 1, math.max(1, #case[2]) do
        assert.same(case[3], (read(case[2], ",", size)))
      end
    end)
  end

  it("may be separated by tabs, bars, or anything else of one character", function()
    for _, separator in ipairs { "\t", "|", ";", "^", "%", "]", "-" } do
      assert.same(
        { { "a", "b" }, { "c" .. separator, "d" } },
        (read(('a%sb\n"c%s"%sd\n'):format(separator, separator, separator), separator)),
        separator
      )
    end
  end)

  it("take the separator from the line that names it, and refuse another one", function()
    for _, separator in ipairs { ";", "\t", "|", "^" } do
      local text = "sep=" .. separator .. "\nid" .. separator .. "price\n1" .. separator .. "2,5\n"
      local records, lines = read(text)
      assert.same({ { "id", "price" }, { "1", "2,5" } }, records)
      assert.same({ 2, 3 }, lines)
    end
    local records, _, message = read("sep=;\na;b\n", ",")
    assert.same({}, records)
    assert.matches("line 1", message)
  end)

  it(
    "stand in quotes with blanks around them also where tabs separate",
    function() assert.same({ { "a", "b\tc" }, { "", "d" } }, (read('"a" \t "b\tc" \n\t"d"\n', "\t"))) end
  )

  it(
    "may be separated by blanks, which are then no blanks beside a quote",
    function() assert.same({ { "a", "", "b c", "" } }, (read('a  "b c" \n', " "))) end
  )

  it("are broken by text after a closing quote, and say on which line", function()
    for _, case in ipairs {
      { 'a\n"b"c\n', 2 },
      { '"a" b\n', 1 },
      { 'a,"b\n"",\n" "c"\n', 3 },
      { 'a\r\n"b"",c\rd"x', 3 },
    } do
      for size = 1, #case[1] do
        local _, _, message = read(case[1], ",", size)
        assert.equal(("line %d: text follows a closing quote"):format(case[2]), message)
      end
    end
  end)

  it("may have records of 16 MiB, and are broken by longer ones", function()
    local long = ("x"):rep(4 * 1024 * 1024)
    local records = read(('a,b\n%s,"%s\n"\n'):format(long, long), ",", 1024 * 1024)
    assert.equal(2 * #long + 1, #records[2][1] + #records[2][2])
    for _, quote in ipairs { "", '"' } do
      local _, _, message = read("a\n" .. quote .. long:rep(4) .. "x", ",", 1024 * 1024)
      assert.matches("^line 2: a", message)
    end
  end)

  it("are rows of a table's width when nothing but empty fields follows that are not in quotes", function()
    local function row_of(text, width)
      local reader = csv.text_reader(text)
      return reader:row(reader:next(), width)
    end
    assert.same({ "1", "2" }, row_of("1,2", 2))
    assert.same({ "1", "" }, row_of('"1",,,', 2))
    assert.is_nil(row_of("1,2,,3", 2))
    assert.is_nil(row_of('1,2,""', 2))
    assert.is_nil(row_of("1", 2))
  end)

  it("know the line that each record begins on", function()
    local _, lines = read('a\n"b\n\nc",d\n\ne\n', ",", 2)
    assert.same({ 1, 2, 6 }, lines)
    _, lines = read('a\r"b\r\r\nc",d\r\re\r\nf', ",", 2)
    assert.same({ 1, 2, 6, 7 }, lines)
  end)

  it("are broken when a quote is never closed, and say on which line", function()
    local records, _, message = read('a\n"b\nc\n')
    assert.same({ { "a" } }, records)
    assert.equal("line 2: a quote is opened and never closed", message)
    _, _, message = read('a,b\r\n"c\nd","e\nf\n')
    assert.equal("line 3: a quote is opened and never closed", message)
  end)
end)
