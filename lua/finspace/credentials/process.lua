--- Keys that a program prints: credential_process. It runs without a shell, so nothing in its command
--- but quotes means anything, and its time and output are bounded.
local core = require("finspace.core")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")

local process = {}

local TIMEOUT = 60

-- Splitting a command --------------------------------------------------------------------------

--- Reads one piece of a word at `at`: the text it stands for and where the next piece begins.
local function read_piece(command, at)
  local first = command:sub(at, at)
  if first == "'" then
    local text, stop = command:match("^'([^']*)'()", at)
    return text, stop
  elseif first == '"' then
    local stop = at + 1
    while command:find('^[^"]', stop) do stop = stop + (command:sub(stop, stop) == "\\" and 2 or 1) end
    if command:sub(stop, stop) ~= '"' then return nil end
    return command:sub(at + 1, stop - 1):gsub('\\(["\\])', "%1"), stop + 1
  elseif first == "\\" then
    local text = command:sub(at + 1, at + 1)
    return text ~= "" and text or nil, at + 2
  end
  return command:match("^([^%s'\"\\]+)()", at)
end

--- Splits a command into its arguments by the quoting rules of a POSIX shell, without anything else of it.
--- @param command string
--- @return string[]|nil argv, string|nil message
function process.split(command)
  local argv, word, at = {}, nil, 1
  while at <= #command do
    if command:find("^%s", at) then
      table.insert(argv, word and table.concat(word))
      word, at = nil, command:match("^%s+()", at)
    else
      local text, stop = read_piece(command, at)
      if not text then return nil, "a quote or a backslash at its end has no partner" end
      word, at = word or {}, stop
      table.insert(word, text)
    end
  end
  table.insert(argv, word and table.concat(word))
  if #argv == 0 then return nil, "it is empty" end
  return argv
end

-- Reading what it printed ----------------------------------------------------------------------

--- Its standard error may hold anything, a secret too: that it is there is all we say.
local function about_stderr(text)
  if text == "" then return "; run it by hand to see why" end
  return "; run it by hand to read the " .. #text .. " bytes that it wrote to its standard error"
end

local function how_it_ended(result)
  if result.signal then return "was ended by signal " .. result.signal end
  return "ended with status " .. tostring(result.status)
end

local function read_output(output, program, source)
  local function refuse(code, message)
    return keys.broken(source, code, source .. ": " .. program .. " " .. message)
  end
  local document = core.decode(output)
  if type(document) ~= "table" then
    return refuse("InvalidProcessOutput", "did not print one JSON object on its standard output")
  end
  if document.Version ~= 1 then return refuse("InvalidProcessOutput", "did not print \"Version\": 1") end
  local found, message = service.read_keys(document, "SessionToken", source)
  if found then return found end
  return refuse("InvalidProcessOutput", "printed no usable keys: " .. message)
end

local function run(context, argv, source, timeout)
  local spawn = context.runtime.spawn or require("finspace.sys").spawn
  local result, message = spawn { argv = argv, timeout = timeout, max_output = service.MAX_ANSWER }
  if not result then
    return keys.broken(source, "ProcessFailed", source .. ": credential_process failed: " .. message)
  end
  if result.status ~= 0 then
    return keys.broken(source, "ProcessFailed", source .. ": " .. argv[1] .. " " .. how_it_ended(result)
      .. about_stderr(result.stderr))
  end
  return read_output(result.stdout, argv[1], source)
end

--- @param options table { command = text or a list of arguments, timeout = seconds, source = }
--- @return function provider
function process.new(options)
  local source = options.source or "process"
  return function(context)
    local argv, message = options.command, nil
    if type(argv) == "string" then argv, message = process.split(argv) end
    if not argv then
      return keys.broken(source, "InvalidProcess", source .. ": credential_process cannot be run: " .. message)
    end
    return run(context, argv, source, options.timeout or TIMEOUT)
  end
end

return process
