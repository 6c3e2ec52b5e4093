local cached = require("finspace.credentials.cached")
local container = require("finspace.credentials.container")
local core = require("finspace.core")
local credentials = require("finspace.credentials")
local curl = require("finspace.host.transport.curl")
local host = require("finspace.host")
local instance = require("finspace.credentials.instance")
local keys = require("finspace.credentials.keys")
local machine = require("spec.support.machine")
local metadata = require("spec.support.metadata")
local process = require("finspace.credentials.process")
local scheduler = require("finspace.host.scheduler")
local support = require("spec.support")
local sys = require("finspace.sys")

local CONFIG = "/home/me/.aws/config"
local SOURCE_KEYS = "aws_access_key_id = AKIDSOURCE\naws_secret_access_key = canary-source-secret\n"

local server, transport, close, runtime

setup(function()
  server = metadata.start()
  transport, close = curl.new {}
end)

teardown(function()
  close()
  server.stop()
end)

--- A machine whose network is real and whose services all live on the server.
local function new_machine(files, env)
  runtime = machine.new { files = files, env = env, now = sys.now() }
  runtime.transport = transport
  runtime.env.HOME, runtime.env.AWS_REGION, runtime.env.AWS_ENDPOINT_URL = "/home/me", "us-east-1", server.url
  return runtime
end

local function ask(provider, options) return provider(machine.context(runtime, options)) end

before_each(function()
  instance.forget()
  server.set {}
  new_machine({}, {})
end)

local function assert_safe(err) assert.is_nil(tostring(err):find("canary", 1, true), tostring(err)) end

describe("roles", function()
  local function load(text, options)
    runtime.files.contents[CONFIG] = text
    return ask(credentials.profile(options))
  end

  it("are assumed one after the other, each signed with the keys before it", function()
    local found = assert(
      load(
        "[default]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = b\n"
          .. "[profile b]\nrole_arn = arn:aws:iam::1:role/B\nsource_profile = c\n[profile c]\n"
          .. SOURCE_KEYS
      )
    )
    assert.are.same(
      { "ASIAA", "canary-secret-A", "canary-token-A" },
      { found.access_key_id, found.secret_access_key, found.session_token }
    )
    assert.is_true(found.expires_at > runtime.now() + 3500)
    assert.are.same({ "POST /", "POST /" }, server.seen())
  end)

  it("take name, external id, duration, and a second factor from a callback", function()
    local text = "[default]\n"
      .. SOURCE_KEYS
      .. "role_arn = arn:aws:iam::1:role/A\nsource_profile = default\n"
      .. "role_session_name = me\nexternal_id = partner\nduration_seconds = 900\nmfa_serial = arn:mfa\n"
    local asked
    assert(load(text, {
      mfa_code = function(serial)
        asked = serial
        return "123456"
      end,
    }))
    assert.are.equal("arn:mfa", asked)
    assert.are.equal("me|partner|arn:mfa|123456|900", server.told("sts_fields"))
    local found, err = load(text)
    assert.is_nil(found)
    assert.are.equal("MfaCodeNeeded", err.code)
    assert.matches("mfa_code", err.message, 1, true)
  end)

  it("tell who refused what, and keep the service's words", function()
    local found, err = load(
      "[default]\nrole_arn = arn:aws:iam::1:role/forbidden\nsource_profile = b\n" .. "[profile b]\n" .. SOURCE_KEYS
    )
    assert.is_nil(found)
    assert.are.equal("AccessDenied", err.code)
    assert.are.equal(403, err.status)
    assert.matches("arn:aws:iam::1:role/forbidden", err.message, 1, true)
    assert.matches("you may not", err.message, 1, true)
    assert_safe(err)
  end)

  it("start from the environment, the container or the instance where the profile says so", function()
    runtime.env.AWS_ACCESS_KEY_ID, runtime.env.AWS_SECRET_ACCESS_KEY = "AKIDSOURCE", "canary-source-secret"
    local text = "[default]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = %s\n"
    assert.are.equal("ASIAA", assert(load(text:format("Environment"))).access_key_id)
    runtime.env.AWS_ACCESS_KEY_ID, runtime.env.AWS_SECRET_ACCESS_KEY = nil, nil
    local found, err = load(text:format("Environment"))
    assert.is_nil(found)
    assert.matches("credential_source = Environment, which has none (AWS_ACCESS_KEY_ID", err.message, 1, true)
    assert.is_false(keys.is_none(err))
  end)

  it("refuse an answer with a document type, or with no XML at all", function()
    for _, mode in ipairs { "dtd", "html" } do
      server.set { sts = mode }
      local found, err =
        load("[default]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = b\n" .. "[profile b]\n" .. SOURCE_KEYS)
      assert.is_nil(found)
      assert.are.equal("InvalidAnswer", err.code)
      assert_safe(err)
      assert.is_nil(tostring(err):find("root:", 1, true))
    end
  end)

  it("without LuaExpat say what to install", function()
    local lxp = package.loaded.lxp
    package.loaded.lxp, package.preload.lxp = nil, function() error("not here") end
    finally(function()
      package.loaded.lxp, package.preload.lxp = lxp, nil
    end)
    local found, err =
      load("[default]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = b\n" .. "[profile b]\n" .. SOURCE_KEYS)
    assert.is_nil(found)
    assert.matches("apt-get install lua-expat", err.message, 1, true)
  end)

  it("with a duration that is no number are refused before anybody is called", function()
    local found, err =
      load("[default]\nrole_arn = a\nsource_profile = b\nduration_seconds = 1h\n" .. "[profile b]\n" .. SOURCE_KEYS)
    assert.is_nil(found)
    assert.are.equal("InvalidDuration", err.code)
    assert.are.same({}, server.seen())
  end)
end)

