--- The two files in the AWS tools' own format that the service leaves in its data folder: any AWS
--- tool that is pointed at them talks to this service and to nothing else.

local sys = require("finspace.sys")
local ids = require("finspace.service.ids")

local files = {}

files.PROFILE = "finspace-local"

-- The owner's own keys where the profile's are traded for others.
files.OWNER = "finspace-owner"

local CONFIG = [=[
# Written by finspace serve. Use it with AWS_CONFIG_FILE and AWS_PROFILE={name}.
[profile {name}]
{keys}region = {region}
services = {name}
s3 =
    addressing_style = path
    signature_version = s3v4
{owner}
[services {name}]
finspace_data =
    endpoint_url = {own}
s3 =
    endpoint_url = {s3}
sts =
    endpoint_url = {own}
glue =
    endpoint_url = {own}
]=]

-- A store knows the keys that its STS gave, and not the owner's: every AWS tool trades those for them.
local TRADED = "credential_process = {program} keys --profile {owner} --environment-id local\n"
local OWNER = "\n[profile {owner}]\nregion = {region}\nservices = {name}\n"

local function filled(text, values) return (text:gsub("{(%l[%l%d]*)}", values)) end

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

local function write_credentials(path, profile, keys)
  local text = CREDENTIALS:format(profile, keys.access_key_id, keys.secret_access_key)
  local ok, problem = sys.write_private(path, text)
  if not ok then return nil, "cannot write " .. path .. ": " .. tostring(problem) end
  return keys
end

--- Reads DIR/credentials, or makes them on the first start; they stand under the profile that this start has.
--- @param data string data folder
--- @param has_store? boolean
--- @return table|nil owner_key {access_key_id=, secret_access_key=}
--- @return string|nil problem
function files.ensure_credentials(data, has_store)
  local path, profile = data .. "/credentials", files.owner_profile(has_store)
  if not sys.stat(path) then
    return write_credentials(
      path,
      profile,
      { access_key_id = ids.access_key("AKIA"), secret_access_key = ids.secret() }
    )
  end
  local keys = files.read_keys(path)
  if not keys then return nil, path .. " has no access key and secret: remove it, and it is made anew" end
  if (sys.read_limited(path, 65536) or ""):find("[" .. profile .. "]", 1, true) then return keys end
  return write_credentials(path, profile, keys)
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

-- As a credential_process is split into words.
local function quoted(path) return path:find("[^%w/._-]") and '"' .. path:gsub('["\\]', "\\%0") .. '"' or path end

--- The profile that the owner's keys stand under in a credentials file.
--- @param has_store boolean
--- @return string
function files.owner_profile(has_store) return has_store and files.OWNER or files.PROFILE end

--- Writes DIR/config for the address that this start listens on.
--- @param data string
--- @param settings table {endpoint= for example http://127.0.0.1:4510, region=, store=?, store_endpoint=?, program=?}
--- @return boolean|nil ok
--- @return string|nil problem
function files.write_config(data, settings)
  local values = {
    name = files.PROFILE,
    region = settings.region,
    own = settings.endpoint,
    s3 = settings.store and (settings.store_endpoint or AMAZON:format(settings.region)) or settings.endpoint,
    program = quoted(settings.program or "finspace"),
    keys = "",
  }
  values.owner = files.OWNER
  local keys, owner = settings.store and filled(TRADED, values) or "", settings.store and filled(OWNER, values) or ""
  values.keys, values.owner = keys, owner
  local path = data .. "/config"
  local ok, problem = sys.write_private(path, filled(CONFIG, values))
  if not ok then return nil, "cannot write " .. path .. ": " .. tostring(problem) end
  return true
end

return files
