--- The session policies that AssumeRole is given: keys for exactly one prefix of a bucket. Their JSON has no blanks, because
--- not every store decodes `+` in a form (radosgw 16 does not), and its members have one order.

local cjson = require("cjson.safe")

local policy = {}

local READ = { "s3:GetObject" }
local WRITE = {
  "s3:GetObject",
  "s3:PutObject",
  "s3:DeleteObject",
  "s3:AbortMultipartUpload",
  "s3:ListMultipartUploadParts",
}

local DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%s,"Resource":%s},'
  .. '{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":%s,"Condition":{"StringLike":{"s3:prefix":[%s]}}}]}'

local function text(value) return (cjson.encode(value):gsub("\\/", "/")) end

--- @param bucket string
--- @param prefix string that the keys shall open, and nothing beside it
--- @param is_read_only boolean
--- @return string json
function policy.of(bucket, prefix, is_read_only)
  local name = "arn:aws:s3:::" .. bucket
  return DOCUMENT:format(
    text(is_read_only and READ or WRITE),
    text(name .. "/" .. prefix .. "*"),
    text(name),
    text(prefix .. "*")
  )
end

return policy
