--- The two calls of the Security Token Service that give the keys of a role. It is asked with a form
--- and answers in XML.
local core = require("finspace.core")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")
local xml = require("finspace.formats.xml")

local sts = {}

local VERSION = "2011-06-15"

local function encode_form(fields)
  local parts = {}
  for _, field in ipairs(fields) do
    if field[2] then table.insert(parts, field[1] .. "=" .. core.uri_encode(field[2])) end
  end
  return table.concat(parts, "&")
end

local function unreadable(response, message)
  return nil,
    {
      kind = "protocol",
      code = "InvalidAnswer",
      status = response.status,
      message = "the answer of STS cannot be used: " .. message,
    }
end

local function error_of(response)
  local root = xml.parse(response.body or "")
  local told = root and xml.child(root, "Error")
  return nil, service.fault(response, told and xml.text(told, "Code"), told and xml.text(told, "Message"))
end

-- The result's Credentials, as a table of texts.
local function finish(action)
  return function(response)
    if response.status ~= 200 then return error_of(response) end
    local root, message = xml.parse(response.body or "")
    if not root then return unreadable(response, message) end
    local result = xml.child(root, action .. "Result")
    local found = result and xml.child(result, "Credentials")
    if not found then return unreadable(response, "it has no Credentials") end
    local texts = {}
    for _, child in ipairs(found) do
      texts[child.name] = child.text
    end
    return texts
  end
end

local LONGEST_SECONDS = 43200

local function whole_number(text)
  local number = tonumber(text)
  if not number or number < 1 or number > LONGEST_SECONDS or number % 1 ~= 0 then return nil end
  return ("%d"):format(number)
end

local function check_duration(call)
  if call.duration_seconds == nil then return true end
  call.duration_seconds = whole_number(call.duration_seconds)
  if call.duration_seconds then return true end
  return keys.broken(
    call.source,
    "InvalidDuration",
    call.source .. ": duration_seconds must be a whole number of seconds, 900 to 43200"
  )
end

local function send(context, call, target, region)
  local fields = {
    { "Action", call.action },
    { "Version", VERSION },
    { "RoleArn", call.role_arn },
    { "RoleSessionName", call.role_session_name or ("finspace-lua-%d"):format(math.floor(context.runtime.now())) },
    { "DurationSeconds", call.duration_seconds },
  }
  for _, field in ipairs(call.fields) do
    table.insert(fields, field)
  end
  return context.exchange:send {
    operation = call.action,
    endpoint = target,
    service = "sts",
    region = region,
    request = {
      method = "POST",
      path = "/",
      query = "",
      body = encode_form(fields),
      headers = { ["content-type"] = "application/x-www-form-urlencoded; charset=utf-8" },
      max_body = service.MAX_ANSWER,
    },
    credentials = call.credentials,
    finish = finish(call.action),
    repeatable = call.repeatable ~= false,
  }
end

--- Asks for a role's keys.
--- @param context table
--- @param call table { action =, role_arn =, role_session_name =, duration_seconds =, fields = { { name,
---   value } … } beyond those, credentials = supplier (nil: unsigned), repeatable =, source = }
--- @return finspace.Credentials|nil, finspace.Error|nil
function sts.call(context, call)
  local ok, err = check_duration(call)
  if not ok then return nil, err end
  local target, region
  target, region, err = service.locate(context, "sts")
  if not target then return nil, err end
  local answer
  answer, err = send(context, call, target, region)
  if not answer then return keys.failed(call.source, err, "no keys for " .. call.role_arn) end
  local found, message = service.read_keys(answer, "SessionToken", call.source)
  if found then return found end
  return keys.broken(call.source, "InvalidAnswer", call.action .. " answered without usable keys: " .. message)
end

return sts
