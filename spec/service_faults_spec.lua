local at_once = require("spec.support.at_once")
local cjson = require("cjson")
local core = require("finspace.core")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local KILL, RELOAD = 9, 1

describe("The service under fault #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function workers()
    local path = ("/proc/%d/task/%d/children"):format(running.pid, running.pid)
    local pids = {}
    for pid in (support.read_file(path) or ""):gmatch("%d+") do
      pids[#pids + 1] = tonumber(pid)
    end
    return pids
  end

  local function try(wanted)
    local ok, answer = pcall(running.ask, wanted)
    return ok and answer or nil
  end

  -- Asks until there is an answer, as a client does that keeps its clientToken.
  local function persist(wanted)
    for _ = 1, 100 do
      local answer = try(wanted)
      if answer then return answer end
      sys.sleep(0.01)
    end
    error("no answer in 100 attempts")
  end

  local function create(title, token)
    local body = ('{"datasetTitle":"%s","kind":"TABULAR","clientToken":"%s","permissionGroupParams":{}}'):format(
      title,
      token
    )
    return { method = "POST", path = "/datasetsv2", body = body }
  end

  local function datasets_titled(title)
    local count, token = 0, nil
    repeat
      local page = assert(running.call("ListDatasets", { maxResults = 100, nextToken = token }))
      for _, dataset in ipairs(page.datasets) do
        if dataset.datasetTitle == title then count = count + 1 end
      end
      token = page.nextToken
    until not token
    return count
  end

  it("loses no acknowledged dataset, and doubles none, while its workers are killed", function()
    local cut_off = 0
    for i = 1, 100 do
      local wanted = create("Killed", "killed-" .. i)
      local pids = workers()
      support.run(("(sleep 0.00%d; kill -9 %d) 2>/dev/null &"):format(i % 5, pids[i % #pids + 1]))
      local first = try(wanted)
      cut_off = cut_off + (first and 0 or 1)
      local answer = persist(wanted)
      assert.equal(200, answer.status)
      if first then assert.equal(first.body, answer.body) end
    end
    assert.equal(100, datasets_titled("Killed"))
  end)

  it("answers every request while it is reloaded", function()
    for i = 1, 30 do
      if i % 5 == 1 then sys.kill(running.pid, RELOAD) end
      assert.equal(200, persist(create("Reloaded", "reloaded-" .. i)).status)
    end
    assert.equal(30, datasets_titled("Reloaded"))
  end)

  it("keeps every object that it acknowledged while all of it is killed, again and again", function()
    local kept = {}
    for round = 1, 10 do
      for i = 1, 5 do
        local times = i % 2 == 0 and 20000 or 200 -- a file, or a row
        local key, body = ("round%d/%d"):format(round, i), ("%d.%d "):format(round, i):rep(times)
        assert.equal(
          200,
          persist({
            service = "s3",
            method = "PUT",
            path = "/finspace-local/" .. key,
            body = body,
          }).status
        )
        kept[key] = core.sha256(body)
      end
      running.kill()
      running.restart()
    end
    for key, sha256 in pairs(kept) do
      local answer = running.ask { service = "s3", path = "/finspace-local/" .. key }
      assert.equal(sha256, core.sha256(answer.body))
    end
  end)

  it("keeps a small object when all of it is killed as its acknowledgement arrives", function()
    for round = 1, 10 do
      running.put("at-once/" .. round, "body " .. round)
      running.kill()
      running.restart()
      assert.equal("body " .. round, running.ask({ service = "s3", path = "/finspace-local/at-once/" .. round }).body)
    end
  end)

  it("keeps each of many small objects that it acknowledged, killed in the midst of them", function()
    local acknowledged = 0
    for round = 1, 10 do
      local requests, statuses = {}, {}
      for i = 1, 40 do
        local path = ("/finspace-local/midst/%d/%d"):format(round, i)
        requests[i] = running.sign { service = "s3", method = "PUT", path = path, body = "body of " .. path }
      end
      for i, connection in ipairs(at_once.send(requests)) do
        if i == round then running.kill() end
        statuses[i] = at_once.status(connection)
      end
      running.restart()
      for i, request in ipairs(requests) do
        local body = running.ask({ service = "s3", path = request.path }).body
        if statuses[i] == 200 then
          acknowledged = acknowledged + 1
          assert.equal(request.body, body)
        end
      end
    end
    assert.truthy(acknowledged >= 45) -- those that were read before the kills
  end)

  it("goes on with the others when clients leave without waiting for their answer", function()
    for round = 1, 20 do
      local requests = {}
      for i = 1, 10 do
        local path = ("/finspace-local/left/%d/%d"):format(round, i)
        requests[i] = running.sign { service = "s3", method = "PUT", path = path, body = "body of " .. path }
      end
      local connections = at_once.send(requests)
      for i = 1, 9 do
        connections[i]:setoption("linger", { on = true, timeout = 0 }) -- a reset
        connections[i]:close()
      end
      assert.equal(200, at_once.status(connections[10]))
    end
  end)

  it("makes one changeset of one token, however often it is killed before it can answer", function()
    local dataset = running.dataset()
    local uri = running.put("once.csv", "a\n1\n")
    for i = 1, 20 do
      local wanted = {
        method = "POST",
        path = "/datasets/" .. dataset .. "/changesetsv2",
        body = cjson.encode {
          changeType = "APPEND",
          sourceParams = { s3SourcePath = uri },
          formatParams = { formatType = "CSV" },
          clientToken = "changeset-" .. i,
        },
      }
      support.run(("(sleep 0.00%d; kill -9 %d) 2>/dev/null &"):format(i % 4, running.pid))
      try(wanted)
      for _ = 1, 300 do
        if sys.wait(running.pid, 0.01) then break end
      end
      running.pid = nil
      running.restart()
      local made = cjson.decode(persist(wanted).body)
      assert.equal("SUCCESS", running.await("GetChangeset", made).status)
    end
    assert.equal(20, #running.call("ListChangesets", { datasetId = dataset }).changesets)
  end)

  it("is not kept from starting by what a kill left behind", function()
    sys.kill(running.pid, KILL)
    sys.wait(running.pid, 3)
    running.pid = nil
    running.restart()
    assert.truthy(running.call("ListDatasets"))
  end)
end)
