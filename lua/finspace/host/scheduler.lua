--- Many calls at once, written as if there were one.
---
---     finspace.run(function()
---       local results, errs = finspace.gather { limit = 64, job, job, job }
---     end)
---
--- A task is a coroutine whose calls and sleeps let the other tasks run. In plain Lua `run` drives them;
--- nginx drives them itself, and so does Neovim, where `run` comes back at once. Any other event loop can
--- drive them through `loop()`.
local detect = require("finspace.host.detect")
local errors = require("finspace.errors")
local yieldable = require("finspace.host.yieldable")

local scheduler = {}

local unpack = table.unpack or unpack -- luacheck: ignore

local function pack(...) return { n = select("#", ...), ... } end

local engine -- one for the process, made when the first task is

-- The tasks by the coroutine that they run in: a call finds out here whether it may wait by yielding. Weak
-- on both sides, because a task holds its coroutine, and Lua 5.1 would keep such a pair for ever.
local tasks = setmetatable({}, { __mode = "kv" })

local host_name

local function host()
  host_name = host_name or detect.name()
  return host_name
end

-- Says on the host's own way what failed in a task.
local tellers = {
  plain = function(text) io.stderr:write(text, "\n") end,
  nginx = function(text) rawget(_G, "ngx").log(rawget(_G, "ngx").ERR, text) end,
  neovim = function(text)
    local vim = rawget(_G, "vim")
    vim.schedule(function() vim.notify(text, vim.log.levels.ERROR) end)
  end,
}

local function tell(task)
  if task.observed or task.told then return end
  task.told = true
  tellers[host()](
    ("finspace: a task that nobody waits for failed: %s\n%s"):format(tostring(task.err), task.traceback or "")
  )
end

-- Tasks that failed in this step while nobody was waiting for them, and the first of all since tasks are alive.
local unobserved, first_unobserved = {}, nil

-- A failure that nobody waited for must not pass in silence: it is told at once, beside tasks that live on, and
-- raised when all have ended.
local function settle(is_over)
  if not unobserved[1] and not first_unobserved then return end
  local failed = unobserved
  unobserved = {}
  first_unobserved = first_unobserved or failed[1]
  for _, task in ipairs(failed) do
    if not is_over or task ~= first_unobserved then tell(task) end
  end
  if not is_over then return end
  local first = first_unobserved
  first_unobserved = nil
  if first and not first.observed then error(first.err, 0) end
end

local engines = {
  plain = function() return require("finspace.host.loop").new(settle) end,
  nginx = function() return require("finspace.host.nginx").new() end,
  neovim = function()
    local loop = require("finspace.host.loop").new(settle)
    return require("finspace.host.luv").attach(loop)
  end,
}

local function the_engine()
  engine = engine or engines[host()]()
  return engine
end

-- The err of a call or a wait that neither suspends nor may stop what runs it: within a task there is a better place.
local function misplaced() return the_engine().running and scheduler.cannot_yield() or scheduler.needs_task() end

-- Neovim's main coroutine is the editor.
local function refuse_to_stop_the_editor()
  if host() == "neovim" then error(misplaced(), 0) end
end

-- Waits until the task is woken by what it waits for. Where it cannot be suspended, plain Lua lets the others run from
-- right here, until it is over; nginx and the editor would stand still.
local function await(here, awaited, is_over)
  here.awaits = awaited
  local waited = true
  if engine:can_yield() then
    engine:park(here, awaited)
  else
    waited = host() == "plain" and engine:block(function() return here.cancelled or is_over() end)
  end
  here.awaits = nil
  if not waited then error(scheduler.cannot_yield(), 0) end
end

-- Lets a task go on that still waits for this, and not, where its wait was refused, for something else by now. It is
-- made apart from where it is waited: in nginx a request that ends takes the variables of what waits in it along.
local function waker(task, awaited)
  return function()
    if task.awaits == awaited then engine:wake(task) end
  end
end

