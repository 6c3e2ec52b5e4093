--- One waiter for everything that takes time: looks at once, then in a growing interval with jitter,
--- until a final state, the deadline, or the caller's wish.
local errors = require("finspace.errors")
local options = require("finspace.options")

local poller = {}

--- @class finspace.Waiter  what is waited for, as data
--- @field subject string   "changeset"; also the field of the err that carries the last one seen
--- @field operation string for errors
--- @field success table<string, boolean>
--- @field failure table<string, boolean>

--- What every wait takes.
poller.OPTIONS = options.declare {
  class = "finspace.WaitOptions",
  { "timeout", "seconds", "in all", default = 3600 },
  { "min_interval", "seconds", "before the second look", default = 0.1 },
  { "max_interval", "seconds", "between later looks", default = 15 },
  { "on_status", "fun(status: string, item: table)", "called when the status is another one" },
  { "cancel", "fun(): boolean", "asked before each look: true ends the wait" },
}

local GROWTH = 1.5

-- Failures in a row that a wait outlives, each of them after the exchange's own retries. Throttling
-- does not count: it says that the service lives.
local PATIENCE = 5

--- The pause before look `number` + 1: grows from `min` to `max`, and lies between half of what it
--- has grown to and the whole of it, so that many waiters do not march in step.
--- @param number integer looks so far
--- @param random number in [0, 1)
--- @return number seconds
function poller.interval(number, random, min, max)
  local grown = math.min(max, min * GROWTH ^ number)
  return math.max(min, grown * (0.5 + random / 2))
end

local function final_error(waiter, state, fields)
  fields.operation = waiter.operation
  fields[waiter.subject] = state.item
  return errors.new(fields)
end

local function failed(waiter, state)
  local info = state.item.errorInfo or {}
  return final_error(waiter, state, {
    kind = "service",
    code = info.errorCategory or state.status,
    message = ("the %s ended as %s%s"):format(
      waiter.subject,
      state.status,
      info.errorMessage and ": " .. info.errorMessage or ", and the service did not say why"
    ),
    errorInfo = state.item.errorInfo,
  })
end

local function timed_out(waiter, state, timeout)
  local where = state.status and "is still " .. state.status or "was not seen"
  local trouble = state.last_error
  local last = trouble and (" (the last look failed: %s)"):format(trouble.code) or ""
  return final_error(waiter, state, {
    kind = "timeout",
    code = "WaitTimeout",
    retryable = true,
    last_error = state.last_error,
    message = ("the %s %s after %g s%s; wait again, or give a longer timeout"):format(
      waiter.subject,
      where,
      timeout,
      last
    ),
  })
end

local function cancelled(waiter, state)
  return final_error(waiter, state, {
    kind = "cancelled",
    code = "Cancelled",
    message = ("the wait was cancelled; the %s goes on without it"):format(waiter.subject),
  })
end

-- Takes in what a look has seen. Returns true when it is over: with the item, or with an err.
local function take_in(waiter, state, item, on_status)
  state.item, state.failures, state.last_error = item, 0, nil
  local status = item.status or "SUCCESS" -- what has no status takes no time
  if status ~= state.status then
    state.status = status
    if on_status then on_status(status, item) end
  end
  if waiter.success[status] then return true, item end
  if waiter.failure[status] then return true, nil, failed(waiter, state) end
  return false
end

-- Whether a look that failed ends the wait.
local function gives_up(state, err)
  state.last_error = err
  if err.kind == "throttle" then return false end
  state.failures = state.failures + 1
  return not err.retryable or state.failures >= PATIENCE
end

--- Waits.
--- @param runtime finspace.Runtime
--- @param waiter finspace.Waiter
--- @param look fun(seconds_left: number): table|nil, finspace.Error|nil
--- @param given finspace.WaitOptions
--- @return table|nil item, finspace.Error|nil err
function poller.wait(runtime, waiter, look, given)
  given = poller.OPTIONS:filled(given)
  local timeout, min = given.timeout, given.min_interval
  local max = math.max(min, given.max_interval)
  local deadline = runtime.monotonic() + timeout
  local state = { failures = 0 }
  for number = 1, math.huge do
    if given.cancel and given.cancel() then return nil, cancelled(waiter, state) end
    local left = deadline - runtime.monotonic()
    if number > 1 and left <= 0 then return nil, timed_out(waiter, state, timeout) end
    local item, err = look(math.max(left, 0.001))
    if item then
      local over, result, failure = take_in(waiter, state, item, given.on_status)
      if over then return result, failure end
    elseif gives_up(state, err) then
      err[waiter.subject] = state.item
      return nil, err
    end
    left = deadline - runtime.monotonic()
    if left <= 0 then return nil, timed_out(waiter, state, timeout) end
    runtime.sleep(math.min(left, poller.interval(number, runtime.random(), min, max)))
  end
end

return poller
