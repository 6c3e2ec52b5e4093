--- The FinSpace-compatible service: `service.start` checks what can be checked, writes the files that
--- point AWS tools at the service, and becomes nginx. It runs under any Lua; what runs inside nginx
--- starts in `finspace.service.node.worker`.
---
--- Where Amazon's documents are silent, or this service goes beyond them:
---  * GetChangeset and ListChangesets have one member more, `rowCount`.
---  * CreateDataset needs no permission group: whoever makes a dataset may do everything with it.
---  * A user's keys come from STS: a super user calls AssumeRole with the user's apiAccessPrincipalArn.
---  * environmentId may be anything: there is one environment.
---  * s3SourcePath is an object, or else a folder with all below it.
---  * Text views keep their partition columns in their rows, beside `column=value/` in their keys; Parquet views do not.

local sys = require("finspace.sys")
local database_url = require("finspace.service.db.url")
local files = require("finspace.service.aws_profile")
local link = require("finspace.service.auth.sign_in_link")
local nginx = require("finspace.service.node.nginx")
local network = require("finspace.service.node.network")
local origins = require("finspace.service.node.origins")
local seal_key = require("finspace.service.auth.seal_key")
local store = require("finspace.service.store")

local service = {}

service.DEFAULT_PORT = 4510
service.DEFAULT_HOST = "127.0.0.1"
service.DEFAULT_DISK_MIB = 64 * 1024

local function default_data()
  local home = os.getenv("XDG_DATA_HOME") or (os.getenv("HOME") or ".") .. "/.local/share"
  return home .. "/finspace"
end

local function make_folder(path)
  local at = path:sub(1, 1) == "/" and "" or "."
  for name in path:gmatch("[^/]+") do
    at = at .. "/" .. name
    if not sys.stat(at) then
      local ok, problem = sys.mkdir(at, tonumber("700", 8))
      if not ok then return nil, problem end
    end
  end
  return sys.realpath(path)
end

local function open_data(path)
  local data, problem = make_folder(path)
  if data and sys.stat(data).type ~= "directory" then problem = "it is a file" end
  if problem then return nil, ("cannot use the data folder %s: %s; name another with --data"):format(path, problem) end
  for _, name in ipairs { "run", "objects", "lake" } do
    local made, failure = make_folder(data .. "/" .. name)
    if not made then return nil, "cannot write below " .. data .. ": " .. tostring(failure) end
  end
  return data
end

local function endpoint_of(host, number)
  if host == "0.0.0.0" then host = "127.0.0.1" end
  if host == "::" then host = "::1" end
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  return ("http://%s:%d"):format(host, number)
end

local LISTEN_PROBLEMS = {
  EADDRINUSE = "port %d on %s is in use: stop what uses it, or choose another with --port",
  EADDRNOTAVAIL = "cannot listen on port %d of %s: this machine has no such address; choose one with --host",
  EACCES = "port %d on %s is for root alone: choose one above 1023 with --port",
}

-- Asked before nginx tries, which would try for three seconds and print a line each time. After a kill the
-- last workers may hold the port for a moment longer.
local function wait_for_port(settings)
  local host, number = settings.host, settings.port
  local free, problem, code
  for _ = 1, 20 do
    free, problem, code = sys.can_listen(host, number)
    if free then return true end
    if code ~= "EADDRINUSE" then break end
    sys.sleep(0.05)
  end
  return nil, LISTEN_PROBLEMS[code] and LISTEN_PROBLEMS[code]:format(number, host) or problem
end

local function checked(options)
  local number = tonumber(options.port or service.DEFAULT_PORT)
  if not number or number < 1 or number > 65535 or number % 1 ~= 0 then
    return nil, "the port must be a number from 1 to 65535"
  end
  local host = options.host or service.DEFAULT_HOST
  if not host:match("^[%w%.:%-]+$") then return nil, "the host must be an address, for example 127.0.0.1" end
  return {
    host = host,
    port = number,
    region = options.region or "us-east-1",
    endpoint = endpoint_of(host, number),
    console_url = options.console_url,
  }
end

-- A quarter of the machine's memory, at most 2 GiB.
local function default_memory_mib()
  local kib = (sys.read_limited("/proc/meminfo", 65536) or ""):match("MemTotal:%s*(%d+)")
  return math.max(256, math.min(2048, math.floor((tonumber(kib) or 0) / 4 / 1024)))
end

local function size_problem(option, mib)
  if type(mib) == "number" and mib >= 128 and mib % 1 == 0 then return nil end
  return option .. " must be a whole number of MiB, 128 at least"
end

-- What the process that ingests may use.
local function add_limits(settings, options)
  settings.ingest_memory_mib = options.ingest_memory or default_memory_mib()
  settings.ingest_disk_mib = options.ingest_disk or service.DEFAULT_DISK_MIB
  return size_problem("--ingest-memory", settings.ingest_memory_mib)
    or size_problem("--ingest-disk", settings.ingest_disk_mib)
end

local function whole_problem(option, value, least)
  if type(value) == "number" and value >= least and value <= 256 and value % 1 == 0 then return nil end
  return ("%s must be a whole number from %d to 256"):format(option, least)
end

local ONE_INGESTER = "--ingest-workers other than 1 need --database: one process reads into the folder of one machine"

local function add_processes(settings, options)
  if options.database then database_url.hide(options.database) end
  settings.database = options.database or os.getenv("FINSPACE_DATABASE")
  settings.has_database = settings.database ~= nil
  settings.workers, settings.ingest_workers = options.workers or 2, options.ingest_workers or 1
  local problem = settings.database and database_url.problem(settings.database)
    or whole_problem("--workers", settings.workers, settings.has_database and 0 or 1)
    or whole_problem("--ingest-workers", settings.ingest_workers, 0)
  if problem then return problem end
  if settings.workers + settings.ingest_workers == 0 then return "--workers and --ingest-workers cannot both be 0" end
  if not settings.database and settings.ingest_workers ~= 1 then return ONE_INGESTER end
