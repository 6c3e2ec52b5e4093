--- The engine of tasks in hosts that use libcurl: what is ready runs, what waits for an answer or for a
--- moment is parked. It has one descriptor to poll, so that any event loop can drive it.
local http = require("finspace.http")
local sys = require("finspace.sys")

local loop = {}

--- @class finspace.Loop
--- @field alive integer  tasks that have not ended
--- @field on_ready? fun()  called when work appears while nobody drives the loop
local Loop = {}
Loop.__index = Loop

-- A step gives the loop that drives it back to its host after this time, whatever is still ready.
local LONGEST_STEP = 0.01

-- What a parked task yields, and what a coroutine yields whose task has ended; a task that yields anything
-- else only lets the others run.
local PARKED, VACANT = {}, {}

-- A coroutine is worth keeping: its stack has grown to what a call needs.
local MOST_VACANT = 256

--- @param settle? fun()  called at the end of a step after which no task is alive
--- @return finspace.Loop
function loop.new(settle)
  return setmetatable({
    alive = 0,
    living = {},
    settle = settle or function() end,
    multi = http.multi {},
    requests = {}, -- the task that waits for each call, by the call's id
    ready = {},
    first = 1,
    last = 0,
    vacant = {}, -- coroutines without a task
    alarms = {}, -- the latest first
  }, Loop)
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

--- Suspends the running task until it is woken.
--- @return any first, any second what it was woken with
function Loop.park(_, task)
  task.parked = true
  return coroutine.yield(PARKED)
end

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

--- A task has ended.
function Loop:ended(task)
  if not self.living[task] then return end
  self.alive, self.living[task] = self.alive - 1, nil
end

--- Whoever started the task has its results.
function Loop.reap() end

local function resume(self, task)
  local first, second = task.first, task.second
  task.first, task.second = nil, nil
  self.running = task
  local ok, signal = coroutine.resume(task.thread, first, second)
  self.running = nil
  if not ok then return task:fail(signal, debug.traceback(task.thread, tostring(signal))) end
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

--- Sends a request, and parks the task until the answer is there.
--- @param task finspace.Task
--- @param request finspace.Request
--- @param options? finspace.HttpOptions  what holds where the request says nothing
--- @return table|nil response, table|nil err
function Loop:perform(task, request, options)
  if task.cancelled then return nil, cancelled(false) end
  local id, err = self.multi:add(request, options)
  if not id then return nil, err end
  self.requests[id], task.request = task, id
  announce(self)
  return self:park(task)
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

--- Parks the task for a time, or until it is cancelled.
function Loop:sleep(task, seconds)
  if task.cancelled then return end
  task.alarm = { at = sys.monotonic() + seconds, task = task }
  add_alarm(self.alarms, task.alarm)
  announce(self)
  self:park(task)
end

local function remove_alarm(alarms, alarm)
  for index, known in ipairs(alarms) do
    if known == alarm then return table.remove(alarms, index) end
  end
end

--- Ends what the task waits for.
function Loop:interrupt(task)
  if task.request then
    self.multi:cancel(task.request)
    self.requests[task.request], task.request = nil, nil
    return self:wake(task, nil, cancelled(true))
  elseif task.alarm then
    remove_alarm(self.alarms, task.alarm)
    task.alarm = nil
  end
  self:wake(task)
end

-- driving ----------------------------------------------------------------------------------------

local function deliver_answers(self)
  for _, finished in ipairs(self.multi:step()) do
    local task = self.requests[finished.id]
    self.requests[finished.id], task.request = nil, nil
    self:wake(task, finished.response, finished.err)
  end
end

local function ring_alarms(self)
  local alarms = self.alarms
  if #alarms == 0 then return end
  local now = sys.monotonic()
  while alarms[#alarms] and alarms[#alarms].at <= now do
    local task = table.remove(alarms).task
    task.alarm = nil
    self:wake(task)
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

--- Moves everything on as far as it goes without waiting.
function Loop:step()
  self.stepping = true
  deliver_answers(self)
  ring_alarms(self)
  run_ready(self)
  self.stepping = false
  if self.alive == 0 then self.settle() end
end

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
function Loop:busy() return self.first <= self.last or next(self.requests) ~= nil or #self.alarms > 0 end

-- Every task waits for another one. Those coroutines never go on, so they count no longer.
local function give_up(self)
  self.alive, self.living = 0, {}
  error("every task waits for another one: none of them can go on", 0)
end

--- Steps, and waits between the steps, until `is_over` says so.
--- @param is_over fun(): boolean
function Loop:drive(is_over)
  while not is_over() do
    self:step()
    if is_over() then return end
    if not self:busy() then give_up(self) end
    self.multi:wait(self:timeout())
  end
end

return loop
