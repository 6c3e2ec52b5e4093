--- What S3 says went wrong, as the fields of an err.
local core = require("finspace.core")
local xml = require("finspace.formats.xml")

local s3_errors = {}

-- What an answer without a body (to HEAD, above all) means by its status alone.
local CODE_BY_STATUS = {
  [301] = "PermanentRedirect",
  [307] = "TemporaryRedirect",
  [400] = "BadRequest",
  [403] = "AccessDenied",
  [404] = "NotFound",
  [405] = "MethodNotAllowed",
  [412] = "PreconditionFailed",
  [416] = "InvalidRange",
  [503] = "ServiceUnavailable",
}
-- What radosgw, above all, leaves unsaid.
local MESSAGE_BY_CODE = {
  SignatureDoesNotMatch = "the secret access key does not belong to the access key ID",
  InvalidAccessKeyId = "S3 does not know the access key ID",
  NoSuchBucket = "there is no such bucket",
  NoSuchKey = "there is no object under this key",
  NotFound = "there is no such object, or no such bucket",
}
local MAX_ERROR_BYTES = 64 * 1024

local function error_document(body)
  if not body or body == "" or #body > MAX_ERROR_BYTES then return nil end
  local root = xml.parse((body:gsub("^%s+", "")))
  return root and root.name == "Error" and root or nil
end

local function error_message(document, code)
  local message = document and xml.text(document, "Message") or ""
  return message ~= "" and message or MESSAGE_BY_CODE[code]
end

--- What S3 says went wrong, as the fields of an err.
--- @param response table
--- @return table fields
function s3_errors.fields(response)
  local document = error_document(response.body)
  local code = document and xml.text(document, "Code") or CODE_BY_STATUS[response.status] or "HTTP" .. response.status
  local fields = core.judge(code, response.status)
  fields.code = code
  fields.status = response.status
  fields.message = error_message(document, code)
  fields.request_id = response.headers["x-amz-request-id"] or (document and xml.text(document, "RequestId"))
  fields.region = response.headers["x-amz-bucket-region"] or (document and xml.text(document, "Region"))
  return fields
end

local function escape(char) return ("\\x%02x"):format(char:byte()) end

--- Says what was asked for, in the message and in fields of its own.
--- @param fields table
--- @param bucket string
--- @param key? string
function s3_errors.name_place(fields, bucket, key)
  local place = ("s3://%s/%s"):format(bucket, key or ""):gsub("%c", escape)
  fields.bucket, fields.key = bucket, key
  fields.message = fields.message and place .. ": " .. fields.message or place
end

return s3_errors
