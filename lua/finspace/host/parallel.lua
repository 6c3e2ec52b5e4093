--- The same work for many items, several of them at a time, in whatever host this is.
local errors = require("finspace.errors")
local scheduler = require("finspace.host.scheduler")

local parallel = {}

--- @class finspace.Parallel
--- @field limit integer                         items worked on at a time
--- @field items fun(): any|nil                  the next item; nil after the last
--- @field work fun(item: any): any|nil, finspace.Error|nil
--- @field cancel? fun(): boolean                asked before each item

local function interrupted()
  return errors.new {
    kind = "cancelled",
    code = "Interrupted",
    outcome = "unknown",
    message = "stopped on request",
  }
end

-- Takes items until there are none, or until somebody has failed.
local function worker(plan, shared)
  return function()
    while not shared.err do
      if plan.cancel and plan.cancel() then
        shared.err = interrupted()
        return
      end
      local item = plan.items()
      if item == nil then return end
      local done, err = plan.work(item)
      if not done then shared.err = shared.err or err end
    end
  end
end

-- What a worker raises is our own mistake: it goes on up.
local function first_of(errs)
  local _, err = next(errs or {})
  if err and err.code == "TaskFailed" then error(err.traceback or err.message, 0) end
  return err
end

--- Works through all items. After a failure no further item is begun; those under way are ended.
--- @param plan finspace.Parallel
--- @return true|nil, finspace.Error|nil err  the first failure
function parallel.each(plan)
  local shared = {}
  if plan.limit == 1 then
    worker(plan, shared)()
  else
    local workers = { limit = plan.limit }
    for number = 1, plan.limit do
      workers[number] = worker(plan, shared)
    end
    local _, errs = scheduler.gather(workers)
    shared.err = first_of(errs) or shared.err
  end
  if shared.err then return nil, shared.err end
  return true
end

return parallel
