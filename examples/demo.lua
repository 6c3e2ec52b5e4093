--- The main job, from a CSV on disk to a SUCCESS changeset, against a service of our own on loopback.
---
---   make demo
---
--- What stays behind is in build/demo: a second run appends to the same dataset.
local finspace = require("finspace")
local sys = require("finspace.sys")

local ROOT = os.getenv("FINSPACE_ROOT") or "."
local DATA = ROOT .. "/build/demo"
local PORT = os.getenv("FINSPACE_DEMO_PORT") or "4510"
local TITLE = "S&P 500, daily, 2000 to 2020"

local service -- the process id of the service

local function stop()
  if service then sys.kill(service) end
  if service then sys.wait(service) end
  service = nil
end

local function give_up(what, err)
  stop()
  io.stderr:write(("demo: %s: %s\n"):format(what, tostring(err)))
  os.exit(1)
end

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then file:close() end
  return text
end

--- Prints one step, in columns.
local function say(step, text) print(("  %-18s %s"):format(step, text)) end

--- Starts the service and waits until it says that it is ready.
local function start_service()
  local log = DATA .. "/service.log"
  sys.mkdir(ROOT .. "/build", tonumber("755", 8))
  sys.mkdir(DATA, tonumber("755", 8))
  os.remove(log)
  local program = { ROOT .. "/build/bin/finspace", "serve", "--port", PORT, "--data", DATA }
  service = assert(sys.start { argv = program, stdout = log, stderr = log })
  for _ = 1, 200 do
    local endpoint = read(log):match("finspace: ready at (%S+)")
    if endpoint then return endpoint end
    if not sys.kill(service, 0) then break end
    sys.sleep(0.05)
  end
  give_up("the service did not start", read(log))
end

--- A client that finds its keys and endpoints in the two files that the service has written, as any
--- AWS tool does by these three variables.
local function connect()
  local environment = {
    AWS_CONFIG_FILE = DATA .. "/config",
    AWS_SHARED_CREDENTIALS_FILE = DATA .. "/credentials",
    AWS_PROFILE = "finspace-local",
  }
  return finspace.new { getenv = function(name) return environment[name] or os.getenv(name) end }
end

local function find_or_create_dataset(fs)
  local dataset, err, created = fs:ensure_dataset { title = TITLE, kind = "TABULAR" }
  if not dataset then give_up("no dataset", err) end
  say("dataset", ("%s, %s (%s)"):format(TITLE, created and "created" or "found", dataset.datasetId))
  return dataset.datasetId
end

--- Says each step of the load once.
local function narrator()
  local told, status = {}, nil
  return function(event)
    if event.stage == "staged" and not told.staged then
      say("staged in S3", ("%d bytes"):format(event.bytes))
    elseif event.stage == "created" and not told.created then
      say("changeset", event.changeset.changesetId)
    elseif event.stage == "ingesting" and event.changeset.status ~= status then
      status = event.changeset.status
      say("status", status)
    end
    told[event.stage] = true
  end
end

local function load(fs, dataset_id)
  local location, err = fs:get_working_location { locationType = "INGESTION" }
  if not location then give_up("no working location", err) end
  say("working location", location.s3Uri)
  local changeset
  changeset, err = fs:load {
    file = ROOT .. "/examples/data/sp500-2000.csv",
    dataset = dataset_id,
    change_type = "APPEND",
    on_progress = narrator(),
  }
  if not changeset then give_up("the load failed", err) end
  return changeset
end

--- The final changeset as a table with two columns.
local function show(changeset)
  local rows = {
    { "dataset", changeset.datasetId },
    { "changeset", changeset.changesetId },
    { "change type", changeset.changeType },
    { "source", changeset.sourceParams.s3SourcePath:match("[^/]+$") },
    { "status", changeset.status },
    { "rows", ("%d"):format(changeset.rowCount) },
    { "created", os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(changeset.createTime / 1000)) },
  }
  local line = "  +-------------+---------------------------+"
  print("\n" .. line)
  for _, row in ipairs(rows) do
    print(("  | %-11s | %-25s |"):format(row[1], row[2]))
  end
  print(line .. "\n")
end

print("finspace: ready at " .. start_service())
local fs = connect()
local changeset = load(fs, find_or_create_dataset(fs))
show(changeset)
fs:close()
stop()
print(
  ([[
The service is stopped again; its data is in build/demo, so that a second `make demo` appends.
Next, in two terminals:

  build/bin/finspace serve --data build/demo

  export AWS_CONFIG_FILE=%s/config AWS_SHARED_CREDENTIALS_FILE=%s/credentials AWS_PROFILE=finspace-local
  build/bin/finspace load examples/data/sp500-2000.csv --dataset %s
  aws --endpoint-url http://127.0.0.1:4510 finspace-data list-changesets --dataset-id %s    # the AWS CLI works, too]]):format(
    DATA,
    DATA,
    changeset.datasetId,
    changeset.datasetId
  )
)
