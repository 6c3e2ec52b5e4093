--- What one job of the ingesting process has to itself: a connection to the engine, and a temporary folder. Both are gone
--- at its end, however it ends.

local database = require("finspace.service.db")
local disk = require("finspace.service.disk")
local engine = require("finspace.service.engine.database")
local failure = require("finspace.service.ingest.failure")
local leases = require("finspace.service.leases")
local lake = require("finspace.service.lake")
local log = require("finspace.service.log")
local sys = require("finspace.sys")

local job = {}

local function open_engine(state)
  local settings = state.settings
  local opened, problem = engine.open {
    data = settings.data,
    memory_mib = settings.ingest_memory_mib,
    disk_mib = settings.ingest_disk_mib,
    temporary = lake.temporary(state.worker) .. "/engine",
  }
  return opened or failure.raise("USER_RECOVERABLE", "%s", problem)
end

local function begin(state, id)
  local folder = lake.temporary(state.worker) .. "/" .. id
  local self = {
    id = id,
    state = state,
    connection = open_engine(state):connect(),
    folder = state.settings.data .. "/" .. folder,
    target = lake.aside(state.settings.data, state.worker, id),
    disk_mib = state.settings.ingest_disk_mib,
  }
  lake.make_folder(state.settings.data, folder)
  return self
end

local function finish(self)
  self.connection:close()
  lake.remove(self.folder)
  lake.remove(self.target)
end

--- Does work with a job of its own.
--- @param state table {db=, settings=}
--- @param id string of the changeset or the view
--- @param work fun(job: table): any  {id, state, connection, folder=temporary, target=what is written, aside, disk_mib}
--- @return any result of work
function job.with(state, id, work)
  local self = begin(state, id)
  local ok, result = pcall(work, self)
  finish(self)
  if not ok then error(result, 0) end
  return result
end

local PAUSE_SECONDS = 2

local TRIES_WITHOUT_ROOM = 5 -- another node may have some, or this one when it has done what else it does

--- Whether it is no failure of the job: the database or the store could not be asked, or another process has the lease; or
--- for a few times a disk was full.
--- @param problem any
--- @param row table of leases.take
--- @return boolean
function job.is_passing(problem, row)
  if failure.is(problem) then return false end
  if disk.is_full(problem) then return row.attempts < TRIES_WITHOUT_ROOM end
  return database.is_busy(problem) or leases.is_lost(problem)
end

--- Lets a job rest that failed for what the world did, and is taken up again: nothing is wrong with what it read.
--- @param state table
--- @param row table of leases.take
--- @param subject string
--- @param problem any
function job.postpone(state, row, subject, problem)
  log.problem(subject .. " will be tried again", problem)
  local due = sys.monotonic() + PAUSE_SECONDS
  coroutine.yield(function() return sys.monotonic() >= due end)
  local give_back = disk.is_full(problem) and leases.release or leases.put_back
  give_back(state.db, row)
end

local FULL = "the disk of the service is full: ask whoever runs it to make room, and then for the same again"

--- Why a job failed, for those who asked for it; what only the service can mend is for its log.
--- @param subject string
--- @param problem any
--- @return string category
--- @return string message
function job.described_failure(subject, problem)
  if failure.is(problem) then return problem.category, problem.message end
  log.problem(subject, problem)
  if disk.is_full(problem) then return "INTERNAL_SERVICE_EXCEPTION", FULL end
  return "INTERNAL_SERVICE_EXCEPTION", "the service failed; its log says why"
end

return job
