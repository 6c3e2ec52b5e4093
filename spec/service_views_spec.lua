local core = require("finspace.core")
local service = require("spec.support.service")
local support = require("spec.support")

local it_with_files = support.unless_missing({ it = it, skip = function(why) pending(why) end }, service.no_files)

describe("The service's data views #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function load(dataset, body, change_type, format)
    local changeset = running.ingest(dataset, running.put("view.csv", body), format, change_type)
    assert.equal("SUCCESS", changeset.status)
    return changeset
  end

  local function create(dataset, more)
    local params = {
      datasetId = dataset,
      destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" },
    }
    for name, value in pairs(more or {}) do
      params[name] = value
    end
    return running.call("CreateDataView", params)
  end

  -- The view's files by their names, read with the keys that it gives out.
  local function read(view)
    local details = assert(running.call("GetExternalDataViewAccessDetails", view))
    local keys = {
      access_key_id = details.credentials.accessKeyId,
      secret_access_key = details.credentials.secretAccessKey,
      session_token = details.credentials.sessionToken,
    }
    local bucket, prefix = "/" .. details.s3Location.bucket, details.s3Location.key
    local function s3(method, path, query)
      return running.ask { service = "s3", method = method, path = path, query = query, credentials = keys }
    end
    local files = {}
    local listed = s3("GET", bucket, "list-type=2&encoding-type=url&prefix=" .. prefix)
    for key in listed.body:gmatch("<Key>(.-)</Key>") do
      key = core.uri_decode(key)
      files[key:sub(#prefix + 1)] = s3("GET", bucket .. "/" .. core.uri_encode(key, true)).body
    end
    return files, s3, bucket, prefix, keys
  end

  local function built(dataset, more)
    local made = assert(create(dataset, more))
    local view = running.await("GetDataView", made)
    assert.equal("SUCCESS", view.status, view.errorInfo and view.errorInfo.errorMessage)
    return made, view
  end

  local function rows(dataset, more) return (read((built(dataset, more))))["part-00000.csv"] end

  it("hold the rows of all changesets, under one header", function()
    local dataset = running.dataset()
    load(dataset, "a,b\n1,x\n")
    load(dataset, 'b,a\n"y, ""z""\n2",2\n')
    assert.equal('a,b\n1,x\n2,"y, ""z""\n2"\n', rows(dataset))
  end)

  it("leave nothing out when files have different columns", function()
    local dataset = running.dataset()
    load(dataset, "a,b\n1,x\n")
    load(dataset, "a,c\n2,y\n")
    load(dataset, "3,z\n", "APPEND", { formatType = "CSV", withHeader = "false" })
    assert.equal("a,b,c\n1,x,\n2,,y\n3,z,\n", rows(dataset))
  end)

  it("are as of a moment: REPLACE hides what came before it, MODIFY takes a changeset's place", function()
    local dataset = running.dataset()
    local first = load(dataset, "a\n1\n")
    local second = load(dataset, "a\n2\n")
    local third = load(dataset, "a\n3\n")
    local made = running.call("UpdateChangeset", {
      datasetId = dataset,
      changesetId = second.changesetId,
      formatParams = {},
      sourceParams = { s3SourcePath = running.put("better.csv", "a\n20\n") },
    })
    local modified = running.await("GetChangeset", made)
    local last = load(dataset, "a\n4\n", "REPLACE")
    local function at(changeset) return rows(dataset, { asOfTimestamp = changeset.activeFromTimestamp }) end
    assert.equal("a\n1\n", at(first))
    assert.equal("a\n1\n2\n3\n", at(third))
    assert.equal("a\n1\n20\n3\n", at(modified))
    assert.truthy(last)
    local _, err = create(dataset)
    assert.equal("LimitExceededException", err.code)
  end)

  it("hide what a REPLACE hides", function()
    local dataset = running.dataset()
    load(dataset, "a\n1\n")
    load(dataset, "a\n2\n", "REPLACE")
    load(dataset, "a\n3\n")
    assert.equal("a\n2\n3\n", rows(dataset))
  end)

  it("keep what they were made from when the staged files are gone", function()
    local dataset = running.dataset()
    load(dataset, "a\n1\n")
    running.ask { service = "s3", method = "DELETE", path = "/finspace-local/view.csv" }
    assert.equal("a\n1\n", rows(dataset))
  end)

  it(
    "are sorted by type: text as text, and by the schema's numbers as numbers; NULLs last, equals as loaded",
    function()
      local dataset = running.dataset()
      load(dataset, "a,b\n10,x\n9,y\n,z\n9,a\n")
      assert.equal("a,b\n10,x\n9,a\n9,y\n,z\n", rows(dataset, { sortColumns = { "a", "b" } }))
      local typed = running.dataset(
        "Typed",
        { { columnName = "a", dataType = "INTEGER" }, { columnName = "b", dataType = "STRING" } }
      )
      load(typed, "a,b\n10,x\n9,y\n,z\n9,a\n")
      assert.equal("a,b\n9,y\n9,a\n10,x\n,z\n", rows(typed, { sortColumns = { "a" } }))
    end
  )

  it("are partitioned into folders, each sorted, each file with a header", function()
    local dataset = running.dataset()
    load(dataset, "s,y,v\nB/1,2001,1\nA,2000,2\nA,2001,4\nA,2001,3\n,2000,5\n")
    local files = read((built(dataset, { partitionColumns = { "s", "y" }, sortColumns = { "v" } })))
    assert.same({
      ["s=A/y=2000/part-00000.csv"] = "s,y,v\nA,2000,2\n",
      ["s=A/y=2001/part-00001.csv"] = "s,y,v\nA,2001,3\nA,2001,4\n",
      ["s=B%2F1/y=2001/part-00002.csv"] = "s,y,v\nB/1,2001,1\n",
      ["s=__HIVE_DEFAULT_PARTITION__/y=2000/part-00003.csv"] = "s,y,v\n,2000,5\n",
    }, files)
  end)

  it("are written as their options say", function()
    local dataset = running.dataset()
    load(dataset, "a,b\n1;1,2\n")
    local made = built(dataset, {
      destinationTypeParams = {
        destinationType = "S3",
        s3DestinationExportFileFormat = "DELIMITED_TEXT",
        s3DestinationExportFileFormatOptions = { header = "false", delimiter = ";" },
      },
    })
    assert.equal('"1;1";2\n', read(made)["part-00000.csv"])
  end)

  it("have a file even without rows", function()
    local dataset = running.dataset()
    assert.equal("", rows(dataset))
    load(dataset, "a,b\n")
    assert.equal("a,b\n", rows(dataset))
  end)

  it("follow their dataset when they are asked to", function()
    local dataset = running.dataset()
    load(dataset, "a\n1\n")
    local made, before = built(dataset, { autoUpdate = true })
    load(dataset, "a\n2\n")
    local after = running.await("GetDataView", made)
    assert.equal("a\n1\n2\n", read(made)["part-00000.csv"])
    assert.is_true(after.autoUpdate)
    assert.is_true(after.asOfTimestamp > before.asOfTimestamp)
    assert.equal(1, #running.call("ListDataViews", { datasetId = dataset }).dataViews)
  end)

  it("give out keys that read their files and do nothing else", function()
    local dataset = running.dataset()
    load(dataset, "a\n1\n")
    local _, s3, bucket, prefix, keys = read((built(dataset)))
    assert.equal(200, s3("GET", bucket .. "/" .. prefix .. "part-00000.csv").status)
    for _, refused in ipairs {
      { "PUT", bucket .. "/" .. prefix .. "x" },
      { "DELETE", bucket .. "/" .. prefix .. "part-00000.csv" },
      { "GET", bucket .. "/view.csv" },
      { "HEAD", bucket .. "/view.csv" },
      { "GET", bucket, "list-type=2" },
      { "GET", bucket, "list-type=2&prefix=views/" },
      { "GET", bucket, "uploads" },
      { "HEAD", bucket },
      { "PUT", "/another-bucket" },
      { "DELETE", bucket },
      { "POST", bucket .. "/" .. prefix .. "x", "uploads" },
    } do
      assert.equal(403, s3(refused[1], refused[2], refused[3]).status, refused[1] .. " " .. refused[2])
    end
    local _, err = running.call("ListDatasets", {}, keys)
    assert.equal("AccessDeniedException", err.code)
  end)

  describe("of many rows", function()
    local ROWS, PARTITIONS, NOTE = 600000, 5, ("n"):rep(30)
    local made

    setup(function()
      local lines = { "a,b,note" }
      for i = 1, ROWS do
        local a = i * 7919 % ROWS
        lines[i + 1] = ("%d,%d,%s"):format(a, a % PARTITIONS, NOTE)
      end
      local dataset = running.dataset("Many", {
        { columnName = "a", dataType = "BIGINT" },
        { columnName = "b", dataType = "INTEGER" },
        { columnName = "note", dataType = "STRING" },
      })
      load(dataset, table.concat(lines, "\n") .. "\n")
      made = built(dataset, { sortColumns = { "a" }, partitionColumns = { "b" } })
    end)

    it("are sorted in each file", function()
      local files = read(made)
      for b = 0, PARTITIONS - 1 do
        local expected = { "a,b,note" }
        for a = b, ROWS - 1, PARTITIONS do
          expected[#expected + 1] = ("%d,%d,%s"):format(a, b, NOTE)
        end
        local text = files[("b=%d/part-%05d.csv"):format(b, b)]
        assert.equal(core.sha256(table.concat(expected, "\n") .. "\n"), core.sha256(text))
      end
    end)

    it_with_files("lie on the disk in few files, each a text of all its rows", function()
      local paths = support.run(("find %s/lake/views -path '*/%s/*' -type f"):format(running.data, made.dataViewId))
      local files, lines = 0, 0
      for path in paths:gmatch("[^\n]+") do
        local text = support.read_file(path)
        assert.equal("a,b,note", text:match("^[^\n]*"))
        assert.equal(1, select(2, text:gsub("note", "")))
        files, lines = files + 1, lines + select(2, text:gsub("\n", ""))
      end
      assert.same({ 2, ROWS + 2 }, { files, lines })
    end)
  end)

  it("say what they cannot be", function()
    local dataset = running.dataset()
    local function refuse(destination, more)
      more = more or {}
      more.destinationTypeParams = destination
      local _, err = create(dataset, more)
      assert.equal("ValidationException", err.code)
      return err.message
    end
    local text = { destinationType = "GLUE_TABLE", s3DestinationExportFileFormat = "DELIMITED_TEXT" }
    assert.truthy(refuse(text):find("must be PARQUET for a GLUE_TABLE", 1, true))
    local function options(format, given)
      return {
        destinationType = "S3",
        s3DestinationExportFileFormat = format,
        s3DestinationExportFileFormatOptions = given,
      }
    end
    assert.truthy(
      refuse(options("PARQUET", { compression = "lzo" })):find("compression must be zstd or snappy", 1, true)
    )
    assert.truthy(refuse(options("DELIMITED_TEXT", { colour = "red" })):find("colour is not known", 1, true))
    assert.truthy(refuse({ destinationType = "DISK" }):find("must be S3 or GLUE_TABLE", 1, true))
    local _, err = create(dataset, { autoUpdate = true, asOfTimestamp = 1 })
    assert.equal("ValidationException", err.code)
  end)

  it("fail for a column that is not there", function()
    local dataset = running.dataset()
    load(dataset, "a\n1\n")
    local view = running.await("GetDataView", (create(dataset, { sortColumns = { "nothing" } })))
    assert.same(
      { "FAILED", "VALIDATION", 'sortColumns: the data has no column "nothing"' },
      { view.status, view.errorInfo.errorCategory, view.errorInfo.errorMessage }
    )
  end)
end)
