--- What decides whose keys a client gets, as one digest: the name of their place in a dictionary that
--- clients share. Whoever differs in anything that could decide it has another place.
local core = require("finspace.core")

local identity = {}

-- Every variable that the client reads on its way to keys; a spec compares them with the sources.
identity.VARIABLES = {
  "AWS_ACCESS_KEY_ID",
  "AWS_CONFIG_FILE",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CREDENTIAL_EXPIRATION",
  "AWS_DEFAULT_PROFILE",
  "AWS_DEFAULT_REGION",
  "AWS_EC2_METADATA_DISABLED",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_FINSPACE_DATA",
  "AWS_ENDPOINT_URL_SSO",
  "AWS_ENDPOINT_URL_SSO_OIDC",
  "AWS_ENDPOINT_URL_STS",
  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  "AWS_PROFILE",
  "AWS_REGION",
  "AWS_ROLE_ARN",
  "AWS_ROLE_SESSION_NAME",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SECURITY_TOKEN",
  "AWS_SESSION_TOKEN",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "HOME",
  "HOMEDRIVE",
  "HOMEPATH",
  "USERPROFILE",
}

-- Lengths stand before names and texts, so that no two tables are written alike.
local function flatten(lines, path, value)
  if type(value) ~= "table" then
    local text = tostring(value)
    lines[#lines + 1] = ("%s=%s %d:%s"):format(path, type(value), #text, text)
    return
  end
  for key, member in pairs(value) do
    local name = tostring(key)
    flatten(lines, ("%s%d:%s/"):format(path, #name, name), member)
  end
end

--- A digest of a table of texts, numbers and tables, whatever order its members are in.
--- @param value table
--- @return string hexadecimal digits
function identity.digest(value)
  local lines = {}
  flatten(lines, "", value)
  table.sort(lines)
  return core.sha256(table.concat(lines, "\n"))
end

local function environment(getenv)
  local values = {}
  for _, name in ipairs(identity.VARIABLES) do
    values[name] = getenv(name)
  end
  return values
end

-- What the files say, with all profiles: a profile may take its keys from any other one.
local function settings(loaded)
  return { profile = loaded.profile, loaded.profiles, loaded.sso_sessions, loaded.services }
end

--- The digest of what decides whose keys a client gets. Nil where the files cannot be read.
--- @param runtime finspace.Runtime
--- @param source fun(): table|nil, table|nil  reads the config
--- @param given table what the client was made with: keys, environment, endpoints, region …
--- @return string|nil digest
function identity.of(runtime, source, given)
  local loaded = source()
  if not loaded then return nil end
  return identity.digest { given = given, environment = environment(runtime.getenv), files = settings(loaded) }
end

return identity
