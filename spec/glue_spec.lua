local cjson = require("cjson")
local service = require("spec.support.service")
local support = require("spec.support")

describe("The catalogue of GLUE_TABLE views #once", function()
  local running, view

  setup(function()
    running = service.start()
    local dataset = running.dataset("Ticks", {
      { columnName = "Id", dataType = "BIGINT" },
      { columnName = "px", dataType = "DOUBLE" },
      { columnName = "t", dataType = "DATETIME" },
      { columnName = "raw", dataType = "BINARY" },
      { columnName = "d", dataType = "DATE" },
    })
    local body = "Id,px,t,raw,d\n1,1.5,2020-01-01T00:00:00Z,x,2020-01-01\n2,,,,2020-01-02\n3,,,,\n"
    running.ingest(dataset, running.put("ticks.csv", body))
    local glue = { destinationType = "GLUE_TABLE", s3DestinationExportFileFormat = "PARQUET" }
    view = running.view(dataset, { partitionColumns = { "d" }, destinationTypeParams = glue })
    running.view(dataset, { destinationTypeParams = glue })
    running.view(dataset) -- of S3: no table
  end)
  teardown(function() running.stop() end)

  local function ask(operation, params, credentials)
    local answer = running.ask {
      service = "glue",
      method = "POST",
      path = "/",
      headers = { { "x-amz-target", "AWSGlue." .. operation } },
      content_type = "application/x-amz-json-1.1",
      body = cjson.encode(params),
      credentials = credentials,
    }
    return cjson.decode(answer.body), answer.status
  end

  it("names the table, its columns as Hive's types, its place and its partitions", function()
    local name = "view_" .. view.dataViewId
    local told = ask("GetTable", { DatabaseName = "finspace", Name = name }).Table
    assert.equal("Ticks", told.Description)
    local columns = {}
    for i, column in ipairs(told.StorageDescriptor.Columns) do
      columns[i] = column.Name .. " " .. column.Type
    end
    assert.same({ "id bigint", "px double", "t timestamp", "raw binary" }, columns)
    assert.same({ { Name = "d", Type = "date" } }, told.PartitionKeys)
    local found = ask("GetPartitions", { DatabaseName = "finspace", TableName = name }).Partitions
    local values = {}
    for i, partition in ipairs(found) do
      values[i] = partition.Values[1]
      local folder = told.StorageDescriptor.Location .. "d=" .. values[i] .. "/"
      assert.equal(folder, partition.StorageDescriptor.Location)
    end
    assert.same({ "2020-01-01", "2020-01-02", "__HIVE_DEFAULT_PARTITION__" }, values)
  end)

  it("is for those alone who may read the data", function()
    local ids = { datasetId = view.datasetId, dataViewId = view.dataViewId }
    local keys = assert(running.call("GetExternalDataViewAccessDetails", ids)).credentials
    local _, status = ask("GetTables", { DatabaseName = "finspace" }, {
      access_key_id = keys.accessKeyId,
      secret_access_key = keys.secretAccessKey,
      session_token = keys.sessionToken,
    })
    assert.equal(400, status)
  end)

  it("says what it does not know, and what it does not do", function()
    local refusal = ask("GetTable", { DatabaseName = "finspace", Name = "view_nothing" })
    assert.equal("EntityNotFoundException", refusal.__type)
    assert.equal("InvalidInputException", ask("DeleteTable", {}).__type)
    assert.equal("InvalidInputException", ask("GetTables", { DatabaseName = "finspace", MaxResults = 0 }).__type)
    assert.equal("InvalidInputException", ask("GetTables", { DatabaseName = "finspace", NextToken = "x" }).__type)
  end)

  it("is read by boto3, page by page", function()
    local python, absent = support.boto3()
    if absent then return pending(absent) end
    local script = support.root .. "/spec/support/glue_calls.py"
    local command = ("%s %s %s %s %s 2>&1"):format(running.shell(), python, script, running.endpoint, view.dataViewId)
    local told = cjson.decode((support.run(command)))
    assert.same({ "finspace" }, told.databases)
    assert.equal("finspace", told.database)
    assert.same({ false, true }, told.tables)
    assert.same({ { "id", "bigint" }, { "px", "double" }, { "t", "timestamp" }, { "raw", "binary" } }, told.columns)
    assert.same({ { "d", "date" } }, told.keys)
    assert.equal(told.location .. "d=2020-01-01/", told.partitions["2020-01-01"])
    assert.equal(3, told.paged)
    assert.same({ "2020-01-02" }, told.wanted)
    assert.same(
      { "EntityNotFoundException", "EntityNotFoundException", "InvalidInputException" },
      { told.unknown, told.elsewhere, told.write }
    )
  end)
end)
