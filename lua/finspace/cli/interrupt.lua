--- Ctrl-C, in order: what is under way is stopped within a moment, and the command says what is left.
local host = require("finspace.host")
local sys = require("finspace.sys")

local interrupt = {}

local LOOK_EVERY = 0.1 -- seconds

--- Whether somebody has asked us to stop.
--- @return boolean
function interrupt.requested() return sys.interrupted() ~= nil end

-- Stops the work when a signal came. A second signal ends the process at once.
local function watch(work)
  while not work.done do
    if interrupt.requested() then return work:cancel() end
    host.sleep(LOOK_EVERY)
  end
end

--- Runs work that may be interrupted, with many calls at once.
--- @param work fun(): integer|nil  gives the exit status
--- @return integer|nil status
function interrupt.guard(work)
  sys.catch_interrupts()
  return host.run(function()
    local task = host.spawn(work)
    local watcher = host.spawn(watch, task)
    local status, err = task:wait()
    watcher:cancel()
    if err then error(err.traceback or tostring(err), 0) end
    return status
  end)
end

return interrupt
