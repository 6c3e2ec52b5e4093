--- Credentials of a profile in the shared files. What to do is planned first (a pure function of the
--- files), then done: keys to start from, and the roles to assume with them, one after the other.
local config = require("finspace.config")
local keys = require("finspace.credentials.keys")

local profile = {}

local function has_static(settings) return settings.aws_access_key_id ~= nil or settings.aws_secret_access_key ~= nil end

local function assumes_role(settings) return settings.role_arn ~= nil and settings.web_identity_token_file == nil end

-- The settings that hold a text; what is empty or nested is none of ours.
local function texts_of(settings)
  local texts = {}
  for key, value in pairs(settings) do
    if type(value) == "string" and value ~= "" then texts[key] = value end
  end
  return texts
end

-- A profile's name as a word of a command.
local function quoted(name) return name:find("^[%w_%-/.@:+]+$") and name or "'" .. name .. "'" end

local function source_of(name) return "profile " .. name end

-- Every fault of a profile names the setting's place in the files.
local function broken(loaded, name, key, code, message)
  local place = config.place(loaded, "profiles", name, key)
  return keys.broken(source_of(name), code, "profile " .. name .. " (" .. place .. ") " .. message)
end

-- Planning: where the keys come from -----------------------------------------------------------

local function plan_static(loaded, name, settings)
  local id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
  if not secret then
    return broken(
      loaded,
      name,
      "aws_access_key_id",
      "IncompleteCredentials",
      "has aws_access_key_id but no aws_secret_access_key; add it beside the other"
    )
  end
  if not id then
    return broken(
      loaded,
      name,
      "aws_secret_access_key",
      "IncompleteCredentials",
      "has aws_secret_access_key but no aws_access_key_id; add it beside the other"
    )
  end
  return {
    kind = "static",
    profile = name,
    access_key_id = id,
    secret_access_key = secret,
    session_token = settings.aws_security_token or settings.aws_session_token, -- in boto3's order
    account_id = settings.aws_account_id,
  }
end

local function plan_web_identity(loaded, name, settings)
  if not settings.role_arn then
    return broken(
      loaded,
      name,
      "web_identity_token_file",
      "IncompleteCredentials",
      "has web_identity_token_file but no role_arn; add the role that the token is for"
    )
  end
  return {
    kind = "web_identity",
    profile = name,
    role_arn = settings.role_arn,
    token_file = settings.web_identity_token_file,
    role_session_name = settings.role_session_name,
    duration_seconds = settings.duration_seconds,
  }
end

-- The four older settings stand in the profile; the newer way keeps two of them in [sso-session x].
local function plan_sso(loaded, name, settings)
  local session_name = settings.sso_session
  local session = session_name and loaded.sso_sessions[session_name] and texts_of(loaded.sso_sessions[session_name])
  if session_name and not session then
    return broken(
      loaded,
      name,
      "sso_session",
      "MissingSsoSession",
      "names sso_session = " .. session_name .. ", which is not there; add [sso-session " .. session_name .. "]"
    )
  end
  local step = { kind = "sso", profile = name, session = session_name }
  local needed = { "sso_start_url", "sso_region", "sso_account_id", "sso_role_name" }
  for _, key in ipairs(needed) do
    step[key] = session and session[key] or settings[key]
    if session and session[key] and settings[key] and settings[key] ~= session[key] then
      return broken(
        loaded,
        name,
        key,
        "InvalidCredentials",
        "and [sso-session " .. session_name .. "] disagree on " .. key .. "; keep the one in the session"
      )
    end
  end
  return step
end

local function check_sso(loaded, step)
  local session_only = step.session and not step.sso_account_id and not step.sso_role_name
  if session_only then return step end
  for _, key in ipairs { "sso_start_url", "sso_region", "sso_account_id", "sso_role_name" } do
    if not step[key] or step[key] == "" then
      local present = step.sso_role_name and "sso_role_name" or "sso_account_id"
      return broken(
        loaded,
        step.profile,
        step.session and "sso_session" or present,
        "IncompleteCredentials",
        "uses single sign-on but has no " .. key .. "; run: aws configure sso --profile " .. step.profile
      )
    end
  end
  return step
end

local function plan_single_sign_on(loaded, name, settings)
  local step, err = plan_sso(loaded, name, settings)
  if not step then return nil, err end
  return check_sso(loaded, step)
