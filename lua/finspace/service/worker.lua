--- What nginx runs, phase by phase. The master prepares the database; each worker opens its own
--- connection; the last worker takes no requests and ingests instead, in a process of its own that the
--- master starts anew if it dies.

local ffi = require("ffi")
local clock = require("finspace.service.clock")
local sys = require("finspace.sys")

local worker = {}

local state = {} -- this process' database connection and settings

local function data_folder() return (ngx.config.prefix():gsub("/+$", "")) end

local function stop_with(problem)
  io.stderr:write("finspace: ", problem, "\n")
  io.stderr:flush()
  os.exit(1)
end

-- After a kill the last workers may hold the lock for a moment longer.
local function take_the_lock(data)
  local process = require("finspace.service.process")
  for _ = 1, 20 do
    if process.hold_lock(data .. "/run/lock") then return end
    sys.sleep(0.05)
  end
  stop_with("another service uses the data folder " .. data)
end

--- In the master: everything that must be right before a worker starts. A reload comes here too, and
--- finds the lock in its own hands.
function worker.prepare()
  local data = data_folder()
  local missing = require("finspace.service.dependencies").problem()
  if missing then stop_with(missing) end
  sys.no_core_dumps()
  require("finspace.service.process").keep_files_private()
  if ngx.shared.finspace_service:add("master", ngx.worker.pid()) then take_the_lock(data) end
  local owner_key, unreadable = require("finspace.service.aws_profile").ensure_credentials(data)
  if not owner_key then stop_with(unreadable) end
  local now = clock.milliseconds()
  local ok, failure = pcall(require("finspace.service.db.store").prepare, data, owner_key, now)
  if not ok then
    local reason = type(failure) == "table" and failure.message or tostring(failure)
    stop_with("cannot use " .. data .. "/finspace.db: " .. reason)
  end
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

-- nginx listens before it starts workers, so the first worker's start is the moment of being ready.
local function announce_once(settings)
  if not ngx.shared.finspace_service:add("announced", true) then return end
  local data = data_folder()
  local owner = require("finspace.service.aws_profile").read(data)
  local link = require("finspace.service.sign_in_link").url(settings.endpoint, owner.secret_access_key, sys.now())
  io.stdout:write(READY:format(settings.endpoint, data, data, link, data))
  io.stdout:flush()
end

-- A worker tries for the accept mutex only while this nginx counter is not positive; each turn of
-- its event loop takes one off.
local function take_no_connections()
  ffi.cdef("extern intptr_t ngx_accept_disabled;")
  ffi.C.ngx_accept_disabled = 2 ^ 52
end

local function open_state(settings)
  local store = require("finspace.service.db.store")
  state.db = store.open(data_folder())
  state.settings = store.settings(state.db)
  state.settings.region = settings.region
  state.settings.endpoint = settings.endpoint
  state.settings.data = data_folder()
  state.settings.ingest_memory_mib = settings.ingest_memory_mib
  state.settings.ingest_disk_mib = settings.ingest_disk_mib
  state.store = require("finspace.service.store").open(state)
end

-- After a reload the last ingester may still be finishing its slice: one at a time.
local function ingest(is_told_to_stop)
  local process = require("finspace.service.process")
  while not process.hold_lock(data_folder() .. "/run/ingest.lock") do
    if is_told_to_stop or ngx.worker.exiting() then return end
    ngx.sleep(0.02)
  end
  sys.write_private(data_folder() .. "/run/ingest.pid", ngx.worker.pid() .. "\n")
  require("finspace.service.ingest.scheduler").run(state)
end

--- In each worker, at its start.
--- @param settings table
function worker.begin(settings)
  require("finspace.service.process").end_with_master(ngx.shared.finspace_service:get("master"))
  open_state(settings)
  if ngx.worker.id() == ngx.worker.count() - 1 then
    take_no_connections()
    ngx.timer.at(0, ingest)
    return
  end
  if state.db.leave_checkpoints then state.db:leave_checkpoints() end
  if ngx.worker.id() == 0 then announce_once(settings) end
end

--- In each worker, for each request.
function worker.answer() require("finspace.service.gateway").answer(state) end

--- For requests that nginx itself refuses: the AWS error shape there too.
function worker.refuse() require("finspace.service.gateway").refuse(ngx.status) end

--- In each worker, at its end.
function worker.finish()
  if state.db then state.db:close() end
end

return worker
