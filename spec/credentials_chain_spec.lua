local cached = require("finspace.credentials.cached")
local config = require("finspace.config")
local credentials = require("finspace.credentials")
local instance = require("finspace.credentials.instance")
local keys = require("finspace.credentials.keys")
local machine = require("spec.support.machine")
local profile = require("finspace.credentials.profile")

local CONFIG, CREDENTIALS = "/home/me/.aws/config", "/home/me/.aws/credentials"

local function refuse_connection()
  return nil, { kind = "connect", code = "ConnectionRefused", message = "refused", sent = false }
end

local function look(env, files, options)
  env.HOME = "/home/me"
  local runtime = machine.new { env = env, files = files, transport = refuse_connection }
  return credentials.default(options)(machine.context(runtime, options))
end

local function look_up(files) return config.load(machine.new { env = { HOME = "/home/me" }, files = files }) end

before_each(instance.forget)

describe("credentials", function()
  it("print without their secrets", function()
    local text = tostring(keys.new {
      access_key_id = "AKIDEXAMPLE",
      secret_access_key = "canary-secret",
      session_token = "canary-token",
      expires_at = 1700000000,
      source = "a spec",
    })
    assert.are.equal("credentials AKIDEXAMPLE from a spec, until 2023-11-14T22:13:20Z", text)
  end)

  it("that could not travel in a header are refused, unshown", function()
    for _, broken in ipairs { "canary\n", "canary\r\nx: y", "can\0ary", "can ary", "" } do
      local found, message = keys.new { access_key_id = "A", secret_access_key = broken, source = "x" }
      assert.is_nil(found)
      assert.matches("^secret_access_key ", message)
      assert.is_nil(message:find("can", 1, true))
    end
    assert.is_nil(keys.new { access_key_id = "A", secret_access_key = "canary-b", session_token = "a\nb" })
  end)

  it("end at times in every writing that AWS tools use", function()
    for text, seconds in pairs {
      ["2023-11-14T22:13:20Z"] = 1700000000,
      ["2023-11-14T22:13:20.999Z"] = 1700000000,
      ["2023-11-14T22:13:20UTC"] = 1700000000,
      ["2023-11-15T00:13:20+02:00"] = 1700000000,
      ["2023-11-14T17:13:20-0500"] = 1700000000,
      ["2000-02-29T00:00:00Z"] = 951782400,
      ["1970-01-01T00:00:00Z"] = 0,
      ["2038-01-19T03:14:08Z"] = 2147483648,
    } do
      assert.are.equal(seconds, keys.time(text), text)
    end
    for _, text in ipairs { "", "tomorrow", "2023-11-14", "2023-11-14T22:13:20", "1700000000" } do
      if text ~= "2023-11-14T22:13:20" then assert.is_nil(keys.time(text), text) end
    end
    assert.is_nil(keys.time(1700000000))
  end)

  it("given in code are checked in code, and refused by a call once they ended", function()
    assert.has_error(
      function() credentials.static { access_key_id = "A" } end,
      "credentials: secret_access_key is missing"
    )
    local provider = credentials.static {
      access_key_id = "A",
      secret_access_key = "canary-b",
      expires_at = "2023-11-14T22:13:20Z",
    }
    local runtime = machine.new { now = 1699999999 }
    assert.are.equal("A", provider({ runtime = runtime }).access_key_id)
    runtime.pass(1)
    local found, err = provider { runtime = runtime }
    assert.is_nil(found)
    assert.are.equal("ExpiredCredentials", err.code)
    assert.matches("2023-11-14T22:13:20Z", err.message, 1, true)
  end)
end)

describe("a provider's options", function()
  it("are checked where it is made, by name, and never shown", function()
    for words, make in pairs {
      ['unknown option "secret_acces_key"; did you mean "secret_access_key"'] = function()
        credentials.static { access_key_id = "A", secret_acces_key = "canary" }
      end,
      ['"command" must be'] = function() credentials.process { command = 7 } end,
      ['needs the option "command"'] = function() credentials.process {} end,
      ['needs the option "base"'] = function() credentials.finspace { environment_id = "e" } end,
      ['unknown option "rolearn"'] = function() credentials.assume_role { base = {}, rolearn = "a" } end,
      ['unknown option "dictionary"'] = function()
        credentials.shared(function() end, { dictionary = {} })
      end,
    } do
      local ok, message = pcall(make)
      assert.is_false(ok)
      assert.matches(words, message, 1, true)
      assert.matches("credentials_chain_spec", message, 1, true)
      assert.is_nil(message:find("canary", 1, true))
    end
  end)
end)

