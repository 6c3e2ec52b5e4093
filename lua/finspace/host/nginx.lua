--- The engine of tasks in nginx: its light threads, and a semaphore for whoever waits for another one.
--- nginx itself drives them.
local errors = require("finspace.errors")
local semaphore = require("ngx.semaphore")
local yieldable = require("finspace.host.yieldable")
local ngx = ngx

local nginx = {}

local Engine = {}
Engine.__index = Engine

-- A semaphore counts milliseconds in 32 bits; longer waits come back here.
local LONGEST_WAIT = 1e6

-- A semaphore that is waited for in no time does not let others run.
local SHORTEST_WAIT = 0.001

function nginx.new() return setmetatable({}, Engine) end

local function wait(task, seconds)
  task.semaphore = task.semaphore or semaphore.new()
  task.waiting = true
  task.semaphore:wait(math.max(SHORTEST_WAIT, math.min(seconds, LONGEST_WAIT)))
  task.waiting = false
end

local function stop_waiting(task)
  task.waiting = false
  task.semaphore:post(1)
end

--- Whether the running task can be suspended where it stands.
--- @return boolean
function Engine.can_yield() return yieldable.here() end

-- Seconds in which whoever is alive shows it.
local SILENCE = 0.25

-- Waits for a while, and meanwhile asks the supervisor of an awaited task for a sign. None comes where its request has
-- ended, of which nginx tells nobody: the task has ended with it.
local function wait_asking(task, awaited)
  local seen = awaited.signs
  awaited.orders:post(1)
  wait(task, SILENCE)
  if task.parked and awaited.signs == seen then awaited:stop() end
end

--- Suspends the running task until it is woken.
--- @param task finspace.Task
--- @param awaited? table  the task that it waits for, or what else
function Engine.park(_, task, awaited)
  task.parked = true
  while task.parked do
    if awaited and awaited.orders then
      wait_asking(task, awaited)
    else
      wait(task, LONGEST_WAIT)
    end
  end
end

--- A task that never waits is run to its end by nginx, whatever it does.
function Engine.pass() end

--- Lets a parked task go on. One that is not parked is left alone.
function Engine.wake(_, task)
  if not task.parked then return end
  task.parked = false
  stop_waiting(task)
end

local function explain(raised) return { raised, debug.traceback(errors.text_of(raised), 2) } end

local function run_body(task, body)
  task:runs_in(coroutine.running())
  local ok, raised = xpcall(function() task:succeed(body()) end, explain)
  if not ok then task:fail(raised[1], raised[2]) end
end

-- Only its parent may kill a light thread: it waits for the task's end, or for somebody who wants it ended.
local function supervise(task, body)
  task.orders, task.signs = semaphore.new(), 0
  local light_thread = ngx.thread.spawn(run_body, task, body)
  while not (task.done or task.condemned) do
    task.orders:wait(LONGEST_WAIT)
    task.signs = task.signs + 1
  end
  if not task.done and ngx.thread.kill(light_thread) then task:stop() end
  if not task.err then return end
  ngx.sleep(SHORTEST_WAIT) -- whoever waits for it may say so
  task:tell_if_unobserved()
end

--- Runs a task's body in a light thread, at once, as far as it goes without waiting.
function Engine.start(_, task, body) task.supervisor = ngx.thread.spawn(supervise, task, body) end

local has_timers = false -- of ours in this worker

--- Begins work beside the request, if nginx can. The first timer of a worker that is ending would leave a connection open,
--- of which nginx complains: its module for Lua keeps one for all timers, and closes it when the end begins.
--- @param work fun(premature: boolean, ...)
--- @param ... any what the work gets
--- @return boolean has_begun
function nginx.begin_timer(work, ...)
  if not has_timers and ngx.worker.exiting() then return false end
  local may_have_timers, answer = pcall(ngx.timer.at, 0, work, ...) -- not in every phase
  local has_begun = may_have_timers and answer == 1
  has_timers = has_timers or has_begun
  return has_begun
end

-- Has the task's light thread killed, wherever it waits.
local function condemn(task)
  task.condemned = true
  if task.orders then task.orders:post(1) end
end

-- Seconds between two signs of life, and how many there are at most: a minute's. An event loop that stands still stops
-- the signs and whoever misses them alike.
local SIGN_PAUSE, MOST_SIGNS = 0.05, 1200

local function conclude(watching)
  if watching.over then return end
  watching.over = true
  watching.ended(watching.subject)
end

-- Beside the watched coroutine, and in its request: whatever ends that ends this, too.
local function look(watching)
  while watching.signs < MOST_SIGNS do
    ngx.sleep(SIGN_PAUSE)
    if coroutine.status(watching.thread) == "dead" then return conclude(watching) end
    watching.signs = watching.signs + 1
    watching.show_life(watching.subject)
  end
end

-- Beside the request: nginx tells nobody that one has ended.
local function oversee(_, watching)
  local seen
  repeat
    seen = watching.signs
    ngx.sleep(SILENCE)
  until watching.over or watching.signs == seen
  if watching.signs < MOST_SIGNS then conclude(watching) end
end

--- Watches the running coroutine. The functions get the subject given to them: variables of a coroutine whose request
--- has ended are gone.
--- @param subject any
--- @param show_life fun(subject)  called again and again while the coroutine lives
--- @param ended fun(subject)      called when it has ended, or its request has
--- @return fun() stop             ends the watch; for the watched coroutine to call
function nginx.watch(subject, show_life, ended)
  local watching = { thread = coroutine.running(), subject = subject, show_life = show_life, ended = ended, signs = 0 }
  nginx.begin_timer(oversee, watching) -- first: while a light thread begins, the request may end
  local ran, thread = pcall(ngx.thread.spawn, look, watching) -- not in phases that cannot wait
  watching.over = not ran
  return function()
    watching.over = true
    if ran then ngx.thread.kill(thread) end
  end
end

--- A task has ended.
function Engine.ended(_, task)
  if task.orders then task.orders:post(1) end
end

--- Whoever started the task has its results: nginx may forget the light thread, which it would otherwise
--- keep until the request ends.
function Engine.reap(_, task)
  if task.supervisor then pcall(ngx.thread.wait, task.supervisor) end
  task.supervisor = nil
end

--- Waits for a time, or until the task is cancelled.
function Engine.sleep(_, task, seconds) wait(task, seconds) end

--- Ends the running task, which was cancelled: it never goes on.
function Engine.quit(_, task)
  condemn(task)
  while true do
    ngx.sleep(LONGEST_WAIT)
  end
end

--- Ends what the task waits for. One that waits for the network ends with it: nginx closes its sockets.
function Engine.interrupt(_, task)
  if task.waiting then
    task.parked = false
    stop_waiting(task)
  else
    condemn(task)
  end
end

return nginx
