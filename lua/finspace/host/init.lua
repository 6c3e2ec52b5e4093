--- Where we run, and what that place gives: a transport, the time, a sleep, randomness, settings.
---
--- A client takes all of it from one table, the runtime, so that a host (or a spec) can put its own in.
--- Nothing is opened here: a transport is loaded with the first request that goes through it.
---
--- This is the folder's only door: tasks, too, are reached through it.
local detect = require("finspace.host.detect")
local scheduler = require("finspace.host.scheduler")
local sys = require("finspace.sys")
local transport = require("finspace.host.transport")

local host = {
  detect = detect.name,
  run = scheduler.run,
  spawn = scheduler.spawn,
  gather = scheduler.gather,
  sleep = scheduler.sleep,
  loop = scheduler.loop,
  attach = scheduler.attach,
}

--- Works through many items, several at a time: see finspace.host.parallel, which the first use loads.
--- @param plan finspace.Parallel
--- @return true|nil, finspace.Error|nil err  the first failure
function host.each(plan) return require("finspace.host.parallel").each(plan) end

--- @class finspace.Runtime
--- @field name "plain"|"nginx"|"neovim"
--- @field transport finspace.Transport
--- @field close fun()                 closes the transport's connections
--- @field sleep fun(seconds: number)
--- @field now fun(): number           epoch seconds
--- @field monotonic fun(): number     seconds from some moment, never set back
--- @field random fun(): number        in [0, 1)
--- @field uuid fun(): string
--- @field getenv fun(name: string): string|nil
--- @field logger? fun(event: table)
--- @field watch? fun(subject: any, show_life: fun(any), ended: fun(any)): fun()  calls show_life with the subject for
---   as long as the running coroutine lives, or ended when it or its request has ended, until what it returns is called;
---   only where has_ended cannot tell
--- @field has_ended? fun(thread: thread): boolean  whether a coroutine will never go on
--- @field background? fun(work: fun())  does the work beside the call, where the host can

-- In a task, a call lets the other tasks run while it waits.
local function task_transport(name, options)
  local perform, close = transport.open(name, options)
  if name == "plain" then return scheduler.transport(options, perform), close end
  return scheduler.cancellable(perform), close
end

-- Lua's own generator starts with the same seed in every process on Lua 5.1, and with it every
-- machine of a fleet would try again at the same moment.
local function random()
  local a, b, c, d = sys.random_bytes(4):byte(1, 4)
  return (((a * 256 + b) * 256 + c) * 256 + d) / 4294967296
end

-- Work beside the call that asked for it: nginx has timers for that, when it is not short of them.
local backgrounds = {
  nginx = function(work)
    if not require("finspace.host.nginx").begin_timer(work) then work() end
  end,
}

-- Whether another request's coroutine has ended cannot be asked in nginx: it has to be watched.
local watches = {
  nginx = function(...) return require("finspace.host.nginx").watch(...) end,
}

--- nginx keeps its environment from its workers: what to write into its configuration, when a variable that
--- was looked for is not there. Elsewhere, nothing.
--- @param runtime finspace.Runtime
--- @param ... string the variables' names
--- @return string
function host.hidden_environment(runtime, ...)
  if runtime.name ~= "nginx" then return "" end
  return (
    "; nginx hides environment variables from its workers: name those that it shall pass on at the top of"
    .. " its configuration, like `env %s;`"
  ):format(table.concat({ ... }, "; env "))
end

--- The runtime of this host. What `overrides` names takes the place of the host's own.
--- @param overrides? table         any of the runtime's fields
--- @param transport_options? table what the host's transport is opened with
--- @return finspace.Runtime
function host.runtime(overrides, transport_options)
  overrides = overrides or {}
  local name = overrides.name or detect.name()
  local perform, close = task_transport(name, transport_options or {})
  return {
    name = name,
    transport = overrides.transport or perform,
    close = overrides.close or close,
    sleep = overrides.sleep or scheduler.sleep,
    now = overrides.now or sys.now,
    monotonic = overrides.monotonic or sys.monotonic,
    random = overrides.random or random,
    uuid = overrides.uuid or sys.uuid,
    getenv = overrides.getenv or os.getenv,
    logger = overrides.logger,
    watch = overrides.watch or watches[name],
    has_ended = overrides.has_ended or scheduler.has_ended,
    background = overrides.background or backgrounds[name],
  }
end

return host
