local cluster_of = require("spec.support.cluster")
local finspace = require("finspace")
local scheduler = require("finspace.host.scheduler")
local server_of = require("spec.support.postgres")
local support = require("spec.support")
local sys = require("finspace.sys")

-- FINSPACE_CLUSTER_FAULTS=1 for the long trial: 100 kills of nodes and ingest workers, 20 of PostgreSQL's backends, and 5
-- restarts of PostgreSQL.
local IS_LONG = os.getenv("FINSPACE_CLUSTER_FAULTS") ~= nil
local FAULTS = IS_LONG and { node = 50, ingester = 50, backend = 20, restart = 5 }
  or { node = 1, ingester = 2, backend = 1, restart = 1 }
local CLIENTS = IS_LONG and 64 or 16
local NODES = 3
local MOST_DATASETS = 1400 -- the service takes 1,500
local KILL = 9

describe("Three nodes under fault #once", function()
  local it_can = support.unless_missing({ it = it, pending = pending }, server_of.missing)
  local cluster, clients, loading, sources
  local is_over, acknowledged, problems = false, { datasets = {}, changesets = {} }, {}

  setup(function()
    if server_of.missing() then return end
    math.randomseed(16)
    cluster = cluster_of.start(NODES)
    clients = cluster.clients { max_attempts = 1, connect_timeout = 2, timeout = 20 }
    loading, sources = cluster.nodes[1].dataset("Loaded"), {}
    for i = 1, 5 do
      local rows = { "a,b" }
      for row = 1, 1000 * i do
        rows[row + 1] = row .. ",x" .. row
      end
      sources[i] = { rows = 1000 * i, uri = cluster.put(i .. ".csv", table.concat(rows, "\n") .. "\n") }
    end
  end)
  teardown(function()
    if cluster then cluster.stop() end
  end)

  local number = 0
  local function next_number()
    number = number + 1
    return number
  end

  -- Calls until there is an answer, with the same clientToken, as SDKs do; other errors than the world's end it.
  local PASSING = { ServiceUnavailable = true, ThrottlingException = true, InternalServerException = false }

  local function persist(call)
    for _ = 1, 2000 do
      local result, err = call(clients[math.random(NODES)])
      if result then return result end
      local is_passing = PASSING[err.code] or err.kind == "transport" or (err.status or 0) == 0
      if not is_passing then return nil, err end
      problems[err.code] = (problems[err.code] or 0) + 1
      scheduler.sleep(0.02)
    end
    error("no answer in 2000 tries")
  end

  local function read_back()
    local _, id = next(acknowledged.datasets)
    if not id then return end
    local found, err = persist(function(client) return client:get_dataset { datasetId = id } end)
    assert(found, err and tostring(err))
  end

  local datasets = 0

  -- One that the service has room for.
  local function create_dataset()
    if datasets == MOST_DATASETS then return read_back() end
    datasets = datasets + 1
    local title = "dataset " .. next_number()
    local made, err = persist(
      function(client)
        return client:create_dataset {
          datasetTitle = title,
          kind = "TABULAR",
          permissionGroupParams = {},
          clientToken = title,
        }
      end
    )
    assert(made, err and tostring(err))
    acknowledged.datasets[title] = made.datasetId
  end

  local function create_changeset()
    local source, token = sources[math.random(#sources)], "changeset " .. next_number()
    local made, err = persist(
      function(client)
        return client:create_changeset {
          datasetId = loading,
          changeType = "APPEND",
          sourceParams = { s3SourcePath = source.uri, sourceType = "S3" },
          formatParams = { formatType = "CSV" },
          clientToken = token,
        }
      end
    )
    if not made and err.code == "LimitExceededException" then return scheduler.sleep(0.1) end
    assert(made, err and tostring(err))
    acknowledged.changesets[made.changesetId] = source.rows
  end

  local ACTS = { create_dataset, create_changeset, read_back, read_back }

  local function client_loop(i)
    local turn = i
    while not is_over do
      turn = turn + 1
      ACTS[turn % #ACTS + 1]()
      scheduler.sleep(0.05)
    end
  end

  -- Faults ---------------------------------------------------------------------------------------------

  local function any_node() return cluster.nodes[math.random(NODES)] end

  local faults = {}

  function faults.node()
    local node = any_node()
    node.kill()
    scheduler.sleep(0.3)
    node.restart()
  end

  function faults.ingester()
    local pid = tonumber(support.read_file(any_node().data .. "/run/ingest.pid") or "")
    if pid then sys.kill(pid, KILL) end
  end

  -- PostgreSQL ends all of its backends when one of them dies so, and recovers.
  function faults.backend()
    local pid =
      cluster.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'finspace' ORDER BY random() LIMIT 1")
    if pid:match("^%d+") then sys.kill(tonumber(pid:match("%d+")), KILL) end
  end

  function faults.restart() cluster.server.restart() end

  local function shuffled_faults()
    local list = {}
    for name, count in pairs(FAULTS) do
      for _ = 1, count do
        table.insert(list, math.random(#list + 1), name)
      end
    end
    return list
  end

  local function make_faults()
    for _, name in ipairs(shuffled_faults()) do
      scheduler.sleep(0.3 + math.random() * 0.7)
      faults[name]()
    end
    scheduler.sleep(0.5)
    is_over = true
  end

  -- ----------------------------------------------------------------------------------------------------

  local function numbers(sql)
    local found = {}
    for digits in cluster.sql(sql):gmatch("%-?%d+") do
      found[#found + 1] = tonumber(digits)
    end
    return found
  end

  local function count_of(map)
    local count = 0
    for _ in pairs(map) do
      count = count + 1
    end
    return count
  end

  it_can("answer every client in the end", function()
    local jobs = { limit = CLIENTS + 1, make_faults }
    for i = 1, CLIENTS do
      jobs[i + 1] = function() client_loop(i) end
    end
    finspace.run(function() assert(finspace.gather(jobs)) end)
    assert.is_true(is_over)
    assert.is_nil(problems.InternalServerException)
    if IS_LONG then
      local all = { ("datasets %d"):format(count_of(acknowledged.datasets)) }
      all[2] = ("changesets %d"):format(count_of(acknowledged.changesets))
      for code, count in pairs(problems) do
        all[#all + 1] = code .. " " .. count
      end
      print(table.concat(all, ", "))
    end
  end)

  it_can("have lost and doubled no dataset that was acknowledged", function()
    assert.same({ 0 }, numbers("SELECT count(*) - count(DISTINCT title) FROM datasets"))
    local there = {}
    for line in cluster.sql("SELECT title || '|' || id FROM datasets"):gmatch("[^\n]+") do
      there[line] = true
    end
    for title, id in pairs(acknowledged.datasets) do
      assert.is_true(there[title .. "|" .. id], title)
    end
  end)

  -- What the nodes' logs say of a changeset.
  local function said_of(id)
    local lines = {}
    for _, node in ipairs(cluster.nodes) do
      for line in node.log():gmatch("[^\n]*" .. id .. "[^\n]*") do
        lines[#lines + 1] = line
      end
    end
    return table.concat(lines, "\n")
  end

  it_can("have ingested each acknowledged changeset once, in order, with every row", function()
    local rows = 0
    for id, expected in pairs(acknowledged.changesets) do
      local final = cluster.nodes[1].await("GetChangeset", { datasetId = loading, changesetId = id })
      local why = final.errorInfo and final.errorInfo.errorMessage
      assert.same({ "SUCCESS", expected }, { final.status, final.rowCount, why }, said_of(id))
      rows = rows + expected
    end
    assert.same({ count_of(acknowledged.changesets) }, numbers("SELECT count(*) FROM changesets"))
    assert.same(
      { 0 },
      numbers([[SELECT count(*) FROM changesets a JOIN changesets b ON a.dataset_id = b.dataset_id
      AND a.seq < b.seq AND a.active_from >= b.active_from]])
    )
    local view = cluster.nodes[2].view(loading)
    assert.equal("SUCCESS", view.status)
    local files = cluster.store.sql("SELECT key FROM objects WHERE key LIKE '%views/%parquet'")
    local copied = cluster.nodes[3].dataset("Copy")
    local total = 0
    for key in files:gmatch("[^\n]+") do
      local made = assert(cluster.nodes[3].call("CreateChangeset", {
        datasetId = copied,
        changeType = "APPEND",
        sourceParams = { s3SourcePath = "s3://lake/" .. key, sourceType = "S3" },
        formatParams = { formatType = "PARQUET" },
      }))
      total = total + cluster.nodes[3].await("GetChangeset", made).rowCount
    end
    assert.equal(rows, total)
  end)

  it_can("have left nothing leased, and every place that belongs to nobody noted for the sweep", function()
    assert.same({ 0 }, numbers("SELECT count(*) FROM changesets WHERE lease_until > 0"))
    local noted = {}
    for place in cluster.sql("SELECT place FROM unnamed_places"):gmatch("[^\n]+") do
      noted[#noted + 1] = place
    end
    local published = {}
    local names = "SELECT dataset_id || '/' || id || '/' || split_part(f->>'name', '/', 1)"
      .. " FROM changesets, json_array_elements(files::json) f"
    for name in cluster.sql(names):gmatch("[^\n]+") do
      published["datasets/" .. name .. "/"] = true
    end
    local keys = cluster.store.sql("SELECT key FROM objects WHERE key LIKE 'deep/datasets/%'")
    for key in keys:gmatch("[^\n]+") do
      local place = key:match("^deep/(datasets/[^/]+/[^/]+/[^/]+/)")
      local is_noted = false
      for _, one in ipairs(noted) do
        is_noted = is_noted or one == place
      end
      assert.is_true(published[place] or is_noted, key)
    end
  end)
end)