describe("the environment", function()
  it("gives keys, and a token where there is one", function()
    local env = { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "canary-b", AWS_SESSION_TOKEN = "canary-c" }
    local found = look(env)
    assert.are.same(
      { "A", "canary-b", "canary-c" },
      { found.access_key_id, found.secret_access_key, found.session_token }
    )
    env.AWS_SESSION_TOKEN = ""
    assert.is_nil(look(env).session_token)
  end)

  it("may have the token by its old name, which comes first as it does for boto3", function()
    local env = { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "canary-b", AWS_SECURITY_TOKEN = "canary-old" }
    assert.equal("canary-old", look(env).session_token)
    env.AWS_SESSION_TOKEN = "canary-new"
    assert.equal("canary-old", look(env).session_token)
  end)

  it("with half a pair is an error that names the missing variable, whatever else could give keys", function()
    local files = { [CREDENTIALS] = "[default]\naws_access_key_id = A\naws_secret_access_key = canary-b\n" }
    local found, err = look({ AWS_ACCESS_KEY_ID = "A" }, files)
    assert.is_nil(found)
    assert.are.equal(
      "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not; set AWS_SECRET_ACCESS_KEY too,"
        .. " or unset AWS_ACCESS_KEY_ID",
      err.message
    )
    found, err = look({ AWS_SECRET_ACCESS_KEY = "canary", AWS_ACCESS_KEY_ID = " " }, files)
    assert.is_nil(found)
    assert.matches("AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not", err.message, 1, true)
    assert.is_nil(tostring(err):find("canary", 1, true))
  end)

  it("with a line break in a secret names the variable and not the secret", function()
    local found, err = look { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "canary\n" }
    assert.is_nil(found)
    assert.matches("^AWS_SECRET_ACCESS_KEY holds a line break", err.message)
    assert.is_nil(err.message:find("canary", 1, true))
  end)

  it("stands back where a profile is named in code", function()
    local files = { [CREDENTIALS] = "[x]\naws_access_key_id = X\naws_secret_access_key = canary-b\n" }
    local env = { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "canary-b" }
    assert.are.equal("X", look(env, files, { profile = "x" }).access_key_id)
    env.AWS_PROFILE = "x"
    assert.are.equal("A", look(env, files).access_key_id)
  end)
end)

