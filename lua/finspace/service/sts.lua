--- The two calls of STS that the AWS tools make on the way to FinSpace: GetCallerIdentity, and
--- AssumeRole, which gives the keys of the user whose apiAccessPrincipalArn is that role, as far as a session policy lets
--- them. So this service can be the store of another one.

local arns = require("finspace.service.arns")
local fault = require("finspace.service.fault")
local keys = require("finspace.service.auth.keys")
local query = require("finspace.service.query")
local session_policy = require("finspace.service.auth.session_policy")
local xml = require("finspace.service.xml")

local sts = {}

local NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"

local function caller_identity(_, _, caller)
  return { { "Arn", arns.user(caller.user_id) }, { "UserId", caller.user_id }, { "Account", arns.ACCOUNT } }
end

local function duration(form)
  local seconds = tonumber(form.DurationSeconds or 3600)
  if seconds and seconds >= 900 and seconds <= 43200 and seconds % 1 == 0 then return seconds end
  error(fault.new("ValidationError", "DurationSeconds must be 900 to 43200"), 0)
end

local OF_ROLE = [[SELECT * FROM users WHERE principal_arn = ? AND api_access = 'ENABLED' AND status = 'ENABLED'
  ORDER BY seq LIMIT 1]]

local function user_of(state, role)
  if role == arns.OWNER_ROLE then return state.db:row("SELECT * FROM users WHERE id = ?", state.settings.owner) end
  return state.db:row(OF_ROLE, role or "")
    or error(fault.new("AccessDenied", "no enabled user with API access has this apiAccessPrincipalArn", 403), 0)
end

local function check_policy(form)
  if form["PolicyArns.member.1.arn"] then
    error(fault.new("MalformedPolicyDocument", "managed policies are not here: give a Policy", 400), 0)
  end
  if form.Policy == nil then return end
  local policy, problem = session_policy.read(form.Policy)
  if not policy then error(fault.new("MalformedPolicyDocument", "the session policy: " .. problem, 400), 0) end
end

local function assume_role(state, form, caller)
  if caller.type ~= "SUPER_USER" or caller.bucket or caller.policy then
    error(fault.new("AccessDenied", "only a super user may assume another user's role", 403), 0)
  end
  check_policy(form)
  local wanted = { user_id = user_of(state, form.RoleArn).id, seconds = duration(form), policy = form.Policy }
  local of_store = not form.Policy and state.store:keys(wanted) or nil
  local made = state.db:transaction(function() return keys.issue(state.db, wanted, of_store) end)
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
        { "AssumedRoleId", wanted.user_id },
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
  request.operation = action and "sts:" .. form.Action
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
