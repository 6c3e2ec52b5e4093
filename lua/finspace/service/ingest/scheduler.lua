--- The process that ingests: takes changesets and views as they come, works on several at a time in slices, and begins
--- anew after a restart what was cut off.

local sys = require("finspace.sys")
local changeset = require("finspace.service.ingest.changeset")
local lake = require("finspace.service.lake")
local library = require("finspace.service.engine.library")
local log = require("finspace.service.log")
local sweep = require("finspace.service.ingest.sweep")
local view = require("finspace.service.ingest.view")

local scheduler = {}

local SLICE_SECONDS = 0.02
local IDLE_SECONDS = 0.05
local WAIT_SECONDS = 0.005 -- while all jobs wait for the network
local BREATH_SECONDS = 0.001 -- lets nginx see signals and timers

-- The oldest unfinished changeset of each dataset: within one, order matters.
local CHANGESETS = [[SELECT * FROM changesets WHERE seq IN (
  SELECT min(seq) FROM changesets WHERE status IN ('PENDING', 'RUNNING') GROUP BY dataset_id)]]
-- What an earlier version counted and did not read, while nothing else is at work on its dataset.
local UNREAD = [[SELECT * FROM changesets c WHERE status = 'SUCCESS' AND columns IS NULL AND progress IS NULL]]
-- A view waits for the changesets that it is made of.
local VIEWS = [[SELECT * FROM data_views v WHERE status IN ('PENDING', 'STARTING', 'RUNNING') AND NOT EXISTS (
  SELECT 1 FROM changesets c WHERE c.dataset_id = v.dataset_id AND c.status = 'SUCCESS' AND c.columns IS NULL
  AND c.progress IS NULL)]]

-- A job that comes begins where the one that has had least stands: it runs next, and owes nobody anything.
local function least_used(jobs)
  local least
  for _, job in pairs(jobs) do
    if not least or job.used < least then least = job.used end
  end
  return least or 0
end

local function take_up(jobs, rows, work)
  for _, row in ipairs(rows) do
    if not jobs[row.id] then
      jobs[row.id] = { used = least_used(jobs), run = coroutine.create(function() work(row) end), row = row }
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

-- Runs one job until its slice is over; one step of DuckDB's may take longer.
local function run_slice(jobs, id)
  local job, start = jobs[id], sys.monotonic()
  local stop = start + SLICE_SECONDS
  repeat
    local ok, result = coroutine.resume(job.run)
    if coroutine.status(job.run) == "dead" then jobs[id] = nil end
    if not ok then error(result, 0) end
    job.is_ready = result
  until not jobs[id] or job.is_ready or sys.monotonic() >= stop
  job.used = job.used + sys.monotonic() - start
end

local function turn(state, jobs)
  take_up(jobs, state.db:rows(CHANGESETS), function(row) changeset.ingest(state, row) end)
  take_up(jobs, state.db:rows(UNREAD), function(row) changeset.convert(state, row) end)
  take_up(jobs, state.db:rows(VIEWS), function(row) view.build(state, row) end)
  local id = next_job(jobs)
  if id then run_slice(jobs, id) end
  if not next(jobs) then sweep.when_due(state) end
  ngx.sleep(id and BREATH_SECONDS or next(jobs) and WAIT_SECONDS or IDLE_SECONDS)
end

local function say_what_is_missing()
  local _, problem = library.load()
  if problem then log.note("changesets and views will fail", problem) end
end

--- Runs until this process is told to stop.
--- @param state table {db=, settings=}
function scheduler.run(state)
  local jobs = {}
  say_what_is_missing()
  lake.empty_temporary(state.settings.data)
  while not ngx.worker.exiting() do
    local ok, problem = pcall(turn, state, jobs)
    if not ok then
      log.problem("ingestion", problem)
      ngx.sleep(1)
    end
  end
end

return scheduler
