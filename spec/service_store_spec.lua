local cjson = require("cjson")
local finspace = require("finspace")
local lake = require("spec.support.lake")
local service = require("spec.support.service")
local stores = require("spec.support.stores")
local support = require("spec.support")
local sys = require("finspace.sys")

local PLACE = lake.PREFIX
local keys_of, working_keys, location_of = lake.keys_of, lake.working_keys, lake.location
local load, object_keys, stand_between = lake.load, lake.object_keys, lake.stand_between

local start_store = stores[os.getenv("FINSPACE_TEST_STORE") or "a second finspace serve"]

-- The start of a service whose bytes lie in a store, or in what stands before that.
local function of_node(store, endpoint, more)
  local options = lake.options(endpoint, { store_role = store.role })
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return { options = options, settings = lake.settings(store) }
end

local COLUMNS = { { columnName = "day", dataType = "DATE" }, { columnName = "price", dataType = "DOUBLE" } }

local busted = { it = it, skip = function(why) pending(why) end }
local it_with_files = support.unless_missing(busted, service.no_files)
local it_with_own_s3 = support.unless_missing(busted, service.no_own_s3)

describe("A service with a store #once", function()
  local store, node

  setup(function()
    store = assert(start_store())
    node = service.start(of_node(store, store.endpoint))
  end)
  teardown(function()
    if node then node.stop() end
    store.stop()
  end)

  local function status(keys, method, key, more)
    local wanted = { service = "s3", method = method, path = "/lake" .. key, credentials = keys }
    for name, value in pairs(more or {}) do
      wanted[name] = value
    end
    return store.ask(wanted).status
  end

  it("tells a working location below its own prefix of the store's bucket", function()
    local place = location_of(node)
    assert.equal("lake", place.s3Bucket)
    assert.matches("^deep/place/scratch/%w+/%w+/ingestion/$", place.s3Path)
    assert.equal("s3://lake/" .. place.s3Path, place.s3Uri)
  end)

  it("gives the store's own keys, which open the user's prefix, nothing else, and the API", function()
    local keys, place = working_keys(node), location_of(node)
    if store.call then assert.is_nil(store.call("ListDatasets", {}, keys)) end -- a service of its own
    assert.truthy(node.call("ListDatasets", {}, keys))
    local own = "/" .. place.s3Path .. "x"
    assert.equal(200, status(keys, "PUT", own, { body = "1" }))
    assert.equal(200, status(keys, "GET", own))
    assert.equal(403, status(keys, "PUT", "/deep/place/scratch/somebody/x", { body = "1" }))
    assert.equal(403, status(keys, "PUT", "/deep/place/datasets/x", { body = "1" }))
    assert.equal(403, status(keys, "GET", "", { query = "list-type=2&prefix=deep%2Fplace%2F" }))
    assert.equal(204, status(keys, "DELETE", own))
  end)

  it("writes what it reads below its prefix, and says of it what it said of files", function()
    local dataset = node.dataset("In a store", COLUMNS)
    local changeset = load(node, store, dataset, "day,price\n2020-01-02,1.5\n2020-01-03,2\n")
    assert.equal("SUCCESS", changeset.status)
    assert.equal(2, changeset.rowCount)
    local keys = object_keys(store, PLACE .. "datasets/" .. dataset)
    assert.equal(1, #keys)
    assert.matches("^deep/place/datasets/%w+/" .. changeset.changesetId .. "/%w+/part%-00000%.parquet$", keys[1])
    local path = ("/lake/datasets/%s/%s/summary.json"):format(dataset, changeset.changesetId)
    assert.matches('"rows":2', node.ask({ service = "s3", path = path }).body, 1, true)
    assert.equal("", node.sql("SELECT place FROM unnamed_places"))
  end)

  it("builds views in the store, and gives keys that read one build and nothing else", function()
    local dataset = node.dataset("Viewed", COLUMNS)
    load(node, store, dataset, "day,price\n2020-01-02,1.5\n")
    local view = node.view(dataset, { autoUpdate = true })
    assert.equal("SUCCESS", view.status)
    local ids = { datasetId = dataset, dataViewId = view.dataViewId }
    local first = assert(node.call("GetExternalDataViewAccessDetails", ids))
    local keys, prefix = keys_of(first.credentials), first.s3Location.key
    assert.matches("^deep/place/views/%w+/%w+/%w+/$", prefix)
    assert.equal(200, status(keys, "GET", "/" .. prefix .. "part-00000.parquet"))
    assert.equal(403, status(keys, "PUT", "/" .. prefix .. "part-00001.parquet", { body = "x" }))
    assert.equal(403, status(keys, "DELETE", "/" .. prefix .. "part-00000.parquet"))
    assert.equal(403, status(keys, "GET", "/" .. object_keys(store, PLACE .. "datasets/" .. dataset)[1]))
    assert.is_nil(node.call("ListDatasets", {}, keys))
    load(node, store, dataset, "day,price\n2020-01-03,2\n")
    node.await("GetDataView", ids)
    local second = assert(node.call("GetExternalDataViewAccessDetails", ids)).s3Location.key
    assert.not_equal(prefix, second)
    assert.equal(200, status(keys, "GET", "/" .. prefix .. "part-00000.parquet")) -- whoever reads goes on
    assert.equal(prefix:sub(#PLACE + 1), (node.sql("SELECT place FROM unnamed_places"):gsub("\n", "")))
  end)

  it("runs finspace load and show with the owner's profile as on one machine", function()
    local folder = support.temporary_folder()
    support.write_file(folder .. "/prices.csv", "day,price\n2020-01-02,1.5\n")
    local environment = {}
    for name, value in pairs(node.env) do
      environment[#environment + 1] = name .. "=" .. support.quote(value)
    end
    local function succeed(command)
      local program = table.concat(environment, " ") .. " build/bin/finspace "
      local output, code = support.run(program .. command)
      assert.equal(0, code, output)
      return output
    end
    local changeset = succeed(("load %s/prices.csv --dataset Staged --create"):format(folder)):match("(%w+)%s*$")
    assert.matches("price", succeed("show Staged " .. changeset), 1, true)
    assert.matches("SUCCESS", succeed("ls changesets Staged"), 1, true)
    support.remove_folder(folder)
  end)

  it("takes long-lived keys for the API alone, and says which option trades them for such as open the store", function()
    local path = os.tmpname()
    support.write_file(path, "day,price\n2020-01-02,1.5\n")
    local function load_with(more)
      local fs = finspace.new {
        region = "us-east-1",
        endpoint_url = node.endpoint,
        s3_endpoint_url = store.endpoint,
        credentials = node.credentials,
        environment_id = more,
      }
      local changeset, err = fs:load { file = path, dataset = node.dataset("By the owner"), change_type = "APPEND" }
      fs:close()
      return changeset, err
    end
    local _, err = load_with(nil)
    assert.equal(403, err.status)
    assert.matches("the environment_id option", tostring(err), 1, true)
    assert.equal("SUCCESS", load_with("local").status)
    os.remove(path)
  end)

  it("answers nothing of S3 itself but summaries, and says where S3 is", function()
    local answer = node.ask { service = "s3", path = "/lake/x" }
    assert.equal(400, answer.status)
    assert.matches(store.endpoint, answer.body, 1, true)
    assert.equal(400, node.ask({ service = "s3", method = "PUT", path = "/lake/x", body = "x" }).status)
  end)

  it("forgets a dataset's files an hour after it was deleted, and what nobody named", function()
    local dataset = node.dataset("Short-lived", COLUMNS)
    load(node, store, dataset, "day,price\n2020-01-02,1.5\n")
    assert.equal(1, #object_keys(store, PLACE .. "datasets/" .. dataset))
    assert(node.call("DeleteDataset", { datasetId = dataset }))
    local stray = "datasets/nobody/cares/1/"
    assert.equal(200, status(nil, "PUT", "/" .. PLACE .. stray .. "part-00000.parquet", { body = "x" }))
    node.sql(("INSERT INTO unnamed_places (place, since) VALUES ('%s', 0)"):format(stray))
    node.sql("UPDATE unnamed_places SET since = 0 WHERE place LIKE 'datasets/" .. dataset .. "%'")
    node.sql("DELETE FROM duties")
    node.restart() -- sweeps first
    for _ = 1, 500 do
      if #object_keys(store, PLACE .. "datasets/" .. dataset) == 0 and #object_keys(store, PLACE .. stray) == 0 then
        break
      end
      sys.sleep(0.02)
    end
    assert.same({}, object_keys(store, PLACE .. "datasets/" .. dataset))
    assert.same({}, object_keys(store, PLACE .. stray))
  end)
end)

describe("Keys for a store #once", function()
  local HELPER = [[#!/bin/sh
printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s"}' "$STORE_ID" "$STORE_SECRET"
]]

  it("come in the workers from where they came at the start, whatever variables lead there", function()
    local store, folder = assert(start_store()), support.temporary_folder()
    support.write_file(folder .. "/store-keys", HELPER)
    support.run("chmod 755 " .. folder .. "/store-keys")
    support.write_file(folder .. "/config", "[profile lake]\nregion = us-east-1\ncredential_process = store-keys\n")
    local node = service.start {
      options = lake.options(store.endpoint, { store_role = store.role }),
      settings = {
        "AWS_CONFIG_FILE=" .. folder .. "/config",
        "AWS_DEFAULT_PROFILE=lake",
        "AWS_EC2_METADATA_DISABLED=true",
        "PATH=" .. folder .. ":" .. os.getenv("PATH"),
        "STORE_ID=" .. store.credentials.access_key_id,
        "STORE_SECRET=" .. store.credentials.secret_access_key,
      },
    }
    finally(function()
      node.stop()
      store.stop()
      support.remove_folder(folder)
    end)
    assert.equal(
      "SUCCESS",
      load(node, store, node.dataset("By a program", COLUMNS), "day,price\n2020-01-02,1\n").status
    )
    assert.is_nil(support.read_file(node.data .. "/run/nginx.conf"):find(store.credentials.secret_access_key, 1, true))
  end)

  it_with_own_s3("that are good no more make a node not ready, with the reason, until new ones come", function()
    local store, folder = assert(start_store()), support.temporary_folder()
    local own = store.credentials
    local function hand_out(id, ending)
      local text = '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s","Expiration":"%s"}'
      support.write_file(folder .. "/keys", text:format(id, own.secret_access_key, ending))
    end
    hand_out(own.access_key_id, "2100-01-02T03:04:05Z")
    support.write_file(folder .. "/config", ("[default]\ncredential_process = cat %s/keys\n"):format(folder))
    local node = service.start {
      options = lake.options(store.endpoint),
      settings = { "AWS_CONFIG_FILE=" .. folder .. "/config", "AWS_EC2_METADATA_DISABLED=true" },
    }
    finally(function()
      node.stop()
      store.stop()
      support.remove_folder(folder)
    end)
    local dataset = node.dataset("With keys", COLUMNS)
    local function why()
      local asked = "GET /-/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      return (cjson.decode(service.send_text(node.port, asked).body).why or { "ready" })[1]
    end
    local function await_why(pattern)
      for _ = 1, 1000 do
        if why():find(pattern) then return end
        sys.sleep(0.01)
      end
      assert.matches(pattern, why())
    end
    lake.put(store.endpoint, "lake", "late.csv", "day,price\n2020-01-02,1\n", own)

    store.sql(("UPDATE access_keys SET id = 'AKIANEWER' WHERE id = '%s'"):format(own.access_key_id))
    hand_out("AKIANEWER", "2020-01-02T03:04:05Z") -- which have ended
    local no_keys = "keys.* %((%w+)%)" -- those that it has are refused, or it has none yet
    await_why(no_keys)
    local made = assert(node.call("CreateChangeset", {
      datasetId = dataset,
      changeType = "APPEND",
      sourceParams = { s3SourcePath = "s3://lake/late.csv", sourceType = "S3" },
      formatParams = { formatType = "CSV" },
    }))
    local refused, err = node.call("GetProgrammaticAccessCredentials", { environmentId = "local" })
    assert.same({ nil, 503, "ServiceUnavailable" }, { refused, err.status, err.code })
    assert.matches(no_keys, err.message)

    hand_out("AKIANEWER", "2100-01-02T03:04:05Z")
    assert.equal("SUCCESS", node.await("GetChangeset", made).status)
    await_why("ready")
    assert.truthy(node.call("GetProgrammaticAccessCredentials", { environmentId = "local" }))
  end)
end)

describe("A store that does not do what it should #once", function()
  local store

  setup(function() store = assert(start_store()) end)
  teardown(function() store.stop() end)

  local FAULTY = [[
    if number > 8 then -- after the check at the start
      local turn = number % 7
      if turn == 1 then return ngx.exit(503) end
      if turn == 3 then return ngx.exit(444) end
      if turn == 5 then ngx.sleep(0.05) end
    end]]

  it("is asked again where it fails, cuts and dawdles, until everything is there once", function()
    local between = stand_between(store, FAULTY)
    local node = service.start(of_node(store, between.endpoint))
    local dataset = node.dataset("Through faults", COLUMNS)
    for day = 1, 6 do
      local body = ("day,price\n2020-01-%02d,%d\n"):format(day, day)
      assert.equal("SUCCESS", load(node, store, dataset, body).status)
    end
    local view = node.view(dataset, { sortColumns = { "day" } })
    assert.equal("SUCCESS", view.status)
    local ids = { datasetId = dataset, dataViewId = view.dataViewId }
    local prefix = assert(node.call("GetExternalDataViewAccessDetails", ids)).s3Location.key
    assert.equal(1, #object_keys(store, prefix))
    assert.equal(6, #object_keys(store, PLACE .. "datasets/" .. dataset))
    local counted
    for _ = 1, 500 do -- until each process has shared what it counted
      local text = "GET /-/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      counted = service.send_text(node.port, text).body:match('finspace_errors_total{of="store"} (%d+)')
      if counted then break end
      sys.sleep(0.01)
    end
    assert.truthy(counted and tonumber(counted) > 0)
    node.stop()
    between.stop()
  end)

  it("costs no changeset when it is gone for a while", function()
    local between = stand_between(store, 'if ngx.shared.count:get("gone") then return ngx.exit(503) end')
    local started = of_node(store, between.endpoint)
    local node = service.start(started)
    local dataset, place = node.dataset("In between", COLUMNS), location_of(node)
    local uri = place.s3Uri .. "late.csv"
    between.stop()
    local made = assert(node.call("CreateChangeset", {
      datasetId = dataset,
      changeType = "APPEND",
      sourceParams = { s3SourcePath = uri, sourceType = "S3" },
      formatParams = { formatType = "CSV" },
    }))
    local refused, err = node.call("GetProgrammaticAccessCredentials", { environmentId = "local" })
    assert.is_nil(refused)
    assert.equal(503, err.status)
    assert.not_equal("FAILED", assert(node.call("GetChangeset", made)).status)
    local health = service.send_text(node.port, "GET /-/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert.equal(503, health.status)
    assert.same(
      { ready = false, why = { "the store that keeps the bytes does not answer the service" } },
      cjson.decode(health.body)
    )
    local body = {
      service = "s3",
      method = "PUT",
      path = "/lake/" .. place.s3Path .. "late.csv",
      body = "day,price\n2020-01-02,1\n",
    }
    assert.equal(200, store.ask(body).status)
    local again = stand_between(store, "", between.port)
    assert.equal("SUCCESS", node.await("GetChangeset", made).status)
    assert.equal("1\n", node.sql("SELECT attempts FROM changesets WHERE id = '" .. made.changesetId .. "'"))
    again.stop()
    node.stop()
  end)

  local FAKETIME = support.run("ls /usr/lib/*/faketime/libfaketime.so.1 2> /dev/null"):match("^%S+")

  it("may live in another time: what its keys are good for is told by ours", function()
    if not FAKETIME then return pending("faketime is not installed: apt-get install faketime") end
    local clock = { "env", "LD_PRELOAD=" .. FAKETIME, "FAKETIME=-70m", "FAKETIME_CACHE_DURATION=1000000" }
    local late = service.start { database = false, has_store = false, within = clock }
    late.role = lake.ROLE
    local its_time = math.floor(sys.now()) - 70 * 60
    assert.equal(200, late.ask({ service = "s3", method = "PUT", path = "/lake", time = its_time }).status)
    local node = service.start(of_node(late, late.endpoint))
    finally(function()
      node.stop()
      late.stop()
    end)
    local place = location_of(node)
    local data = { service = "s3", method = "PUT", path = "/lake/" .. place.s3Path .. "a.csv", time = its_time }
    data.body = "day,price\n2020-01-02,1\n"
    assert.equal(200, late.ask(data).status)
    assert.equal("SUCCESS", node.ingest(node.dataset("Late", COLUMNS), place.s3Uri .. "a.csv").status)
    local answer = assert(node.call("GetProgrammaticAccessCredentials", { environmentId = "local" }))
    assert.is_true(math.abs(answer.durationInMinutes - 60) <= 1)
    assert.truthy(node.call("ListDatasets", {}, keys_of(answer.credentials)))
  end)

  -- A folder of few bytes of its own, seen by the node alone, with the owner's keys that the spec knows.
  local SMALL_DISK = [[
    keys=$(cat "$1/credentials") && mount -t tmpfs -o size=16m,mode=700 tmpfs "$1" &&
    (umask 077 && printf '%s\n' "$keys" > "$1/credentials") && shift && exec "$@"]]

  it_with_files(
    "is read by a node whose disk is full a few times, and then the changeset says so and lets others by",
    function()
      if select(2, support.run("unshare -rm mount -t tmpfs tmpfs /tmp")) ~= 0 then
        return pending("this machine lets nobody mount a small disk (unshare -rm)")
      end
      local data, started = support.temporary_folder(), of_node(store, store.endpoint)
      service.write_owner_keys(data .. "/credentials", true)
      started.data, started.within = data, { "unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", data }
      local node = service.start(started)
      local dataset = node.dataset("No room", COLUMNS)
      local failed = load(node, store, dataset, "day,price\n" .. ("2020-01-02,1\n"):rep(1300000))
      assert.equal("FAILED", failed.status)
      assert.matches("the disk of the service is full", failed.errorInfo.errorMessage, 1, true)
      assert.equal("SUCCESS", load(node, store, dataset, "day,price\n2020-01-02,1\n").status)
      node.stop()
      support.remove_folder(data)
    end
  )

  local function start_problem(endpoint, more)
    local wanted = of_node(store, endpoint, more)
    local ok, problem = pcall(service.start, wanted)
    if ok then problem.stop() end
    assert.is_false(ok)
    return problem
  end

  it("is refused at the start, with the reason", function()
    assert.matches("no bucket nowhere", start_problem(store.endpoint, { store = "s3://nowhere/x" }), 1, true)
    local role = start_problem(store.endpoint, { store_role = store.role .. "x" })
    assert.matches("the store's STS gives no keys of " .. store.role .. "x", role, 1, true)
    local deaf = stand_between(store, 'if ngx.var.request_method == "POST" then return ngx.exit(405) end')
    assert.matches("STS gives no keys", start_problem(deaf.endpoint), 1, true)
    deaf.stop()
    for _, uri in ipairs { "lake/x", "s3://lake/a*", "s3://lake/${aws:username}", "s3://lake//x" } do
      assert.matches("s3://BUCKET/PREFIX", start_problem(store.endpoint, { store = uri }), 1, true)
    end
    assert.matches("--store-role", start_problem(store.endpoint, { store_role = false }), 1, true)
  end)

  it("raises what the work on one of many raised as it was, so that it can be told what may be tried again", function()
    local each, raised = require("finspace.service.store.client").each, { is_busy = true }
    local ok, problem = pcall(each, { 1, 2, 3 }, function() error(raised, 0) end)
    assert.is_false(ok)
    assert.equal(raised, problem)
    local done, err = each({ 1, 2, 3 }, function(item) return item ~= 2, "refused" end)
    assert.is_nil(done)
    assert.equal("refused", err)
  end)
end)