describe("a web identity", function()
  local function set_up(token)
    runtime.env.AWS_WEB_IDENTITY_TOKEN_FILE, runtime.env.AWS_ROLE_ARN = "/token", "arn:aws:iam::1:role/W"
    runtime.files.contents["/token"] = token
  end

  it("is exchanged for a role's keys without a signature, and read anew each time", function()
    set_up("canary-web-token\n")
    local provider = credentials.web_identity()
    assert.are.equal("ASIAW", assert(ask(provider)).access_key_id)
    set_up("another")
    local found, err = ask(provider)
    assert.is_nil(found)
    assert.are.equal("InvalidIdentityToken", err.code)
  end)

  it("is tried again when the identity provider did not answer STS", function()
    server.set { sts = "idp" }
    set_up("canary-web-token")
    assert.are.equal("ASIAW", assert(ask(credentials.web_identity())).access_key_id)
    assert.are.same({ "POST /", "POST /" }, server.seen())
  end)

  it("that is half configured names what is missing", function()
    set_up(nil)
    local found, err = ask(credentials.web_identity())
    assert.is_nil(found)
    assert.matches("/token", err.message, 1, true)
    runtime.env.AWS_ROLE_ARN = nil
    found, err = ask(credentials.web_identity())
    assert.is_nil(found)
    assert.matches("AWS_ROLE_ARN is not", err.message, 1, true)
  end)
end)

