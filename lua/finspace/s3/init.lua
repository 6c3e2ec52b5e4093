--- S3, as far as staging data needs it: `fs.s3`, one method an operation, over the same signed and retried
--- exchange as everything else; and whole files, in parts and in parallel.
---
--- Keys are bytes. They arrive as they are given: `/` stays, every other byte that is not unreserved is
--- percent-encoded, and dot segments and double slashes are never tidied away.
---
--- This is the folder's only door.
local buckets = require("finspace.s3.buckets")
local download = require("finspace.s3.download")
local multipart = require("finspace.s3.multipart")
local objects = require("finspace.s3.objects")
local upload = require("finspace.s3.upload")

local s3 = {}

--- @class finspace.S3
--- @field exchange table     sends, signs, retries
--- @field endpoint function  () → endpoint | nil, err
--- @field region function    () → region | nil, err
--- @field credentials function  (refused) → credentials | nil, err
--- @field runtime finspace.Runtime
--- @field regions table<string, string>  what S3 told of buckets elsewhere
local S3 = { SINGLE = upload.SINGLE, IN_FLIGHT = upload.IN_FLIGHT }
S3.__index = S3

for _, operations in ipairs { objects, multipart, buckets } do
  for name, operation in pairs(operations) do
    S3[name] = operation
  end
end

S3.upload_file = upload.file
S3.download_file = download.file
S3.abort_uploads = upload.sweep

--- @param parts { exchange: table, endpoint: function, region: function, credentials: function, runtime: table }
--- @return finspace.S3
function s3.new(parts)
  return setmetatable({
    exchange = parts.exchange,
    endpoint = parts.endpoint,
    region = parts.region,
    credentials = parts.credentials,
    runtime = parts.runtime,
    regions = {},
  }, S3)
end

return s3
