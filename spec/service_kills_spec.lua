local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

-- FINSPACE_KILLS=200 for a longer trial.
local KILLS = tonumber(os.getenv("FINSPACE_KILLS") or "12")
local KILL = 9

describe("The service's ingesting process, killed at any moment #once", function()
  local running, dataset, view, made, loaded

  setup(function()
    running = service.start()
    dataset = running.dataset(
      "Killed",
      { { columnName = "a", dataType = "BIGINT" }, { columnName = "b", dataType = "STRING" } }
    )
    made, loaded = {}, 0
    math.randomseed(7)
  end)
  teardown(function() running.stop() end)

  local function ingester() return tonumber(support.read_file(running.data .. "/run/ingest.pid")) end

  local function load_more()
    local rows, lines = math.random(1, 60000), { "a,b" }
    for i = 1, rows do
      lines[i + 1] = i .. ",x" .. i
    end
    local uri = running.put("kills-" .. #made .. ".csv", table.concat(lines, "\n") .. "\n")
    local params =
      { datasetId = dataset, changeType = "APPEND", sourceParams = { s3SourcePath = uri }, formatParams = {} }
    local changeset = running.call("CreateChangeset", params)
    if not changeset then return end -- ten are at work already
    made[#made + 1], loaded = { changeset = changeset, rows = rows }, loaded + rows
  end

  local function kill_once()
    sys.sleep(math.random() * 0.4)
    local pid = ingester()
    if pid then sys.kill(pid, KILL) end
  end

  local function lines_of(command)
    local lines = {}
    for line in support.run(command):gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    return lines
  end

  -- What the database names of the lake, and what is there.
  local function named_files()
    local named = {}
    for _, path in
      ipairs(
        lines_of(
          ("sqlite3 %s/finspace.db %s"):format(
            running.data,
            support.quote(
              "SELECT 'lake/datasets/' || dataset_id || '/' || c.id || '/' || json_extract(f.value, '$.name') FROM changesets c, json_each(c.files) f"
                .. " UNION ALL SELECT json_extract(value, '$.name') FROM contents, json_each(segments) WHERE segments LIKE '%lake%' AND contents.id IN (SELECT content_id FROM objects)"
            )
          )
        )
      )
    do
      named[path] = true
    end
    return named
  end

  it("gives each changeset exactly one result, with every row", function()
    local ids = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" }
    view = assert(
      running.call(
        "CreateDataView",
        { datasetId = dataset, autoUpdate = true, sortColumns = { "b" }, destinationTypeParams = ids }
      )
    )
    for _ = 1, KILLS do
      if #made < 40 or math.random() < 0.3 then load_more() end
      kill_once()
    end
    for _, one in ipairs(made) do
      local final = running.await("GetChangeset", one.changeset)
      assert.same({ "SUCCESS", one.rows }, { final.status, final.rowCount })
    end
  end)

  it("has built the view of all of them", function()
    local final
    repeat
      final = running.await("GetDataView", view)
    until final.status ~= "PENDING"
      and running.sql("SELECT count(*) FROM data_views WHERE status <> 'SUCCESS'"):find("^0")
    assert.equal("SUCCESS", final.status)
    local copy = running.dataset("Copy")
    local bytes = running.parquet_of_view(view)
    local again = running.ingest(copy, running.put("whole.parquet", bytes), { formatType = "PARQUET" })
    assert.same({ "SUCCESS", loaded }, { again.status, again.rowCount })
  end)

  local function find_orphans()
    local named, orphans = named_files(), {}
    for _, path in ipairs(lines_of("cd " .. running.data .. " && find lake -type f")) do
      if not named[path] then orphans[#orphans + 1] = path end
      named[path] = nil
    end
    return orphans, named
  end

  it("leaves no file that nobody names, and nothing that is temporary", function()
    local orphans, missing
    for _ = 1, 100 do -- the process that was started last sweeps as soon as it is idle
      orphans, missing = find_orphans()
      if #orphans == 0 then break end
      sys.sleep(0.1)
    end
    assert.same({ {}, {} }, { orphans, missing })
    assert.same({}, lines_of("cd " .. running.data .. " && find run/temporary lake/incoming -type f"))
  end)
end)
