--- Signatures a second: a changeset's request (386-byte body, 800-byte session token), with each digest
--- implementation that this processor has, beside botocore.
local core = require("finspace.core")
local measure = require("spec.bench.table")
local support = require("spec.support")

local TURNS, COUNT, TIME = 9, 20000, 1790000000
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret", session_token = ("t"):rep(800) }

local function new_request()
  return {
    method = "POST",
    path = "/datasets/dataset1/changesetsv2",
    query = "",
    body = ("b"):rep(386),
    headers = { host = "finspace-api.us-east-1.amazonaws.com", ["content-type"] = "application/json" },
  }
end

--- Signatures a second, by processor time: other work on the machine does not count.
local function rate(run)
  return measure.median(TURNS, function()
    local start = os.clock()
    run(COUNT)
    return COUNT / (os.clock() - start)
  end)
end

local function kept_key(count)
  local signer, request = core.signer(KEYS, "us-east-1", "finspace-api"), new_request()
  for _ = 1, count do
    signer:sign(request, TIME)
  end
  signer:close()
end

local function fresh_key(count)
  local request = new_request()
  for _ = 1, count do
    core.signer(KEYS, "us-east-1", "finspace-api"):sign(request, TIME)
  end
end

local function botocore()
  local python = support.python("botocore")
  if not python then return nil end
  local program = support.quote(support.root .. "/spec/bench/signing.py")
  return measure.median(
    3,
    function() return 1e6 / tonumber((support.run(python .. " -W ignore " .. program .. " 3000"))) end
  )
end

local default = core.digest_backend()
local rows = { { name = "botocore", value = botocore(), unit = "a second", why = "python3 has no botocore here" } }
for _, backend in ipairs { "bearssl", "sha-ni", "armv8" } do
  if pcall(core.digest_backend, backend) then
    table.insert(rows, { name = "finspace with " .. backend, value = rate(kept_key), unit = "a second" })
    table.insert(rows, { name = "  the same, a new key each time", value = rate(fresh_key), unit = "a second" })
  end
end
core.digest_backend(default)
if not rows[1].value then table.insert(rows, table.remove(rows, 1)) end
measure.show("Signatures (386-byte body, 800-byte session token, one core)", rows)