-- nginx has phases in which nothing can wait, and a task could not even be started.
local function refuse_phase()
  if host() ~= "nginx" then return end
  local err = require("finspace.host.phase").refusal()
  if err then error(errors.new(err), 0) end
end

-- tasks ------------------------------------------------------------------------------------------

--- @class finspace.Task
--- @field name? string
--- @field done boolean
--- @field cancelled boolean
--- @field err? finspace.Error  what was raised in it
--- @field job? integer  what it does of a gather, by its index
local Task = {}
Task.__index = Task
Task.__name = "finspace.Task"

-- What nearly every task will hold is named as nil, so that its table has room for it from the start.
local function new_task(name)
  return setmetatable({
    name = name,
    done = false,
    cancelled = false,
    thread = nil,
    parked = nil,
    first = nil,
    second = nil,
    on_end = nil,
    results = nil,
    job = nil,
  }, Task)
end

function Task:__tostring()
  local state = self.done and (self.err and "failed" or "done") or self.cancelled and "cancelled" or "running"
  return ("finspace.Task(%s, %s)"):format(self.name or "unnamed", state)
end

-- A cancelled task that raises on its way out fails nobody.
local function is_failure(task) return task.err ~= nil and not (task.cancelled and task.err.kind == "cancelled") end

local function finish(task)
  task.done = true
  if not task.adopted then engine:ended(task) end
  if task.on_end then return task.on_end(task) end
  if is_failure(task) and host() ~= "nginx" then unobserved[#unobserved + 1] = task end
end

--- Says that the task failed, unless somebody has asked for it meanwhile.
function Task:tell_if_unobserved()
  if self.err and is_failure(self) then tell(self) end
end

--- The task's coroutine, which calls made in it will be found by.
function Task:runs_in(thread)
  self.thread = thread
  tasks[thread] = self
end

--- The body returned.
function Task:succeed(...)
  self.results = pack(...)
  finish(self)
end

--- The body raised.
--- @param raised any
--- @param traceback string
function Task:fail(raised, traceback)
  self.traceback = traceback
  if errors.is(raised) then
    self.err = raised
  else
    self.err = errors.new {
      kind = "task",
      code = "TaskFailed",
      operation = self.name or "a task",
      message = errors.text_of(raised),
      traceback = traceback,
    }
  end
  finish(self)
end

--- The engine took the body's thread away.
function Task:stop()
  self:succeed(nil, errors.new { kind = "cancelled", code = "Cancelled", message = "its task was cancelled" })
end

local function observe(task, observer)
  task.observed = true
  if task.done then return observer(task) end
  local earlier = task.on_end
  task.on_end = earlier and function()
    earlier(task)
    observer(task)
  end or observer
end

-- The task of the running coroutine. A coroutine that nginx or an editor's plugin made may wait like
-- any other: it becomes a task when it first does.
local function adopt()
  local thread, is_main = coroutine.running()
  if not thread or is_main then return nil end
  local task = tasks[thread]
  if task or host() == "plain" then return task end
  if the_engine().running then return nil end -- a coroutine within a task
  task = new_task("adopted")
  task.adopted = true
  task:runs_in(thread)
  return task
end

local function outcome(task)
  if task.err then return nil, task.err end
  return unpack(task.results, 1, task.results.n)
end

-- How often a cancelled task is refused before it is ended by force: enough to clean up, too few to spin.
local MOST_REFUSALS = 16

local function count_refusal(here)
  here.refusals = (here.refusals or 0) + 1
  return here.refusals
end

-- Raises out of the running task. One that catches that again and again is raised out of at every instruction.
local function throw(here)
  local function raise() error(scheduler.cancellation(), 0) end
  if count_refusal(here) > MOST_REFUSALS then debug.sethook(raise, "", 1) end
  raise()
end

-- Ends the running task for good, if it was cancelled. Where it cannot be suspended it is raised out of what it does.
local function end_if_cancelled(here)
  if not here.cancelled or here.adopted then return end
  if engine:can_yield() then engine:quit(here) end
  throw(here)
end

-- What a call of a cancelled task gets.
local function refusal(here)
  count_refusal(here)
  if here.refusals > MOST_REFUSALS then end_if_cancelled(here) end
  return scheduler.cancellation()
end

--- Waits until the task has ended. Gives what its function returned; nil and an err when it raised.
function Task:wait()
  self.observed = true
  local here = adopt()
  if not here then
    refuse_to_stop_the_editor()
    engine:drive(function() return self.done end)
  elseif not self.done then
    end_if_cancelled(here)
    observe(self, waker(here, self))
    await(here, self, function() return self.done end)
    if not self.done then return nil, scheduler.cancellation() end
  end
  if here then engine:reap(self) end
  return outcome(self)
end

--- Cancels the task: the call or the sleep that it waits in ends at once, a call with an err of kind
--- "cancelled". The task ends at its next sleep or wait; a few calls are refused with the same err before, so
--- that it can clean up. What the service has begun goes on there.
function Task:cancel()
  if self.done or self.cancelled then return end
  self.cancelled = true
  engine:interrupt(self)
end

--- The err of a call in a cancelled task.
--- @return finspace.Error
function scheduler.cancellation()
  return errors.new { kind = "cancelled", code = "Cancelled", message = "its task was cancelled", sent = false }
end

-- what scripts use -------------------------------------------------------------------------------

--- Starts a function as a task; it begins to run when its starter waits for something.
--- @param body fun(...): any
--- @return finspace.Task
function scheduler.spawn(body, ...)
  if type(body) ~= "function" then error("spawn takes a function, not a " .. type(body), 2) end
  refuse_phase()
  if host() == "nginx" and not the_engine().can_yield() then error(scheduler.cannot_yield(), 0) end
  local task = new_task()
  if select("#", ...) == 0 then
    the_engine():start(task, body)
  else
    local arguments = pack(...)
    the_engine():start(task, function() return body(unpack(arguments, 1, arguments.n)) end)
  end
  return task
end

-- gather -----------------------------------------------------------------------------------------

-- The jobs of one gather. A few tasks do them, one job after another: a task for each would cost as much as a
-- call does in Lua, and thousands of them would make the collector's work longer.
local Gathering = {}
Gathering.__index = Gathering

local function new_gathering(owner, jobs)
  return setmetatable({
    owner = owner, -- the task that gathers
    jobs = jobs,
    taken = 0, -- jobs that were begun
    results = {},
    errs = nil,
    workers = {}, -- the tasks that live
    running = 0,
    ended = {}, -- those that have ended since the owner looked
  }, Gathering)
end

-- The index of the next job, if there is one and its owner still wants it.
local function take(self)
  local index = self.taken + 1
  if self.owner.cancelled or not self.jobs[index] then return nil end
  self.taken = index
  return index
end

local function keep(self, index, result, err)
  self.results[index] = result
  if not err then return end
  self.errs = self.errs or {}
  self.errs[index] = err
end

-- A worker's life. Jobs that never wait let the others run between them.
function Gathering:work(index)
  local worker = adopt()
  while index do
    worker.job = index
    local turn = engine.turn
    keep(self, index, self.jobs[index]())
    worker.job = nil
    if worker.cancelled then return end
    if engine.turn == turn then engine:pass() end
    index = take(self)
  end
end

function Gathering:start(index)
  local worker, wake = scheduler.spawn(function() self:work(index) end), waker(self.owner, self)
  self.workers[worker] = true
  self.running = self.running + 1
  observe(worker, function()
    self.running = self.running - 1
    table.insert(self.ended, worker)
    wake()
  end)
end

-- Lets go of workers that have ended. One that still has a job was raised out of it, or cancelled.
function Gathering:dismiss()
  while self.ended[1] do
    local worker = table.remove(self.ended)
    engine:reap(worker)
    self.workers[worker] = nil
    if worker.job then keep(self, worker.job, outcome(worker)) end
  end
end

-- Keeps up to `limit` workers at work, until there is none any more.
function Gathering:supervise(limit)
  repeat
    while self.running < limit do
      local index = take(self)
      if not index then break end
      self:start(index)
    end
    if not self.ended[1] and self.running > 0 then
      await(self.owner, self, function() return self.ended[1] ~= nil end)
    end
    self:dismiss()
    if self.owner.cancelled then self:cancel() end
  until self.running == 0 and (self.owner.cancelled or not self.jobs[self.taken + 1])
end

function Gathering:cancel()
  for worker in pairs(self.workers) do
    worker:cancel()
  end
end

local function run_jobs(here, jobs, limit)
  if here.cancelled then refusal(here) end
  if host() ~= "plain" and not the_engine():can_yield() then error(scheduler.cannot_yield(), 0) end
  local gathering = new_gathering(here, jobs)
  gathering:supervise(limit)
  for index = gathering.taken + 1, #jobs do
    keep(gathering, index, nil, scheduler.cancellation())
  end
  return gathering.results, gathering.errs
end

-- Where there is a hole, a table's length may be less.
local function last_index(list)
  local last = #list
  for index in pairs(list) do
    if type(index) == "number" and index > last then last = index end
  end
  return last
end

local function check_jobs(jobs)
  if type(jobs) ~= "table" then error("gather takes a table of functions, not a " .. type(jobs), 3) end
  local limit = jobs.limit
  if limit ~= nil and not (type(limit) == "number" and limit >= 1) then
    error('gather: option "limit" must be a number from 1 up: the most jobs that may run at a time', 3)
  end
  for index = 1, last_index(jobs) do
    local kind = type(jobs[index])
    if kind ~= "function" then error(("gather: job %d is a %s, not a function"):format(index, kind), 3) end
  end
end

-- Drives the tasks until `is_over` says so. In a coroutine of somebody's own within a task it does so on top of
-- those that drive already.
local function drive(is_over)
  if not engine.running then return engine:drive(is_over) end
  if not engine:block(is_over) then error(scheduler.cannot_yield(), 0) end
end

local function result_of(task)
  if task.err then error(task.err, 0) end
  return outcome(task)
end

-- Other tasks may live on.
local function run_for_itself(task)
  task.observed = true
  drive(function() return task.done end)
  return result_of(task)
end

local function run_to_the_end(task)
  task.observed = true
  if engine.running then return run_for_itself(task) end
  engine:drive(function() return engine.alive == 0 end)
  return result_of(task)
end

--- Runs functions side by side and waits for all of them. Gives what each returned first, by its index;
--- and, when some failed, their errs by the same index. What a job raises becomes its err.
--- @param jobs table functions, and `limit`, the most that may run at a time (all)
--- @return table results, table<integer, finspace.Error>|nil errs
function scheduler.gather(jobs)
  check_jobs(jobs)
  refuse_phase()
  local here = adopt()
  if here then return run_jobs(here, jobs, jobs.limit or math.huge) end
  refuse_to_stop_the_editor()
  return run_for_itself(scheduler.spawn(function() return scheduler.gather(jobs) end))
end

-- The callback hears of the end whatever it is.
local function call_back(main, callback)
  local task = scheduler.spawn(main)
  local results = pack(task:wait())
  if not task.done then task:cancel() end
  return callback(unpack(results, 1, results.n))
end

--- Runs a function in which calls wait without holding up others. In plain Lua it comes back when that
--- function and every task that was started in it have ended, with what the function returned. In Neovim it
--- comes back at once with the task, and `callback` is called with what the function returned, or with nil and an
--- err when it raised.
--- @param main fun(): any
--- @param callback? fun(...)
function scheduler.run(main, callback)
  if type(main) ~= "function" then error("run takes a function, not a " .. type(main), 2) end
  local function whole()
    if callback then return call_back(main, callback) end
    return main()
  end
  refuse_phase()
  local inside = host() ~= "neovim" and adopt()
  if inside then return whole() end
  local task = scheduler.spawn(whole)
  if host() == "neovim" then return task end
  return run_to_the_end(task)
end

-- For a task that cannot be suspended.
local function sleep_blocking(here, seconds)
  if host() == "nginx" then error(scheduler.cannot_yield(), 0) end
  return engine:block_for(here, seconds)
end

--- Pauses the running task; outside of one, everything.
--- @param seconds number
--- @return nil
--- @return finspace.Error|nil err  its task was cancelled meanwhile: what it holds can be given back here
function scheduler.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds then
    error("sleep takes a number of seconds, not " .. tostring(seconds), 2)
  end
  refuse_phase()
  local here = adopt()
  if here then end_if_cancelled(here) end
  if here and the_engine():can_yield() then
    the_engine():sleep(here, seconds)
    if here.cancelled then return nil, scheduler.cancellation() end
    return
  end
  refuse_to_stop_the_editor()
  if here and sleep_blocking(here, seconds) then return end
  require("finspace.sys").sleep(seconds)
end

--- What an event loop needs to drive the tasks: `fd()` to poll for reading, `timeout()` and `step()`; and
--- `alive`, the number of tasks that have not ended.
--- @return finspace.Loop
function scheduler.loop() return the_engine() end

--- Lets a libuv loop drive the tasks. In Neovim that is so already.
--- @param uv table  the module luv
--- @return finspace.Loop
function scheduler.attach(uv) return require("finspace.host.luv").attach(the_engine(), uv) end

--- Whether a coroutine will never go on: it is dead, or its task was cancelled.
--- @param thread thread
--- @return boolean
function scheduler.has_ended(thread)
  local task = tasks[thread]
  return coroutine.status(thread) == "dead" or (task ~= nil and task.done == true)
end

-- what hosts use ---------------------------------------------------------------------------------

--- The err of a call that would stop its host.
--- @return finspace.Error
function scheduler.needs_task()
  return errors.new {
    kind = "config",
    code = "NeedsTask",
    outcome = "not_sent",
    sent = false,
    message = "this call would stop the editor; make it inside finspace.run(function() ... end)",
  }
end

-- A light thread of nginx begins by suspending whoever starts it.
local ELSEWHERE = {
  plain = "or start a task there with finspace.spawn",
  neovim = "or start a task there with finspace.spawn, in place of a coroutine of your own, too",
  nginx = "where nginx can suspend it",
}

--- The err of a call that would have to suspend what cannot be suspended.
--- @return finspace.Error
function scheduler.cannot_yield()
  return errors.new {
    kind = "config",
    code = "CannotYield",
    outcome = "not_sent",
    sent = false,
    message = "this call cannot wait here: Lua does not suspend what a C function has called (string.gsub, table.sort,"
      .. " require, a metamethod, a finalizer); call before it or after it, "
      .. ELSEWHERE[host()],
  }
end

--- A transport that lets other tasks run while it waits. Where no task can wait the call goes to `blocking`.
--- @param options? finspace.HttpOptions
--- @param blocking? finspace.Transport
--- @return finspace.Transport
function scheduler.transport(options, blocking)
  if options and next(options) == nil then options = nil end
  return function(request)
    local here = adopt()
    if here and here.cancelled then return nil, refusal(here) end
    if here and engine:can_yield() then return engine:perform(here, request, options) end
    if blocking then return blocking(request) end
    return nil, misplaced()
  end
end

--- A transport that refuses the calls of a cancelled task, and of one that cannot be suspended.
--- @param transport finspace.Transport
--- @return finspace.Transport
function scheduler.cancellable(transport)
  return function(request)
    local thread, is_main = coroutine.running()
    local task = thread and tasks[thread]
    if task and task.cancelled then return nil, refusal(task) end
    if thread and not is_main and not yieldable.here() then return nil, scheduler.cannot_yield() end
    return transport(request)
  end
end

return scheduler
