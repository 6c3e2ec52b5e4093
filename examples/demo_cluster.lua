--- The same job past one machine: metadata in PostgreSQL, bytes in an S3-compatible store, two nodes. What one node took the
--- other one finishes, when the first is killed.
---
---   make demo-cluster
---
--- The store is Ceph's radosgw where that is installed, else a second `finspace serve`. All of it listens on loopback, and
--- is gone at the end.
local finspace = require("finspace")
local postgres = require("spec.support.postgres")
local strict = require("spec.support.strict_servers")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local ROOT = os.getenv("FINSPACE_ROOT") or "."
local DATA = ROOT .. "/build/demo-cluster"
local BUCKET = "lake"
local OWNER_ROLE = "arn:aws:iam::000000000000:role/finspace-owner" -- of a service that is a store
local TITLE = "S&P 500, daily, 2000 to 2020"

local started = {} -- what is to be stopped, the last first

local function stop_all()
  while #started > 0 do
    table.remove(started)()
  end
end

local function check(what, value, err)
  if value then return value end
  stop_all()
  io.stderr:write(("demo-cluster: %s: %s\n"):format(what, tostring(err)))
  os.exit(1)
end

--- Prints one step, in columns.
local function say(step, text, ...) print(("  %-12s %s"):format(step, text:format(...))) end

-- --- what a cluster stands on -------------------------------------------------------------------------

local function start_database()
  local server = postgres.start()
  started[#started + 1] = server.stop
  local url = server.new_database()
  say("PostgreSQL", "%s", url)
  return url
end

-- Ceph's radosgw where it is installed; else the service itself, which has what a store needs.
local function start_store()
  local radosgw = strict.radosgw { has_sts = true }
  if radosgw then
    started[#started + 1] = function() radosgw:stop() end
    radosgw:create_bucket(BUCKET)
    say("store", "radosgw at %s", radosgw.endpoint)
    return { endpoint = radosgw.endpoint, credentials = radosgw.credentials, role = radosgw.role }
  end
  local second = service.start { database = false }
  started[#started + 1] = second.stop
  second.ask { service = "s3", method = "PUT", path = "/" .. BUCKET }
  say("store", "a second finspace serve at %s (radosgw is not installed)", second.endpoint)
  return { endpoint = second.endpoint, credentials = second.credentials, role = OWNER_ROLE }
end

-- --- the nodes ----------------------------------------------------------------------------------------

local function start_node(name, database, store)
  local port, log = support.free_port(), ("%s/%s.log"):format(DATA, name)
  local argv = {
    "env",
    "AWS_ACCESS_KEY_ID=" .. store.credentials.access_key_id,
    "AWS_SECRET_ACCESS_KEY=" .. store.credentials.secret_access_key,
    "FINSPACE_OWNER_KEY_FILE=" .. DATA .. "/owner",
    ROOT .. "/build/bin/finspace",
    "serve",
  }
  local words = {
    port = port,
    data = DATA .. "/" .. name,
    database = database,
    store = "s3://" .. BUCKET .. "/demo",
    ["store-endpoint"] = store.endpoint,
    ["store-role"] = store.role,
    ["seal-key"] = DATA .. "/seal-key",
  }
  for option, value in pairs(words) do
    argv[#argv + 1] = "--" .. option
    argv[#argv + 1] = tostring(value)
  end
  local pid = check(name, support.start { argv = support.plain(argv), stdout = log, stderr = log })
  started[#started + 1] = function()
    sys.kill(pid)
    sys.wait(pid, 10)
  end
  return { name = name, pid = pid, log = log }
end

local function await(node)
  for _ = 1, 600 do
    local endpoint = (support.read_file(node.log) or ""):match("finspace: ready at (%S+)")
    if endpoint then
      node.endpoint = endpoint
      say("node " .. node.name, "%s", endpoint)
      return node
    end
    if sys.wait(node.pid, 0.05) then break end
  end
  check("node " .. node.name, nil, support.read_file(node.log))
end

-- The owner's keys are traded for such as the store knows, too: with them files go straight to the store.
local function connect(node, store)
  local keys = support.read_file(DATA .. "/owner")
  return finspace.new {
    region = "us-east-1",
    endpoint_url = node.endpoint,
    s3_endpoint_url = store.endpoint,
    environment_id = "local",
    credentials = {
      access_key_id = keys:match("aws_access_key_id = (%S+)"),
      secret_access_key = keys:match("aws_secret_access_key = (%S+)"),
    },
  }
end

-- --- the job ------------------------------------------------------------------------------------------

local function narrator(node)
  local status
  return function(event)
    if event.stage ~= "ingesting" or event.changeset.status == status then return end
    status = event.changeset.status
    say("node " .. node.name, "changeset %s: %s", event.changeset.changesetId, status)
  end
end

local function load(node, fs, dataset)
  local location = check("the location", fs:get_working_location { locationType = "INGESTION" })
  say("node " .. node.name, "staging in %s", location.s3Uri)
  return check(
    "the load",
    fs:load {
      file = ROOT .. "/examples/data/sp500-2000.csv",
      dataset = dataset,
      change_type = "APPEND",
      on_progress = narrator(node),
    }
  )
end

local function read(node, fs, view)
  view = check("the view", fs:wait_data_view { datasetId = view.datasetId, dataViewId = view.dataViewId })
  say("node " .. node.name, "view %s: %s", view.dataViewId, view.status)
  local rows = check("the rows", fs:read_view { dataset = view.datasetId, view = view.dataViewId })
  local count, last = 0, nil
  for row in rows do
    last, count = row, count + 1
  end
  say("node " .. node.name, "%d rows, read from the store; the last one: %s", count, table.concat(last, ", "))
end

local function kill(node)
  sys.kill(node.pid, 9)
  sys.wait(node.pid, 5)
  say("node " .. node.name, "killed with SIGKILL")
end

local function prepare_folder()
  support.remove_folder(DATA)
  sys.mkdir(ROOT .. "/build", tonumber("755", 8))
  assert(sys.mkdir(DATA, tonumber("700", 8)))
  service.write_owner_keys(DATA .. "/owner", true)
  local key = sys.random_bytes(32):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  assert(sys.write_private(DATA .. "/seal-key", key .. "\n"))
end

local function run()
  prepare_folder()
  local database, store = start_database(), start_store()
  local a, b = start_node("a", database, store), start_node("b", database, store)
  await(a)
  await(b)
  local fs = connect(a, store)
  local dataset = check("the dataset", fs:ensure_dataset { title = TITLE, kind = "TABULAR" })
  say("node a", "dataset %s", dataset.datasetId)
  load(a, fs, dataset.datasetId)
  local view = check("the view", fs:ensure_auto_view { dataset = dataset.datasetId, wait = false })
  say("node a", "view %s asked for", view.dataViewId)
  fs:close()
  kill(a)
  fs = connect(b, store)
  read(b, fs, view)
  fs:close()
end

print("finspace: two nodes on PostgreSQL and an S3-compatible store")
local ok, problem = pcall(run)
check("the demo", ok, problem)
stop_all()
print("All that was started is stopped again.")
