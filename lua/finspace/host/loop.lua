--- The engine of tasks in hosts that use libcurl: what is ready runs, what waits for an answer or for a
--- moment is parked. It has one descriptor to poll, so that any event loop can drive it.
local errors = require("finspace.errors")
local http = require("finspace.host.http")
local sys = require("finspace.sys")
local yieldable = require("finspace.host.yieldable")

local loop = {}

--- @class finspace.Loop
--- @field alive integer  tasks that have not ended
--- @field turn integer   changes whenever another task has run
--- @field on_ready? fun()  called when work appears while nobody drives the loop
local Loop = {}
Loop.__index = Loop

-- A step gives the loop that drives it back to its host after this time, whatever is still ready.
local LONGEST_STEP = 0.01

-- What a parked task yields, and what a coroutine yields whose task has ended; a task that yields anything
-- else only lets the others run.
local PARKED, VACANT = {}, {}

-- What a cancelled task yields that is not to go on.
local GONE = {}

-- A coroutine is worth keeping: its stack has grown to what a call needs.
local MOST_VACANT = 256

-- Each task that blocks within a step of the loop takes room on the C stack.
local DEEPEST = 100

--- @param settle? fun(is_over: boolean)  called at the end of a step; is_over: no task is alive any more
--- @return finspace.Loop
function loop.new(settle)
  local self
  self = setmetatable({
    alive = 0,
    living = {},
    settle = settle or function() end,
    multi = http.multi {},
    requests = {}, -- the task that waits for each call, by the call's id
    ready = {},
    first = 1,
    last = 0,
    turn = 0, -- how often a task has gone on
    depth = 0, -- tasks that drive the loop themselves, because they cannot be suspended
    running = false, -- the task that does; false, not nil, which would be looked for in the class, too
    stepping = false,
    on_ready = false,
    vacant = {}, -- coroutines without a task
    forgotten = 0, -- alarms of nobody
    alarms = {}, -- the latest first
    deliver = function(id, response, err)
      local task = self.requests[id]
      self.requests[id], task.request = nil, nil
      self:wake(task, response, err)
    end,
  }, Loop)
  return self
end

-- parking and waking -----------------------------------------------------------------------------

-- There is something to drive that whoever drives the loop may not know of.
local function announce(self)
  if self.on_ready and not self.stepping then self.on_ready() end
end

local function make_ready(self, task)
  self.last = self.last + 1
  self.ready[self.last] = task
  announce(self)
end

--- Suspends the running task until it is woken. Whoever else may hold its coroutine and resume it does not
--- wake it, and so cannot hand it an answer that is not its own.
--- @return any first, any second what it was woken with
function Loop:park(task)
  task.parked = true
  local first, second
  repeat
    first, second = coroutine.yield(PARKED)
  until self.running == task
  return first, second
end

--- Lets the other tasks run, and goes on. Only where the running task can be suspended.
function Loop.pass() coroutine.yield() end

--- Lets a parked task go on with these values. One that is not parked is left alone.
function Loop:wake(task, first, second)
  if not task.parked then return end
  task.parked, task.first, task.second = false, first, second
  make_ready(self, task)
end

local function run_bodies(task, body)
  while true do
    task:succeed(body())
    task, body = coroutine.yield(VACANT)
  end
end

--- Runs a task's body in a coroutine, from the next step on.
function Loop:start(task, body)
  task:runs_in(table.remove(self.vacant) or coroutine.create(run_bodies))
  task.first, task.second = task, body
  self.alive, self.living[task] = self.alive + 1, true
  make_ready(self, task)
end

