local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("The service's ingestion #once", function()
  local running, dataset

  setup(function()
    running = service.start()
    dataset = running.dataset()
  end)
  teardown(function() running.stop() end)

  local function ingest(body, format) return running.ingest(dataset, running.put("data.csv", body), format) end

  local function rows(body, format)
    local changeset = ingest(body, format)
    assert.equal("SUCCESS", changeset.status, changeset.errorInfo and changeset.errorInfo.errorMessage)
    return changeset.rowCount
  end

  local function failure(body, format)
    local changeset = ingest(body, format)
    assert.equal("FAILED", changeset.status)
    return changeset.errorInfo.errorCategory, changeset.errorInfo.errorMessage
  end

  describe("of CSV", function()
    it("counts the rows below the header", function()
      assert.equal(2, rows("a,b\n1,2\n3,4\n"))
      assert.equal(2, rows("a,b\n1,2\n3,4"))
      assert.equal(0, rows("a,b\n"))
      assert.equal(3, rows("1,2\n3,4\n5,6\n", { formatType = "CSV", withHeader = "false" }))
    end)

    it("knows every line end, and a byte order mark", function()
      assert.equal(2, rows("a,b\r\n1,2\r\n3,4\r\n"))
      assert.equal(2, rows("a,b\r1,2\r3,4"))
      assert.equal(2, rows("\239\187\191a,b\n1,2\n3,4\n"))
    end)

    it(
      "lets quoted fields hold separators, quotes and line ends",
      function() assert.equal(2, rows('a,b\n"1,1","say ""hi"""\n"two\r\nlines",2\n')) end
    )

    it("passes over lines without anything on them", function() assert.equal(2, rows("a,b\n\n1,2\n\n3,4\n\n")) end)

    it("takes another separator", function()
      assert.equal(1, rows("a;b\n1;2,3\n", { formatType = "CSV", separator = ";" }))
      assert.equal(1, rows("a\tb\n1\t2\n", { formatType = "CSV", separator = "\\t" }))
    end)

    it("fails a row with the wrong number of fields, and says which line", function()
      assert.same({ "VALIDATION", "line 3 of data.csv has 3 fields, not 2" }, { failure("a,b\n1,2\n1,2,3\n") })
      assert.same({ "VALIDATION", "line 5 of data.csv has 1 field, not 2" }, { failure('a,b\n"1\n2",3\n1,2\nx\n') })
    end)

    it("fails what is not UTF-8, and says which line", function()
      for _, wrong in ipairs { "\255", "\192\128", "\237\160\128", "\244\144\128\128", "\195" } do
        assert.same({ "VALIDATION", "line 2 of data.csv is not UTF-8" }, { failure("a,b\n1," .. wrong .. "\n") })
      end
      assert.equal(1, rows("é,漢,😀\n1,2,3\n"))
    end)

    it("fails a quote that never ends, and a file without a header", function()
      local _, message = failure('a,b\n1,"2\n3,4\n')
      assert.equal("a quoted field that begins in line 2 of data.csv never ends", message)
      _, message = failure("")
      assert.equal("data.csv is empty: it has no header", message)
    end)

    it("counts the same however the file falls into pieces", function()
      local lines = { "id,text" }
      for i = 1, 60000 do
        lines[#lines + 1] = i .. (i % 3 == 0 and ',"é ""x""\r\ny"' or ",漢字")
      end
      assert.equal(60000, rows(table.concat(lines, "\r\n")))
    end)

    it("unpacks gzip", function()
      local folder = support.temporary_folder()
      support.write_file(folder .. "/a.csv", "a,b\n" .. ("1,2\n"):rep(200000))
      support.run("gzip -k " .. folder .. "/a.csv && cat " .. folder .. "/a.csv.gz")
      local packed = support.read_file(folder .. "/a.csv.gz")
      support.remove_folder(folder)
      assert.equal(200000, rows(packed))
      assert.equal(400001, rows(packed .. packed, { formatType = "CSV", compression = "GZIP" }))
      local _, message = failure(packed:sub(1, -20))
      assert.equal("data.csv is a gzip file that was cut off", message)
    end)
  end)

  describe("of other formats", function()
    it("counts JSON records, in a list or one after another", function()
      local json = { formatType = "JSON" }
      assert.equal(2, rows('[{"a":1},{"a":"]}\\""}]', json))
      assert.equal(2, rows('{"a":1}\n{"a":[{}]}\n', json))
      assert.equal(0, rows("[]", json))
      for _, wrong in ipairs { '{"a":1', '[{"a":1}', "[1]", "x", '{"a":}', '[{"a":1} {"a":1}]' } do
        assert.equal("VALIDATION", (failure(wrong, json)))
      end
    end)

    it("counts XML records, and opens no entities", function()
      local xml = { formatType = "XML" }
      assert.equal(2, rows("<rows><row a='1'><x/></row><row/></rows>", xml))
      assert.equal("VALIDATION", (failure("<rows><row></rows>", xml)))
      local _, message = failure('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', xml)
      assert.equal("data.csv has a document type, which is not read", message)
    end)

    it("reads Parquet, and refuses what is no Parquet file", function()
      local parquet = { formatType = "PARQUET" }
      local source = running.dataset()
      running.ingest(source, running.put("typed.csv", "a,b\n1,x\n2,y\n"))
      assert.equal(2, rows(running.parquet_of(source), parquet))
      assert.equal("VALIDATION", (failure("a,b\n1,2\n3,4\n", parquet)))
      assert.equal("VALIDATION", (failure("PAR1\255\255\255\3\0\0\0PAR1", parquet)))
      local _, message = failure(running.parquet_of(source), { formatType = "CSV" })
      assert.equal("data.csv is a Parquet file: say formatType PARQUET", message)
    end)
  end)

  describe("of a source", function()
    it("takes all objects below a folder, and wants their rows alike", function()
      running.put("many/1.csv", "a,b\n1,2\n")
      running.put("many/deep/2.csv", "a,b\n3,4\n5,6\n")
      running.put("many/_SUCCESS", "")
      running.put("manyother.csv", "x\n1\n")
      assert.equal(3, running.ingest(dataset, running.uri("many/")).rowCount)
      assert.equal(3, running.ingest(dataset, running.uri("many")).rowCount)
      running.put("many/3.csv", "a\n1\n")
      local changeset = running.ingest(dataset, running.uri("many/"))
      assert.equal("line 1 of many/3.csv has 1 field, not 2", changeset.errorInfo.errorMessage)
    end)

    it("fails when there is nothing", function()
      for _, path in ipairs { "missing.csv", "missing/", "many/9.csv" } do
        local info = running.ingest(dataset, running.uri("") .. path).errorInfo
        assert.equal("RESOURCE_NOT_FOUND", info.errorCategory)
        assert.truthy(info.errorMessage:find(path, 1, true))
      end
      assert.equal("RESOURCE_NOT_FOUND", running.ingest(dataset, "s3://nowhere/x").errorInfo.errorCategory)
    end)
  end)

  describe("of the 2021-05 form", function()
    it("answers with the changeset itself", function()
      local uri = running.put("first.csv", "a\n1\n")
      local made = assert(running.call("CreateChangeset", {
        datasetId = dataset,
        changeType = "APPEND",
        sourceType = "S3",
        sourceParams = { s3SourcePath = uri },
        formatType = "CSV",
        formatParams = { withHeader = "true" },
        tags = { desk = "rates" },
      })).changeset
      assert.equal("PENDING", made.status)
      assert.same({ desk = "rates" }, made.changesetLabels)
      assert.is_true(made.createTimestamp > 1e9 and made.createTimestamp < 1e10)
      assert.equal(uri, made.sourceParams.s3SourcePath)
      local final = running.await("GetChangeset", { datasetId = dataset, changesetId = made.id })
      assert.same({ "SUCCESS", 1 }, { final.status, final.rowCount })
    end)
  end)

  describe("and what counts", function()
    local function get(id) return running.call("GetChangeset", { datasetId = dataset, changesetId = id }) end

    it("is what no later REPLACE hides", function()
      dataset = running.dataset("Replaced")
      local uri = running.put("r.csv", "a\n1\n")
      local first = running.ingest(dataset, uri)
      local second = running.ingest(dataset, uri, nil, "REPLACE")
      local third = running.ingest(dataset, uri)
      assert.equal(second.activeFromTimestamp, get(first.changesetId).activeUntilTimestamp)
      assert.is_nil(get(second.changesetId).activeUntilTimestamp)
      assert.is_nil(get(third.changesetId).activeUntilTimestamp)
    end)

    it("is what no MODIFY takes the place of, and both know of each other", function()
      local uri = running.put("m.csv", "a\n1\n2\n")
      local first = running.ingest(dataset, uri)
      local params = {
        datasetId = dataset,
        changesetId = first.changesetId,
        sourceParams = { s3SourcePath = uri },
        formatParams = {},
      }
      local made = assert(running.call("UpdateChangeset", params))
      local second = running.await("GetChangeset", made)
      assert.same({ "MODIFY", "SUCCESS", first.changesetId }, {
        second.changeType,
        second.status,
        second.updatesChangesetId,
      })
      first = get(first.changesetId)
      assert.same({ second.changesetId, second.activeFromTimestamp }, {
        first.updatedByChangesetId,
        first.activeUntilTimestamp,
      })
      local _, err = running.call("UpdateChangeset", params)
      assert.equal("ConflictException", err.code)
    end)

    it("is the old one when its replacement fails", function()
      local first = running.ingest(dataset, running.put("f.csv", "a\n1\n"))
      local made = running.call("UpdateChangeset", {
        datasetId = dataset,
        changesetId = first.changesetId,
        sourceParams = { s3SourcePath = running.uri("no") },
        formatParams = {},
      })
      assert.equal("FAILED", running.await("GetChangeset", made).status)
      assert.is_nil(get(first.changesetId).updatedByChangesetId)
      assert.is_nil(get(first.changesetId).activeUntilTimestamp)
    end)
  end)

  describe("in a process of its own", function()
    local function ingester() return tonumber(support.read_file(running.data .. "/run/ingest.pid")) end
    local STOP, CONTINUE, KILL = 19, 18, 9

    it("leaves requests alone: they are answered while it stands still", function()
      local pid = ingester()
      assert(sys.kill(pid, STOP))
      local uri = running.put("still.csv", "a\n1\n")
      local made = running.call("CreateChangeset", {
        datasetId = dataset,
        changeType = "APPEND",
        sourceParams = { s3SourcePath = uri },
        formatParams = {},
      })
      for _ = 1, 50 do
        assert.equal("PENDING", running.call("GetChangeset", made).status)
      end
      assert(sys.kill(pid, CONTINUE))
      assert.equal("SUCCESS", running.await("GetChangeset", made).status)
    end)

    it("has ten changesets at work at most", function()
      local pid = ingester()
      assert(sys.kill(pid, STOP))
      local made, err = {}, nil
      for i = 1, 11 do
        made[i], err = running.call("CreateChangeset", {
          datasetId = dataset,
          changeType = "APPEND",
          formatParams = {},
          sourceParams = { s3SourcePath = running.uri("still.csv") },
        })
      end
      assert.equal(10, #made)
      assert.equal("LimitExceededException", err.code)
      local _, refused = running.call("DeleteDataset", { datasetId = dataset })
      assert.equal("ConflictException", refused.code)
      assert(sys.kill(pid, CONTINUE))
      for i = 1, 10 do
        assert.equal("SUCCESS", running.await("GetChangeset", made[i]).status)
      end
    end)

    it("is started anew when it is killed, and goes on with what was cut off", function()
      local uri = running.put("long.csv", "a,b\n" .. ("1,2\n"):rep(4e6))
      local made = running.call("CreateChangeset", {
        datasetId = dataset,
        changeType = "APPEND",
        sourceParams = { s3SourcePath = uri },
        formatParams = {},
      })
      repeat
      until running.call("GetChangeset", made).status ~= "PENDING"
      assert.equal("RUNNING", running.call("GetChangeset", made).status)
      local before = ingester()
      assert(sys.kill(before, KILL))
      local final = running.await("GetChangeset", made)
      assert.same({ "SUCCESS", 4000000 }, { final.status, final.rowCount })
      assert.not_equal(before, ingester())
    end)

    it("goes on after everything was killed and started again", function()
      local made = running.call("CreateChangeset", {
        datasetId = dataset,
        changeType = "APPEND",
        formatParams = {},
        sourceParams = { s3SourcePath = running.uri("long.csv") },
      })
      running.kill()
      running.restart()
      local final = running.await("GetChangeset", made)
      assert.same({ "SUCCESS", 4000000 }, { final.status, final.rowCount })
    end)
  end)
end)