end

-- `aws login` keeps keys that only their owner's tools can renew; the AWS CLI hands them out.
local function refuse_login_session(loaded, name)
  return broken(
    loaded,
    name,
    "login_session",
    "LoginSessionNotSupported",
    "has keys of `aws login` (login_session), which are not supported here; let the AWS CLI hand them out, in another"
      .. " profile: credential_process = aws configure export-credentials --profile "
      .. quoted(name)
      .. " --format process"
  )
end

local function plan_process(loaded, name, settings)
  return {
    kind = "process",
    profile = name,
    command = settings.credential_process,
    place = config.place(loaded, "profiles", name, "credential_process"),
  }
end

-- The keys that a profile has of its own, in the order in which its settings count for boto3: those in the
-- credentials file before a login or a program, those in the config file after them.
local function plan_base(loaded, name, settings)
  if settings.web_identity_token_file then return plan_web_identity(loaded, name, settings) end
  if settings.sso_account_id or settings.sso_role_name then return plan_single_sign_on(loaded, name, settings) end
  if has_static(settings) and loaded.with_keys[name] then return plan_static(loaded, name, settings) end
  if settings.login_session then return refuse_login_session(loaded, name) end
  if settings.credential_process then return plan_process(loaded, name, settings) end
  if has_static(settings) then return plan_static(loaded, name, settings) end
  if settings.sso_session then return plan_single_sign_on(loaded, name, settings) end
  return keys.none(source_of(name), "it has settings, but no credentials among them")
end

-- Planning: roles ------------------------------------------------------------------------------

local NAMED_SOURCES = { Environment = true, Ec2InstanceMetadata = true, EcsContainer = true }

local function check_role_source(loaded, name, settings)
  local source = settings.credential_source
  if source and settings.source_profile then
    return broken(
      loaded,
      name,
      "credential_source",
      "InvalidCredentials",
      "has both source_profile and credential_source; remove one of them"
    )
  end
  if not source and not settings.source_profile then
    return broken(
      loaded,
      name,
      "role_arn",
      "IncompleteCredentials",
      "has role_arn but neither source_profile nor credential_source; add the one that has the keys"
    )
  end
  if source and not NAMED_SOURCES[source] then
    return broken(
      loaded,
      name,
      "credential_source",
      "InvalidCredentials",
      "has an unknown credential_source; write Environment, Ec2InstanceMetadata or EcsContainer"
    )
  end
  return true
end

local function plan_role(loaded, name, settings)
  local ok, err = check_role_source(loaded, name, settings)
  if not ok then return nil, err end
  return {
    kind = "assume_role",
    profile = name,
    role_arn = settings.role_arn,
    external_id = settings.external_id,
    role_session_name = settings.role_session_name,
    duration_seconds = settings.duration_seconds,
    mfa_serial = settings.mfa_serial,
    credential_source = settings.credential_source,
  }
end

-- A base plan that is the end of a role's chain must give keys.
local function plan_source(loaded, name, from)
  local step, err = plan_base(loaded, name, texts_of(loaded.profiles[name]))
  if step or not keys.is_none(err) then return step, err end
  return broken(
    loaded,
    from,
    "source_profile",
    "InvalidCredentials",
    "takes its keys from profile " .. name .. ", which has none; add them there"
  )
end

local function check_next(loaded, name, next_name, visited)
  if not loaded.profiles[next_name] then
    return broken(
      loaded,
      name,
      "source_profile",
      "MissingSourceProfile",
      "names source_profile = " .. next_name .. ", which is not there; add it or correct the name"
    )
  end
  if next_name == name and has_static(texts_of(loaded.profiles[name])) then return true end
  if not visited[next_name] then return true end
  return broken(
    loaded,
    name,
    "source_profile",
    "ProfileCycle",
    "leads back to profile " .. next_name .. "; one of the chain must have keys instead of a source_profile"
  )
end

