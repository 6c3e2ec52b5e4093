--- Keys that a program prints: credential_process. It runs without a shell, so nothing in its command
--- but quotes means anything, and its time and output are bounded. In nginx, in an editor and in a task it
--- holds nothing else up.
local core = require("finspace.core")
local errors = require("finspace.errors")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")
local sys = require("finspace.sys")
local words = require("finspace.formats.shell_words")

local process = {}

local TIMEOUT = 60

-- Seconds between two looks at a program that runs; they double until they are as long as they may be.
local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.016

--- Splits a command into its arguments by the quoting rules of a POSIX shell, without anything else of it.
--- @param command string
--- @return string[]|nil argv, string|nil message
function process.split(command)
  local argv, message = words.split(command)
  if argv and #argv == 0 then return nil, "it is empty" end
  return argv, message
end

-- Reading what it printed ----------------------------------------------------------------------

-- Its standard error may hold anything, a secret too: that it is there is all we say.
local function about_stderr(text)
  if text == "" then return "; run it by hand to see why" end
  return "; run it by hand to read the " .. #text .. " bytes that it wrote to its standard error"
end

local function how_it_ended(result)
  if result.signal then return "was ended by signal " .. result.signal end
  return "ended with status " .. tostring(result.status)
end

local function refuse(options, code, message)
  local place = options.place and " (" .. options.place .. ")" or ""
  return keys.broken(options.source, code, options.source .. place .. ": credential_process " .. message)
end

local function read_output(output, options)
  local document = core.decode(output)
  if type(document) ~= "table" then
    return refuse(options, "InvalidProcessOutput", "did not print one JSON object on its standard output")
  end
  if document.Version ~= 1 then return refuse(options, "InvalidProcessOutput", 'did not print "Version": 1') end
  local found, message = service.read_keys(document, "SessionToken", options.source)
  if found then return found end
  return refuse(options, "InvalidProcessOutput", "printed no usable keys: " .. message)
end

-- Running it -----------------------------------------------------------------------------------

local function in_coroutine()
  local thread, is_main = coroutine.running()
  return thread ~= nil and not is_main
end

local function await(child, runtime)
  local pause = FIRST_PAUSE
  while true do
    local result, message, code = child:result()
    if code ~= "EAGAIN" then return result, message, code end
    local _, cancelled = runtime.sleep(pause)
    if cancelled then
      child:close()
      return nil, message, code
    end
    pause = math.min(2 * pause, LONGEST_PAUSE)
  end
end

local function nothing() end

-- The program ends with the task that waits for it, also where nginx takes the thread or the request away below it.
local function run_beside(command, runtime)
  local child, message, code = sys.launch(command)
  if not child then return nil, message, code end
  local stop_watching = runtime.watch and runtime.watch(child, nothing, child.close)
  local result
  result, message, code = await(child, runtime)
  if stop_watching then stop_watching() end
  return result, message, code
end

-- Outside of a coroutine nothing could run beside the program: not in those of nginx's phases that cannot
-- wait, nor in a plain script.
local function run_to_its_end(command, runtime)
  if in_coroutine() then return run_beside(command, runtime) end
  return sys.spawn(command)
end

local function gave_up()
  return errors.new {
    kind = "cancelled",
    code = "Cancelled",
    message = "its task was cancelled while a program fetched the keys",
  }
end

local function run(context, argv, options)
  local command = { argv = argv, timeout = options.timeout, max_output = service.MAX_ANSWER }
  local result, message, code = run_to_its_end(command, context.runtime)
  if code == "EAGAIN" then return nil, gave_up() end
  if not result then
    local cure = code == "ENOENT" and "; install the program, or correct its name" or ""
    return refuse(options, "ProcessFailed", "failed: " .. message .. cure)
  end
  if result.status ~= 0 then
    return refuse(options, "ProcessFailed", how_it_ended(result) .. about_stderr(result.stderr))
  end
  return read_output(result.stdout, options)
end

--- @param given table { command = text or a list of arguments, timeout = seconds, source = and place = for
---   messages }
--- @return function provider
function process.new(given)
  local options = {
    source = given.source or "process",
    place = given.place,
    timeout = given.timeout or TIMEOUT,
  }
  return function(context)
    local argv, message = given.command, nil
    if type(argv) == "string" then
      argv, message = process.split(argv)
    end
    if not argv then return refuse(options, "InvalidProcess", "cannot be run: " .. message) end
    return run(context, argv, options)
  end
end

return process
