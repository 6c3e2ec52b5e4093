local at_once = require("spec.support.at_once")
local cluster_of = require("spec.support.cluster")
local server_of = require("spec.support.postgres")
local service = require("spec.support.service")
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")

local function missing() return server_of.missing() end

local it_can = support.unless_missing({ it = it, skip = function(why) pending(why) end }, missing)
local KILL, STOP, CONTINUE = 9, 19, 18

describe("Past one machine #once", function()
  local server

  setup(function()
    if not missing() then server = server_of.start() end
  end)
  teardown(function()
    if server then server.stop() end
  end)

  describe("finspace serve --database", function()
    local nodes

    before_each(function() nodes = {} end)
    after_each(function()
      for _, node in ipairs(nodes) do
        node.stop()
      end
    end)

    local function start(options)
      nodes[#nodes + 1] = service.start(options)
      return nodes[#nodes]
    end

    -- Why a start was refused.
    local function refused(options, settings)
      local code = ("print(select(2, require('finspace.service').start(%s)))"):format(options)
      local words = settings and "env " .. settings or ""
      return (support.run(("%s %s -e %s"):format(words, support.interpreter(), support.quote(code))))
    end

    it("refuses what is no URL of PostgreSQL's, and never shows it", function()
      for _, said in ipairs {
        refused("{ database = 'mysql://root:s3cret@db/x' }"),
        refused("{}", "FINSPACE_DATABASE=s3cret"),
      } do
        assert.matches("--database must be a URL of PostgreSQL's", said, 1, true)
        assert.is_nil(said:find("s3cret", 1, true))
      end
    end)

    it("refuses numbers of processes that make no service", function()
      local said = refused("{ database = 'postgresql://db/x', workers = 0, ingest_workers = 0 }")
      assert.matches("cannot both be 0", said, 1, true)
      assert.matches("--workers must be a whole number", refused("{ workers = 0 }"), 1, true)
      assert.matches("--ingest-workers other than 1 need --database", refused("{ ingest_workers = 2 }"), 1, true)
    end)

    it("names the variable whose file has no keys", function()
      local said = refused("{ database = 'postgresql://db/x' }", "FINSPACE_OWNER_KEY_FILE=/nonexistent")
      assert.matches("FINSPACE_OWNER_KEY_FILE: /nonexistent has no aws_access_key_id", said, 1, true)
    end)

    it_can("makes the owner's keys once, shows them once, and needs nothing of the folder", function()
      local cluster = cluster_of.start(0, { server = server })
      finally(function() cluster.stop() end)
      local function node() return cluster.add { owner_keys = "/dev/null", variables = { "FINSPACE_OWNER_KEY_FILE=" } } end
      local first = node()
      local id, secret = first.log():match("aws_access_key_id = (%S+)%s+aws_secret_access_key = (%S+)")
      assert.truthy(id)
      local second = node()
      assert.is_nil(second.log():find(secret, 1, true))
      local keys = { access_key_id = id, secret_access_key = secret }
      local wanted = { datasetTitle = "x", kind = "TABULAR", permissionGroupParams = {} }
      local made = assert(first.call("CreateDataset", wanted, keys))
      assert.equal("x", assert(second.call("GetDataset", { datasetId = made.datasetId }, keys)).datasetTitle)
    end)

    it_can("refuses a second node that would keep its bytes elsewhere than the first", function()
      local url = server.new_database()
      start { database = url }
      local ok, said = pcall(start, { database = url })
      assert.is_false(ok)
      assert.matches("its bytes lie in the folder of node %w+, and this node would keep them in the folder", said)
      assert.matches("start all nodes with the same --store", said, 1, true)
    end)

    it_can("says at its start that secrets lie readable in the database, unless a key seals them", function()
      local key = os.tmpname()
      finally(function() os.remove(key) end)
      support.write_file(key, ("k"):rep(64))
      assert.matches("seal them with --seal-key FILE", start({ database = server.new_database() }).log(), 1, true)
      local sealed = start { database = server.new_database(), options = { seal_key = key } }
      assert.is_nil(sealed.log():find("--seal-key", 1, true))
    end)

    it_can("shows the URL's password in no message, no command line and no log", function()
      local url = server.new_database():gsub("finspace@", "finspace:s3cret@")
      local node = start { database = url }
      local commands = support.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
      assert.truthy(commands:find(node.data, 1, true))
      for name, text in pairs {
        ["a command line"] = commands,
        ["the log"] = node.log(),
        ["nginx.conf"] = support.read_file(node.data .. "/run/nginx.conf"),
      } do
        assert.is_nil(text:find("s3cret", 1, true), name)
      end
    end)

    it("takes the URL out of its own command line before it asks anybody", function()
      local silent = assert(socket.bind("127.0.0.1", 0))
      local _, port = silent:getsockname()
      local folder = support.temporary_folder()
      local pid = assert(support.start {
        argv = support.plain {
          "env",
          "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
          "AWS_SECRET_ACCESS_KEY=s",
          "build/bin/finspace",
          "serve",
          "--database=postgresql://finspace:s3cret@127.0.0.1:1/x",
          "--store=s3://lake/x",
          "--store-role=arn",
          "--store-endpoint=http://127.0.0.1:" .. port,
          "--port=" .. support.free_port(),
          "--data=" .. folder,
        },
      })
      finally(function()
        sys.kill(pid, KILL)
        sys.wait(pid, 10)
        silent:close()
        support.remove_folder(folder)
      end)
      silent:settimeout(60)
      local asked = assert(silent:accept()) -- the store, which comes after the options
      local words = support.run("cat /proc/" .. pid .. "/cmdline | tr '\\0' ' '")
      asked:close()
      assert.matches("--database=xxxxx", words, 1, true)
      assert.is_nil(words:find("s3cret", 1, true))
    end)

    it_can("refuses a database of a newer finspace, and another program's", function()
      local url = server.new_database()
      start({ database = url }).stop()
      server_of.sql(url, "UPDATE finspace_schema SET version = 1000")
      local ok, said = pcall(start, { database = url })
      assert.same({ false, true }, { ok, said:find("its schema has version 1000", 1, true) ~= nil })
      local other = server.new_database()
      server_of.sql(other, "CREATE TABLE datasets (n INTEGER)")
      ok, said = pcall(start, { database = other })
      assert.same({ false, true }, { ok, said:find("it is another program's database", 1, true) ~= nil })
    end)
  end)

  describe("a standby that takes the primary server's place", function()
    it_can("is found by a node that was started with both addresses, which loses nothing", function()
      local primary = server_of.start()
      local standby = primary.add_standby()
      local url = primary.new_database()
      local both = url:gsub(":(%d+)/", function(at) return (":%s,127.0.0.1:%d/"):format(at, standby.port) end)
      local servers = { new_database = function() return both .. "?target_session_attrs=read-write" end }
      local cluster = cluster_of.start(1, { server = servers })
      finally(function()
        cluster.stop()
        primary.stop()
      end)
      local node = cluster.nodes[1]
      local dataset, uri = node.dataset("Kept"), cluster.put("a.csv", "a\n1\n")
      primary.kill()
      local made, err = node.call("GetDataset", { datasetId = dataset })
      assert.is_nil(made)
      assert.same({ 503, "ServiceUnavailable" }, { err.status, err.code })
      standby.promote()
      for _ = 1, 200 do
        made = node.call("GetDataset", { datasetId = dataset })
        if made then break end
        sys.sleep(0.05)
      end
      assert.equal("Kept", made.datasetTitle)
      assert.equal("SUCCESS", node.ingest(dataset, uri).status)
    end)
  end)

  describe("a database that hangs", function()
    it_can("makes calls that need it ServiceUnavailable, keeps no other waiting, and is asked again", function()
      local function new_database() return server.new_database() .. "?tcp_user_timeout=4000&connect_timeout=2" end
      local cluster = cluster_of.start(1, { server = { new_database = new_database } })
      finally(function()
        server.thaw()
        cluster.stop()
      end)
      local node = cluster.nodes[1]
      local wanted = { datasetTitle = "Once", kind = "TABULAR", permissionGroupParams = {}, clientToken = "hung" }
      local function send(request) return at_once.send({ request })[1] end
      local function is_answered(connection) return #socket.select({ connection }, nil, 0) == 1 end
      server.freeze()
      local waiting = {}
      for i = 1, 8 do
        waiting[i] = send(node.sign { method = "GET", path = "/datasetsv2" })
      end
      local page = service.send_text(
        node.port,
        "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
      )
      assert.equal(200, page.status)
      assert.is_false(is_answered(waiting[1]))
      local health = node.ask { path = "/-/health" }
      assert.equal(503, health.status)
      assert.matches('"why":["the database does not answer"]', health.body, 1, true)
      for _, connection in ipairs(waiting) do
        assert.equal(503, at_once.status(connection))
      end
      local made, err = node.call("CreateDataset", wanted)
      assert.same({ nil, "ServiceUnavailable" }, { made, err.code })
      server.thaw()
      for _ = 1, 3000 do
        made = node.call("CreateDataset", wanted)
        if made then break end
        sys.sleep(0.01)
      end
      assert.equal(made.datasetId, node.call("CreateDataset", wanted).datasetId)
      assert.equal("1\n", cluster.sql("SELECT count(*) FROM datasets"))
      assert.equal(200, node.ask({ path = "/-/health" }).status)
    end)
  end)

  describe("a database of an earlier version", function()
    it_can("is brought up to date by the first node that knows more, and its changesets go on in order", function()
      local cluster = cluster_of.start(1, { server = server })
      finally(function() cluster.stop() end)
      local node = cluster.nodes[1]
      local dataset, uri = node.dataset("Earlier"), cluster.put("a.csv", "a\n1\n")
      assert.equal("SUCCESS", node.ingest(dataset, uri).status)
      node.stop()
      local later = 4102444800000 -- 2100: as if the clock had been set back since
      cluster.sql("UPDATE changesets SET active_from = " .. later)
      cluster.sql(
        "ALTER TABLE datasets DROP COLUMN latest_moment; ALTER TABLE uploads DROP COLUMN part_size;"
          .. "ALTER TABLE parts DROP COLUMN place; UPDATE finspace_schema SET version = 4"
      )
      assert.equal("SUCCESS", cluster.add().ingest(dataset, uri).status)
      assert.equal(later + 1 .. "\n", cluster.sql("SELECT max(active_from) FROM changesets"))
      assert.equal(later + 1 .. "\n", cluster.sql("SELECT latest_moment FROM datasets"))
    end)
  end)

  describe("three nodes on one database", function()
    local cluster

    setup(function()
      if not missing() then cluster = cluster_of.start(3, { server = server }) end
    end)
    teardown(function()
      if cluster then cluster.stop() end
    end)

    local function count(results, code)
      local total = 0
      for _, result in ipairs(results) do
        if code == nil and result[1] or code and result[2] and result[2].code == code then total = total + 1 end
      end
      return total
    end

    local function codes(results)
      local found = {}
      for _, result in ipairs(results) do
        local code = result[1] and "done" or result[2].code
        found[code] = (found[code] or 0) + 1
      end
      return found
    end

    it_can("read through one what was loaded through another", function()
      local dataset = cluster.nodes[1].dataset("Shared")
      local made = assert(cluster.load(cluster.nodes[2], dataset, cluster.put("shared.csv", "a,b\n1,x\n2,y\n")))
      local final = cluster.nodes[3].await("GetChangeset", made)
      assert.same({ "SUCCESS", 2 }, { final.status, final.rowCount })
      assert.equal("SUCCESS", cluster.nodes[1].view(dataset).status)
    end)

    it_can("give one answer to one clientToken, of 64 clients at once", function()
      local results = cluster.at_once(
        64,
        function(client)
          return client:create_dataset {
            datasetTitle = "One",
            kind = "TABULAR",
            permissionGroupParams = {},
            clientToken = "one-token",
          }
        end
      )
      local ids = {}
      for _, result in ipairs(results) do
        assert.is_nil(result[2])
        ids[result[1].datasetId] = true
      end
      assert.is_nil(next(ids, (next(ids))))
      assert.equal("1\n", cluster.sql("SELECT count(*) FROM datasets WHERE title = 'One'"))
    end)

    it_can("give an alias, an address and a group's name once each, of 64 clients at once", function()
      local aliases = cluster.at_once(
        64,
        function(client)
          return client:create_dataset {
            datasetTitle = "Alias",
            kind = "TABULAR",
            permissionGroupParams = {},
            alias = "alias/only-one",
          }
        end
      )
      assert.same({ done = 1, ConflictException = 63 }, codes(aliases))
      local users = cluster.at_once(64, function(client, i)
        local address = i % 2 == 0 and "Ann@example.org" or "ann@EXAMPLE.org"
        return client:create_user { emailAddress = address, type = "APP_USER" }
      end)
      assert.same({ done = 1, ConflictException = 63 }, codes(users))
    end)

    it_can("keep to a quota, however many ask at once", function()
      local dataset = cluster.nodes[1].dataset("Views")
      local results = cluster.at_once(
        64,
        function(client)
          return client:create_data_view {
            datasetId = dataset,
            destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" },
          }
        end
      )
      assert.same({ done = 3, LimitExceededException = 61 }, codes(results))
      assert.equal("3\n", cluster.sql("SELECT count(*) FROM data_views WHERE dataset_id = '" .. dataset .. "'"))
    end)

    local FULL = [[CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
      CREATE TRIGGER full_disk BEFORE INSERT ON datasets EXECUTE FUNCTION full_disk()]]

    it_can("say ServiceUnavailable while the database has no room, and go on when it has", function()
      local node = cluster.nodes[1]
      local dataset = node.dataset("Before")
      local wanted = { datasetTitle = "Full", kind = "TABULAR", permissionGroupParams = {} }
      cluster.sql(FULL)
      local _, err = node.call("CreateDataset", wanted)
      assert.same({ "ServiceUnavailable", 503 }, { err.code, err.status })
      assert.truthy(node.call("GetDataset", { datasetId = dataset }))
      cluster.sql("DROP TRIGGER full_disk ON datasets; DROP FUNCTION full_disk")
      assert.truthy(node.call("CreateDataset", wanted))
    end)

    it_can("say ServiceUnavailable while only a standby is there, and find the next primary server", function()
      local node, name = cluster.nodes[1], cluster.url:match("(%w+)$")
      local wanted = { datasetTitle = "Standby", kind = "TABULAR", permissionGroupParams = {} }
      server.sql(("ALTER DATABASE %s SET default_transaction_read_only = on"):format(name))
      server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'finspace'")
      local _, err = node.call("CreateDataset", wanted)
      assert.same({ "ServiceUnavailable", 503 }, { err.code, err.status })
      assert.truthy(node.call("ListDatasets"))
      server.sql(("ALTER DATABASE %s RESET ALL"):format(name))
      assert.truthy(node.call("CreateDataset", wanted))
    end)

    it_can("refuse a text that the database cannot keep, and say so", function()
      local body = [[{"datasetTitle":"a\u0000b","kind":"TABULAR","permissionGroupParams":{}}]]
      local answer = cluster.nodes[1].ask { method = "POST", path = "/datasetsv2", body = body }
      assert.equal(400, answer.status)
      assert.matches("a text with U+0000 cannot be kept", answer.body, 1, true)
    end)

    it_can("let a changeset be replaced once, and keep the order of a dataset's changesets", function()
      local dataset = cluster.nodes[1].dataset("Links")
      local uri = cluster.put("links.csv", "a\n1\n")
      local first = cluster.nodes[1].await("GetChangeset", assert(cluster.load(cluster.nodes[1], dataset, uri)))
      local results = cluster.at_once(
        32,
        function(client)
          return client:update_changeset {
            datasetId = dataset,
            changesetId = first.changesetId,
            sourceParams = { s3SourcePath = uri, sourceType = "S3" },
            formatParams = { formatType = "CSV" },
          }
        end
      )
      assert.equal(1, count(results))
      assert.equal(31, count(results, "ConflictException"))
      local more = cluster.at_once(
        8,
        function(client)
          return client:create_changeset {
            datasetId = dataset,
            changeType = "APPEND",
            sourceParams = { s3SourcePath = uri, sourceType = "S3" },
            formatParams = { formatType = "CSV" },
          }
        end
      )
      assert.equal(8, count(more))
      for _, result in ipairs(more) do
        assert.equal("SUCCESS", cluster.nodes[1].await("GetChangeset", result[1]).status)
      end
      local order = "SELECT count(*) FROM changesets a JOIN changesets b ON a.dataset_id = b.dataset_id"
        .. " AND a.seq < b.seq AND a.active_from >= b.active_from"
      assert.equal("0\n", cluster.sql(order))
    end)
  end)

  describe("nodes whose clocks differ", function()
    local FAKETIME = support.run("ls /usr/lib/*/faketime/libfaketime.so.1 2> /dev/null"):match("^%S+")
    local function missing_clock()
      return missing() or (not FAKETIME and "faketime is not installed: apt-get install faketime")
    end
    local it_may = support.unless_missing({ it = it, skip = function(why) pending(why) end }, missing_clock)

    it_may("go by the database's, for signatures, keys and the order of things", function()
      local cluster = cluster_of.start(2, {
        server = server,
        of_node = function(i)
          local shift = i == 1 and "-4m" or "+4m"
          return { variables = { "LD_PRELOAD=" .. FAKETIME, "FAKETIME=" .. shift } }
        end,
      })
      finally(function() cluster.stop() end)
      local slow, fast = cluster.nodes[1], cluster.nodes[2]
      local dataset = fast.dataset("Clocks")
      local made = assert(slow.call("GetDataset", { datasetId = dataset }))
      assert.is_true(math.abs(made.createTime / 1000 - sys.now()) < 100)
      local uri = cluster.put("clocks.csv", "a\n1\n")
      local before
      for i = 1, 4 do
        local node = i % 2 == 0 and slow or fast
        local final = node.await("GetChangeset", assert(cluster.load(node, dataset, uri)))
        assert.is_true(final.activeFromTimestamp > (before or 0))
        assert.is_true(math.abs(final.activeFromTimestamp / 1000 - sys.now()) < 100)
        before = final.activeFromTimestamp
      end
    end)
  end)

  describe("a leased job", function()
    local cluster, answering, dataset

    setup(function()
      if missing() then return end
      cluster = cluster_of.start(0, { server = server })
      answering = cluster.add { ingest_workers = 0 }
      dataset = answering.dataset("Leased")
    end)
    teardown(function()
      if cluster then cluster.stop() end
    end)

    local ROWS = 80000

    local function load()
      local lines = { "a,b" }
      for i = 1, ROWS do
        lines[i + 1] = i .. ",x" .. i
      end
      return assert(cluster.load(answering, dataset, cluster.put("leased.csv", table.concat(lines, "\n") .. "\n")))
    end

    local function field(made, name)
      return cluster.sql(("SELECT %s FROM changesets WHERE id = '%s'"):format(name, made.changesetId)):match("^[^\n]*")
    end

    local function await_running(made)
      for _ = 1, 6000 do
        if field(made, "status") == "RUNNING" then return end
        sys.sleep(0.01)
      end
      error("nobody took it")
    end

    local function ingester_of(node) return tonumber(support.read_file(node.data .. "/run/ingest.pid")) end

    local function ingesting_node() return cluster.add { workers = 0, ingest_workers = 1 } end

    it_can("waits where no node ingests, and is done by one that does nothing else", function()
      local made = load()
      sys.sleep(0.3)
      assert.equal("PENDING", field(made, "status"))
      local node = ingesting_node()
      local _, err = node.call("ListDatasets")
      assert.same({ "ServiceUnavailable", 503 }, { err.code, err.status })
      local asked = "GET /-/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      assert.equal(200, service.send_text(node.port, asked).status)
      local final = answering.await("GetChangeset", made)
      assert.same({ "SUCCESS", ROWS, "1" }, { final.status, final.rowCount, field(made, "fence") })
      node.stop()
    end)

    it_can("is published once, by who has it, though who had it wakes up and goes on", function()
      local made, stale = load(), ingesting_node()
      await_running(made)
      local pid = ingester_of(stale)
      assert(sys.kill(pid, STOP))
      cluster.sql("UPDATE changesets SET lease_until = 0 WHERE status = 'RUNNING'") -- as its end would come
      local other = ingesting_node()
      local final = answering.await("GetChangeset", made)
      local published = field(made, "files || fence || active_from || worker")
      assert(sys.kill(pid, CONTINUE))
      for _ = 1, 3000 do
        if stale.log():find("another process has", 1, true) then break end
        sys.sleep(0.01)
      end
      assert.matches("another process has", stale.log(), 1, true)
      assert.same({ "SUCCESS", ROWS, published }, {
        final.status,
        final.rowCount,
        field(made, "files || fence || active_from || worker"),
      })
      stale.stop()
      other.stop()
    end)

    it_can("is begun anew at once by the process that takes a killed one's place", function()
      local made, node = load(), ingesting_node()
      await_running(made)
      sys.kill(ingester_of(node), KILL)
      local final = answering.await("GetChangeset", made)
      assert.same({ "SUCCESS", ROWS }, { final.status, final.rowCount })
      node.stop()
    end)

    it_can("is done by another node when all of a node is gone", function()
      local made, node = load(), ingesting_node()
      await_running(made)
      node.kill()
      local other = ingesting_node()
      local final = answering.await("GetChangeset", made)
      assert.same({ "SUCCESS", ROWS, "2" }, { final.status, final.rowCount, field(made, "fence") })
      other.stop()
    end)
  end)
end)
