--- The signature that is measured: of a changeset's request (386-byte body, 800-byte session token).
local core = require("finspace.core")

local signature = {}

local TIME = 1790000000
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret", session_token = ("t"):rep(800) }

local request = {
  method = "POST",
  path = "/datasets/dataset1/changesetsv2",
  query = "",
  body = ("b"):rep(386),
  headers = { host = "finspace-api.us-east-1.amazonaws.com", ["content-type"] = "application/json" },
}

--- Signs by one signer, which keeps the day's key.
--- @param count integer
function signature.kept_key(count)
  local signer = core.signer(KEYS, "us-east-1", "finspace-api")
  for _ = 1, count do
    signer:sign(request, TIME)
  end
  signer:close()
end

--- Signs by a new signer each time.
--- @param count integer
function signature.fresh_key(count)
  for _ = 1, count do
    core.signer(KEYS, "us-east-1", "finspace-api"):sign(request, TIME)
  end
end

--- Compiles what makes the same signature without Lua.
--- @return string path of the program
function signature.compile_core()
  local measure, support = require("spec.bench.table"), require("spec.support")
  local objects = "{root}/build/obj/sigv4*.o {root}/build/obj/digest*.o {root}/build/obj/uri.o {root}/build/obj/buf.o"
  return measure.compile("signing_core", (("-I{root}/src " .. objects .. " -lbearssl"):gsub("{root}", support.root)))
end

return signature
