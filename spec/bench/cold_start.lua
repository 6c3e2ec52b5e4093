--- From nothing to an answer: the command line as `make install` leaves it, beside curl and the AWS CLI.
local measure = require("spec.bench.table")
local service = require("spec.support.service")
local support = require("spec.support")

local TURNS, RUNS = 5, 10

-- Milliseconds that a command takes; no row where its program is absent.
local function runs(environment, program, words, count)
  if not support.has_program(program) then return nil end
  return function() return measure.program(count or RUNS, program .. " " .. words, environment) end
end

local server, prefix = service.start(), support.temporary_folder()
local measured, why = pcall(function()
  local settings, absent = "-u LUA_PATH -u LUA_CPATH " .. server.shell():gsub("^env ", ""), "there is no AWS CLI here"
  local finspace = measure.install(prefix)
  local function ours(words)
    return function() return measure.program(RUNS, finspace .. " " .. words, settings) end
  end
  local version = measure.turns(TURNS, {
    { name = "lua5.4 -e ''", run = runs("", "lua5.4", "-e ''") },
    { name = "finspace version", run = ours("version") },
  })
  measure.show("Nothing done", "ms", version)
  local curl =
    { name = "curl, the same list, unsigned", run = runs("", "curl", "-s " .. server.endpoint .. "/datasetsv2") }
  local list = measure.turns(TURNS, {
    curl,
    { name = "finspace ls", run = ours("ls") },
    { name = "finspace whoami", run = ours("whoami") },
    {
      name = "aws finspace-data list-datasets",
      run = runs(settings, "aws", "finspace-data list-datasets", 1),
      why = absent,
    },
    { name = "aws sts get-caller-identity", run = runs(settings, "aws", "sts get-caller-identity", 1), why = absent },
  })
  measure.show("From nothing to an answer", "ms", list, curl)
end)
server.stop()
support.remove_folder(prefix)
if not measured then error(why, 0) end
