--- The signature of a changeset's request (386-byte body, 800-byte session token), from Lua and by the C core alone,
--- with each digest implementation that this processor has, beside botocore.
local core = require("finspace.core")
local measure = require("spec.bench.table")
local signature = require("spec.bench.signature")
local support = require("spec.support")

local TURNS, COUNT = 9, 20000

local function botocore()
  local python = support.python("botocore")
  if not python then return nil end
  local command = ("%s -W ignore %s 3000"):format(python, support.quote(support.root .. "/spec/bench/signing.py"))
  return function() return measure.printed(command) end
end

local program = signature.compile_core()
local default = core.digest_backend()

local function rows_with(backend)
  local function from_lua(body)
    return function()
      core.digest_backend(backend)
      return measure.turn(1e6, COUNT, body)
    end
  end
  local command = ("%s %d %s"):format(program, COUNT, backend)
  return {
    { name = "the C core alone", run = function() return measure.printed(command) end },
    { name = "from Lua", run = from_lua(signature.kept_key) },
    { name = "from Lua, a new key each time", run = from_lua(signature.fresh_key) },
    { name = "botocore", run = botocore(), why = "python3 has no botocore here" },
  }
end

for _, backend in ipairs { "bearssl", "sha-ni", "armv8" } do
  if pcall(core.digest_backend, backend) then
    measure.show("A signature with " .. backend, "µs", measure.turns(TURNS, rows_with(backend)))
  end
end
core.digest_backend(default)
