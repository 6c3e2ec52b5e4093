--- A helper for busted (`--helper`): writes down whatever the code under test says while specs run, so
--- that somebody can look for secrets in it. Said is: every error with all of its fields, every event of a
--- logger, every credential and every cache as text, and every error that is thrown.
---
--- The place is the file that FINSPACE_SAID names, one text after the other with a NUL between.
local errors = require("finspace.errors")
local cached = require("finspace.credentials.cached")
local exchange = require("finspace.call.exchange")
local keys = require("finspace.credentials.keys")
local machine = require("spec.support.machine")

local texts = {}

local function say(text) table.insert(texts, errors.text_of(text)) end

--- All texts and numbers in a value.
local function say_deep(value, visited)
  if type(value) ~= "table" then return say(value) end
  if visited[value] then return end
  visited[value] = true
  for key, element in pairs(value) do
    say_deep(key, visited)
    say_deep(element, visited)
  end
end

local made = {}

local function follow(module, name)
  local original = module[name]
  module[name] = function(...)
    local result, message = original(...)
    table.insert(made, result)
    if message then say(message) end
    return result, message
  end
end

follow(keys, "new")
follow(cached, "new")
follow(exchange, "new")

-- Every attempt of every call is logged here, whether or not the spec wanted a log.
local new_exchange = exchange.new
exchange.new = function(runtime, options)
  local chosen = {}
  for name, value in pairs(options or {}) do
    chosen[name] = value
  end
  chosen.logger = function(event)
    say_deep(event, {})
    if options and options.logger then options.logger(event) end
  end
  return new_exchange(runtime, chosen)
end

local new_error = errors.new
errors.new = function(fields)
  local err = new_error(fields)
  say(err)
  table.insert(made, err)
  return err
end

local new_machine = machine.new
machine.new = function(given)
  local runtime = new_machine(given)
  local log = runtime.logger
  runtime.logger = function(event)
    say_deep(event, {})
    log(event)
  end
  return runtime
end

local raise, check = error, assert

function _G.error(message, level)
  say(message)
  level = level or 1
  raise(message, level > 0 and level + 1 or 0)
end

function _G.assert(...)
  if not ... then say((select(2, ...))) end
  return check(...)
end

local busted = require("busted")
busted.subscribe({ "exit" }, function()
  for _, value in ipairs(made) do
    say(value)
    if errors.is(value) then say_deep(value, {}) end
  end
  local file = io.open(os.getenv("FINSPACE_SAID"), "wb")
  file:write(table.concat(texts, "\0"))
  file:close()
end)
