local cluster_of = require("spec.support.cluster")
local finspace = require("finspace")
local lake = require("spec.support.lake")
local scheduler = require("finspace.host.scheduler")
local server_of = require("spec.support.postgres")
local support = require("spec.support")
local sys = require("finspace.sys")

local unpack = rawget(_G, "unpack") or table.unpack

-- FINSPACE_CLUSTER_FAULTS=MINUTES for the long trial of 64 clients: 50 kills of nodes and 50 of ingest workers, 20 of
-- PostgreSQL's backends, 5 restarts of PostgreSQL, and 10 ingest workers that are stopped for longer than a lease lasts,
-- spread over that time, while the store fails all the time.
local MINUTES = tonumber(os.getenv("FINSPACE_CLUSTER_FAULTS"))
local FAULTS = MINUTES and { node = 50, ingester = 50, backend = 20, restart = 5, sleeper = 10 }
  or { node = 1, ingester = 2, backend = 1, restart = 1 }
local CLIENTS = MINUTES and 64 or 16
local LEASE_SECONDS = 10
local NODES = 3
local MOST_DATASETS = 1400 -- the service takes 1,500
local VIEWED = MINUTES and 14 or 1 -- datasets, each of which may have three views
local KILL, STOP, CONTINUE = 9, 19, 18

-- What is noted of each attempt: the fencing number at its first write, and the one that its publication met.
local AUDIT = [[
  CREATE TABLE audit_begun (place TEXT PRIMARY KEY, fence BIGINT);
  CREATE TABLE audit_published (id TEXT, fence BIGINT, place TEXT);
  CREATE FUNCTION audit_begin() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit_begun SELECT NEW.place, fence FROM changesets
      WHERE id = split_part(NEW.place, '/', 3) ON CONFLICT DO NOTHING;
    RETURN NEW; END $$;
  CREATE FUNCTION audit_publish() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit_published VALUES (NEW.id, NEW.fence, 'datasets/' || NEW.dataset_id || '/' || NEW.id || '/'
      || split_part(NEW.files::json->0->>'name', '/', 1) || '/');
    RETURN NEW; END $$;
  CREATE TRIGGER audit_begin BEFORE INSERT ON unnamed_places FOR EACH ROW EXECUTE FUNCTION audit_begin();
  CREATE TRIGGER audit_publish AFTER UPDATE ON changesets FOR EACH ROW
    WHEN (NEW.status = 'SUCCESS' AND OLD.status <> 'SUCCESS') EXECUTE FUNCTION audit_publish();
]]

