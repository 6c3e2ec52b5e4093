--- The process that ingests: takes changesets and views as they come, works on several at a time in
-- short slices, and goes on after a restart with what was cut off.

local sys = require("finspace.sys")
local changeset = require("finspace.service.ingest.changeset")
local log = require("finspace.service.log")
local sweep = require("finspace.service.ingest.sweep")
local view = require("finspace.service.ingest.view")

local ingest = {}

local SLICE_SECONDS = 0.02
local IDLE_SECONDS = 0.05
local BREATH_SECONDS = 0.001 -- lets nginx see signals and timers

-- The oldest unfinished changeset of each dataset: within one, order matters.
local CHANGESETS = [[SELECT * FROM changesets WHERE seq IN (
  SELECT min(seq) FROM changesets WHERE status IN ('PENDING', 'RUNNING') GROUP BY dataset_id)]]
local VIEWS = "SELECT * FROM data_views WHERE status IN ('PENDING', 'STARTING', 'RUNNING')"

local function take_up(jobs, rows, work)
  for _, row in ipairs(rows) do
    if not jobs[row.id] then jobs[row.id] = coroutine.create(function() work(row) end) end
  end
end

-- Runs one job until its slice is over.
local function run_slice(jobs, id, job)
  local stop = sys.monotonic() + SLICE_SECONDS
  repeat
    local ok, problem = coroutine.resume(job)
    if coroutine.status(job) == "dead" then jobs[id] = nil end
    if not ok then error(problem, 0) end
    if not jobs[id] then return end
  until sys.monotonic() >= stop
end

local function turn(state, jobs)
  take_up(jobs, state.db:rows(CHANGESETS), function(row) changeset.ingest(state, row) end)
  take_up(jobs, state.db:rows(VIEWS), function(row) view.build(state, row) end)
  local is_idle = next(jobs) == nil
  for id, job in pairs(jobs) do
    run_slice(jobs, id, job)
  end
  if is_idle then sweep.when_due(state) end
  ngx.sleep(is_idle and IDLE_SECONDS or BREATH_SECONDS)
end

--- Runs until this process is told to stop.
--- @param state table {db=, settings=}
function ingest.run(state)
  local jobs = {}
  while not ngx.worker.exiting() do
    local ok, problem = pcall(turn, state, jobs)
    if not ok then
      log.problem("ingestion", problem)
      ngx.sleep(1)
    end
  end
end

return ingest
