local config = require("finspace.config")
local container = require("finspace.credentials.container")
local core = require("finspace.core")
local credentials = require("finspace.credentials")
local instance = require("finspace.credentials.instance")
local keys = require("finspace.credentials.keys")
local machine = require("spec.support.machine")
local profile = require("finspace.credentials.profile")
local support = require("spec.support")
local sys = require("finspace.sys")

local shared = support.shared()
if not shared then
  describe("credentials' published cases", function()
    it("hold", function() pending("others' vectors are not beside this checkout (../shared)") end)
  end)
  return
end

local VECTORS = shared .. "/vectors/"

local function decode(path) return core.decode(assert(support.read_file(VECTORS .. path), path)) end

describe("a profile's plan", function()
  -- The plan's steps in the words of the cases.
  local words = {
    static = function(step)
      return {
        AccessKey = {
          access_key_id = step.access_key_id,
          secret_access_key = step.secret_access_key,
          account_id = step.account_id,
        },
      }
    end,
    named = function(step) return { NamedSource = step.name } end,
    assume_role = function(step)
      return {
        AssumeRole = {
          role_arn = step.role_arn,
          role_session_name = step.role_session_name,
          external_id = step.external_id,
        },
      }
    end,
    web_identity = function(step)
      return {
        WebIdentityToken = {
          role_arn = step.role_arn,
          web_identity_token_file = step.token_file,
          role_session_name = step.role_session_name,
        },
      }
    end,
    sso = function(step)
      return {
        Sso = { sso_session = step.session, sso_region = step.sso_region, sso_start_url = step.sso_start_url },
      }
    end,
  }

  local function config_of(input)
    return {
      profiles = input.profiles,
      sso_sessions = input.sso_sessions or {},
      services = {},
      ignored = {},
      with_keys = {},
      files = {},
      places = { profiles = {}, sso_sessions = {}, services = {} },
    }
  end

  for number, case in ipairs(decode("assume-role/assume-role-tests.json")) do
    it(("%d: %s"):format(number, case.docs), function()
      local steps, err = profile.plan(config_of(case.input), case.input.selected_profile)
      if case.output.Error then
        assert.is_nil(steps)
        assert.are.equal("credentials", err.kind)
      else
        local told = {}
        for index, step in ipairs(steps or {}) do
          told[index] = words[step.kind](step)
        end
        assert.are.same(case.output.ProfileChain, told)
      end
    end)
  end
end)

describe("the container's address", function()
  for number, case in ipairs(decode("ecs/ecs-tests.json").tests) do
    it(("%d: %s"):format(number, case.docs), function()
      local target, err = container.target(function(name) return case.env[name] end)
      assert.are.equal(case.result.Ok, target and target.url)
      if not case.result.Ok then assert.are.equal("credentials", err.kind) end
    end)
  end
end)

describe("the metadata service's address", function()
  for number, case in ipairs(decode("imds/imds-endpoint-tests.json").tests) do
    it(("%d: %s"):format(number, case.docs), function()
      local runtime = machine.new { env = case.env, files = case.fs }
      local target, err = instance.target(runtime, config.reader(runtime), {
        endpoint = case.endpoint_override,
        mode = case.mode_override,
      })
      assert.are.equal(case.result.Ok, target and target.url .. "/latest/api/token")
      if not case.result.Ok then assert.are.equal("config", err.kind) end
    end)
  end
end)

describe("the whole chain", function()
  before_each(instance.forget)

  --- Requests and answers, in order; each with its data.
  local function recording(events)
    local steps = {}
    for _, event in ipairs(events) do
      local action, latest = event.action, steps[#steps]
      if action.Request then
        table.insert(steps, { request = action.Request.request, body = "" })
      elseif action.Response then
        latest.response = action.Response.response.Ok
      elseif action.Data and action.Data.direction == "Response" then
        latest.body = latest.body .. action.Data.data.Utf8
      end
    end
    return steps
  end

  local function flat_headers(lists)
    local headers = {}
    for name, list in pairs(lists) do
      headers[name:lower()] = table.concat(list, ", ")
    end
    return headers
  end

  --- Headers that carry meaning here; the others name another SDK.
  local CHECKED =
    { "accept", "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds", "x-amz-sso_bearer_token" }

  local function player(steps, stays)
    local played = 0
    return function(request)
      local step = steps[played + 1]
      if not step and stays then step = steps[played] end
      if not step then return nil, { kind = "connect", code = "Unexpected", sent = false } end
      played = math.min(played + 1, #steps)
      assert.are.equal(step.request.method, request.method)
      assert.are.equal(step.request.uri, request.url)
      local expected = flat_headers(step.request.headers)
      for _, name in ipairs(CHECKED) do
        assert.are.equal(expected[name], request.headers[name], name)
      end
      return { status = step.response.status, headers = flat_headers(step.response.headers), body = step.body }
    end, function() return played == #steps end
  end

  local function files_of(case)
    local files = {}
    local root = VECTORS .. "credential-chain/" .. case .. "/fs"
    local listing = support.run("find " .. support.quote(root) .. " -type f 2>/dev/null")
    for path in listing:gmatch("[^\n]+") do
      files[path:sub(#root + 1)] = support.read_file(path)
    end
    return files
  end

  local function expected_of(result)
    return {
      access_key_id = result.access_key_id,
      secret_access_key = result.secret_access_key,
      session_token = result.session_token,
      expires_at = result.expiry,
    }
  end

  --- Where the outcome is an error here too, but for another reason, and why.
  local OTHER_REASON = {
    profile_overrides_web_identity = "a web identity in the environment stands before the profile in our order, so"
      .. " STS is asked; that SDK asks the profile first and finds it broken",
  }

  local names = assert(sys.list(VECTORS .. "credential-chain"))
  table.sort(names)
  for _, name in ipairs(names) do
    if not name:find("LICENSE", 1, true) then
      it(
        name .. (OTHER_REASON[name] and " (an error for another reason: " .. OTHER_REASON[name] .. ")" or ""),
        function()
          local folder = "credential-chain/" .. name .. "/"
          local case = decode(folder .. "test-case.json")
          local expected = case.result.Ok
          local transport, is_done = player(recording(decode(folder .. "http-traffic.json").events), not expected)
          local runtime = machine.new {
            env = decode(folder .. "env.json"),
            files = files_of(name),
            transport = transport,
            now = expected and expected.expiry and expected.expiry - 3600,
          }
          local found, err = credentials.default()(machine.context(runtime))
          assert.is_true(is_done(), "not every recorded call was made")
          if expected then
            assert.is_table(found, tostring(err))
            assert.are.same(
              expected_of(expected),
              expected_of {
                access_key_id = found.access_key_id,
                secret_access_key = found.secret_access_key,
                session_token = found.session_token,
                expiry = found.expires_at,
              }
            )
          else
            assert.is_nil(found)
            assert.is_false(keys.is_none(err))
          end
        end
      )
    end
  end
end)