-- Follows source_profile from role to role. Gives the roles in the order in which they are assumed, and the
-- profile that has the keys for the first of them; none where a credential_source has them.
local function follow_roles(loaded, name)
  local roles, visited, settings = {}, {}, texts_of(loaded.profiles[name])
  while assumes_role(settings) and not (#roles > 0 and has_static(settings)) do
    visited[name] = true
    local role, err = plan_role(loaded, name, settings)
    if not role then return nil, nil, err end
    table.insert(roles, 1, role)
    if role.credential_source then return roles end
    local ok
    ok, err = check_next(loaded, name, settings.source_profile, visited)
    if not ok then return nil, nil, err end
    name = settings.source_profile
    settings = texts_of(loaded.profiles[name])
  end
  return roles, name
end

local function plan_start(loaded, name, first_role)
  if not name then return { kind = "named", profile = first_role.profile, name = first_role.credential_source } end
  if first_role then return plan_source(loaded, name, first_role.profile) end
  return plan_base(loaded, name, texts_of(loaded.profiles[name]))
end

--- Plans the credentials of a profile. Pure.
--- @param loaded table a config
--- @param name string
--- @return table[]|nil steps first the source of keys (static, web_identity, sso, process, named), then the
---   roles to assume in turn
--- @return table|nil err NotConfigured where the profile has no credentials
function profile.plan(loaded, name)
  local steps, last, err = follow_roles(loaded, name)
  if not steps then return nil, err end
  local start
  start, err = plan_start(loaded, last, steps[1])
  if not start then return nil, err end
  table.insert(steps, 1, start)
  return steps
end

-- Doing ----------------------------------------------------------------------------------------

local run = {}

function run.static(step)
  local found, message = keys.new {
    access_key_id = step.access_key_id,
    secret_access_key = step.secret_access_key,
    session_token = step.session_token,
    source = source_of(step.profile),
  }
  if found then return found end
  return keys.broken(
    source_of(step.profile),
    "InvalidCredentials",
    "profile " .. step.profile .. ": " .. message .. "; copy it again without anything around it"
  )
end

function run.process(step, context)
  return require("finspace.credentials.process").new {
    command = step.command,
    source = source_of(step.profile),
    place = step.place,
  }(context)
end

function run.web_identity(step, context)
  return require("finspace.credentials.web_identity").new {
    token_file = step.token_file,
    role_arn = step.role_arn,
    role_session_name = step.role_session_name,
    duration_seconds = step.duration_seconds,
    source = source_of(step.profile),
  }(context)
end

function run.sso(step, context) return require("finspace.credentials.sso").new(step)(context) end

local PROVIDERS = { Environment = "environment", Ec2InstanceMetadata = "instance", EcsContainer = "container" }

function run.named(step, context)
  local found, err = require("finspace.credentials." .. PROVIDERS[step.name]).new()(context)
  if found or not keys.is_none(err) then return found, err end
  return keys.broken(
    source_of(step.profile),
    "MissingSourceCredentials",
    "profile "
      .. step.profile
      .. " takes its keys from credential_source = "
      .. step.name
      .. ", which has none ("
      .. err.why
      .. ")"
  )
end

function run.assume_role(step, context, base, options)
  return require("finspace.credentials.assume_role").call(context, {
    base = base,
    role_arn = step.role_arn,
    role_session_name = step.role_session_name,
    external_id = step.external_id,
    duration_seconds = step.duration_seconds,
    mfa_serial = step.mfa_serial,
    mfa_code = options.mfa_code,
    source = source_of(step.profile),
  })
end

local function run_plan(steps, context, options)
  local held, err
  for _, step in ipairs(steps) do
    held, err = run[step.kind](step, context, held, options)
    if not held then return nil, err end
  end
  return held
end

-- Which profile --------------------------------------------------------------------------------

local function not_found(loaded, name, options)
  local absence = config.absence(loaded, name)
  if not options.name then return keys.none(source_of(name), absence) end
  return keys.broken(
    source_of(name),
    "ProfileNotFound",
    "profile " .. name .. " is " .. absence .. "; add it or correct the name"
  )
end

--- @param options table|nil { name = (default: the selected profile), mfa_code = function(serial) → code }
--- @return function provider
function profile.new(options)
  options = options or {}
  return function(context)
    local loaded, err = context.config()
    if not loaded then return nil, err end
    local name = options.name or loaded.profile
    if not loaded.profiles[name] then return not_found(loaded, name, options) end
    local steps
    steps, err = profile.plan(loaded, name)
    if not steps then return nil, err end
    local held
    held, err = run_plan(steps, context, options)
    if not held then return nil, err end
    held.changed = function() return config.is_stale(context.runtime, loaded) end
    return held
  end
end

return profile