-- Alarms of nobody are swept when they are most of the list, so that thousands can be forgotten quickly.
local function sweep_alarms(self)
  local kept = {}
  for _, alarm in ipairs(self.alarms) do
    if alarm.task then kept[#kept + 1] = alarm end
  end
  self.alarms, self.forgotten = kept, 0
end

local function forget_alarm(self, task)
  if not task.alarm then return end
  task.alarm.task, task.alarm = nil, nil
  self.forgotten = self.forgotten + 1
  if 2 * self.forgotten > #self.alarms then sweep_alarms(self) end
end

-- What a task waits for: nobody shall be told of it any more.
local function forget(self, task)
  if task.request then
    self.multi:cancel(task.request)
    self.requests[task.request], task.request = nil, nil
  end
  forget_alarm(self, task)
end

--- A task has ended.
function Loop:ended(task)
  forget(self, task)
  if not self.living[task] then return end
  self.alive, self.living[task] = self.alive - 1, nil
end

--- Whoever started the task has its results.
function Loop.reap() end

-- Lua 5.4 has variables that want to be closed; elsewhere the collector does what is to be done.
local function close(task)
  task:stop()
  if coroutine.close then coroutine.close(task.thread) end
end

local function resume(self, task)
  local first, second = task.first, task.second
  task.first, task.second = nil, nil -- what a task is done with is the collector's
  local outer = self.running
  self.running, self.turn = task, self.turn + 1
  local ok, signal = coroutine.resume(task.thread, first, second)
  self.running = outer
  if not ok then return task:fail(signal, debug.traceback(task.thread, errors.text_of(signal))) end
  if signal == GONE then return close(task) end
  if signal == VACANT then
    if #self.vacant < MOST_VACANT then self.vacant[#self.vacant + 1] = task.thread end
  elseif signal ~= PARKED and not task.adopted then
    make_ready(self, task)
  end
end

-- what is waited for -----------------------------------------------------------------------------

local function cancelled(sent)
  return { kind = "cancelled", code = "Cancelled", message = "its task was cancelled", sent = sent }
end

--- Sends a request, and parks the task until the answer to this very request is there.
--- @param task finspace.Task
--- @param request finspace.Request
--- @param options? finspace.HttpOptions  what holds where the request says nothing
--- @return table|nil response, table|nil err
function Loop:perform(task, request, options)
  local id, err = self.multi:add(request, options)
  if not id then return nil, err end
  self.requests[id], task.request = task, id
  announce(self)
  local response
  repeat
    response, err = self:park(task)
  until task.request ~= id
  return response, err
end

local function add_alarm(alarms, alarm)
  local low, high = 1, #alarms + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if alarms[middle].at > alarm.at then
      low = middle + 1
    else
      high = middle
    end
  end
  table.insert(alarms, low, alarm)
end

-- Lets a step come at that moment.
local function set_alarm(self, task, moment)
  task.alarm = { at = moment, task = task }
  add_alarm(self.alarms, task.alarm)
end

--- Parks the task for a time, or until it is cancelled.
function Loop:sleep(task, seconds)
  set_alarm(self, task, sys.monotonic() + seconds)
  announce(self)
  self:park(task)
end

--- Ends the running task, which was cancelled: it never goes on. Only where it can be suspended.
function Loop.quit() coroutine.yield(GONE) end

--- Ends what the task waits for.
function Loop:interrupt(task)
  local err = task.request and cancelled(true)
  forget(self, task)
  self:wake(task, nil, err or nil)
end

-- driving ----------------------------------------------------------------------------------------

local function deliver_answers(self)
  self.collecting = true
  self.multi:step(self.deliver)
  self.collecting = false
end

local function ring_alarms(self)
  local alarms = self.alarms
  if #alarms == 0 then return end
  local now = sys.monotonic()
  while alarms[#alarms] and alarms[#alarms].at <= now do
    local task = table.remove(alarms).task
    if task then
      task.alarm = nil
      self:wake(task)
    else
      self.forgotten = self.forgotten - 1
    end
  end
end

local function run_ready(self)
  local stop = sys.monotonic() + LONGEST_STEP
  repeat
    if self.first > self.last then
      self.first, self.last = 1, 0
      return
    end
    local task = self.ready[self.first]
    self.ready[self.first] = nil
    self.first = self.first + 1
    resume(self, task)
  until sys.monotonic() >= stop
end

local function advance(self)
  local outer = self.stepping
  self.stepping = true
  deliver_answers(self)
  ring_alarms(self)
  run_ready(self)
  self.stepping = outer
  self.settle(self.alive == 0)
end

--- Moves everything on as far as it goes without waiting.
function Loop:step()
  self.level = yieldable.level()
  advance(self)
end

--- Whether the running task can be suspended where it stands.
--- @return boolean
function Loop:can_yield() return yieldable.here(self.level) end

--- A descriptor that is readable when `step` has an answer to deliver.
--- @return integer
function Loop:fd() return self.multi:fd() end

--- Seconds after which `step` should run although the descriptor is silent.
--- @return number|nil
function Loop:timeout()
  if self.first <= self.last then return 0 end
  local alarm = self.alarms[#self.alarms]
  local pause = alarm and math.max(alarm.at - sys.monotonic(), 0)
  local wish = self.multi:timeout()
  return pause and wish and math.min(pause, wish) or pause or wish
end

--- Whether any task waits for something that can still happen.
--- @return boolean
function Loop:busy() return self.first <= self.last or next(self.requests) ~= nil or #self.alarms > self.forgotten end

-- Every task waits for another one. Those coroutines never go on, so they count no longer; unless one of
-- them drives the loop itself, and goes on with this error.
local function give_up(self)
  if self.depth == 0 then
    self.alive, self.living = 0, {}
  end
  error("every task waits for another one: none of them can go on", 0)
end

--- Steps, and waits between the steps, until `is_over` says so.
--- @param is_over fun(): boolean
function Loop:drive(is_over)
  self.level = yieldable.level()
  while not is_over() do
    advance(self)
    if is_over() then return end
    if not self:busy() then give_up(self) end
    self.multi:wait(self:timeout())
  end
end

--- Drives the loop from within a task that cannot be suspended. That is refused when too many do so already,
--- and to a finalizer that runs while answers are collected: they would be collected twice.
--- @param is_over fun(): boolean
--- @return boolean done  false when it was refused: nothing has happened
function Loop:block(is_over)
  if self.collecting or self.depth >= DEEPEST then return false end
  local running, level = self.running, self.level
  self.depth = self.depth + 1
  local ok, raised = pcall(self.drive, self, is_over)
  self.depth, self.running, self.level = self.depth - 1, running, level
  if not ok then error(raised, 0) end
  return true
end

--- Like `block`, for a time, or until the task is cancelled; the others have a turn, however short it is.
--- @param seconds number
--- @return boolean done
function Loop:block_for(task, seconds)
  local moment, sleeper, turn = sys.monotonic() + seconds, {}, 0
  set_alarm(self, sleeper, moment)
  local done = self:block(function()
    turn = turn + 1
    return turn > 1 and (task.cancelled or sys.monotonic() >= moment)
  end)
  forget(self, sleeper)
  return done
end

return loop
