--- What every source of keys does with an answer that makes no sense: it says so, names itself, and raises
--- nothing.
local cached = require("finspace.credentials.cached")
local core = require("finspace.core")
local credentials = require("finspace.credentials")
local exchange = require("finspace.call.exchange")
local instance = require("finspace.credentials.instance")
local machine = require("spec.support.machine")

local CONFIG = "/home/me/.aws/config"
local SSO = "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = R\n"
  .. "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://start\n"

-- JSON for values of every type, and for numbers that no date, table index or format can hold.
local NONSENSE = {
  "false",
  "true",
  "null",
  "0",
  "-1",
  "1.5",
  "1e308",
  "-1e308",
  "1e999",
  "1e18",
  '""',
  '"\\u0000"',
  '"a\\r\\nb"',
  '"nan"',
  '"9999-99-99T99:99:99Z"',
  '"0000-00-00T00:00:00Z"',
  "[]",
  "{}",
  "[[[]]]",
  '{"a":{"b":1}}',
}

local runtime, answers

-- A network on which every path has its prepared answer.
local function transport(request)
  local path = request.url:match("^%a+://[^/]*([^?]*)")
  return { status = 200, headers = { ["content-type"] = "application/json" }, body = answers[path] or "{}" }
end

local function context()
  local made = machine.context(runtime)
  made.exchange = exchange.new(runtime, { max_attempts = 1 })
  return made
end

-- `text` is a JSON object; each of its members is replaced by each nonsense in turn.
local function variants(text)
  local found = {}
  for member in text:gmatch('"(%w+)":') do
    for _, value in ipairs(NONSENSE) do
      local changed = text:gsub('("' .. member .. '":)"[^"]*"', "%1" .. value:gsub("%%", "%%%%"))
      changed = changed:gsub('("' .. member .. '":)%d+', "%1" .. value:gsub("%%", "%%%%"))
      table.insert(found, { text = changed, member = member, value = value })
    end
  end
  for _, value in ipairs(NONSENSE) do
    table.insert(found, { text = value, member = "everything", value = value })
  end
  table.insert(found, { text = "", member = "everything", value = "nothing" })
  table.insert(found, { text = ("["):rep(100000), member = "everything", value = "depth" })
  return found
end

-- Keys that are handed out can be shown, held, renewed and signed with.
local function assert_usable(found)
  assert(tostring(found))
  local object = cached.new(function() return found end, runtime)
  local held = object:get(context())
  if not held then return end
  assert(tostring(object))
  core.sign {
    method = "GET",
    path = "/",
    query = "",
    headers = { { "host", "h" } },
    body = "",
    credentials = held,
    region = "us-east-1",
    service = "s3",
    time = 1,
  }
end

local function check(provider, name, variant)
  local about = name .. ": " .. variant.member .. " = " .. variant.value
  local ran, found, err = pcall(provider, context())
  assert.is_true(ran, about .. ": " .. tostring(found))
  if found then return assert_usable(found) end
  assert.is_table(err, about)
  assert.is_string(err.source, about)
  assert.truthy(tostring(err):find(name, 1, true), about .. ": " .. tostring(err))
  assert.is_nil(tostring(err):find("canary", 1, true), tostring(err))
end