describe("Three nodes under fault #once", function()
  local it_can = support.unless_missing({ it = it, skip = function(why) pending(why) end }, server_of.missing)
  local cluster, clients, loading, viewed, sources
  local is_over, acknowledged, problems = false, { datasets = {}, changesets = {}, views = {} }, {}
  local spoiled, orphans = 0, 0 -- requests of the store, and places that were swept

  setup(function()
    if server_of.missing() then return end
    math.randomseed(16)
    cluster = cluster_of.start(NODES, { has_failing_store = true })
    cluster.sql(AUDIT)
    clients = cluster.clients { max_attempts = 1, connect_timeout = 2, timeout = 30 }
    loading, sources = {}, {}
    for i = 1, 4 do
      loading[i] = cluster.nodes[1].dataset("Loaded " .. i)
    end
    for i = 1, 5 do
      local rows = { "a,b" }
      for row = 1, 1000 * i do
        rows[row + 1] = row .. ",x" .. row
      end
      sources[i] = { rows = 1000 * i, uri = cluster.put(i .. ".csv", table.concat(rows, "\n") .. "\n") }
    end
    viewed = {}
    for i = 1, VIEWED do
      viewed[i] = cluster.nodes[1].dataset("Viewed " .. i)
      assert.equal("SUCCESS", cluster.nodes[1].ingest(viewed[i], sources[1].uri).status)
    end
    cluster.between.fail(true)
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
    local dataset = loading[math.random(#loading)]
    local made, err = persist(
      function(client)
        return client:create_changeset {
          datasetId = dataset,
          changeType = "APPEND",
          sourceParams = { s3SourcePath = source.uri, sourceType = "S3" },
          formatParams = { formatType = "CSV" },
          clientToken = token,
        }
      end
    )
    if not made and err.code == "LimitExceededException" then return scheduler.sleep(0.1) end
    assert(made, err and tostring(err))
    acknowledged.changesets[made.changesetId] = { dataset = dataset, rows = source.rows }
  end

  local views = 0

  local function create_view()
    if views == 3 * VIEWED then return read_back() end
    views = views + 1
    local token, dataset = "view " .. views, viewed[(views - 1) % VIEWED + 1]
    local made, err = persist(
      function(client)
        return client:create_data_view {
          datasetId = dataset,
          destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" },
          partitionColumns = {},
          clientToken = token,
        }
      end
    )
    if not made and err.code == "LimitExceededException" then
      views = views - 1
      return scheduler.sleep(0.1)
    end
    assert(made, err and tostring(err))
    acknowledged.views[made.dataViewId] = dataset
  end

  -- Keys of the store, which its STS gives.
  local function ask_for_keys()
    local found, err = persist(
      function(client) return client:get_programmatic_access_credentials { environmentId = "local" } end
    )
    assert(found, err and tostring(err))
  end

  local ACTS = { create_dataset, create_changeset, read_back, create_view, ask_for_keys, read_back }

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

  local faults, starts_refused = {}, 0

  function faults.node()
    local node = any_node()
    node.kill()
    scheduler.sleep(0.3)
    for _ = 1, 10 do -- as whoever looks after a node does: while the store fails it may be refused at its start
      if pcall(node.restart) then return end
      starts_refused = starts_refused + 1
    end
    error("a node does not start: " .. node.log())
  end

  local function any_ingester() return tonumber(support.read_file(any_node().data .. "/run/ingest.pid") or "") end

  function faults.ingester()
    local pid = any_ingester()
    if pid then sys.kill(pid, KILL) end
  end

  -- It wakes when others have had its work.
  function faults.sleeper()
    local pid = any_ingester()
    if not pid or not sys.kill(pid, STOP) then return end
    scheduler.sleep(LEASE_SECONDS + 3)
    sys.kill(pid, CONTINUE)
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
    local list, began = shuffled_faults(), sys.monotonic()
    local seconds = (MINUTES or 0) * 60
    for i, name in ipairs(list) do
      scheduler.sleep(math.max(0.3 + math.random() * 0.7, began + seconds * i / #list - sys.monotonic()))
      faults[name]()
    end
    scheduler.sleep(0.5)
    is_over = true
    spoiled = cluster.between.count()
    cluster.between.fail(false)
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
    assert.is_true(spoiled > 0)
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

  local function in_order(dataset)
    local later = [[SELECT count(*) FROM (SELECT active_from, lag(active_from) OVER (ORDER BY seq) AS earlier
      FROM changesets WHERE dataset_id = '%s') c WHERE active_from <= earlier]]
    assert.same({ 0 }, numbers(later:format(dataset)))
  end

  -- How many rows a view of the dataset has, which another dataset is made from.
  local function rows_in_view(dataset)
    local view = cluster.nodes[2].view(dataset)
    assert.equal("SUCCESS", view.status)
    local copied, prefix = cluster.nodes[3].dataset("Copy"), "deep/views/" .. dataset .. "/" .. view.dataViewId
    local copy = cluster.nodes[3].ingest(copied, "s3://lake/" .. prefix, { formatType = "PARQUET" })
    assert.same({ "SUCCESS" }, { copy.status, copy.errorInfo and copy.errorInfo.errorMessage })
    return copy.rowCount
  end

  it_can("have ingested each acknowledged changeset once, in order, with every row", function()
    local rows = {}
    for id, made in pairs(acknowledged.changesets) do
      local final = cluster.nodes[1].await("GetChangeset", { datasetId = made.dataset, changesetId = id })
      local why = final.errorInfo and final.errorInfo.errorMessage
      assert.same({ "SUCCESS", made.rows }, { final.status, final.rowCount, why }, said_of(id))
      rows[made.dataset] = (rows[made.dataset] or 0) + made.rows
    end
    assert.same({ count_of(acknowledged.changesets) + VIEWED }, numbers("SELECT count(*) FROM changesets"))
    for dataset, expected in pairs(rows) do
      in_order(dataset)
      assert.equal(expected, rows_in_view(dataset))
    end
  end)

  it_can("have built each acknowledged view once", function()
    for id, dataset in pairs(acknowledged.views) do
      local view = cluster.nodes[1].await("GetDataView", { datasetId = dataset, dataViewId = id })
      assert.same({ "SUCCESS" }, { view.status, view.errorInfo and view.errorInfo.errorMessage }, said_of(id))
    end
    local of_clients =
      "SELECT count(*) FROM data_views v JOIN datasets d ON d.id = v.dataset_id WHERE title LIKE 'Viewed%'"
    assert.same({ count_of(acknowledged.views) }, numbers(of_clients))
  end)

  it_can("have published nothing of a lease that was lost", function()
    assert.same({ 0 }, numbers("SELECT count(*) - count(DISTINCT id) FROM audit_published"))
    local compared = "SELECT count(*), count(*) FILTER (WHERE p.fence <> b.fence) FROM audit_published p"
      .. " JOIN audit_begun b USING (place)"
    local published, stale = unpack(numbers(compared))
    assert.is_true(published > count_of(acknowledged.changesets))
    assert.equal(0, stale)
    assert.same({ 0 }, numbers("SELECT count(*) FROM changesets WHERE lease_until > 0"))
  end)

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    return lines
  end

  -- The places that the database names, each with all below it.
  local function named_places()
    local named = {}
    local changesets = "SELECT DISTINCT 'datasets/' || dataset_id || '/' || id || '/' || split_part(f->>'name', '/', 1)"
      .. " FROM changesets, json_array_elements(files::json) f"
    for _, place in ipairs(lines_of(cluster.sql(changesets))) do
      named["deep/" .. place .. "/"] = true
    end
    for _, prefix in ipairs(lines_of(cluster.sql("SELECT prefix FROM data_views WHERE prefix IS NOT NULL"))) do
      named[prefix] = true
    end
    return named
  end

  local function objects_of_nobody()
    local named, left = named_places(), {}
    for _, key in ipairs(lake.object_keys(cluster.store, "deep/")) do
      if not named[key:match("^deep/%w+/[^/]+/[^/]+/[^/]+/") or key] then left[#left + 1] = key end
    end
    return left
  end

  -- An hour later, again and again: a place is forgotten when a sweep finds nothing there.
  local function sweep_all()
    cluster.sql("UPDATE unnamed_places SET since = 1; DELETE FROM duties")
    for _ = 1, 6000 do
      if numbers("SELECT count(*) FROM unnamed_places WHERE since = 1")[1] == 0 then return end
      sys.sleep(0.05)
    end
  end

  it_can("have left nothing in the store that no transaction named, once it is swept", function()
    orphans = #objects_of_nobody()
    for _ = 1, 100 do
      if cluster.sql("SELECT place FROM unnamed_places LIMIT 1") == "" then break end
      sweep_all()
    end
    assert.equal("", cluster.sql("SELECT place FROM unnamed_places"))
    assert.same({}, objects_of_nobody())
    if not MINUTES then return end
    print(
      ("datasets %d, changesets %d, views %d, requests of the store spoiled %d, objects swept %d, starts refused %d"):format(
        count_of(acknowledged.datasets),
        count_of(acknowledged.changesets),
        count_of(acknowledged.views),
        spoiled,
        orphans,
        starts_refused
      )
    )
    for code, count in pairs(problems) do
      print(code, count)
    end
  end)
end)
