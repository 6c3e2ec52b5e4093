--- What nginx runs, phase by phase. The master prepares the database; each worker opens its own
--- connection; the last worker takes no requests and ingests instead, in a process of its own that the
--- master starts anew if it dies.

local ffi = require("ffi")
local clock = require("finspace.service.clock")
local sys = require("finspace.sys")

local worker = {}

local state = {} -- this process' database connection and settings

local function data_folder() return (ngx.config.prefix():gsub("/+$", "")) end

-- The node's name, in the folder that no other node has.
local function node_name()
  local path = data_folder() .. "/run/node"
  local name = sys.read_limited(path, 256)
  if name then return (name:gsub("%s", "")) end
  name = require("finspace.service.ids").resource()
  assert(sys.write_private(path, name .. "\n"))
  return name
end

local function stop_with(problem)
  io.stderr:write("finspace: ", problem, "\n")
  io.stderr:flush()
  os.exit(1)
end

-- After a kill the last workers may hold the lock for a moment longer.
local function take_the_lock(data)
  local process = require("finspace.service.node.process")
  for _ = 1, 20 do
    if process.hold_lock(data .. "/run/lock") then return end
    sys.sleep(0.05)
  end
  stop_with("another service uses the data folder " .. data)
end

-- Each process seals and opens with the key that all nodes share.
local function use_seal_key(settings)
  if not settings.seal_key_file then return end
  local key, problem = require("finspace.service.auth.seal_key").read(settings.seal_key_file)
  if not key then stop_with(problem) end
  require("finspace.service.auth.secrets").use(key)
end

-- Where metadata are: the folder, or what service.start left for this process alone.
local function place_of(settings)
  local data = data_folder()
  return { data = data, database = settings.has_database and require("finspace.service.db.url").read(data) or nil }
end

local LONGEST_WAIT = 30 -- seconds for a database that starts at the same time, or goes over to another server

local function bytes_of(settings)
  if not settings.has_database then return nil end
  if settings.store then return require("finspace.service.store").uri(settings.store) end
  return "the folder of node " .. node_name()
end

local function cannot_use(place, problem)
  local reason = type(problem) == "table" and problem.message or tostring(problem)
  return ("cannot use %s: %s"):format(place.database and "the database" or place.data .. "/finspace.db", reason)
end

-- Prepares the database, and waits for one that cannot be asked yet.
local function prepare_database(settings, owner_key)
  local database, metadata = require("finspace.service.db"), require("finspace.service.db.metadata")
  local place, deadline, is_waiting = place_of(settings), sys.monotonic() + LONGEST_WAIT, false
  place.bytes = bytes_of(settings)
  while true do
    local ok, result = pcall(metadata.prepare, place, owner_key, clock.milliseconds())
    if ok then return result end
    local may_wait = place.database and database.is_busy(result) and sys.monotonic() < deadline
    if not may_wait then stop_with(cannot_use(place, result)) end
    if not is_waiting then require("finspace.service.log").problem("waiting for the database", result) end
    is_waiting = true
    sys.sleep(0.5)
  end
end

-- With a database of many machines nil is no fault: the first of them made the keys.
local function owner_key_of(settings, data)
  local profile = require("finspace.service.aws_profile")
  if not settings.has_database then
    local owner_key, unreadable = profile.ensure_credentials(data, settings.store ~= nil)
    if not owner_key then stop_with(unreadable) end
    return owner_key
  end
  return settings.owner_key_file and profile.read_keys(settings.owner_key_file) or nil
end

local OWNER_KEYS = [[
finspace: the owner's keys, made now and shown this once; keep them, as a file for FINSPACE_OWNER_KEY_FILE for example

  [%s]
  aws_access_key_id = %s
  aws_secret_access_key = %s

]]

local function show(settings, key)
  if not key then return end
  local profile = require("finspace.service.aws_profile").owner_profile(settings.store ~= nil)
  io.stdout:write(OWNER_KEYS:format(profile, key.access_key_id, key.secret_access_key))
  io.stdout:flush()
end

--- In the master: everything that must be right before a worker starts. A reload comes here too, and
--- finds the lock in its own hands.
--- @param settings table
function worker.prepare(settings)
  local data = data_folder()
  local missing = require("finspace.service.node.dependencies").problem(settings.has_database)
  if missing then stop_with(missing) end
  sys.no_core_dumps()
  require("finspace.service.node.process").keep_files_private()
  if ngx.shared.finspace_service:add("master", ngx.worker.pid()) then take_the_lock(data) end
  use_seal_key(settings)
  show(settings, prepare_database(settings, owner_key_of(settings, data)))
  if settings.has_database then node_name() end -- made before there are workers
  require("finspace.service.s3.reserve").keep(data)
end

local READY = [[
finspace: ready at %s

  export AWS_CONFIG_FILE=%s/config AWS_SHARED_CREDENTIALS_FILE=%s/credentials AWS_PROFILE=finspace-local
  finspace ls                            or: aws finspace-data list-datasets
  finspace load FILE.csv --dataset TITLE

In a browser, once and within ten minutes (then: finspace console):
  %s

Stop it with Ctrl-C. What was acknowledged is kept in %s
]]