describe("a process", function()
  local folder

  local function program(body)
    local path = support.write_file(folder .. "/program", "#!/bin/sh\n" .. body)
    support.run("chmod 755 " .. support.quote(path))
    return path
  end

  before_each(function() folder = support.temporary_folder() end)
  after_each(function() support.remove_folder(folder) end)

  local GOOD = [[printf '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"canary-process-secret",]]
    .. [["SessionToken":"canary-process-token","Expiration":"2038-01-19T03:14:08Z"}']]

  it("prints keys", function()
    local found = assert(ask(credentials.process { command = program(GOOD) }))
    assert.are.equal("AKIDPROCESS", found.access_key_id)
    assert.are.equal("canary-process-token", found.session_token)
    assert.are.equal(2147483648, found.expires_at)
  end)

  it("runs without a shell", function()
    local trap = folder .. "/trap"
    local path = program("printf '%s\\n' \"$@\" > " .. folder .. "/arguments\n" .. GOOD)
    assert(ask(credentials.process {
      command = path .. " ; touch " .. trap .. " && `touch " .. trap .. "` $(touch " .. trap .. ") '$HOME' > " .. trap,
    }))
    assert.is_nil(sys.stat(trap))
    assert.matches("%$HOME", support.read_file(folder .. "/arguments"))
  end)

  it("has its command split as a POSIX shell quotes", function()
    for command, argv in pairs {
      ["a b  c"] = { "a", "b", "c" },
      ["  a  "] = { "a" },
      ["'a b' \"c d\""] = { "a b", "c d" },
      ["a'b'\"c\"d"] = { "abcd" },
      ["a\\ b '' \"\""] = { "a b", "", "" },
      ['"a\\"b\\\\c\\n"'] = { 'a"b\\c\\n' },
      ["'a\\b'"] = { "a\\b" },
      ['"C:\\\\x y" z'] = { "C:\\x y", "z" },
      ["a\n\tb"] = { "a", "b" },
    } do
      assert.are.same(argv, process.split(command), command)
    end
    for _, broken in ipairs { "'a", '"a', "a\\", "", "  ", '"a\\"' } do
      local argv, message = process.split(broken)
      assert.is_nil(argv, broken)
      assert.is_string(message)
    end
  end)

  it("that fails says how it ended, and nothing that it wrote", function()
    for body, words in pairs {
      ["echo canary-on-stderr >&2; exit 3"] = "ended with status 3.*17 bytes",
      ["kill -9 $$"] = "was ended by signal 9",
      ["echo canary-on-stdout"] = "did not print one JSON object",
      ['echo \'{"Version":2,"AccessKeyId":"canary"}\''] = '"Version": 1',
      ['echo \'{"Version":1,"AccessKeyId":"canary"}\''] = "secret_access_key is missing",
      ['echo \'{"Version":1,"AccessKeyId":"a","SecretAccessKey":"canary","Expiration":"soon"}\''] = "Expiration is no time",
      ["yes canary"] = "more than it may",
    } do
      local found, err = ask(credentials.process { command = program(body) })
      assert.is_nil(found, body)
      assert.matches(words, err.message)
      assert_safe(err)
    end
  end)

  it("that hangs is ended when its time is up", function()
    local started = sys.monotonic()
    local found, err = ask(credentials.process { command = program("sleep 60"), timeout = 0.2 })
    assert.is_nil(found)
    assert.matches("took too long", err.message, 1, true)
    assert.is_true(sys.monotonic() - started < 50) -- and not the minute
  end)

  it("that is waited for in a task lets the other tasks run", function()
    local path = program("until [ -e " .. folder .. "/released ]; do sleep 0.01; done\n" .. GOOD)
    local provider, own = credentials.process { command = path }, host.runtime()
    local results = scheduler.run(function()
      return scheduler.gather {
        function() return provider { runtime = own } end,
        function() return support.write_file(folder .. "/released", "") end,
      }
    end)
    assert.are.equal("AKIDPROCESS", results[1].access_key_id)
  end)

  it("ends with the task that waits for it", function()
    local path = program("echo $$ > " .. folder .. "/pid\nsleep 60")
    local provider, own = credentials.process { command = path }, host.runtime()
    local found, err = scheduler.run(function()
      local task = scheduler.spawn(function() return provider { runtime = own } end)
      while (support.read_file(folder .. "/pid") or "") == "" do
        scheduler.sleep(0.001)
      end
      task:cancel()
      return task:wait()
    end)
    assert.is_nil(found)
    assert.are.equal("cancelled", err.kind)
    assert.is_nil(sys.stat("/proc/" .. support.read_file(folder .. "/pid"):match("%d+")))
  end)

  it("that is not there says so, with the profile that names it", function()
    runtime.files.contents[CONFIG] = "[default]\ncredential_process = /nowhere/at-all\n"
    local found, err = ask(credentials.profile())
    assert.is_nil(found)
    assert.matches("profile default", err.message, 1, true)
    assert.matches("/nowhere/at%-all", err.message)
  end)
end)

describe("the container's endpoint", function()
  it("gives keys with the token of a file, read anew each time, before the one of the environment", function()
    server.set { container_token = "canary-authorization" }
    runtime.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/container?x=1"
    runtime.env.AWS_CONTAINER_AUTHORIZATION_TOKEN = "canary-wrong"
    runtime.env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "/authorization"
    runtime.files.contents["/authorization"] = "canary-authorization"
    local provider = credentials.container()
    assert.are.equal("ASIACONTAINER", assert(ask(provider)).access_key_id)
    runtime.files.contents["/authorization"] = "canary-old"
    local found, err = ask(provider)
    assert.is_nil(found)
    assert.are.equal(401, err.status)
    assert_safe(err)
  end)

  it("is asked once by all tasks that want its keys at the same time", function()
    local variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/container" }
    local own = host.runtime { getenv = function(name) return variables[name] end }
    local object, jobs = cached.new(credentials.container(), own), {}
    for index = 1, 16 do
      jobs[index] = function() return object:get { runtime = own } end
    end
    local results, errs = scheduler.run(function() return scheduler.gather(jobs) end)
    own.close()
    assert.is_nil(errs)
    for index = 1, 16 do
      assert.are.equal("ASIACONTAINER", results[index].access_key_id)
    end
    assert.are.same({ "GET /container" }, server.seen())
  end)

  it("is asked three times when it fails", function()
    server.set { container_failures = 2 }
    runtime.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/container"
    assert.are.equal("ASIACONTAINER", assert(ask(credentials.container())).access_key_id)
    server.set { container_failures = 3 }
    local found, err = ask(credentials.container())
    assert.is_nil(found)
    assert.are.equal(500, err.status)
    assert.are.equal(3, #server.seen())
  end)

  it("gets no token that would end a header", function()
    runtime.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = server.url .. "/container"
    for _, token in ipairs { "canary\n", "canary\r\nx-evil: 1", "can\0ary" } do
      runtime.env.AWS_CONTAINER_AUTHORIZATION_TOKEN = token
      local found, err = ask(credentials.container())
      assert.is_nil(found)
      assert.are.equal("InvalidToken", err.code)
      assert_safe(err)
    end
    assert.are.same({}, server.seen())
  end)

  it("is never looked for anywhere but where such endpoints may be", function()
    local refused = {
      "http://evil.com/c",
      "http://127.0.0.1.evil.com/c",
      "http://127.0.0.1@evil.com/c",
      "http://evil.com@127.0.0.1/c",
      "http://2130706433/c",
      "http://0x7f000001/c",
      "http://0177.0.0.1/c",
      "http://127.1/c",
      "http://127.0.0.01/c",
      "http://127.0.0.256/c",
      "http://0.0.0.0/c",
      "http://[::]/c",
      "http://[::ffff:169.254.169.254]/c",
      "http://169.254.169.254/c",
      "http://169.254.170.3/c",
      "http://169.254.170.2.evil.com/c",
      "http://localhost.evil/c",
      "http://[fd00:ec2::254]/c",
      "http:///c",
      "ftp://127.0.0.1/c",
      "file:///etc/passwd",
      "//127.0.0.1/c",
      "http://127.0.0.1\\@evil.com/c",
      "http://127.0.0.1/c#f",
      "http://127.0.0.1 /c",
      "http://127.0.0.1/c\r\nx: y",
      "http://127.0.0.1:0/c",
      "http://127.0.0.1:99999/c",
      "http://lo\204\129calhost/c",
    }
    for _, url in ipairs(refused) do
      local target, err = container.target(
        function(name) return name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" and url or nil end
      )
      assert.is_nil(target, url)
      assert.are.equal("InvalidContainerEndpoint", err.code)
      assert.matches("AWS_CONTAINER_CREDENTIALS_FULL_URI", err.message, 1, true)
    end
    for _, path in ipairs { "@evil.com/c", ".evil.com/c", "c", ":80/c", "/c\r\nx: y", "/c#f" } do
      local target = container.target(
        function(name) return name == "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" and path or nil end
      )
      assert.is_nil(target, path)
    end
  end)

  it("binds plain http to the address that it is connected to, past any proxy", function()
    local sent = {}
    runtime.transport = function(request)
      table.insert(sent, request)
      return nil, { kind = "connect", code = "ConnectionRefused", message = "no", sent = false }
    end
    for url, address in pairs {
      ["http://localhost:1/c"] = "loopback",
      ["http://127.9.9.9/c"] = "loopback",
      ["http://[::1]/c"] = "loopback",
      ["http://169.254.170.23/c"] = "169.254.170.23",
      ["http://[fd00:ec2::23]/c"] = "fd00:ec2::23",
    } do
      runtime.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = url
      assert.is_nil(ask(credentials.container()))
      assert.are.same({ address }, sent[#sent].allowed_addresses)
      assert.is_false(sent[#sent].proxy)
      assert.is_true(sent[#sent].timeout <= 2)
    end
  end)
end)

describe("the instance's metadata service", function()
  before_each(function() runtime.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = server.url end)

  local PUT, ROLES = "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/"

  it("gives a token first, then the role, then its keys, which may outlive their end", function()
    local found = assert(ask(credentials.instance()))
    assert.are.equal("ASIAINSTANCE", found.access_key_id)
    assert.is_true(found.outlives)
    assert.are.same({ PUT, ROLES, ROLES .. "my-role" }, server.seen())
  end)

  it("is asked for a new token only when the old one is not known any more", function()
    local provider = credentials.instance()
    assert(ask(provider))
    assert(ask(provider))
    assert.are.equal(5, #server.seen())
    server.set { tokens = 7 }
    assert(ask(provider))
    assert.are.same({ ROLES, PUT, ROLES, ROLES .. "my-role" }, server.seen())
  end)

  it("is never asked in the way of version 1", function()
    for _, mode in ipairs { "403", "404", "405", "500", "hang" } do
      server.set { imds_token = mode }
      instance.forget()
      runtime.env.AWS_METADATA_SERVICE_TIMEOUT = "0.2"
      local found, err = ask(credentials.instance())
      assert.is_nil(found)
      assert.are.equal(mode ~= "500", keys.is_none(err))
      assert.are.same({ PUT }, server.seen(), mode)
      if mode == "hang" then assert.matches("hop limit", err.message, 1, true) end
    end
  end)

  it("is let alone where it is switched off", function()
    runtime.env.AWS_EC2_METADATA_DISABLED = "True"
    local found, err = ask(credentials.instance())
    assert.is_nil(found)
    assert.matches("AWS_EC2_METADATA_DISABLED", err.message, 1, true)
    assert.are.same({}, server.seen())
  end)

  it("has none where the instance has no role, and is broken where the role gives none", function()
    server.set { no_role = 1 }
    local found, err = ask(credentials.instance())
    assert.is_nil(found)
    assert.is_true(keys.is_none(err))
    server.set { role_refused = 1 }
    found, err = ask(credentials.instance())
    assert.is_nil(found)
    assert.are.equal("InstanceRoleRefused", err.code)
    assert.matches("AssumeRoleUnauthorizedAccess", err.message, 1, true)
  end)

  it("that goes down leaves its keys in use, past their end too", function()
    local object = cached.new(credentials.instance(), runtime)
    local context = machine.context(runtime)
    assert.are.equal("ASIAINSTANCE", object:get(context).access_key_id)
    server.set { imds_token = "404", tokens = 7 }
    runtime.pass(7200)
    assert.are.equal("ASIAINSTANCE", object:get(context).access_key_id)
    local before = #server.seen()
    assert.are.equal("ASIAINSTANCE", object:get(context).access_key_id)
    assert.are.equal(before, #server.seen())
  end)

  it("is reached at its own address only, past any proxy", function()
    runtime.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = nil
    local sent
    runtime.transport = function(request)
      sent = request
      return nil, { kind = "connect", code = "ConnectionRefused", message = "no", sent = false }
    end
    assert.is_nil(ask(credentials.instance()))
    assert.are.equal("http://169.254.169.254/latest/api/token", sent.url)
    assert.are.same({ "169.254.169.254" }, sent.allowed_addresses)
    assert.is_false(sent.proxy)
    assert.is_true(sent.timeout <= 1)
  end)

  it("is not taken for absent because a task was cancelled", function()
    runtime.transport = function() return nil, { kind = "cancelled", code = "Cancelled", message = "on purpose" } end
    local provider = credentials.instance()
    local found, err = ask(provider)
    assert.is_nil(found)
    assert.are.equal("cancelled", err.kind)
    runtime.transport = transport
    assert.are.equal("ASIAINSTANCE", assert(ask(provider)).access_key_id)
  end)

  it("has its patience set by number, and by nothing else", function()
    runtime.env.AWS_METADATA_SERVICE_NUM_ATTEMPTS = "many"
    local found, err = ask(credentials.instance())
    assert.is_nil(found)
    assert.matches("^AWS_METADATA_SERVICE_NUM_ATTEMPTS", err.message)
  end)
end)

describe("single sign-on", function()
  local SESSION = "[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = R\n"
    .. "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://start\n"
  local OLDER = "[default]\nsso_region = us-east-1\nsso_start_url = https://start\nsso_account_id = 1\n"
    .. "sso_role_name = R\n"

  local function token_file(name) return "/home/me/.aws/sso/cache/" .. core.sha1(name) .. ".json" end

  local function iso(seconds) return keys.time_text(math.floor(runtime.now()) + seconds) end

  local function sign_in(path, fields)
    local lines = {}
    for name, value in pairs(fields) do
      table.insert(lines, ('"%s":"%s"'):format(name, value))
    end
    runtime.files.contents[path] = "{" .. table.concat(lines, ",") .. "}"
  end

  local function load(text)
    runtime.files.contents[CONFIG] = text
    return ask(credentials.profile())
  end

  it("takes the token that was left by signing in, of a session and of the older kind", function()
    sign_in(token_file("s"), { accessToken = "canary-sign-on-token", expiresAt = iso(7200) })
    assert.are.equal("ASIAR", assert(load(SESSION)).access_key_id)
    sign_in(token_file("https://start"), { accessToken = "canary-sign-on-token", expiresAt = iso(7200) })
    assert.are.equal("ASIAR", assert(load(OLDER)).access_key_id)
    assert.are.same({ "GET /federation/credentials", "GET /federation/credentials" }, server.seen())
  end)

  it("renews a session's token shortly before its end, and keeps the new one", function()
    sign_in(token_file("s"), {
      accessToken = "canary-old",
      expiresAt = iso(60),
      refreshToken = "canary-refresh-token",
      clientId = "c",
      clientSecret = "canary-client",
      registrationExpiresAt = iso(9999),
      region = "us-east-1",
    })
    assert.are.equal("ASIAR", assert(load(SESSION)).access_key_id)
    assert.are.same({ "POST /token", "GET /federation/credentials" }, server.seen())
    local kept = core.decode(runtime.files.contents[token_file("s")])
    assert.are.equal("canary-sign-on-token", kept.accessToken)
    assert.are.equal("canary-refresh-token-2", kept.refreshToken)
    assert.are.equal("us-east-1", kept.region)
  end)

  it("uses a token to its end where it cannot be renewed", function()
    sign_in(token_file("s"), {
      accessToken = "canary-sign-on-token",
      expiresAt = iso(60),
      refreshToken = "canary-bad",
      clientId = "c",
      clientSecret = "canary-client",
    })
    assert.are.equal("ASIAR", assert(load(SESSION)).access_key_id)
  end)

  it("says how to sign in where nobody has, where it ended, and where it is not taken", function()
    local function refused(text, words)
      local found, err = load(text)
      assert.is_nil(found)
      assert.matches(words, err.message, 1, true)
      assert.matches("aws sso login --profile default", err.message, 1, true)
      assert_safe(err)
    end
    refused(SESSION, "nobody has signed in")
    sign_in(token_file("s"), { accessToken = "canary-sign-on-token", expiresAt = iso(-1) })
    refused(SESSION, "the sign-on ended at")
    sign_in(token_file("s"), { accessToken = "canary-revoked", expiresAt = iso(7200) })
    refused(SESSION, "not accepted any more")
    runtime.files.contents[token_file("s")] = "{}"
    refused(SESSION, "holds no accessToken")
  end)
end)
