local cjson = require("cjson")
local service = require("spec.support.service")
local support = require("spec.support")

local busted = { it = it, skip = function(why) pending(why) end }
local it_with_bytes = support.unless_missing(busted, service.no_bytes)
local it_with_files = support.unless_missing(busted, service.no_files)

-- What is loaded is read: by its schema, or as it stands.
describe("The service's engine #once", function()
  local running, number = nil, 0

  local folder

  setup(function()
    running, folder = service.start(), support.temporary_folder()
  end)
  teardown(function()
    running.stop()
    support.remove_folder(folder)
  end)

  local CSV, JSON, XML, PARQUET =
    { formatType = "CSV" }, { formatType = "JSON" }, { formatType = "XML" }, { formatType = "PARQUET" }
  local NO_HEADER = { formatType = "CSV", withHeader = "false" }
  local TWO = { { columnName = "a", dataType = "BIGINT" }, { columnName = "b", dataType = "STRING" } }
  local TEXT = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" }

  local function load(body, format, schema)
    number = number + 1
    local dataset = running.dataset("Data " .. number, schema)
    return running.ingest(dataset, running.put("data.csv", body), format or CSV), dataset
  end

  local function refused(body, format, schema)
    local changeset = load(body, format, schema)
    assert.equal("FAILED", changeset.status, body:sub(1, 1000))
    assert.equal("VALIDATION", changeset.errorInfo.errorCategory)
    return changeset.errorInfo.errorMessage
  end

  local function text_of(dataset, more)
    more = more or {}
    more.destinationTypeParams = more.destinationTypeParams or TEXT
    local view = running.view(dataset, more)
    assert.equal("SUCCESS", view.status, view.errorInfo and view.errorInfo.errorMessage)
    local files = running.files_of(view)
    return files["part-00000.csv"], files
  end

  local function loaded(body, format, schema)
    local changeset, dataset = load(body, format, schema)
    assert.equal("SUCCESS", changeset.status, changeset.errorInfo and changeset.errorInfo.errorMessage)
    return text_of(dataset)
  end

  describe("with a schema", function()
    local function column(kind) return { { columnName = "v", dataType = kind } } end

    local GOOD = {
      TINYINT = { ["-128"] = "-128", ["+7"] = "7", ["007"] = "7" },
      SMALLINT = { ["32767"] = "32767" },
      INTEGER = { ["-2147483648"] = "-2147483648" },
      BIGINT = { ["9223372036854775807"] = "9223372036854775807", [" 12 "] = "12" },
      FLOAT = { ["0.5"] = "0.5" },
      DOUBLE = { ["1e300"] = "1e+300", [".5"] = "0.5", ["-2"] = "-2.0" },
      DATE = { ["2020-02-29"] = "2020-02-29" },
      DATETIME = {
        ["2020-01-01T10:00:00Z"] = "2020-01-01T10:00:00Z",
        ["2020-01-01 10:00:00.123456+02:00"] = "2020-01-01T08:00:00.123456Z",
        ["2020-01-01T10:00-0530"] = "2020-01-01T15:30:00Z",
        ["2020-01-01"] = "2020-01-01T00:00:00Z",
        ['"2020-01-01T10:00:00,250Z"'] = "2020-01-01T10:00:00.25Z",
        ["2020-01-01 10:00:00-0530"] = "2020-01-01T15:30:00Z",
      },
      BOOLEAN = { TRUE = "true", ["0"] = "false" },
      STRING = { ["007"] = "007", ['"é ""漢"""'] = '"é ""漢"""' },
      CHAR = { x = "x" },
      BINARY = { ["a\\x é"] = "a\\x é" },
    }

    local BAD = {
      TINYINT = { "128", "1.0" },
      SMALLINT = { "-32769", "x" },
      INTEGER = { "2147483648", "1e3" },
      BIGINT = { "9223372036854775808", "1.5", "0x10", "1_000", "-" },
      FLOAT = { "1e39", "nan" },
      DOUBLE = { "1e400", "inf", "1,5", "1_0" },
      DATE = { "2020-13-01", "2020-1-1", " 202-01-01", "-020-01-01", "infinity", "2020-02-30", "20200101", "notadate" },
      DATETIME = {
        "2020-01-01 25:00:00",
        "1577836800",
        "2020-01-01T10:00:00.123456789",
        "infinity",
        "-020-01-01T10:00:00Z",
        "2020-01-01T 1:00:00Z",
        "2020-01-01T10:00:00.-02",
      },
      BOOLEAN = { "maybe", "2" },
    }

    it("reads each of the twelve types as it is meant", function()
      for kind, values in pairs(GOOD) do
        local lines, wanted = { "v" }, { "v" }
        for given, value in pairs(values) do
          lines[#lines + 1], wanted[#wanted + 1] = given, value
        end
        assert.equal(table.concat(wanted, "\n") .. "\n", loaded(table.concat(lines, "\n") .. "\n", CSV, column(kind)))
      end
    end)

    it("refuses what is not of its type, without rounding and guessing, and says where and what", function()
      for kind, values in pairs(BAD) do
        for _, value in ipairs(values) do
          local wanted = ('line 2 of data.csv: the column "v" is %s, and "%s" is not; 1 such value in this file'):format(
            kind,
            value
          )
          assert.equal(wanted, refused('v\n"' .. value .. '"\n', CSV, column(kind)))
        end
      end
    end)

    it("counts lines, not records, counts what is wrong, and shows 40 characters of it", function()
      local message = refused('a,b\n1,"two\nlines"\n\n' .. ("é"):rep(60) .. ",y\n2,z\n1.5,x\n", CSV, TWO)
      assert.equal(
        'line 5 of data.csv: the column "a" is BIGINT, and "'
          .. ("é"):rep(40)
          .. '…" is not; 2 such values in this file',
        message
      )
    end)

    it(
      "takes an empty field for NULL, but for text a quoted one for itself",
      function() assert.equal('a,b\n1,\n2,""\n,x\n', loaded('a,b\n1,\n2,""\n"",x\n', CSV, TWO)) end
    )

    it("takes columns by the header's names, and by position without one", function()
      assert.equal("a,b\n1,x\n", loaded("b,a\nx,1\n", CSV, TWO))
      assert.equal("a,b\n1,x\n", loaded(" B ,A\nx,1\n", CSV, TWO))
      assert.equal("a,b\n1,x\n", loaded("1,x\n", NO_HEADER, TWO))
    end)

    it("refuses columns that are missing, unknown or there twice", function()
      assert.equal('the columns of data.csv are not the schema\'s: it has no "b"', refused("a\n1\n", CSV, TWO))
      assert.truthy(refused("a,b,c\n1,2,3\n", CSV, TWO):find('the schema does not know "c"', 1, true))
      assert.truthy(refused("a,b,a\n1,2,3\n", CSV, TWO):find('the column "a" twice, as number 1 and number 3', 1, true))
      assert.equal("line 1 of data.csv has 3 fields, and the schema has 2 columns", refused("1,x,2\n", NO_HEADER, TWO))
      assert.truthy(refused('{"a":1,"z":2}', JSON, TWO):find('the schema does not know "z"', 1, true))
    end)

    it("checks JSON and XML as it checks CSV", function()
      assert.equal('a,b\n1,x\n,\n,""\n', loaded('[{"a":1,"b":"x"},{"b":null},{"a":"","b":""}]', JSON, TWO))
      assert.truthy(
        refused('{"a":1}\n{"a":1.5}\n{"a":true}\n', JSON, TWO):find(
          'record 2 of data.csv: the column "a" is BIGINT, and "1.5" is not; 2',
          1,
          true
        )
      )
      assert.equal("a,b\n1,t\n", loaded("<r><x a='1'><b>t</b></x></r>", XML, TWO))
      assert.truthy(
        refused("<r><x><a>1</a></x><x><a>z</a></x></r>", XML, TWO):find('record 2 of data.csv: the column "a"', 1, true)
      )
    end)
  end)

  describe("without a schema", function()
    it("takes an empty line of a CSV for no row, in a file of one column neither", function()
      assert.equal("a\n1\n3\n", loaded("a\n1\n\n3\n\n\n"))
      assert.equal('a\n1\n""\n', loaded('a\r\n1\r\n""\r\n\r\n'))
      assert.equal("a\n1\n3\n", loaded("1\n\n3\n", NO_HEADER, { { columnName = "a", dataType = "BIGINT" } }))
      assert.equal("data.csv is empty: it has no header", refused("\n\r\n\n"))
    end)

    it("looks for the names below the empty lines that a CSV begins with", function()
      assert.equal("a\n1\n", loaded("\n\na\n1\n"))
      assert.equal("a,b\n1,2\n", loaded("\r\n\r\na,b\r\n1,2\r\n"))
      assert.equal("a,b\n1,2\n", loaded("sep=;\n\na;b\n1;2\n", { formatType = "CSV" }))
      assert.truthy(refused("\n\na,b\n1,2\n\nx,2\n", CSV, TWO):find("line 6 of data.csv", 1, true))
    end)

    it("refuses text after a closing quote in a CSV, in the names as well", function()
      assert.equal("line 2 of data.csv: text follows a closing quote", refused('\n"a"x,b\n1,2\n'))
      assert.truthy(refused('a,b\n1,"x"y\n'):find("line 2 of data.csv", 1, true))
    end)

    it("leaves out empty fields after the last column, and counts no line as wrong for them", function()
      assert.equal("a,b\n1,x\n", loaded("a,b\n1,x,,\n", CSV, TWO))
      assert.equal("line 3 of data.csv has 3 fields, not 2", refused("a,b\n1,x,\n1,x,y\n", CSV, TWO))
    end)

    it(
      "keeps the blanks that a CSV ends with, whatever its line ends",
      function() assert.equal('a,b\n"x\ny", \n', loaded('a,b\r"x\ny", ')) end
    )

    it("leaves the text of CSV as it stands", function() assert.equal("a,b\n007,1e5\n", loaded("a,b\n007,1e5\n")) end)

    it("keeps columns apart whose names are one, or none", function()
      assert.equal("date,price,price_2\nx,1,2\n", loaded("date,price,price\nx,1,2\n"))
      assert.equal("column_1,open\n0,1\n", loaded(",open\n0,1\n"))
    end)

    it("keeps the types of JSON, and text where changesets disagree", function()
      local changeset, dataset = load('{"n":1,"x":1.5,"t":true,"s":"2020-01-01","l":[1,{"y":2}]}', JSON)
      assert.equal("SUCCESS", changeset.status)
      assert.equal('n,x,t,s,l\n1,1.5,true,2020-01-01,"[1,{""y"":2}]"\n', (text_of(dataset)))
      local summary = cjson.decode(running.summary(changeset))
      local kinds = {}
      for i, column in ipairs(summary.columns) do
        kinds[i] = column.type
      end
      assert.same({ "BIGINT", "DOUBLE", "BOOLEAN", "STRING", "STRING" }, kinds)
      running.ingest(dataset, running.put("other.csv", "n,x\n007,y\n"), CSV)
      assert.equal('n,x,t,s,l\n1,1.5,true,2020-01-01,"[1,{""y"":2}]"\n007,y,,,\n', (text_of(dataset)))
    end)

    it(
      "makes numbers text that their type cannot hold",
      function() assert.equal("a\n18446744073709551615\n1\n", loaded('{"a":18446744073709551615}{"a":1}', JSON)) end
    )
  end)

  describe("reading files", function()
    it("knows line ends of every kind, and Excel's separator line", function()
      for _, body in ipairs {
        "a,b\r1,x\r2,y\r",
        "a,b\r\n1,x\n2,y\r\n",
        "a,b\r\n1,x\r\n2,y",
        "\239\187\191a,b\n1,x\n2,y\n",
        "sep=;\na;b\n1;x\n2;y\n",
        '"a" ,b\n1,"x" \n2, "y"\n',
      } do
        assert.equal("a,b\n1,x\n2,y\n", (loaded(body, CSV, TWO)))
      end
      assert.equal('a,b\n1,"x\ry"\n2,"q\r\nz"\n', (loaded('a,b\n1,"x\ry"\n2,"q\r\nz"\n', CSV, TWO)))
      assert.equal('"two\nlines",b\n1,x\n', (loaded('\239\187\191"two\nlines",b\n1,x\n', CSV)))
    end)

    it("refuses by name what is no data, or another format", function()
      for start, name in pairs {
        ["\255\254a\0,\0"] = "UTF-16",
        ["a\0,\0b\0\n\0001\0,\0"] = "UTF-16",
        ["PK\3\4"] = "a zip archive",
        ["BZh91AY"] = "packed with bzip2",
        ['\4"M\24'] = "packed with lz4",
        ["ARROW1\0\0"] = "an Arrow file",
        ["SQLite format 3\0"] = "an SQLite database",
        ["<!DOCTYPE html>"] = "an HTML page",
        ["PAR1"] = "a Parquet file",
        ["%PDF-1.4"] = "a PDF",
      } do
        assert.truthy(refused(start):find("data.csv is " .. name, 1, true))
      end
      assert.truthy(refused("a,b\n1,\0\n"):find("NUL", 1, true))
    end)

    it("tells gzip that is cut, damaged, padded or followed by something apart", function()
      local packed = support.run("printf 'a,b\\n1,x\\n' | gzip -nc")
      assert.equal("a,b\n1,x\n", (loaded(packed .. ("\0"):rep(512), CSV, TWO)))
      assert.equal("data.csv is a gzip file that was cut off", refused(packed:sub(1, -5)))
      assert.equal(
        "data.csv is a gzip file that is damaged",
        refused(packed:sub(1, -9) .. "\0\0\0\0" .. packed:sub(-4))
      )
      assert.equal("data.csv is a gzip file with bytes after its end that are no gzip", refused(packed .. "junk"))
    end)

    it("bounds what is nested and what is long, whoever packed it small", function()
      local function gzip_of(script) return support.run("python3 -c " .. support.quote(script) .. " | gzip -c") end
      local deep = gzip_of("import sys; [sys.stdout.write('<a>' * 1000000) for _ in range(20)]")
      assert.truthy(refused(deep, XML):find("nested more than 100 levels", 1, true))
      local attribute = gzip_of("print('<r><a x=\"' + 'y' * 60000000 + '\"/></r>')")
      assert.truthy(refused(attribute, XML):find("a tag or a comment longer than 1 MiB", 1, true))
      assert.truthy(
        refused('{"a":' .. ("["):rep(101) .. ("]"):rep(101) .. "}", JSON):find("nested more than 100", 1, true)
      )
      assert.truthy(
        refused(gzip_of("print('{\"a\":\"' + 'x' * 60000000 + '\"}')"), JSON):find("longer than 16 MiB", 1, true)
      )
      assert.truthy(
        refused(gzip_of("print('a,b\\n1,\"' + 'y\\n' * 20000000 + '\"')"), CSV):find("longer than 16 MiB", 1, true)
      )
    end)

    it("refuses a record that is larger than what is read at once", function()
      local message = refused("a,b\n1," .. ("t"):rep(36000000) .. "\n")
      assert.equal("data.csv holds a record longer than 16 MiB", message)
    end)

    it("bounds how many columns a file has, and how many elements a record", function()
      local csv = ("a,"):rep(20000) .. "a\n" .. ("1,"):rep(20000) .. "1\n"
      assert.equal("data.csv has 20001 columns, more than 4096", refused(csv))
      local members = {}
      for i = 1, 20000 do
        members[i] = ('"k%d":1'):format(i)
      end
      local record = "{" .. table.concat(members, ",") .. "}"
      assert.equal("data.csv has 20000 columns, more than 4096", refused(record, JSON))
      local xml = "<r><x>" .. ("<b/>"):rep(200000) .. "</x></r>"
      assert.equal("record 1 of data.csv has more than 100000 elements", refused(xml, XML))
    end)

    it("refuses Parquet that would read for ever", function()
      local footer = "\21\4\25\252\255\255\255\255\255\255\255\255\16" -- a list of 2^60 elements
      local body = "PAR1" .. footer .. string.char(#footer, 0, 0, 0) .. "PAR1"
      assert.equal("data.csv is not a Parquet file, or a damaged one", refused(body, PARQUET))
    end)

    it("takes columns from Hive's folders, and passes over what other programs left", function()
      for key, body in pairs {
        ["hive/d=2020-01-01/x.csv"] = "a\n1\n",
        ["hive/d=2020-01-02/y.csv"] = "a\n2\n",
        ["hive/d=__HIVE_DEFAULT_PARTITION__/z.csv"] = "a\n3\n",
        ["hive/_SUCCESS"] = "",
        ["hive/_temporary/0/x.csv"] = "a\n9\n",
        ["hive/d=2020-01-02/.y.csv.crc"] = "crc",
        ["hive/.DS_Store"] = "x",
      } do
        running.put(key, body)
      end
      local dataset =
        running.dataset("Hive", { { columnName = "a", dataType = "BIGINT" }, { columnName = "d", dataType = "DATE" } })
      assert.equal(3, running.ingest(dataset, running.uri("hive/"), CSV).rowCount)
      assert.equal("a,d\n1,2020-01-01\n2,2020-01-02\n3,\n", (text_of(dataset, { sortColumns = { "a" } })))
      assert.truthy(running.log():find("no data, skipped: .DS_Store, _SUCCESS, _temporary/0/x.csv", 1, true))
    end)

    it("refuses params that it does not know", function()
      local dataset = running.dataset()
      local _, err = running.call("CreateChangeset", {
        datasetId = dataset,
        changeType = "APPEND",
        sourceParams = { s3SourcePath = running.put("p.csv", "a\n1\n") },
        formatParams = { formatType = "CSV", quoting = "none" },
      })
      assert.truthy(err.message:find("formatParams.quoting is not known", 1, true))
    end)
  end)

  describe("publishing", function()
    it("needs the staged file no longer, and keeps Parquet and a summary in the lake", function()
      local changeset, dataset = load("a,b\n1,x\n5,\n,y\n", CSV, TWO)
      running.ask { service = "s3", method = "DELETE", path = "/finspace-local/data.csv" }
      assert.equal("0\n", running.sql("SELECT count(*) FROM changeset_sources"))
      local summary = cjson.decode(running.summary(changeset))
      assert.same(
        { 3, 1, "1", "5", 1 },
        { summary.rows, summary.files, summary.columns[1].min, summary.columns[1].max, summary.columns[1].nulls }
      )
      assert.same({ "BIGINT", "STRING", 20, 1, 1 }, {
        summary.columns[1].type,
        summary.columns[2].type,
        #summary.columns[1].histogram,
        summary.columns[1].histogram[1],
        summary.columns[1].histogram[20],
      })
      assert.same({ "1", "x" }, summary.sample[1])
      if running.store then return end
      local place = ("%s/lake/datasets/%s/%s"):format(running.data, dataset, changeset.changesetId)
      local file = support.run("find " .. place .. " -name part-00000.parquet"):match("^%S+")
      assert.equal("PAR1", support.read_file(file):sub(1, 4))
    end)

    it_with_bytes("lets nobody write where it wrote", function()
      for _, key in ipairs { "datasets/x/y/summary.json", "views/x/y/part-00000.csv" } do
        local answer = running.ask { service = "s3", method = "PUT", path = "/finspace-local/" .. key, body = "x" }
        assert.equal(403, answer.status)
      end
    end)

    it("counts in the order of loading, whatever the wall clock does", function()
      local _, dataset = load("a,b\n1,x\n", CSV, TWO)
      running.sql("UPDATE changesets SET active_from = active_from + 7200000 WHERE dataset_id = '" .. dataset .. "'")
      running.sql("UPDATE datasets SET latest_moment = latest_moment + 7200000 WHERE id = '" .. dataset .. "'")
      running.ingest(dataset, running.put("later.csv", "a,b\n2,y\n"), CSV)
      assert.equal("a,b\n1,x\n2,y\n", (text_of(dataset)))
      running.ingest(dataset, running.put("last.csv", "a,b\n3,z\n"), CSV, "REPLACE")
      assert.equal("a,b\n3,z\n", (text_of(dataset)))
    end)
  end)

  describe("writing views", function()
    it("partitions as Hive does, with NULL, escapes and names too long for a folder", function()
      local _, dataset = load('a,b\nk/1,x\n,y\n"c:é d",z\n' .. ("n"):rep(300) .. ",w\n")
      local _, files = text_of(dataset, { partitionColumns = { "a" } })
      local names = {}
      for name in pairs(files) do
        names[#names + 1] = name:match("^(.*)/")
      end
      table.sort(names)
      assert.same({ "a=__HIVE_DEFAULT_PARTITION__", "a=c%3Aé d", "a=k%2F1", "a=" .. ("n"):rep(300) }, names)
    end)

    it("leaves partition columns out of Parquet files, and sorts each file", function()
      local _, dataset = load(
        "p,v\nx,3\ny,1\nx,1\nx,\n",
        CSV,
        { { columnName = "p", dataType = "STRING" }, { columnName = "v", dataType = "INTEGER" } }
      )
      local files = running.files_of(running.view(dataset, { partitionColumns = { "p" }, sortColumns = { "v" } }))
      local back = running.dataset("Back")
      running.ingest(back, running.put("x.parquet", files["p=x/part-00000.parquet"]), PARQUET)
      assert.equal('v\n1\n3\n""\n', (text_of(back)))
    end)

    it("fails for keys that are too long and partitions that are too many, and says so", function()
      local _, dataset = load("a,b\n" .. ("k"):rep(1100) .. ",x\n")
      local view = running.view(dataset, { partitionColumns = { "a" } })
      assert.truthy(view.errorInfo.errorMessage:find("would be longer than 1024 bytes", 1, true))
      local lines = { "a,b" }
      for i = 1, 10001 do
        lines[i + 1] = i .. ",x"
      end
      _, dataset = load(table.concat(lines, "\n") .. "\n")
      view = running.view(dataset, { partitionColumns = { "a" } })
      assert.equal("partitionColumns: there would be 10001 partitions, more than 10000", view.errorInfo.errorMessage)
    end)

    it("writes text as its options say: delimiter, quote, header, gzip", function()
      local _, dataset = load("a,b\n1,x'y\n")
      local function written(options)
        return select(
          2,
          text_of(dataset, {
            destinationTypeParams = {
              destinationType = "S3",
              s3DestinationExportFileFormat = "DELIMITED_TEXT",
              s3DestinationExportFileFormatOptions = options,
            },
          })
        )
      end
      assert.equal("1\t'x''y'\n", written({ delimiter = "TAB", quote = "'", header = "false" })["part-00000.csv"])
      local packed = written({ compression = "GZIP" })["part-00000.csv.gz"]
      support.write_file(folder .. "/x.gz", packed)
      assert.equal("a,b\n1,x'y\n", (support.run("zcat " .. folder .. "/x.gz")))
    end)

    it("quotes alike, whether it is partitioned or not, packed or not", function()
      local odd = {
        'say ""hi""',
        "a;b",
        "two\nlines",
        "cr\rlf",
        " blank ",
        "#",
        "'",
        "\\N",
        "NULL",
        "é漢😀",
        "-1",
        "",
        "007",
      }
      local lines = { "p,odd name;,n,t" }
      for i, text in ipairs(odd) do
        lines[#lines + 1] = ('1,"%s",%d.5,2020-01-01T00:00:%02dZ'):format(text, i, i)
      end
      lines[#lines + 1] = "1,,,"
      local schema = {
        { columnName = "p", dataType = "INTEGER" },
        { columnName = "odd name;", dataType = "STRING" },
        { columnName = "n", dataType = "DOUBLE" },
        { columnName = "t", dataType = "DATETIME" },
      }
      local _, dataset = load(table.concat(lines, "\n") .. "\n", CSV, schema)
      for _, options in ipairs {
        { delimiter = ";" },
        { delimiter = "-", quote = "'" },
        { delimiter = "0" },
        { quote = "N" },
      } do
        local function written(more)
          more.destinationTypeParams = {
            destinationType = "S3",
            s3DestinationExportFileFormat = "DELIMITED_TEXT",
            s3DestinationExportFileFormatOptions = options,
          }
          local _, files = text_of(dataset, more)
          running.sql("DELETE FROM data_views") -- three are a dataset's most
          return select(2, next(files))
        end
        local whole = written {}
        assert.equal(whole, written { partitionColumns = { "p" } })
        options.compression = "GZIP"
        support.write_file(folder .. "/packed.gz", written { partitionColumns = { "p" } })
        assert.equal(whole, (support.run("zcat " .. folder .. "/packed.gz")))
      end
    end)

    it("follows its dataset, fails with the reason when it cannot, and mends itself", function()
      local _, dataset = load("a,b\n1,x\n")
      local view = running.view(dataset, { autoUpdate = true, partitionColumns = { "a" } })
      assert.equal("SUCCESS", view.status)
      running.ingest(dataset, running.put("long.csv", "a,b\n" .. ("k"):rep(1100) .. ",x\n"), CSV)
      local ids = { datasetId = dataset, dataViewId = view.dataViewId }
      local failed = running.await("GetDataView", ids)
      assert.truthy(failed.errorInfo.errorMessage:find("longer than 1024 bytes", 1, true))
      running.ingest(dataset, running.put("short.json", '[{"a":"2","b":"y"}]'), JSON, "REPLACE")
      assert.equal("SUCCESS", running.await("GetDataView", ids).status)
      assert.truthy(running.files_of(view)["a=2/part-00000.parquet"])
    end)
  end)
end)

describe("A service without DuckDB #once", function()
  it("starts, says so, and fails changesets with the command that installs it", function()
    local running = service.start { settings = { "FINSPACE_DUCKDB=/nowhere/libduckdb.so" } }
    local changeset = running.ingest(running.dataset(), running.put("a.csv", "a\n1\n"))
    local log = running.log()
    running.stop()
    assert.equal("FAILED", changeset.status)
    assert.equal("USER_RECOVERABLE", changeset.errorInfo.errorCategory)
    assert.truthy(changeset.errorInfo.errorMessage:find("FINSPACE_DUCKDB", 1, true))
    assert.truthy(log:find("changesets and views will fail: FINSPACE_DUCKDB does not name", 1, true))
  end)
end)

describe("A data folder #once", function()
  it("is left alone by a second service", function()
    local running = service.start()
    local before = support.read_file(running.data .. "/config") .. support.read_file(running.data .. "/run/nginx.conf")
    local second = support.run(
      ("%s/build/bin/finspace serve --port %d --data %s 2>&1"):format(
        os.getenv("FINSPACE_ROOT"),
        support.free_port(),
        running.data
      )
    )
    local after = support.read_file(running.data .. "/config") .. support.read_file(running.data .. "/run/nginx.conf")
    running.stop()
    assert.truthy(second:find("another service uses the data folder", 1, true))
    assert.equal(before, after)
  end)

  it_with_files("of a newer version, or of another program, is refused with a line", function()
    local running = service.start()
    local function refused_with(sql)
      running.kill()
      running.sql(sql)
      local ok, problem = pcall(running.restart)
      assert.is_false(ok)
      return tostring(problem)
    end
    assert.truthy(
      refused_with("PRAGMA user_version = 99"):find("its schema has version 99, and this finspace knows", 1, true)
    )
    assert.truthy(
      refused_with("PRAGMA user_version = 2; PRAGMA application_id = 5"):find("another program's database", 1, true)
    )
    running.stop()
  end)

  it_with_files("of an earlier version is brought up to date, and what was counted then is read now", function()
    local running = service.start()
    local dataset = running.dataset("Old")
    local first = running.ingest(dataset, running.put("old.csv", "a,b\n1,x\n2,y\n"))
    running.kill()
    running.sql(
      ([[
      INSERT INTO changeset_sources (changeset_id, position, key, content_id)
        SELECT '%s', 1, key, content_id FROM objects WHERE key = 'old.csv';
      DELETE FROM objects WHERE key LIKE 'datasets/%%';
      DROP INDEX changesets_unread; ALTER TABLE changesets DROP COLUMN columns; ALTER TABLE changesets DROP COLUMN files;
      ALTER TABLE changesets DROP COLUMN attempts; ALTER TABLE changeset_sources DROP COLUMN partition;
      ALTER TABLE data_views DROP COLUMN generation; ALTER TABLE data_views DROP COLUMN prefix;
      ALTER TABLE data_views DROP COLUMN columns; ALTER TABLE data_views DROP COLUMN partitions;
      ALTER TABLE data_views DROP COLUMN attempts;
      ALTER TABLE changesets DROP COLUMN worker; ALTER TABLE changesets DROP COLUMN lease_until;
      ALTER TABLE changesets DROP COLUMN fence; ALTER TABLE data_views DROP COLUMN worker;
      ALTER TABLE data_views DROP COLUMN lease_until; ALTER TABLE data_views DROP COLUMN fence;
      ALTER TABLE contents DROP COLUMN checksums; ALTER TABLE contents DROP COLUMN parts;
      ALTER TABLE objects DROP COLUMN headers; ALTER TABLE uploads DROP COLUMN headers;
      ALTER TABLE uploads DROP COLUMN checksum_name; ALTER TABLE uploads DROP COLUMN checksum_type;
      ALTER TABLE parts DROP COLUMN checksum; ALTER TABLE datasets DROP COLUMN latest_moment;
      ALTER TABLE uploads DROP COLUMN part_size; ALTER TABLE parts DROP COLUMN place; PRAGMA user_version = 0; PRAGMA application_id = 0]]):format(
        first.changesetId
      )
    )
    support.remove_folder(running.data .. "/lake")
    running.restart()
    local view = running.view(dataset, {
      destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" },
    })
    local text = running.files_of(view)["part-00000.csv"]
    local moments = running.sql("SELECT latest_moment - (SELECT max(active_from) FROM changesets) FROM datasets")
    running.stop()
    assert.equal("a,b\n1,x\n2,y\n", text)
    assert.equal("0\n", moments)
  end)
end)
