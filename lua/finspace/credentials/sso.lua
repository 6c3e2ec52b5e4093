--- Keys of a role for somebody who signed in with a browser. `aws sso login` leaves a token in
--- ~/.aws/sso/cache; a token of an sso-session can be renewed here, an older one cannot.
local config = require("finspace.config")
local core = require("finspace.core")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")

local sso = {}

local MAX_TOKEN_FILE = 64 * 1024
-- A token that ends within this many seconds is renewed first.
local RENEW_BEFORE = 15 * 60

local function source_of(options) return options.source or "profile " .. tostring(options.profile) end

local function sign_in(options)
  return "run: aws sso login" .. (options.profile and " --profile " .. options.profile or "")
end

local function refuse(options, code, message)
  local source = source_of(options)
  return keys.broken(source, code, source .. ": " .. message .. "; " .. sign_in(options))
end

-- The cached token -----------------------------------------------------------------------------

-- The AWS tools name the file after what was signed in to.
local function token_path(context, options)
  local loaded, err = context.config()
  if not loaded then return nil, err end
  if not loaded.sso_cache then
    return refuse(options, "MissingSsoToken", "there is no home folder, because HOME is not set")
  end
  return loaded.sso_cache .. "/" .. core.sha1(options.session or options.sso_start_url) .. ".json"
end

local function check_token(document, path, options)
  local expires_at = type(document) == "table" and keys.time(document.expiresAt)
  local token = type(document) == "table" and document.accessToken
  if type(token) ~= "string" or token == "" or token:find("[%c%s\127]") or not expires_at then
    return refuse(options, "InvalidSsoToken", path .. " holds no accessToken with its expiresAt")
  end
  return { document = document, value = token, expires_at = expires_at, path = path }
end

local function read_token(context, options)
  local path, err = token_path(context, options)
  if not path then return nil, err end
  local text, message = config.files(context.runtime).read_limited(path, MAX_TOKEN_FILE)
  if not text then return refuse(options, "MissingSsoToken", "nobody has signed in (" .. message .. ")") end
  return check_token(core.decode(text), path, options)
end

-- Renewing it ----------------------------------------------------------------------------------

local function encode(document) return require("cjson.safe").new().encode(document) end

local function is_text(value) return type(value) == "string" end

local function is_renewable(context, options, token)
  local document = token.document
  local registered_until = keys.time(document.registrationExpiresAt)
  return options.session
    and is_text(document.refreshToken)
    and is_text(document.clientId)
    and is_text(document.clientSecret)
    and (not registered_until or context.runtime.now() < registered_until)
end

local function request_token(context, options, document)
  local target, region, err = service.locate(context, "sso_oidc", options.sso_region)
  if not target then return nil, err end
  return context.exchange:send {
    operation = "CreateToken",
    endpoint = target,
    region = region,
    request = {
      method = "POST",
      path = "/token",
      query = "",
      headers = { ["content-type"] = "application/json" },
      body = encode {
        clientId = document.clientId,
        clientSecret = document.clientSecret,
        grantType = "refresh_token",
        refreshToken = document.refreshToken,
      },
      max_body = service.MAX_ANSWER,
    },
    finish = service.finish_json,
    repeatable = false,
  }
end

-- The other tools shall find the new token too; where the file cannot be written, this process has it
-- all the same.
local function keep_token(context, token)
  local write = config.files(context.runtime).write_private
  local text, message = encode(token.document)
  local ok
  if text then
    ok, message = write(token.path, text)
  end
  if not ok and context.runtime.logger then
    context.runtime.logger { level = "warn", message = "the renewed sign-on token was not kept: " .. message }
  end
end

-- Seconds; a sign-on lasts for at most 90 days.
local LONGEST_LIFE = 366 * 24 * 3600

-- The cached document with what the answer renews of it.
local function renewed_document(context, options, token, answer)
  local lifetime = tonumber(answer.expiresIn)
  if not is_text(answer.accessToken) or not lifetime or lifetime < 1 or lifetime > LONGEST_LIFE then
    return refuse(options, "InvalidAnswer", "the sign-on was renewed without an accessToken and its expiresIn")
  end
  local document = {}
  for name, value in pairs(token.document) do
    document[name] = value
  end
  document.accessToken = answer.accessToken
  document.refreshToken = is_text(answer.refreshToken) and answer.refreshToken or document.refreshToken
  document.expiresAt = keys.time_text(math.floor(context.runtime.now() + lifetime))
  return document
end

local function renew_token(context, options, token)
  local answer, err = request_token(context, options, token.document)
  if not answer then return nil, err end
  local document, renewed
  document, err = renewed_document(context, options, token, answer)
  if not document then return nil, err end
  renewed, err = check_token(document, token.path, options)
  if renewed then keep_token(context, renewed) end
  return renewed, err
end

-- A token that is good now: the cached one, or a renewed one.
local function current_token(context, options)
  local token, err = read_token(context, options)
  if not token then return nil, err end
  local left = token.expires_at - context.runtime.now()
  if left > RENEW_BEFORE then return token end
  local renewed
  if is_renewable(context, options, token) then
    renewed, err = renew_token(context, options, token)
  end
  if renewed then return renewed end
  if left > 0 then return token end
  local ended = "the sign-on ended at " .. keys.time_text(token.expires_at)
  return refuse(options, "ExpiredSsoToken", err and ended .. ", and was not renewed: " .. err.message or ended)
end

-- The role's keys ------------------------------------------------------------------------------

local function request_keys(context, options, token)
  local target, region, err = service.locate(context, "sso", options.sso_region)
  if not target then return nil, err end
  return context.exchange:send {
    operation = "GetRoleCredentials",
    endpoint = target,
    region = region,
    request = {
      method = "GET",
      path = "/federation/credentials",
      query = "account_id=" .. core.uri_encode(options.sso_account_id) .. "&role_name=" .. core.uri_encode(
        options.sso_role_name
      ),
      headers = { ["x-amz-sso_bearer_token"] = token.value },
      max_body = service.MAX_ANSWER,
    },
    finish = service.finish_json,
    repeatable = true,
  }
end

local function refused(options, err)
  if err.status == 401 then return refuse(options, "ExpiredSsoToken", "the sign-on is not accepted any more") end
  return keys.failed(
    source_of(options),
    err,
    source_of(options)
      .. ": single sign-on gave no keys of role "
      .. options.sso_role_name
      .. " in account "
      .. options.sso_account_id
  )
end

local function read_answer(options, answer)
  local given = type(answer.roleCredentials) == "table" and answer.roleCredentials or {}
  local source, milliseconds = source_of(options), tonumber(given.expiration)
  local expires_at = milliseconds and milliseconds / 1000
  if given.expiration ~= nil and not expires_at then expires_at = false end -- no time, so none to be used
  return keys.answered(source, {
    access_key_id = given.accessKeyId,
    secret_access_key = given.secretAccessKey,
    session_token = given.sessionToken,
    expires_at = expires_at,
  }, source .. ": single sign-on answered")
end

--- @param options table { sso_start_url =, sso_region =, sso_account_id =, sso_role_name =,
---   session = name of an sso-session, profile = name for messages }
--- @return function provider
function sso.new(options)
  return function(context)
    if not options.sso_account_id or not options.sso_role_name then
      return keys.none(source_of(options), "it signs in, but names no sso_account_id and sso_role_name")
    end
    local token, err = current_token(context, options)
    if not token then return nil, err end
    local answer
    answer, err = request_keys(context, options, token)
    if not answer then return refused(options, err) end
    return read_answer(options, answer)
  end
end

return sso