describe("An answer that makes no sense", function()
  before_each(function()
    instance.forget()
    answers = {}
    runtime = machine.new { now = 1795651200, files = {}, env = { HOME = "/home/me", AWS_REGION = "us-east-1" } }
    runtime.transport = transport
    runtime.env.AWS_ENDPOINT_URL = "http://127.0.0.1:1"
  end)

  local KEYS =
    '"AccessKeyId":"ASIA","SecretAccessKey":"canary-secret","%s":"canary-token","Expiration":"2036-01-01T00:00:00Z"'

  it("of a container is an err of its", function()
    runtime.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://127.0.0.1:1/keys"
    for _, variant in ipairs(variants("{" .. KEYS:format("Token") .. "}")) do
      answers["/keys"] = variant.text
      check(credentials.container(), "container", variant)
    end
  end)

  it("of an instance is an err of its", function()
    runtime.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://127.0.0.1:1"
    local ROLES = "/latest/meta-data/iam/security-credentials/"
    for _, variant in ipairs(variants('{"Code":"Success",' .. KEYS:format("Token") .. "}")) do
      answers["/latest/api/token"], answers[ROLES], answers[ROLES .. "role"] = "token", "role", variant.text
      check(credentials.instance(), "metadata", variant)
    end
  end)

  it("of a program is an err of its #once", function()
    for _, variant in ipairs(variants('{"Version":1,' .. KEYS:format("SessionToken") .. "}")) do
      local text = #variant.text > 1000 and variant.text:sub(1, 1000) or variant.text
      check(credentials.process { command = { "printf", "%s", text }, source = "my program" }, "my program", variant)
    end
  end)

  local function sign_in(text)
    runtime.files.contents[CONFIG] = SSO
    runtime.files.contents["/home/me/.aws/sso/cache/" .. core.sha1("s") .. ".json"] = text
  end

  local ROLE = '{"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"canary-secret",'
    .. '"sessionToken":"canary-token","expiration":2082758400000}}'
  local RENEWED = '{"accessToken":"canary-access","expiresIn":28800,"refreshToken":"canary-refresh"}'
  local ENDED = '{"accessToken":"canary-access","expiresAt":"%s","refreshToken":"canary-refresh",'
    .. '"clientId":"c","clientSecret":"canary-client","registrationExpiresAt":"2036-01-01T00:00:00Z","other":1}'

  it("of single sign-on, about keys, is an err of its", function()
    for _, variant in ipairs(variants(ROLE)) do
      sign_in(ENDED:format("2035-01-01T00:00:00Z"))
      answers["/federation/credentials"] = variant.text
      check(credentials.profile(), "profile default", variant)
    end
  end)

  it("of single sign-on, about a renewed token, is an err of its", function()
    for _, variant in ipairs(variants(RENEWED)) do
      sign_in(ENDED:format("2001-01-01T00:00:00Z"))
      answers["/token"], answers["/federation/credentials"] = variant.text, ROLE
      check(credentials.profile(), "profile default", variant)
    end
  end)

  it("in the file that signing in left is an err of its", function()
    for _, ends in ipairs { "2001-01-01T00:00:00Z", "2035-01-01T00:00:00Z" } do
      for _, variant in ipairs(variants(ENDED:format(ends))) do
        sign_in(variant.text)
        answers["/token"], answers["/federation/credentials"] = RENEWED, ROLE
        check(credentials.profile(), "profile default", variant)
      end
    end
  end)

  it("of FinSpace is an err of its", function()
    local text = '{"credentials":{"accessKeyId":"ASIA","secretAccessKey":"canary-secret",'
      .. '"sessionToken":"canary-token"},"durationInMinutes":60}'
    for _, variant in ipairs(variants(text)) do
      answers["/credentials/programmatic"] = variant.text
      local base = { access_key_id = "AKIA", secret_access_key = "canary-base" }
      check(credentials.finspace { environment_id = "e", base = base }, "FinSpace", variant)
    end
  end)

  it("of somebody's own function is an err of its", function()
    local values = { false, true, 0, -1, 1e308, -1e308, 0 / 0, 1 / 0, "", "nan", {}, { {} }, print }
    for _, member in ipairs { "access_key_id", "secret_access_key", "session_token", "expires_at", "source" } do
      for _, value in ipairs(values) do
        local keys = { access_key_id = "A", secret_access_key = "canary", session_token = "t", expires_at = 2082758400 }
        keys[member] = value
        local function provider(given)
          local found, err = cached.new(function() return keys end, runtime):get(given)
          return found, err
        end
        check(provider, "the credentials provider", { member = member, value = tostring(value) })
      end
    end
    for _, value in ipairs(values) do
      local object = cached.new(function() return nil, value end, runtime)
      check(
        function(given) return object:get(given) end,
        "the credentials provider",
        { member = "err", value = tostring(value) }
      )
    end
  end)
end)
