--- Commits that hold no process: who waits for another's write, or for the disk, lets others be answered
--- meanwhile. None is answered itself before what it wrote is on disk.
---
--- Together: what requests write at the same time is one transaction, and one wait for the disk. The first of
--- them leads: it lets those that are ready join, does the work of all, and then each goes on to its answer.

local semaphore = require("ngx.semaphore")
local database = require("finspace.service.db")

local commit = {}

local LONGEST_SECONDS = 60 -- far longer than a commit waits for another process' write
local LOCK_SECONDS = 10 -- that a transaction waits for another process' write
local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.02
local CHECKPOINT_EVERY = 500 -- commits of this process

-- --- the disk -------------------------------------------------------------------------------------

-- nginx has so many states of Lua for its threads (nginx.conf), and refuses who finds none: those wait here.
local THREADS_AT_ONCE = 64
local threads = semaphore.new(THREADS_AT_ONCE)

--- Calls a function of a module in a thread of nginx, and waits until it has ended: whoever calls it can be suspended.
--- @param pool string of nginx.conf
--- @param ... string module, function, arguments
function commit.run_in_thread(pool, ...)
  local free, problem = threads:wait(LONGEST_SECONDS)
  if not free then error("the disk: " .. problem, 0) end
  local ok
  ok, problem = ngx.run_worker_thread(pool, ...)
  threads:post()
  if not ok then error(problem, 0) end
end

local function may_wait() return ngx.get_phase() == "content" and not ngx.worker.exiting() end

--- Calls a function of a module where it may wait for the disk: in a thread of nginx.
--- @param module string
--- @param name string
--- @param ... string arguments
function commit.in_thread(module, name, ...)
  if not may_wait() then return require(module)[name](...) end
  commit.run_in_thread("sync", module, name, ...)
end

local commits, is_checkpointing = 0, false

local function checkpoint(path)
  local ok, problem = pcall(commit.in_thread, "finspace.service.db.commit_thread", "checkpoint", path)
  is_checkpointing = false
  if not ok then require("finspace.service.log").problem("a checkpoint", problem) end
end

local function checkpoint_when_due(db)
  commits = commits + 1
  if commits < CHECKPOINT_EVERY or is_checkpointing or not may_wait() then return end
  commits, is_checkpointing = 0, true
  ngx.thread.spawn(checkpoint, db.path)
end

local function sync_log(db)
  if may_wait() then
    commit.run_in_thread("log", "finspace.service.s3.segment_file", "sync", db:log_path())
  else
    require("finspace.service.s3.segment_file").sync(db:log_path())
  end
end

-- --- transactions ---------------------------------------------------------------------------------

-- Waits for the write lock in short pauses, which grow.
local function patiently(db, work)
  local deadline, pause = ngx.now() + LOCK_SECONDS, FIRST_PAUSE
  while true do
    local ok, result = pcall(db.quick_transaction, db, work)
    if ok then return result end
    if not database.is_busy(result) or ngx.now() > deadline then error(result, 0) end
    ngx.sleep(pause)
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
end

--- Like db:transaction, but it lets others be answered while it waits: the caller must hold nothing that they
--- need.
--- @param db table
--- @param work fun(): any must not wait; may be run again after it was undone
--- @return any result of work
function commit.alone(db, work)
  if not db.quick_transaction or ngx.get_phase() ~= "content" then return db:transaction(work) end
  local result = patiently(db, work)
  sync_log(db)
  checkpoint_when_due(db)
  return result
end

-- --- together -------------------------------------------------------------------------------------

local forming -- the group of this process that the next commit takes

local function do_all(group)
  for _, member in ipairs(group) do
    member.result = member.work()
  end
end

local function do_alone(db, member)
  member.is_done, member.result = pcall(commit.alone, db, member.work)
end

-- Where one fails all are undone, and each is done again alone: what failed says so to its own request.
-- A database that stays locked would only make each wait in its turn.
local function commit_group(db, group)
  local are_done, problem = pcall(commit.alone, db, function() do_all(group) end)
  local is_for_all = #group == 1 or database.is_busy(problem)
  for _, member in ipairs(group) do
    if are_done then
      member.is_done = true
    elseif is_for_all then
      member.result = problem
    else
      do_alone(db, member)
    end
  end
end

local function join(group, member)
  group[#group + 1] = member
  local ended, problem = group.ended:wait(LONGEST_SECONDS)
  if not ended then member.result = "the group's commit did not end: " .. problem end
end

local function lead(db, member)
  local group = { member, ended = semaphore.new() }
  forming = group
  ngx.sleep(0) -- one turn of the event loop: who is ready joins
  forming = nil
  commit_group(db, group)
  if #group > 1 then group.ended:post(#group - 1) end
end

--- Like commit.alone, in common with other requests' work.
--- @param db table
--- @param work fun(): any must not wait; may be run again after it was undone
--- @return any result of work
function commit.together(db, work)
  local member = { work = work }
  if forming then
    join(forming, member)
  else
    lead(db, member)
  end
  if not member.is_done then error(member.result, 0) end
  return member.result
end

return commit
