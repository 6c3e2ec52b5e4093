-- What memory_spec runs with memory failing at every point: each public call of the core, once. It
-- prints what they gave, so that a call that swallows a failure must still have given the same.
local core = require("finspace.core")

local keys = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret", session_token = ("t"):rep(300) }
local request = core.prepare("CreateChangeset", {
  datasetId = "dataset1",
  changeType = "APPEND",
  sourceParams = { s3SourcePath = "s3://bucket/key", sourceType = "S3" },
  formatParams = { formatType = "CSV", withHeader = "true" },
}, "token-1")
request.headers.host = "finspace-api.us-east-1.amazonaws.com"

local signer = core.signer(keys, "us-east-1", "finspace-api")
print(request.body, assert(signer:sign(request, 1637000000)).headers.authorization)
print(assert(signer:presign(request, 1637000000, 900)))
signer:close()
print(assert(core.sign {
  method = "GET",
  path = "/a b/../c",
  query = "b=2&a=1",
  headers = { { "Host", "example.com" } },
  body = "",
  credentials = keys,
  region = "us-east-1",
  service = "service",
  time = 1637000000,
  stages = true,
}).signature)

local _, faults = core.prepare("CreateDataset", { kind = "X", alias = "x", [1] = 2 })
print(faults[1].message, #faults)
core.finish("GetChangeset", "2021-12", { status = 404, headers = { ["x-amzn-errortype"] = "X:y" }, body = "" })
print(core.json_encode("ListChangesets", "2021-12", { changesets = { { changesetId = "c", sourceParams = {} } } }))
core.sha256("abc")
core.hmac_sha256("key", "text")
local stream = core.sha256_stream()
stream:update("abc")
stream:hex()
stream:close()
print(core.uri_decode(core.uri_encode("a/b c")))
core.operation("GetWorkingLocation")
