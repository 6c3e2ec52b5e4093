--- For random environments our chain and botocore pick the same keys, region and endpoint, or differ in
--- a way that has a name and a reason.
local config = require("finspace.config")
local core = require("finspace.core")
local credentials = require("finspace.credentials")
local curl = require("finspace.host.transport.curl")
local endpoint = require("finspace.endpoint")
local instance = require("finspace.credentials.instance")
local machine = require("spec.support.machine")
local metadata = require("spec.support.metadata")
local support = require("spec.support")
local sys = require("finspace.sys")

local CASES, SEED = 250, 20261122

--- The differences, each with its reason. A case may differ only by one of these.
local REASONS = {
  aws_region = "AWS_REGION is read before AWS_DEFAULT_REGION; botocore reads the latter alone",
  half_pair = "half a pair of keys is an error whichever half it is; botocore looks for the id only",
  aws_profile = "AWS_PROFILE is read before AWS_DEFAULT_PROFILE, as other SDKs read it alone; botocore the other way",
  web_identity_first = "a web identity of the environment stands before the profile's role",
  profile_unneeded = "keys of the environment need no profile; botocore insists on the one that is named",
  variant_beside_custom = "FIPS or dualstack beside an endpoint of one's own is an error; botocore drops the former",
}

local NAMES = { "default", "work", "Night Shift" }

-- A small generator of its own gives the same cases on every Lua.
local state = SEED
local function random(count)
  state = (state * 16807) % 2147483647
  return state % count + 1
