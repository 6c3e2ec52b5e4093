--- What the service does when its disk, its folder or its database's lock is not as it was.
local cjson = require("cjson")
local core = require("finspace.core")
local http = require("finspace.http")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("The service #once", function()
  local running

  after_each(function()
    if running then running.stop() end
    running = nil
  end)

  local function code_of(answer) return (cjson.decode(answer.body).__type or answer.headers["x-amzn-errortype"]) end

  local function create(title)
    return running.ask {
      method = "POST",
      path = "/datasetsv2",
      body = ('{"datasetTitle":"%s","kind":"TABULAR","permissionGroupParams":{}}'):format(title),
    }
  end

  -- For http.multi, with a connection of its own.
  local function signed(method, path, body)
    local request = running.sign { method = method, path = path, body = body, has_no_length = not body }
    local headers = {}
    for _, header in ipairs(request.headers) do
      headers[header[1]:lower()] = header[2]
    end
    headers["content-length"] = nil
    return { method = method, url = running.endpoint .. path, headers = headers, body = body, repeatable = false }
  end

  -- Takes the database's lock as another program would, until the pipe closes.
  local function hold_the_database()
    local fifo, held = running.data .. "/run/fifo", running.data .. "/run/held"
    support.run("mkfifo " .. fifo)
    local script = ("sqlite3 %s/finspace.db < %s"):format(running.data, fifo)
    local pid = assert(sys.start { argv = support.plain { "sh", "-c", script } })
    local pipe = assert(io.open(fifo, "w"))
    pipe:write(".timeout 10000\nBEGIN EXCLUSIVE;\n.shell touch " .. held .. "\n")
    pipe:flush()
    while not sys.stat(held) do
      sys.sleep(0.01)
    end
    return function()
      pipe:close()
      sys.wait(pid, 10)
    end
  end

  it("answers reads while another program holds the database, and refuses writes after their time", function()
    running = service.start()
    assert.equal(200, create("Before").status)
    local release = hold_the_database()
    local multi, reads = http.multi {}, 0
    local writes, pending = {}, 0
    for number = 1, 4 do
      writes[multi:add(
        signed(
          "POST",
          "/datasetsv2",
          ('{"datasetTitle":"W%d","kind":"TABULAR","permissionGroupParams":{}}'):format(number)
        )
      )] =
        true
      pending = pending + 1
    end
    multi:add(signed("GET", "/datasetsv2"))
    while pending > 0 do
      multi:wait(1)
      for _, ended in ipairs(multi:step()) do
        if writes[ended.id] then
          pending = pending - 1
          assert.equal(503, ended.response.status, ended.response.body)
          assert.equal("ServiceUnavailable", code_of(ended.response))
        else
          assert.equal(200, ended.response.status, ended.response.body)
          reads = reads + 1
          if pending > 0 then multi:add(signed("GET", "/datasetsv2")) end
        end
      end
    end
    multi:close()
    release()
    -- One after the other, on whichever worker: had a worker stood still, they would have waited with it.
    assert.is_true(reads > 100, reads .. " reads")
    assert.equal(200, create("After").status)
  end)

  it("takes no lock for what changes nothing", function()
    running = service.start()
    assert.equal(200, create("Before").status)
    local put = running.ask { service = "s3", method = "PUT", path = "/finspace-local/a", body = "hello" }
    assert.equal(200, put.status)
    local release = hold_the_database()
    for _, row in ipairs(core.operations()) do
      if row.only_reads then
        local body = row.method == "POST" and '{"locationType":"INGESTION"}' or nil
        local path = row.path:gsub("{%a+}", ("a"):rep(22))
        local query = row.name:find("^List") and "maxResults=10" or nil
        local status = running.ask({ method = row.method, path = path, query = query, body = body }).status
        assert.is_true(status == 200 or status == 404, row.name .. " answers " .. status)
      end
    end
    for _, method in ipairs { "GET", "HEAD" } do
      for _, path in ipairs { "/finspace-local/a", "/finspace-local", method == "GET" and "/" or nil } do
        assert.equal(200, running.ask({ service = "s3", method = method, path = path }).status)
      end
    end
    release()
  end)

  -- A folder of few bytes of its own, seen by the service alone, with the owner's keys that the spec knows.
  local SMALL_DISK = [[
    keys=$(cat "$1/credentials") && mount -t tmpfs -o size=16m,mode=700 tmpfs "$1" &&
    (umask 077 && printf '%s\n' "$keys" > "$1/credentials") && shift && exec "$@"]]

  local function start_on_small_disk()
    local data = support.temporary_folder()
    service.write_owner_keys(data .. "/credentials")
    running = service.start { data = data, within = { "unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", data } }
    return data
  end

  local function can_have_small_disk()
    return not service.no_files() and select(2, support.run("unshare -rm mount -t tmpfs tmpfs /tmp")) == 0
  end

  it("says that its disk is full, and deletes all the same", function()
    if not can_have_small_disk() then return pending("this machine lets nobody mount a small disk (unshare -rm)") end
    local data = start_on_small_disk()
    local function s3(method, key, body)
      return running.ask { service = "s3", method = method, path = "/finspace-local/" .. key, body = body }
    end
    local kept = 0
    local function put_until_refused(size)
      local answer = s3("PUT", "object" .. kept, ("x"):rep(size))
      if answer.status ~= 200 then return answer end
      kept = kept + 1
      return put_until_refused(size)
    end
    for _, size in ipairs { 1000000, 50000, 500 } do
      local answer = put_until_refused(size)
      assert.equal(503, answer.status, answer.body)
      assert.matches("<Code>ServiceUnavailable</Code><Message>the disk of the service is full", answer.body, 1, true)
    end
    assert.equal(503, create("No room").status)
    assert.equal(200, s3("GET", "object0").status)
    for number = 0, kept - 1 do
      assert.equal(204, s3("DELETE", "object" .. number).status, "object" .. number)
    end
    assert.equal(404, s3("HEAD", "object0").status)
    running.stop()
    running = nil
    support.remove_folder(data)
  end)

  it("ingests what was asked for before, when the database is free again", function()
    running = service.start()
    local uri, dataset = running.put("a.csv", "a\n1\n"), running.dataset()
    local made = running.call("CreateChangeset", {
      datasetId = dataset,
      changeType = "APPEND",
      sourceParams = { s3SourcePath = uri, sourceType = "S3" },
      formatParams = { formatType = "CSV" },
    })
    local release = hold_the_database()
    sys.sleep(0.2)
    release()
    assert.equal("SUCCESS", running.await("GetChangeset", made).status)
  end)

  it("acknowledges nothing while its folder is elsewhere, and goes on when it is back", function()
    running = service.start()
    assert.equal(200, create("Before").status)
    local elsewhere = running.data .. "-moved"
    for _, in_its_place in ipairs { "true", "mkdir -p " .. running.data .. "/objects/incoming" } do
      support.run(("mv %s %s; %s"):format(running.data, elsewhere, in_its_place))
      for _ = 1, 4 do
        local answer = create("Nowhere")
        assert.equal(503, answer.status, answer.body)
        assert.equal("ServiceUnavailable", code_of(answer))
        assert.matches("moved away", cjson.decode(answer.body).message)
        for _, size in ipairs { 10, 200000 } do
          local put = running.ask { service = "s3", method = "PUT", path = "/finspace-local/a", body = ("x"):rep(size) }
          assert.is_true(put.status >= 500, put.status)
        end
      end
      -- In one step: what the service writes meanwhile could keep a folder from being removed.
      support.run(("mv %s %s-false; mv %s %s"):format(running.data, elsewhere, elsewhere, running.data))
      support.run(("rm -rf %s-false"):format(elsewhere))
      local after = create("After")
      assert.equal(200, after.status, after.body)
    end
    assert.equal(404, running.ask({ service = "s3", method = "HEAD", path = "/finspace-local/a" }).status)
    assert.matches("finspace.db was moved away", running.log(), 1, true)
  end)

  -- Settings with which the service's syncs are seen in a log, and a file that a slow disk waits for.
  local function watched(folder)
    local library, log, gate = folder .. "/folder_sync.so", folder .. "/log", folder .. "/gate"
    local output, status =
      support.run(("gcc -shared -fPIC -o %s %s/spec/support/folder_sync.c"):format(library, support.root))
    assert.equal(0, status, output)
    return { "LD_PRELOAD=" .. library, "FOLDER_SYNC_LOG=" .. log, "SLOW_SYNC_GATE=" .. gate }, log, gate
  end

  it("goes on with other changesets while a view of many files waits for the disk", function()
    local folder = support.temporary_folder()
    local settings, log, gate = watched(folder)
    running = service.start { data = folder .. "/data", settings = settings }
    local dataset, lines = running.dataset(), { "day,price" }
    for day = 1, 60 do
      lines[#lines + 1] = day .. "," .. day / 7
    end
    assert.equal("SUCCESS", running.ingest(dataset, running.put("days.csv", table.concat(lines, "\n"))).status)
    local view = assert(running.call("CreateDataView", {
      datasetId = dataset,
      partitionColumns = { "day" },
      destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" },
    }))
    for _ = 1, 3000 do
      if (support.read_file(log) or ""):find("waits " .. gate, 1, true) then break end
      sys.sleep(0.01)
    end
    assert.equal("SUCCESS", running.ingest(dataset, running.put("one.csv", "day,price\n61,1.5\n")).status)
    assert.equal("RUNNING", running.call("GetDataView", view).status)
    assert(sys.write_private(gate, ""))
    assert.equal("SUCCESS", running.await("GetDataView", view).status)
    running.stop()
    running = nil
    support.remove_folder(folder)
  end)

  it("has the name of every folder on disk before anything in it is acknowledged", function()
    local folder = support.temporary_folder()
    local settings, log = watched(folder)
    running = service.start { data = folder .. "/a/b/data", settings = settings }
    for number = 1, 40 do
      local body = ("x"):rep(100000) .. number
      local put = running.ask { service = "s3", method = "PUT", path = "/finspace-local/" .. number, body = body }
      assert.equal(200, put.status)
    end
    local awaited, made = {}, 0
    for what, path in support.read_file(log):gmatch("(%l+) (%C+)") do
      if what == "made" and path:find(folder .. "/a", 1, true) == 1 then
        awaited[path:match("^(.*)/")], made = path, made + 1
      elseif what == "synced" then
        -- A file is synced before it is acknowledged: by then no folder above it may be waiting.
        awaited[path] = nil
        for parent, child in pairs(awaited) do
          assert.is_nil(path:find(child .. "/", 1, true), ("%s was synced before %s"):format(path, parent))
        end
      end
    end
    assert.is_true(made > 10, made .. " folders")
    assert.same({}, awaited)
    running.stop()
    running = nil
    support.remove_folder(folder)
  end)
end)
