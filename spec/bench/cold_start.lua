--- From nothing to an answer: `finspace whoami` and one listing, beside the AWS CLI.
local measure = require("spec.bench.table")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local server = service.start()

-- Milliseconds that a command takes, the median of some turns; nil where the program is absent.
local function time(program, turns, words)
  if not support.has_program(program) then return nil end
  return measure.median(turns, function()
    local began = sys.monotonic()
    local output, status = support.run(server.shell() .. " " .. program .. " " .. words)
    assert(status == 0, output)
    return (sys.monotonic() - began) * 1000
  end)
end

local ours = support.root .. "/build/bin/finspace"
local absent = "there is no AWS CLI here"
local measured, why = pcall(
  function()
    measure.show("Cold start (less is better)", {
      {
        name = "aws sts get-caller-identity",
        value = time("aws", 5, "sts get-caller-identity"),
        unit = "ms",
        why = absent,
      },
      { name = "finspace whoami", value = time(ours, 21, "whoami"), unit = "ms" },
      {
        name = "aws finspace-data list-datasets",
        value = time("aws", 5, "finspace-data list-datasets"),
        unit = "ms",
        why = absent,
      },
      { name = "finspace ls", value = time(ours, 21, "ls"), unit = "ms" },
    })
  end
)
server.stop()
if not measured then error(why, 0) end