describe("a profile", function()
  local PAIR = "aws_access_key_id = %s\naws_secret_access_key = canary-b\n"

  it("is found by AWS_DEFAULT_PROFILE, in quotes, with blanks", function()
    local files = {
      [CONFIG] = "[profile 'Foo Baz']\nregion = us-east-1\n[profile \"Foo Qux\"]\n" .. PAIR:format("QUX"),
      [CREDENTIALS] = "[Foo Bar]\n" .. PAIR:format("BAR") .. "[Foo Baz]\n" .. PAIR:format("BAZ"),
    }
    for name, id in pairs { ["Foo Bar"] = "BAR", ["Foo Baz"] = "BAZ", ["Foo Qux"] = "QUX" } do
      assert.equal(id, look({ AWS_DEFAULT_PROFILE = name }, files).access_key_id)
      assert.equal(id, look({ AWS_PROFILE = name }, files).access_key_id)
    end
  end)

  it("may have its token by its old name", function()
    local files = { [CREDENTIALS] = "[default]\n" .. PAIR:format("A") .. "aws_security_token = canary-old\n" }
    assert.equal("canary-old", look({}, files).session_token)
  end)

  it("brings no token of the config file to a pair of the credentials file", function()
    for _, name in ipairs { "aws_session_token", "aws_security_token" } do
      local files = {
        [CONFIG] = "[default]\n" .. PAIR:format("OLD") .. name .. " = canary-stale\n",
        [CREDENTIALS] = "[default]\n" .. PAIR:format("NEW"),
      }
      local found = look({}, files)
      assert.same({ "NEW" }, { found.access_key_id, found.session_token })
    end
  end)

  it("of the credentials file has its keys before its program, of the config file after it", function()
    local program = 'credential_process = printf \'{"Version":1,"AccessKeyId":"PROGRAM","SecretAccessKey":"canary"}\'\n'
    local config_file = "[default]\n" .. program .. PAIR:format("CONFIG")
    assert.equal("PROGRAM", look({}, { [CONFIG] = config_file }).access_key_id)
    local files = { [CONFIG] = config_file, [CREDENTIALS] = "[default]\n" .. PAIR:format("SHARED") }
    assert.equal("SHARED", look({}, files).access_key_id)
  end)

  it("of `aws login` is refused by name, with the way to use it all the same", function()
    local files = { [CONFIG] = "[profile con]\nlogin_session = arn:aws:iam::1:user/alice\nregion = us-west-2\n" }
    local found, err = look({ AWS_PROFILE = "con" }, files)
    assert.is_nil(found)
    assert.equal("LoginSessionNotSupported", err.code)
    assert.matches("login_session", err.message, 1, true)
    assert.matches("aws configure export-credentials --profile con --format process", err.message, 1, true)
  end)

  it("that is named and not there is an error that shows where it was looked for", function()
    local found, err = look({ AWS_PROFILE = "prod" }, { [CONFIG] = "[prod]\nregion = us-east-1\n" })
    assert.is_nil(found)
    assert.are.equal("ProfileNotFound", err.code)
    for _, words in ipairs { "AWS_PROFILE", CONFIG, CREDENTIALS .. " (does not exist)", "line 1", "[profile prod]" } do
      assert.matches(words, err.message, 1, true)
    end
  end)

  it("with half a pair is an error that names the file and the line", function()
    local found, err = look({}, { [CREDENTIALS] = "[default]\n\naws_access_key_id = A\n" })
    assert.is_nil(found)
    assert.matches("aws_secret_access_key", err.message, 1, true)
    assert.matches(CREDENTIALS .. " line 3", err.message, 1, true)
  end)

  it("in a broken file is an error, not a step to the next source", function()
    local found, err = look({}, { [CONFIG] = "[default\n" })
    assert.is_nil(found)
    assert.are.equal("config", err.kind)
    assert.matches(CONFIG .. " line 1", err.message, 1, true)
  end)

  it("of a cycle of roles is an error that names where it leads back", function()
    local found, err = look({}, {
      [CONFIG] = "[default]\nrole_arn = a\nsource_profile = b\n"
        .. "[profile b]\nrole_arn = b\nsource_profile = c\n[profile c]\nrole_arn = c\nsource_profile = b\n",
    })
    assert.is_nil(found)
    assert.are.equal("ProfileCycle", err.code)
    assert.matches("profile c (" .. CONFIG .. " line 9) leads back to profile b", err.message, 1, true)
  end)
end)