end

-- The owner's keys for all nodes; without the file the first node makes them.
local function add_owner_key(settings)
  local path = settings.database and os.getenv("FINSPACE_OWNER_KEY_FILE")
  if not path or path == "" then return nil end
  settings.owner_key_file = sys.realpath(path)
  if settings.owner_key_file and files.read_keys(path) then return nil end
  return ("FINSPACE_OWNER_KEY_FILE: %s has no aws_access_key_id and aws_secret_access_key that can be read"):format(
    path
  )
end

-- After a kill the last workers may hold the lock for a moment longer. It is let go of at the end: nginx takes it.
local function lock_data(data)
  local problem, code
  for _ = 1, 20 do
    local lock
    lock, problem, code = sys.lock(data .. "/run/lock")
    if lock then return lock end
    if code ~= "EAGAIN" then return nil, tostring(problem) end
    sys.sleep(0.05)
  end
  return nil, "another service uses the data folder " .. data .. ": stop it, or choose another with --data"
end

local function write_database(settings)
  if settings.database then return database_url.write(settings.data, settings.database) end
  database_url.remove(settings.data)
  return true
end

-- The owner's keys are in DIR where all else is.
local function write_keys(settings)
  if settings.database then return true end
  return files.ensure_credentials(settings.data, settings.store ~= nil)
end

local function add_store(settings, options)
  local problem
  settings.store, problem = store.place(options, settings.region)
  settings.store_endpoint, settings.program = store.endpoint(settings.store), options.program
  return problem
end

-- Asked before there is a folder to tidy up after.
local function prepare_store(settings)
  if not settings.store then return nil end
  local problem = store.problem(settings.store)
  if problem or settings.workers == 0 then return problem end
  local word
  settings.store, word = store.let_in_browsers(settings.store, origins.all(settings))
  settings.browsers_word = (word or "") .. origins.word(settings)
end

local function write_files(settings, program)
  local ok, problem = write_keys(settings)
  if ok then
    ok, problem = write_database(settings)
  end
  if ok then
    ok, problem = files.write_config(settings.data, settings)
  end
  if ok then
    ok, problem = nginx.write_configuration(program, settings)
  end
  return ok, problem
end

local function prepare(options)
  local settings, problem = checked(options)
  if not settings then return nil, problem end
  problem = add_limits(settings, options)
    or add_processes(settings, options)
    or add_owner_key(settings)
    or add_store(settings, options)
    or seal_key.add(settings, options)
    or network.add(settings, options)
    or origins.problem(options.console_url)
  if problem then return nil, problem end
  local is_free, in_use = wait_for_port(settings)
  if not is_free then return nil, in_use end
  problem = network.problem(settings)
  if problem then return nil, problem end
  local program, missing = nginx.find()
  if not program then return nil, missing end
  problem = prepare_store(settings)
  if problem then return nil, problem end
  settings.data, problem = open_data(options.data or default_data())
  if not settings.data then return nil, problem end
  local lock
  lock, problem = lock_data(settings.data)
  if not lock then return nil, problem end
  local ok
  ok, problem = write_files(settings, program)
  lock:close()
  if not ok then return nil, problem end
  return { program.path, "-p", settings.data .. "/", "-e", "stderr", "-c", "run/nginx.conf" }
end

local function is_answered(endpoint)
  local host, number = endpoint:match("^https?://%[?(.-)%]?:(%d+)$")
  if not host then return false end
  local _, _, code = sys.can_listen(host, number)
  return code == "EADDRINUSE"
end

--- Makes a link that signs the owner in to the console of a service that runs here: once, and for ten
--- minutes.
--- @param options? table {data=folder}
--- @return string|nil url
--- @return string|nil problem one line
function service.console_link(options)
  local data = options and options.data or default_data()
  local owner = files.read(data) or files.read(data, os.getenv("FINSPACE_OWNER_KEY_FILE"))
  if not owner then
    return nil,
      ("no service has written its keys to %s: start one with finspace serve, or name its --data"):format(data)
  end
  if not is_answered(owner.endpoint) then
    return nil, ("nobody answers at %s: start it with finspace serve --data %s"):format(owner.endpoint, data)
  end
  return link.url(owner.endpoint, owner.secret_access_key, sys.now())
end

--- The folder that a service keeps its data in when none is named.
service.default_data = default_data

--- Moves a service of one machine into one that many machines share: this process becomes the move. Returns only when it
--- could not begin.
--- @param options table as for finspace.service.migrate
--- @return nil
--- @return string problem one line
function service.migrate(options) return require("finspace.service.migrate").start(options) end

--- Starts the service in this process, which becomes nginx and stays in the foreground until SIGTERM
--- or SIGINT. Returns only when it could not start.
--- @param options? table {port=4510, host="127.0.0.1", data=folder, region="us-east-1", ingest_memory=MiB, ingest_disk=MiB,
---   database=postgresql://… (FINSPACE_DATABASE), workers=2, ingest_workers=1, store=s3://BUCKET/PREFIX, store_role=ARN, store_endpoint=URL,
---   store_sts_endpoint=URL, tls_certificate=file, tls_key=file, insecure_plain_http=false, seal_key=file,
---   console_url=URL that people open the console at, where that is another than the node's own, program=path of finspace for other tools}
--- @return nil
--- @return string problem one line
function service.start(options)
  local argv, problem = prepare(options or {})
  if not argv then return nil, problem end
  return sys.exec(argv)
end

return service
