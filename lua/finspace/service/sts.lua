--- The two calls of STS that the AWS tools make on the way to FinSpace: GetCallerIdentity, and
--- AssumeRole, which gives the keys of the user whose apiAccessPrincipalArn is that role.

local arns = require("finspace.service.arns")
local fault = require("finspace.service.fault")
local keys = require("finspace.service.keys")
local query = require("finspace.service.query")
local xml = require("finspace.service.xml")

local sts = {}

local NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

local function caller_identity(_, _, caller)
  return { { "Arn", arns.user(caller.user_id) }, { "UserId", caller.user_id }, { "Account", arns.ACCOUNT } }
end

local function duration(form)
  local seconds = tonumber(form.DurationSeconds or 3600)
  if seconds and seconds >= 900 and seconds <= 43200 then return seconds end
  error(fault.new("ValidationError", "DurationSeconds must be 900 to 43200"), 0)
end

local function assume_role(state, form, caller)
  if caller.type ~= "SUPER_USER" or caller.bucket then
    error(fault.new("AccessDenied", "only a super user may assume another user's role", 403), 0)
  end
  local user = state.db:row(
    [[SELECT * FROM users WHERE principal_arn = ? AND api_access = 'ENABLED'
    AND status = 'ENABLED' ORDER BY seq LIMIT 1]],
    form.RoleArn or ""
  )
  if not user then
    error(fault.new("AccessDenied", "no enabled user with API access has this apiAccessPrincipalArn", 403), 0)
  end
  local seconds = duration(form)
  local made = state.db:transaction(
    function() return keys.issue(state.db, { user_id = user.id, seconds = seconds }) end
  )
  return {
    {
      "Credentials",
      {
        { "AccessKeyId", made.access_key_id },
        { "SecretAccessKey", made.secret_access_key },
        { "SessionToken", made.session_token },
        { "Expiration", xml.time(made.expires_seconds * 1000) },
      },
    },
    {
      "AssumedRoleUser",
      {
        { "Arn", form.RoleArn .. "/" .. (form.RoleSessionName or "session") },
        { "AssumedRoleId", user.id },
      },
    },
  }
end

local ACTIONS = { GetCallerIdentity = caller_identity, AssumeRole = assume_role }

--- @param state table
--- @param request table
--- @param body string
--- @param caller table
--- @return string document
function sts.answer(state, request, body, caller)
  local text = request.method == "POST" and body or request.query
  local form = query.parse((text:gsub("%+", " ")))
  local action = ACTIONS[form.Action]
  if not action then fault.raise("InvalidAction", "STS here knows GetCallerIdentity and AssumeRole") end
  return xml.document(form.Action .. "Response", NAMESPACE, {
    { form.Action .. "Result", action(state, form, caller) },
    { "ResponseMetadata", { { "RequestId", request.id } } },
  })
end

--- @param request_id string
--- @param problem table
--- @return string document
function sts.refusal(request_id, problem)
  return xml.document("ErrorResponse", NAMESPACE, {
    {
      "Error",
      {
        { "Type", problem.status < 500 and "Sender" or "Receiver" },
        { "Code", problem.code },
        { "Message", problem.message },
      },
    },
    { "RequestId", request_id },
  })
end

return sts
