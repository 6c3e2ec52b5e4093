--- A role's keys for a token that an identity provider left in a file, as Kubernetes does. The file is
--- read anew each time, because the provider replaces it, and the call to STS needs no signature.
local config = require("finspace.config")
local keys = require("finspace.credentials.keys")

local web_identity = {}

local MAX_TOKEN = 64 * 1024

local function from_environment(getenv)
  local function read(name)
    local value = getenv(name)
    return value ~= "" and value or nil
  end
  return {
    token_file = read("AWS_WEB_IDENTITY_TOKEN_FILE"),
    role_arn = read("AWS_ROLE_ARN"),
    role_session_name = read("AWS_ROLE_SESSION_NAME"),
    source = "web identity",
  }
end

local function read_token(runtime, path, source)
  local text, message = config.files(runtime).read_limited(path, MAX_TOKEN)
  if not text then
    return keys.broken(
      source,
      "UnreadableToken",
      source .. ": the web identity token is missing: " .. message .. "; see that the pod or job mounts it there"
    )
  end
  local token = text:match("^%s*(%S+)%s*$")
  if token then return token end
  return keys.broken(source, "InvalidToken", source .. ": " .. path .. " does not hold one token")
end

--- @param options table|nil { token_file =, role_arn =, role_session_name =, duration_seconds =, source = };
---   default: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME
--- @return function provider
function web_identity.new(options)
  return function(context)
    local chosen = options or from_environment(context.runtime.getenv)
    local source = chosen.source or "web identity"
    if not chosen.token_file then return keys.none(source, "AWS_WEB_IDENTITY_TOKEN_FILE is not set") end
    if not chosen.role_arn then
      return keys.broken(
        source,
        "IncompleteCredentials",
        "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not; set the role that the token is for"
      )
    end
    local token, err = read_token(context.runtime, chosen.token_file, source)
    if not token then return nil, err end
    return require("finspace.credentials.sts").call(context, {
      action = "AssumeRoleWithWebIdentity",
      role_arn = chosen.role_arn,
      role_session_name = chosen.role_session_name,
      duration_seconds = chosen.duration_seconds,
      fields = { { "WebIdentityToken", token } },
      source = source,
    })
  end
end

return web_identity
