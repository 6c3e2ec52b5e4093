--- The process that ingests: takes changesets and views as they come, works on several at a time in slices, and begins
--- anew after a restart what was cut off.

local sys = require("finspace.sys")
local changeset = require("finspace.service.ingest.changeset")
local duties = require("finspace.service.node.duties")
local lake = require("finspace.service.lake")
local leases = require("finspace.service.leases")
local library = require("finspace.service.engine.library")
local log = require("finspace.service.log")
local sweep = require("finspace.service.ingest.sweep")
local view = require("finspace.service.ingest.view")

local scheduler = {}

local SLICE_SECONDS = 0.02
local IDLE_SECONDS = 0.05
local WAIT_SECONDS = 0.005 -- while all jobs wait for the network
local LONGEST_IDLE_SECONDS = 0.4
local BREATH_SECONDS = 0.001 -- lets nginx see signals and timers

-- A job that comes begins where the one that has had least stands: it runs next, and owes nobody anything.
local function least_used(jobs)
  local least
  for _, job in pairs(jobs) do
    if not least or job.used < least then least = job.used end
  end
  return least or 0
end

local WORK = { changeset = changeset.ingest, unread = changeset.convert, view = view.build }
local ORDER = { "changeset", "unread", "view" }
local MOST_AT_ONCE = 8 -- of a process among others; the only one takes all

local function begin(state, jobs, kind, row)
  jobs[row.id] = {
    used = least_used(jobs),
    run = coroutine.create(function() WORK[kind](state, row) end),
    row = row,
  }
end

local function count_of(jobs)
  local count = 0
  for _ in pairs(jobs) do
    count = count + 1
  end
  return count
end

-- Takes what is to do: all of it where no other process would, else one of a kind.
local function take_up(state, jobs, kind)
  local is_shared, count = state.db.dialect.is_shared, count_of(jobs)
  repeat
    if is_shared and count >= MOST_AT_ONCE then return end
    local row = leases.take(state.db, kind, state.worker.name, count > 0)
    if row then begin(state, jobs, kind, row) end
  until not row or is_shared
end

-- Work whose lease was lost is not gone on with; what it has written has no place, and goes with the next sweep.
local function keep_leases(state, jobs)
  for id, job in pairs(jobs) do
    if not leases.renew(state.db, job.row) then
      log.note("job " .. id, "another process has its lease")
      jobs[id] = nil
    end
  end
end

-- A job may wait for the network or for a while: it says when it can go on.
local function can_go_on(job) return not job.is_ready or job.is_ready() end

-- The job that has had least of the process' time; of equals the younger one, which may be short.
local function next_job(jobs)
  local chosen
  for id, job in pairs(jobs) do
    local other = chosen and jobs[chosen]
    if
      can_go_on(job)
      and (not other or job.used < other.used or (job.used == other.used and job.row.seq > other.row.seq))
    then
      chosen = id
    end
  end
  return chosen
end

-- Lets others have work that could not be ended; where the database cannot be asked, the lease ends by itself.
local function give_back(state, row) pcall(leases.release, state.db, row) end

-- Runs one job until its slice is over; one step of DuckDB's may take longer.
local function run_slice(state, jobs, id)
  local job, start = jobs[id], sys.monotonic()
  local stop = start + SLICE_SECONDS
  repeat
    local ok, result = coroutine.resume(job.run)
    if coroutine.status(job.run) == "dead" then jobs[id] = nil end
    if not ok then
      give_back(state, job.row)
      error(result, 0)
    end
    job.is_ready = result
  until not jobs[id] or job.is_ready or sys.monotonic() >= stop
  job.used = job.used + sys.monotonic() - start
end

-- Where many processes ask one database, one that finds nothing asks less and less often.
local function idle_seconds(state, idle)
  if not state.db.dialect.is_shared then return IDLE_SECONDS end
  return math.min(IDLE_SECONDS * (1 + idle / 4), LONGEST_IDLE_SECONDS)
end

local next_look = 0 -- while at work

local function look(state, jobs)
  local now = sys.monotonic()
  if next(jobs) and state.db.dialect.is_shared and now < next_look then return end
  next_look = now + IDLE_SECONDS
  keep_leases(state, jobs)
  for _, kind in ipairs(ORDER) do
    take_up(state, jobs, kind)
  end
end

local idle = 0 -- turns without work

local function turn(state, jobs)
  look(state, jobs)
  local id = next_job(jobs)
  if id then run_slice(state, jobs, id) end
  if not next(jobs) then sweep.when_due(state) end
  idle = next(jobs) and 0 or idle + 1
  ngx.sleep(id and BREATH_SECONDS or next(jobs) and WAIT_SECONDS or idle_seconds(state, idle))
end

local function say_what_is_missing()
  local _, problem = library.load()
  if problem then log.note("changesets and views will fail", problem) end
end

local function begin_work(state)
  lake.empty_temporary(state.settings.data, state.worker)
  duties.begin(state.db)
  leases.release_all(state.db, state.worker.name)
end

local function patiently(work, ...)
  local ok, problem = pcall(work, ...)
  if ok then return true end
  log.problem("ingestion", problem)
  ngx.sleep(1)
end

--- Runs until this process is told to stop.
--- @param state table {db=, settings=, worker={name=, slot=}}
function scheduler.run(state)
  local jobs, is_ready = {}, false
  say_what_is_missing()
  while not ngx.worker.exiting() do
    is_ready = is_ready or patiently(begin_work, state)
    if is_ready then patiently(turn, state, jobs) end
  end
end

return scheduler