describe("any profile that a file can hold", function()
  local SETTINGS = {
    "role_arn",
    "source_profile",
    "credential_source",
    "aws_access_key_id",
    "__index",
    "aws_secret_access_key",
    "web_identity_token_file",
    "sso_session",
    "sso_account_id",
    "sso_role_name",
    "sso_start_url",
    "sso_region",
    "credential_process",
  }
  local VALUES = { " = default", " = b", " = s", " = Environment", " =", " =\n  nested = x", " = x\n more", "" }
  local LINES = { "[profile b]", "[sso-session s]", "[profile s]", "# note", " continued", "[", "=", "\239\187\191" }

  local state = 1
  local function one_of(list)
    state = state * 16807 % 2147483647
    return list[state % #list + 1]
  end

  local function random_file()
    local lines = { "[default]" }
    for _ = 1, 8 do
      table.insert(lines, one_of(SETTINGS) .. one_of(VALUES))
    end
    table.insert(lines, 1 + one_of { 1, 2, 3, 4, 5, 6, 7 }, one_of(LINES))
    return table.concat(lines, "\n")
  end

  it("is planned or refused, and never raises", function()
    local planned, refused = 0, 0
    for _ = 1, 3000 do
      local loaded = look_up { [CONFIG] = random_file() }
      for name in pairs(loaded and loaded.profiles or {}) do
        local steps, err = profile.plan(loaded, name)
        if steps then
          planned = planned + 1
        else
          refused = refused + (err.kind == "credentials" and 1 or 0)
        end
      end
    end
    assert.is_true(planned > 100 and refused > 100, planned .. " planned, " .. refused .. " refused")
  end)
end)

describe("a chain without keys", function()
  it("lists every source that it looked at, and why each had none", function()
    local found, err = look({}, {})
    assert.is_nil(found)
    assert.are.equal("NoCredentials", err.code)
    assert.are.equal(
      table.concat({
        "no AWS credentials found; looked at",
        "  environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
        "  web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        "  profile default: not in /home/me/.aws/config (does not exist) and"
          .. " /home/me/.aws/credentials (does not exist)",
        "  container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
        "  instance metadata: no answer from http://169.254.169.254",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with AWS_PROFILE, or give the"
          .. " credentials option.",
      }, "\n"),
      err.message
    )
  end)

  it("waits for the metadata service once", function()
    local calls = 0
    local runtime = machine.new {
      files = {},
      transport = function(request)
        calls = calls + 1
        assert.are.equal(1, request.timeout)
        return nil, { kind = "timeout", code = "ConnectTimeout", message = "too late", sent = false }
      end,
    }
    for _ = 1, 3 do
      assert.is_nil(credentials.default()(machine.context(runtime)))
      runtime.pass(1)
    end
    assert.are.equal(1, calls)
    assert.are.equal(3, runtime.time - 1700000000)
  end)

  it("can be made of any providers", function()
    local order = {}
    local function none(name)
      return function()
        table.insert(order, name)
        return keys.none(name, "on purpose")
      end
    end
    local own = { access_key_id = "OWN" }
    local chain = credentials.chain { none("a"), none("b"), function() return own end, none("c") }
    assert.are.equal(own, chain {})
    assert.are.same({ "a", "b" }, order)
  end)
end)

describe("cached credentials", function()
  local NOW = 1700000000
  local runtime, calls, answer

  local function keys_until(id, expires_at, outlives)
    return keys.new {
      access_key_id = id,
      secret_access_key = "canary-s",
      expires_at = expires_at,
      source = "a spec",
      outlives = outlives,
    }
  end

  --- A provider that counts its calls and gives keys for an hour, or what `answer` says.
  local function provider()
    calls = calls + 1
    if answer then return answer(calls) end
    return keys_until("A" .. calls, runtime.now() + 3600)
  end

  local function failing() return keys.broken("a spec", "Down", "it is down") end

  before_each(function()
    runtime, calls, answer = machine.new { now = NOW }, 0, nil
  end)

  local function id_of(object, context)
    local found, err = object:get(context)
    return found and found.access_key_id or err.code
  end

  it("are fetched when they are first needed, and kept until 15 minutes before their end", function()
    local object = cached.new(provider, runtime)
    assert.are.equal(0, calls)
    for _, second in ipairs { 0, 1, 2699 } do
      runtime.time = NOW + second
      assert.are.equal("A1", id_of(object))
    end
    runtime.time = NOW + 2700
    assert.are.equal("A2", id_of(object))
    assert.are.equal(2, calls)
  end)

  it("stay in use while new ones are welcome and cannot be had, and their source has a rest", function()
    local object = cached.new(provider, runtime)
    object:get()
    answer = failing
    runtime.time = NOW + 2701
    assert.are.equal("A1", id_of(object))
    assert.are.equal("A1", id_of(object))
    assert.are.equal(2, calls)
    assert.matches("Down", runtime.logs[1].message, 1, true)
    runtime.pass(60)
    assert.are.equal("A1", id_of(object))
    assert.are.equal(3, calls)
  end)

  it("are required from 10 minutes before their end", function()
    local object = cached.new(provider, runtime)
    object:get()
    answer = failing
    runtime.time = NOW + 2990
    assert.are.equal("A1", id_of(object))
    runtime.time = NOW + 3000
    assert.are.equal("Down", id_of(object))
    answer = nil
    assert.are.equal("A4", id_of(object))
  end)

  it("that live shorter than an hour are not fetched anew at every call", function()
    answer = function(call) return keys_until("A" .. call, runtime.now() + 60) end
    local object = cached.new(provider, runtime)
    for second = 0, 44 do
      runtime.time = NOW + second
      assert.are.equal("A1", id_of(object))
    end
    runtime.time = NOW + 45
    assert.are.equal("A2", id_of(object))
  end)

  it("that are handed out past their end are an error that names the clock", function()
    answer = function() return keys_until("A", NOW - 1) end
    local found, err = cached.new(provider, runtime):get()
    assert.is_nil(found)
    assert.are.equal("ExpiredCredentials", err.code)
    assert.matches("clock", err.message, 1, true)
  end)

  it("that may outlive their end do so while their source is down", function()
    answer = function(call)
      if call > 1 then return failing() end
      return keys_until("A", NOW + 3600, true)
    end
    local object = cached.new(provider, runtime)
    object:get()
    for hour = 1, 5 do
      runtime.time = NOW + hour * 3600
      assert.are.equal("A", id_of(object))
      assert.are.equal("A", id_of(object))
    end
    assert.are.equal(6, calls)
    answer = nil
    runtime.pass(3600)
    assert.are.equal("A7", id_of(object))
  end)

  it("are fetched beside the call where the host can do that", function()
    local beside = {}
    runtime.background = function(work) table.insert(beside, work) end
    local object = cached.new(provider, runtime)
    object:get()
    runtime.time = NOW + 2701
    assert.are.equal("A1", id_of(object))
    assert.are.equal("A1", id_of(object))
    assert.are.equal(1, calls)
    assert.are.equal(1, #beside)
    beside[1]()
    assert.are.equal("A2", id_of(object))
  end)

  it("follow the files that they came from", function()
    local files = { [CREDENTIALS] = "[default]\naws_access_key_id = A\naws_secret_access_key = canary-b\n" }
    runtime = machine.new { env = { HOME = "/home/me" }, files = files }
    local object, context = cached.new(credentials.profile(), runtime), machine.context(runtime)
    assert.are.equal("A", id_of(object, context))
    runtime.files.write_private(CREDENTIALS, "[default]\naws_access_key_id = NEW\naws_secret_access_key = canary-b\n")
    assert.are.equal("NEW", id_of(object, context))
    runtime.files.write_private(CREDENTIALS, "[default\n")
    assert.are.equal("NEW", id_of(object, context))
    assert.matches("keeping", runtime.logs[1].message, 1, true)
  end)

  it("that a service refused are replaced once, whoever comes with them", function()
    local object = cached.new(provider, runtime)
    local first = object:get()
    local suppliers = {}
    for index = 1, 8 do
      suppliers[index] = object:supplier()
    end
    for _, supply in ipairs(suppliers) do
      assert.are.equal("A2", supply(first).access_key_id)
    end
    assert.are.equal(2, calls)
    assert.are.equal("A3", object:refresh().access_key_id)
  end)

  it("may come from anybody's function, as any table with the members", function()
    answer = function()
      return { access_key_id = "A", secret_access_key = "canary", expires_at = "2023-11-14T23:13:20.5Z" }
    end
    local found = cached.new(provider, runtime):get()
    assert.are.equal("credentials A from the credentials provider, until 2023-11-14T23:13:20Z", tostring(found))
    for reason, given in pairs {
      ["gave no keys"] = function() end,
      ["gave no keys: the vault is closed"] = function() return nil, "the vault is closed" end,
      ["secret_access_key is missing"] = function() return { access_key_id = "A" } end,
      ["session_token holds a line break"] = function()
        return { access_key_id = "A", secret_access_key = "canary", session_token = "canary\n" }
      end,
    } do
      answer = given
      local none, err = cached.new(provider, runtime):get()
      assert.is_nil(none)
      assert.are.equal("credentials", err.kind)
      assert.matches(reason, err.message, 1, true)
      assert.is_nil(tostring(err):find("canary", 1, true))
    end
  end)

  it("print without their secrets", function()
    local object = cached.new(provider, runtime)
    assert.are.equal("cached credentials, none fetched yet", tostring(object))
    object:get()
    assert.matches("^cached credentials A1 from a spec, until ", tostring(object))
  end)

  describe("among coroutines", function()
    --- Runs coroutines in turn until all are done; a sleep is a yield.
    local function run_all(functions)
      local threads = {}
      for index, body in ipairs(functions) do
        threads[index] = coroutine.create(body)
      end
      for _ = 1, 1000 do
        local alive = false
        for _, thread in ipairs(threads) do
          if coroutine.status(thread) ~= "dead" then
            assert(coroutine.resume(thread))
            alive = true
          end
        end
        if not alive then return end
      end
      error("somebody waits for ever")
    end

    before_each(function()
      runtime.sleep = function(seconds)
        runtime.pass(seconds / 100)
        coroutine.yield()
      end
    end)

    local function slow_provider()
      for _ = 1, 5 do
        runtime.sleep(0.1)
      end
      return provider()
    end

    it("are fetched by one and shared by all", function()
      local object, found, bodies = cached.new(slow_provider, runtime), {}, {}
      for index = 1, 8 do
        bodies[index] = function() found[index] = id_of(object) end
      end
      run_all(bodies)
      assert.are.equal(1, calls)
      assert.are.same({ "A1", "A1", "A1", "A1", "A1", "A1", "A1", "A1" }, found)
    end)

    it("fail once for all that wait", function()
      answer = failing
      local object, found, bodies = cached.new(slow_provider, runtime), {}, {}
      for index = 1, 8 do
        bodies[index] = function() found[index] = id_of(object) end
      end
      run_all(bodies)
      assert.are.equal(1, calls)
      assert.are.same({ "Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down" }, found)
    end)

    it("that were refused are replaced once for all", function()
      local object = cached.new(slow_provider, runtime)
      local first
      run_all { function() first = object:get() end }
      local bodies, found = {}, {}
      for index = 1, 8 do
        bodies[index] = function() found[index] = object:supplier()(first).access_key_id end
      end
      run_all(bodies)
      assert.are.equal(2, calls)
      assert.are.same({ "A2", "A2", "A2", "A2", "A2", "A2", "A2", "A2" }, found)
    end)

    it("are not waited for where new ones are only welcome", function()
      local object = cached.new(slow_provider, runtime)
      run_all { function() object:get() end }
      runtime.time = NOW + 2800
      local order = {}
      run_all {
        function() table.insert(order, "first " .. id_of(object)) end,
        function() table.insert(order, "second " .. id_of(object)) end,
      }
      assert.are.same({ "second A1", "first A2" }, order)
    end)

    it("are fetched by another when the one who fetched them was cancelled", function()
      local object, found = cached.new(slow_provider, runtime), {}
      answer = function(call)
        if call == 1 then return nil, { kind = "cancelled", code = "Cancelled", message = "on purpose" } end
        return keys_until("A" .. call, NOW + 3600)
      end
      run_all {
        function() found[1] = id_of(object) end,
        function() found[2] = id_of(object) end,
      }
      assert.are.same({ "Cancelled", "A2" }, found)
    end)

    it("are not waited for in a circle by somebody whose sleep has ended for good", function()
      local object, found = cached.new(slow_provider, runtime), nil
      local sleep = runtime.sleep
      run_all {
        function() object:get() end,
        function()
          runtime.sleep = function() end
          found = id_of(object)
          runtime.sleep = sleep
        end,
      }
      assert.are.equal("Cancelled", found)
    end)

    it("are fetched by another when the one who fetched them is gone", function()
      local object = cached.new(slow_provider, runtime)
      local raising = cached.new(function() error("a broken provider") end, runtime)
      assert.is_false(coroutine.resume(coroutine.create(function() raising:get() end)))
      raising.provider = provider
      assert.are.equal("A1", id_of(raising))
      local abandoned = coroutine.create(function() object:get() end)
      coroutine.resume(abandoned)
      runtime.pass(61)
      local found
      run_all { function() found = id_of(object) end }
      assert.are.equal("A2", found)
    end)
  end)
end)
