--- The signature of a changeset's request (386-byte body, 800-byte session token), from Lua and by the C core alone,
--- with each digest implementation that this processor has, beside botocore.
local core = require("finspace.core")
local measure = require("spec.bench.table")
local support = require("spec.support")

local TURNS, COUNT, TIME = 9, 20000, 1790000000
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret", session_token = ("t"):rep(800) }

local request = {
  method = "POST",
  path = "/datasets/dataset1/changesetsv2",
  query = "",
  body = ("b"):rep(386),
  headers = { host = "finspace-api.us-east-1.amazonaws.com", ["content-type"] = "application/json" },
}

local function kept_key(count)
  local signer = core.signer(KEYS, "us-east-1", "finspace-api")
  for _ = 1, count do
    signer:sign(request, TIME)
  end
  signer:close()
end

local function fresh_key(count)
  for _ = 1, count do
    core.signer(KEYS, "us-east-1", "finspace-api"):sign(request, TIME)
  end
end

local function botocore()
  local python = support.python("botocore")
  if not python then return nil end
  local command = ("%s -W ignore %s 3000"):format(python, support.quote(support.root .. "/spec/bench/signing.py"))
  return function() return measure.printed(command) end
end

local program = measure.compile(
  "signing_core",
  ("-I{root}/src {root}/build/obj/sigv4*.o {root}/build/obj/digest*.o {root}/build/obj/uri.o {root}/build/obj/buf.o -lbearssl"):gsub(
    "{root}",
    support.root
  )
)
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
    { name = "from Lua", run = from_lua(kept_key) },
    { name = "from Lua, a new key each time", run = from_lua(fresh_key) },
    { name = "botocore", run = botocore(), why = "python3 has no botocore here" },
  }
end

for _, backend in ipairs { "bearssl", "sha-ni", "armv8" } do
  if pcall(core.digest_backend, backend) then
    measure.show("A signature with " .. backend, "µs", measure.turns(TURNS, rows_with(backend)))
  end
end
core.digest_backend(default)