end
local function one_of(list) return list[random(#list)] end
local function chance(percent) return random(100) <= percent end

local function keys_lines(name, half)
  local id = "aws_access_key_id = AKID" .. name .. "\n"
  local secret = "aws_secret_access_key = canary-secret-" .. name .. "\n"
  if half == 1 then
    return id
  elseif half == 2 then
    return secret
  end
  local token = chance(30) and "aws_session_token" .. one_of { " = ", ": " } .. "canary-token-" .. name .. "\n" or ""
  local old_token = chance(15) and "aws_security_token = canary-old-token-" .. name .. "\n" or ""
  return id .. secret .. token .. old_token
end

--- What gives a profile its keys.
local function profile_kind(folder, profile, traits)
  local name = profile:gsub(" ", "")
  local kind = random(9)
  if kind <= 3 then
    local half = chance(10) and random(2) or nil
    traits.half = traits.half or half ~= nil
    return keys_lines(name, half)
  elseif kind == 4 then
    return "credential_process = "
      .. folder
      .. "/program "
      .. name
      .. "\n"
      .. (chance(30) and keys_lines(name .. "static") or "")
  elseif kind == 5 then
    return "role_arn = arn:aws:iam::1:role/" .. name .. "\nsource_profile = source\n"
  elseif kind == 6 then
    return "role_arn = arn:aws:iam::1:role/"
      .. name
      .. "\ncredential_source = "
      .. one_of { "Environment", "EcsContainer", "Ec2InstanceMetadata", "Nowhere" }
      .. "\n"
  elseif kind == 7 then
    return "role_arn = arn:aws:iam::1:role/" .. name .. "\nweb_identity_token_file = " .. folder .. "/token\n"
  elseif kind == 8 then
    return "role_arn = arn:aws:iam::1:role/"
      .. name
      .. "\nsource_profile = "
      .. one_of { "gone", profile, "default" }
      .. "\n"
  end
  return ""
end

local function place_lines()
  local lines = ""
  if chance(50) then lines = lines .. "region = " .. one_of { "eu-west-1", "us-gov-west-1", "cn-north-1" } .. "\n" end
  if chance(20) then lines = lines .. "endpoint_url = https://profile.example\n" end
  if chance(30) then lines = lines .. "services = places\n" end
  if chance(10) then lines = lines .. "ignore_configured_endpoint_urls = true\n" end
  if chance(10) then lines = lines .. "use_fips_endpoint = true\n" end
  if chance(10) then lines = lines .. "use_dualstack_endpoint = true\n" end
  return lines
end

local SERVICES = "[services places]\nfinspace_data =\n  endpoint_url = https://section.example\ns3 =\n"
  .. "  endpoint_url = https://s3.example\n"

-- A name with blanks must stand in quotes here, and another one may.
local function config_header(name)
  if name == "default" then return "[default]\n" end
  local quote = name:find(" ") and one_of { "'", '"' } or one_of { "", "", "'", '"' }
  return "[profile " .. quote .. name .. quote .. "]\n"
end

local function config_text(folder, traits)
  local lines = { "# generated\n\n" }
  for _, name in ipairs(NAMES) do
    if chance(80) then
      table.insert(lines, config_header(name))
      table.insert(lines, profile_kind(folder, name, traits) .. place_lines())
    end
  end
  table.insert(
    lines,
    "[profile source]\naws_access_key_id = AKIDSOURCE\naws_secret_access_key =" .. " canary-source-secret\n" .. SERVICES
  )
  return table.concat(lines)
end

local function credentials_text()
  local lines = {}
  for _, name in ipairs(NAMES) do
    if chance(15) then table.insert(lines, "[" .. name .. "]\n" .. keys_lines(name:gsub(" ", "") .. "shared")) end
  end
  return table.concat(lines)
end

local function keys_environment(env, folder, server, traits)
  env.AWS_REGION, env.AWS_DEFAULT_REGION, env.AWS_ENDPOINT_URL_STS = "us-east-1", "us-east-1", server.url
  env.AWS_USE_FIPS_ENDPOINT, env.AWS_USE_DUALSTACK_ENDPOINT = "false", "false"
  env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "false"
  env.AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url
  if chance(40) then env.AWS_EC2_METADATA_DISABLED = "true" end
  if chance(20) then env.AWS_ACCESS_KEY_ID = "AKIDENVIRONMENT" end
  if env.AWS_ACCESS_KEY_ID and chance(90) or chance(4) then env.AWS_SECRET_ACCESS_KEY = "canary-environment" end
  traits.env_half = (env.AWS_ACCESS_KEY_ID == nil) ~= (env.AWS_SECRET_ACCESS_KEY == nil)
  if env.AWS_ACCESS_KEY_ID and chance(30) then env.AWS_SESSION_TOKEN = "canary-environment-token" end
  if env.AWS_ACCESS_KEY_ID and chance(15) then env.AWS_SECURITY_TOKEN = "canary-old-environment-token" end
  if chance(15) then
    env.AWS_WEB_IDENTITY_TOKEN_FILE = folder .. "/token"
    if chance(90) then env.AWS_ROLE_ARN = "arn:aws:iam::1:role/ENVIRONMENT" end
  end
  if chance(25) then env.AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/container" end
  return env
end

local function place_environment(env)
  if chance(30) then env.AWS_REGION = one_of { "us-east-1", "ap-southeast-2" } end
  if chance(50) then env.AWS_DEFAULT_REGION = one_of { "us-west-2", "us-gov-west-1", "cn-north-1" } end
  if chance(20) then env.AWS_ENDPOINT_URL = "https://general.example:8443/base" end
  if chance(20) then env.AWS_ENDPOINT_URL_FINSPACE_DATA = "http://127.0.0.1:4510" end
  if chance(10) then env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "true" end
  if chance(10) then env.AWS_USE_FIPS_ENDPOINT = "true" end
  if chance(10) then env.AWS_USE_DUALSTACK_ENDPOINT = "true" end
  return env
end

local function base_environment(folder, number, profile, default_profile)
  return {
    HOME = folder,
    HERE = folder,
    PATH = os.getenv("PATH"),
    AWS_PROFILE = profile,
    AWS_DEFAULT_PROFILE = default_profile,
    AWS_CONFIG_FILE = one_of { folder, "~", "$HERE", "${HERE}" } .. "/config" .. number,
    AWS_SHARED_CREDENTIALS_FILE = one_of { folder, "~", "$HERE" } .. "/credentials" .. number,
  }
end

local function new_case(folder, number, server)
  local traits = {}
  support.write_file(folder .. "/config" .. number, config_text(folder, traits))
  support.write_file(folder .. "/credentials" .. number, credentials_text())
  local names = { "work", "work", "Night Shift", "Night Shift", "gone" }
  local profile = chance(30) and one_of(names) or nil
  local default_profile = chance(30) and one_of(names) or nil
  return {
    keys = keys_environment(base_environment(folder, number, profile, default_profile), folder, server, traits),
    place = place_environment(base_environment(folder, number, profile, default_profile)),
  },
    traits
end

-- Ours -----------------------------------------------------------------------------------------

local function our_keys(env, transport)
  instance.forget()
  local runtime = machine.new { env = env, files = false, now = sys.now(), transport = transport }
  runtime.transport = transport
  local found, err = credentials.default()(machine.context(runtime))
  if found then return { found.access_key_id, found.secret_access_key, found.session_token or "" } end
  return nil, err.code ~= "NoCredentials" and err or nil
end

local function our_place(env)
  local runtime = machine.new { env = env, files = false }
  local read = config.reader(runtime)
  local region, err = config.region(runtime, read)
  if not region then return { err = err } end
  local found
  found, err = endpoint.resolve(runtime, read, { service = "finspace_data" })
  return { region = region, endpoint = found and found.url, err = err }
end

-- Comparing ------------------------------------------------------------------------------------

local function keys_text(keys, err) return keys and table.concat(keys, " ") or (err and "an error" or "none") end

local function two_profiles(env)
  return env.AWS_PROFILE and env.AWS_DEFAULT_PROFILE and env.AWS_PROFILE ~= env.AWS_DEFAULT_PROFILE
end

--- Why the keys may differ in this environment, or nil.
local function keys_reason(env, traits, theirs)
  local has_env_keys = env.AWS_ACCESS_KEY_ID and env.AWS_SECRET_ACCESS_KEY
  if traits.env_half or traits.half then return "half_pair" end
  if two_profiles(env) then return "aws_profile" end
  if theirs.keys_error == "ProfileNotFound" and (has_env_keys or env.AWS_WEB_IDENTITY_TOKEN_FILE) then
    return "profile_unneeded"
  end
  if env.AWS_WEB_IDENTITY_TOKEN_FILE then return "web_identity_first" end
end

local function place_reason(env, ours)
  if ours.err and ours.err.message:find("endpoints are asked for", 1, true) then return "variant_beside_custom" end
  if two_profiles(env) then return "aws_profile" end
  return env.AWS_REGION and "aws_region"
end

describe("in random environments our chain and botocore #once", function()
  local python, missing = support.boto3()
  if missing then
    it("agree", function() pending(missing) end)
    return
  end

  local folder, server, cases, traits, theirs, transport, close
  local met = {}

  setup(function()
    folder, server = support.temporary_folder(), metadata.start()
    transport, close = curl.new {}
    support.write_file(folder .. "/token", "canary-web-token")
    support.write_file(
      folder .. "/program",
      '#!/bin/sh\nprintf \'{"Version":1,"AccessKeyId":"AKIDPROCESS%s",'
        .. '"SecretAccessKey":"canary-process"}\' "$1"\n'
    )
    support.run("chmod 755 " .. support.quote(folder .. "/program"))
    cases, traits = {}, {}
    for number = 1, CASES do
      cases[number], traits[number] = new_case(folder, number, server)
    end
    support.write_file(folder .. "/cases.json", require("cjson").new().encode(cases))
    local output = support.run(
      python .. " " .. support.root .. "/spec/support/botocore_resolve.py " .. support.quote(folder .. "/cases.json")
    )
    theirs = assert(core.decode(output), output)
  end)

  teardown(function()
    close()
    server.stop()
    support.remove_folder(folder)
  end)

  local function report(number, ours, their)
    return ("case %d: ours %s, botocore %s\n%s\n%s"):format(
      number,
      ours,
      their,
      require("cjson").new().encode(cases[number]),
      support.read_file(folder .. "/config" .. number) .. support.read_file(folder .. "/credentials" .. number)
    )
  end

  it("pick the same keys", function()
    local equal = 0
    for number, case in ipairs(cases) do
      local their = theirs[number]
      local ours = keys_text(our_keys(case.keys, transport))
      local botocores = keys_text(their.keys, their.keys_error)
      if ours == botocores then
        equal = equal + 1
      else
        local reason = keys_reason(case.keys, traits[number], their)
        assert(REASONS[reason], report(number, ours, botocores))
        met[reason] = true
      end
    end
    assert.is_true(equal >= CASES * 3 / 4)
  end)

  it("pick the same region and endpoint", function()
    local equal = 0
    for number, case in ipairs(cases) do
      local their, ours = theirs[number], our_place(case.place)
      local our_text = ours.err and "an error" or ours.region .. " " .. ours.endpoint
      local their_text = their.place_error and "an error" or their.region .. " " .. their.endpoint
      if our_text == their_text then
        equal = equal + 1
      else
        local reason = place_reason(case.place, ours)
        assert(REASONS[reason], report(number, our_text, their_text .. (their.place_error or "")))
        met[reason] = true
      end
    end
    assert.is_true(equal >= CASES / 2)
  end)

  it("differ in the ways that are listed and in no other", function()
    for reason in pairs(REASONS) do
      assert.is_true(met[reason], reason .. " was never met")
    end
  end)
end)
