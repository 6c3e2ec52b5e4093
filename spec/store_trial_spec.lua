-- What is lost, doubled or left behind while nodes are killed and the store fails. FINSPACE_TRIAL_CHANGESETS makes it longer.
local cjson = require("cjson")
local lake = require("spec.support.lake")
local postgres = require("spec.support.postgres")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local CHANGESETS = tonumber(os.getenv("FINSPACE_TRIAL_CHANGESETS") or 6)
local CHANGESETS_A_KILL = 3
local DATASETS = 2
local COLUMNS = { { columnName = "number", dataType = "BIGINT" } }

describe("Nodes that are killed over a store that fails #once", function()
  local it = support.unless_missing({ it = it, skip = function(why) pending(why) end }, postgres.missing)
  local cluster, store, between, nodes, kills

  setup(function()
    if postgres.missing() then return end
    cluster, store, nodes, kills = postgres.start(), lake.start_store(), {}, 0
    between = lake.stand_before_failing(store)
    local url, keys = cluster.new_database(), support.temporary_folder() .. "/owner"
    service.write_owner_keys(keys, true)
    for number = 1, 2 do
      nodes[number] = service.start {
        database = url,
        owner_keys = keys,
        options = lake.options(between.endpoint),
        settings = lake.settings(store),
      }
    end
    between.fail(true)
  end)
  teardown(function()
    if not cluster then return end
    for _, node in ipairs(nodes) do
      node.stop()
    end
    between.stop()
    store.stop()
    cluster.stop()
  end)

  local turn = 0
  local function any_node()
    turn = turn + 1
    return nodes[turn % #nodes + 1]
  end

  -- Asks until a node has answered; the same request, so that an answer that was lost changes nothing.
  local function insist(operation, params)
    for _ = 1, 3000 do
      local ok, result, err = pcall(any_node().call, operation, params)
      if ok and result then return result end
      if ok and err.status < 500 and err.code ~= "LimitExceededException" then error(cjson.encode(err.message)) end
      sys.sleep(0.05)
    end
    error(operation .. " was never answered")
  end

  local function load(dataset, number)
    local place = insist("GetWorkingLocation", { locationType = "INGESTION" })
    local asked = { service = "s3", method = "PUT", path = "/lake/" .. place.s3Path .. "x.csv" }
    asked.body = ("number\n%d\n"):format(number)
    assert.equal(200, store.ask(asked).status)
    return insist("CreateChangeset", {
      clientToken = "trial-" .. number,
      datasetId = dataset,
      changeType = "APPEND",
      sourceParams = { s3SourcePath = place.s3Uri .. "x.csv", sourceType = "S3" },
      formatParams = { formatType = "CSV" },
    })
  end

  local function kill_one()
    local node = any_node()
    node.kill()
    node.restart()
    kills = kills + 1
  end

  local function await(operation, params)
    for _ = 1, 6000 do
      local result = insist(operation, params)
      if result.status == "SUCCESS" or result.status == "FAILED" then return result end
      sys.sleep(0.05)
    end
    error("it does not end")
  end

  local function rows_of(dataset)
    local made = insist("CreateDataView", {
      clientToken = "view-" .. dataset,
      datasetId = dataset,
      sortColumns = { "number" },
      destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" },
    })
    local view = await("GetDataView", made)
    assert.equal("SUCCESS", view.status)
    local text = {}
    for _, bytes in pairs(lake.files_of_view(nodes[1], store, view)) do
      text[#text + 1] = bytes
    end
    return (table.concat(text):gsub("number\n", ""))
  end

  -- What the database names, as keys of the store.
  local function named_keys()
    local keys = {}
    for line in nodes[1].sql("SELECT dataset_id || '/' || id || ' ' || files FROM changesets"):gmatch("[^\n]+") do
      local folder, files = line:match("^(%S+) (.*)$")
      for _, file in ipairs(cjson.decode(files)) do
        keys[#keys + 1] = lake.PREFIX .. "datasets/" .. folder .. "/" .. file.name
      end
    end
    table.sort(keys)
    return keys
  end

  -- An hour later, twice: the second sweep sees that nothing came after the first.
  local function sweep_all()
    for _ = 1, 2 do
      nodes[1].sql("UPDATE unnamed_places SET since = 0")
      nodes[1].sql("DELETE FROM duties")
      nodes[1].restart()
      for _ = 1, 1000 do
        if nodes[1].sql("SELECT 1 FROM unnamed_places WHERE since = 0 LIMIT 1") == "" then break end
        sys.sleep(0.05)
      end
    end
  end

  it("lose nothing, double nothing, and leave nothing behind", function()
    local datasets, acknowledged, expected = {}, {}, {}
    for i = 1, DATASETS do
      local params = { clientToken = "d" .. i, datasetTitle = "T" .. i, kind = "TABULAR", permissionGroupParams = {} }
      params.schemaDefinition = { tabularSchemaConfig = { columns = COLUMNS } }
      datasets[i], expected[i] = insist("CreateDataset", params).datasetId, ""
    end
    for number = 1, CHANGESETS do
      local i = number % DATASETS + 1
      acknowledged[number] = load(datasets[i], number)
      expected[i] = expected[i] .. number .. "\n"
      if number % CHANGESETS_A_KILL == 0 then kill_one() end
    end
    for _, made in ipairs(acknowledged) do
      assert.equal("SUCCESS", await("GetChangeset", made).status)
    end
    for i, dataset in ipairs(datasets) do
      assert.equal(expected[i], rows_of(dataset))
    end
    assert.is_true(between.count() > 0)
    between.fail(false)
    sweep_all()
    assert.equal("", nodes[1].sql("SELECT place FROM unnamed_places"))
    assert.same(named_keys(), lake.object_keys(store, lake.PREFIX .. "datasets/"))
    if CHANGESETS > 10 then
      print(("%d changesets, %d kills: lost 0, doubled 0, orphans 0"):format(CHANGESETS, kills))
    end
  end)
end)
