--- The two files in the AWS tools' own format that the service leaves in its data folder: any AWS
--- tool that is pointed at them talks to this service and to nothing else.

local sys = require("finspace.sys")
local ids = require("finspace.service.ids")

local files = {}

files.PROFILE = "finspace-local"

local CONFIG = [=[
# Written by finspace serve. Use it with AWS_CONFIG_FILE and AWS_PROFILE=%s.
[profile %s]
region = %s
services = %s%s
s3 =
    addressing_style = path
    signature_version = s3v4

[services %s]
finspace_data =
    endpoint_url = %s
s3 =
    endpoint_url = %s
sts =
    endpoint_url = %s
glue =
    endpoint_url = %s
]=]

local AMAZON = "https://s3.%s.amazonaws.com"

local CREDENTIALS = [=[
# Written by finspace serve: the owner of this service and of its data, who may do everything.
[%s]
aws_access_key_id = %s
aws_secret_access_key = %s
]=]

--- Reads the first pair of keys of a file in the form of DIR/credentials.
--- @param path string
--- @return table|nil keys {access_key_id=, secret_access_key=}
function files.read_keys(path)
  local text = sys.read_limited(path, 65536)
  if not text then return nil end
  local key = text:match("aws_access_key_id%s*=%s*(%S+)")
  local secret = text:match("aws_secret_access_key%s*=%s*(%S+)")
  return key and secret and { access_key_id = key, secret_access_key = secret } or nil
end

--- Reads DIR/credentials, or makes them on the first start.
--- @param data string data folder
--- @return table|nil owner_key {access_key_id=, secret_access_key=}
--- @return string|nil problem
function files.ensure_credentials(data)
  local path = data .. "/credentials"
  if sys.stat(path) then
    local keys = files.read_keys(path)
    if keys then return keys end
    return nil, path .. " has no access key and secret: remove it, and it is made anew"
  end
  local keys = { access_key_id = ids.access_key("AKIA"), secret_access_key = ids.secret() }
  local text = CREDENTIALS:format(files.PROFILE, keys.access_key_id, keys.secret_access_key)
  local ok, problem = sys.write_private(path, text)
  if not ok then return nil, "cannot write " .. path .. ": " .. tostring(problem) end
  return keys
end

--- What a running service has left for its owner.
--- @param data string
--- @param key_file? string where the owner's keys are, when they are not in DIR
--- @return table|nil owner {access_key_id=, secret_access_key=, endpoint=}
function files.read(data, key_file)
  local owner = files.read_keys(key_file or data .. "/credentials")
  local config = owner and sys.read_limited(data .. "/config", 65536)
  if not config then return nil end
  owner.endpoint = config:match("endpoint_url%s*=%s*(%S+)")
  return owner.endpoint and owner
end

-- The store knows the keys that its STS gave, and not the owner's: our client trades those for them.
local TRADED = "\nfinspace_environment_id = local"

--- Writes DIR/config for the address that this start listens on.
--- @param data string
--- @param settings table {endpoint= for example http://127.0.0.1:4510, region=, store_endpoint=?, store=?}
--- @return boolean|nil ok
--- @return string|nil problem
function files.write_config(data, settings)
  local name, own, path = files.PROFILE, settings.endpoint, data .. "/config"
  local traded = settings.store and TRADED or ""
  local s3 = settings.store and (settings.store_endpoint or AMAZON:format(settings.region)) or own
  local text = CONFIG:format(name, name, settings.region, name, traded, name, own, s3, own, own)
  local ok, problem = sys.write_private(path, text)
  if not ok then return nil, "cannot write " .. path .. ": " .. tostring(problem) end
  return true
end

return files
