--- What the providers share that ask somebody over HTTP for keys: where that is, what an answer means,
--- and how much of it is read.
local config = require("finspace.config")
local core = require("finspace.core")
local endpoint = require("finspace.endpoint")
local keys = require("finspace.credentials.keys")

local service = {}

--- No such answer has more than a few kilobytes.
service.MAX_ANSWER = 64 * 1024

--- @param context table
--- @param name "finspace_data"|"sts"|"sso"|"sso_oidc"
--- @param region string|nil another one than the context's
--- @return finspace.Endpoint|nil, string|nil region, finspace.Error|nil
function service.locate(context, name, region)
  local err
  region = region or context.region
  if not region then
    region, err = config.region(context.runtime, context.config)
  end
  if not region then return nil, nil, err end
  local found
  if context.endpoint then
    found, err = context.endpoint(name, region)
  else
    found, err = endpoint.resolve(context.runtime, context.config, { service = name, region = region })
  end
  return found, region, err
end

--- The fields of an error that an answer stands for.
--- @param response table
--- @param code string|nil
--- @param message string|nil
--- @return table fields
function service.fault(response, code, message)
  local status = response.status
  local fields = core.judge(code, status)
  fields.code = code or ("Http%d"):format(status)
  fields.message = message or ("the answer was HTTP %d without an explanation"):format(status)
  fields.status = status
  fields.request_id = response.headers["x-amzn-requestid"]
  return fields
end

local function short_code(text) return type(text) == "string" and text:match("([^#:]+):?[^#]*$") or nil end

--- The same for an answer in JSON.
--- @param response table
--- @return table fields
function service.json_fault(response)
  local body = core.decode(response.body or "")
  if type(body) ~= "table" then body = {} end
  local code = response.headers["x-amzn-errortype"] or body.__type or body.code or body.error
  local message = body.message or body.Message or body.error_description
  return service.fault(response, short_code(code), type(message) == "string" and message or nil)
end

--- A finish for answers in JSON: the decoded object.
--- @param response table
--- @return table|nil, table|nil fields of an error
function service.finish_json(response)
  if response.status < 200 or response.status > 299 then return nil, service.json_fault(response) end
  local body = core.decode(response.body or "")
  if type(body) == "table" then return body end
  return nil,
    {
      kind = "protocol",
      code = "InvalidAnswer",
      status = response.status,
      message = "the answer is no JSON object",
    }
end

--- Keys out of a document with the names that containers, instances and processes give them.
--- @param document table
--- @param token_name "Token"|"SessionToken"
--- @param source string
--- @return finspace.Credentials|nil, string|nil message
function service.read_keys(document, token_name, source)
  local expires_at = keys.time(document.Expiration)
  if document.Expiration ~= nil and not expires_at then
    return nil, "Expiration is no time like 2026-11-22T17:18:32Z"
  end
  return keys.new {
    access_key_id = document.AccessKeyId,
    secret_access_key = document.SecretAccessKey,
    session_token = document[token_name],
    expires_at = expires_at,
    source = source,
  }
end

return service