local READY_NODE = [[
finspace: ready at %s

  export AWS_CONFIG_FILE=%s/config AWS_SHARED_CREDENTIALS_FILE=%s AWS_PROFILE=finspace-local
  finspace ls                            or: aws finspace-data list-datasets

In a browser, once and within ten minutes:
  %s

Stop it with Ctrl-C. The database keeps what was acknowledged; %s holds temporary files only
]]

local UNSEALED = [[
Secrets lie readable in the database, and who reads them can sign: seal them with --seal-key FILE, the same on all nodes
]]

local READY_INGESTING = "finspace: ready at %s; this node ingests, and answers for its health and metrics alone\n"

local function ready_text(settings)
  local data = data_folder()
  if settings.workers == 0 then return READY_INGESTING:format(settings.endpoint) end
  local owner = require("finspace.service.db.metadata").owner_key(state.db)
  local console_url = require("finspace.service.node.origins").of(settings.console_url or settings.endpoint)
  local link = require("finspace.service.auth.sign_in_link").url(console_url, owner.secret_access_key, clock.seconds())
  local more = settings.browsers_word or ""
  if not settings.has_database then return READY:format(settings.endpoint, data, data, link, data) .. more end
  if not settings.seal_key_file then more = more .. UNSEALED end
  return READY_NODE:format(settings.endpoint, data, settings.owner_key_file or "FILE_WITH_KEYS", link, data) .. more
end

-- nginx listens before it starts workers, so the first worker's start is the moment of being ready.
local function announce_once(settings)
  if not ngx.shared.finspace_service:add("announced", true) then return end
  io.stdout:write(ready_text(settings))
  io.stdout:flush()
end

-- A worker tries for the accept mutex only while this nginx counter is not positive; each turn of
-- its event loop takes one off.
local function take_no_connections()
  ffi.cdef("extern intptr_t ngx_accept_disabled;")
  ffi.C.ngx_accept_disabled = 2 ^ 52
end

local CLOCK_EVERY = 60 -- seconds

local function follow_clock()
  if not state.db.dialect.clock then return end
  clock.follow(state.db)
  ngx.timer.every(CLOCK_EVERY, function() pcall(clock.follow, state.db) end)
end

-- What others know this process by, which it keeps when it is started anew.
local function worker_of(settings)
  local slot = ngx.worker.id() - settings.workers + 1
  return { slot = slot, name = settings.has_database and node_name() .. "-" .. slot or tostring(slot) }
end

local function open_state(settings)
  local metadata = require("finspace.service.db.metadata")
  state.db = state.db or metadata.open(place_of(settings))
  state.settings = metadata.settings(state.db)
  follow_clock()
  state.settings.region = settings.region
  state.settings.endpoint = settings.endpoint
  state.settings.data = data_folder()
  state.settings.ingest_memory_mib = settings.ingest_memory_mib
  state.settings.ingest_disk_mib = settings.ingest_disk_mib
  state.worker = worker_of(settings)
  state.store = require("finspace.service.store").open(state, settings.store)
  if ngx.worker.id() == 0 then announce_once(settings) end
end

local OPENING = { is_busy = true, message = "the database is being opened for another request" }

-- Opens the database; one that cannot be asked now is asked again by requests, one at a time, until it can.
local function try_to_open(settings)
  local ok, problem = pcall(open_state, settings)
  local is_opening = false
  state.open = not ok
      and function()
        if is_opening then error(OPENING, 0) end
        is_opening = true
        local is_open, still = pcall(open_state, settings)
        is_opening = false
        if not is_open then error(still, 0) end
        state.open = nil
      end
    or nil
  if not ok then require("finspace.service.log").problem("opening the database", problem) end
end

-- After a reload the last ingester may still be finishing its slice: one at a time.
local function ingest(is_told_to_stop)
  local process = require("finspace.service.node.process")
  while state.open and not pcall(state.open) do
    if ngx.worker.exiting() then return end
    ngx.sleep(1)
  end
  local path = data_folder() .. "/run/ingest" .. (state.worker.slot > 1 and "-" .. state.worker.slot or "")
  while not process.hold_lock(path .. ".lock") do
    if is_told_to_stop or ngx.worker.exiting() then return end
    ngx.sleep(0.02)
  end
  sys.write_private(path .. ".pid", ngx.worker.pid() .. "\n")
  require("finspace.service.ingest.scheduler").run(state)
end

--- In each worker, at its start.
--- @param settings table
function worker.begin(settings)
  require("finspace.service.node.process").end_with_master(ngx.shared.finspace_service:get("master"))
  use_seal_key(settings)
  require("finspace.service.node.metrics").start()
  try_to_open(settings)
  state.only_ingests = settings.workers == 0
  if ngx.worker.id() >= settings.workers then
    if not state.only_ingests then take_no_connections() end
    ngx.timer.at(0, ingest)
    return
  end
  if state.db and state.db.leave_checkpoints then state.db:leave_checkpoints() end
end

--- In each worker, for each request.
function worker.answer() require("finspace.service.gateway").answer(state) end

--- For refused requests whose bodies nobody reads.
function worker.refuse_and_close() require("finspace.service.gateway").refuse_and_close() end

--- For requests that nginx itself refuses: the AWS error shape there too.
--- @param status? integer where nginx tells another one than it means
function worker.refuse(status) require("finspace.service.gateway").refuse(status or ngx.status) end

--- In each worker, at its end.
function worker.finish()
  if state.db then state.db:close() end
end

return worker
