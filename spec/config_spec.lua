local config = require("finspace.config")
local core = require("finspace.core")
local dialect = require("finspace.config.dialect")
local machine = require("spec.support.machine")
local support = require("spec.support")

local CONFIG, CREDENTIALS = "/home/me/.aws/config", "/home/me/.aws/credentials"

local function load(files, env, options)
  env = env or {}
  env.HOME = env.HOME or "/home/me"
  local runtime = machine.new { env = env, files = files }
  local loaded, err = config.load(runtime, options)
  return loaded, err, runtime
end

local function parse(text, kind) return dialect.parse(text, kind or "config", "FILE") end

describe("the home folder", function()
  it("is that of whoever runs the process where no variable says one, as boto3 has it", function()
    local code = 'print(require("finspace.config").locations(os.getenv).config)'
    local output =
      support.run(("env -u HOME -u AWS_CONFIG_FILE %s -e %s"):format(support.interpreter(), support.quote(code)))
    local wanted = support.run('printf %s "$(getent passwd "$(id -u)" | cut -d: -f6)"')
    assert.equal(wanted .. "/.aws/config\n", output)
    assert.is_nil(config.locations(function() end).config)
  end)
end)

describe("the config file", function()
  it("gives profiles, sso-sessions and services by their names", function()
    local loaded = load {
      [CONFIG] = "[default]\nregion = us-east-1\n[profile x]\nservices = local\n"
        .. "[sso-session s]\nsso_region = eu-west-1\n"
        .. "[services local]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n  other = 1\n",
    }
    assert.are.same({ default = { region = "us-east-1" }, x = { services = "local" } }, loaded.profiles)
    assert.are.same({ s = { sso_region = "eu-west-1" } }, loaded.sso_sessions)
    assert.are.same({ ["local"] = { s3 = { endpoint_url = "http://127.0.0.1:9", other = "1" } } }, loaded.services)
  end)

  it("knows the file and the line of every setting", function()
    local loaded = load {
      [CONFIG] = "\n[default]\nregion = a\n",
      [CREDENTIALS] = "[default]\n# note\naws_access_key_id = b\n",
    }
    assert.are.equal(CONFIG .. " line 3", config.place(loaded, "profiles", "default", "region"))
    assert.are.equal(CREDENTIALS .. " line 3", config.place(loaded, "profiles", "default", "aws_access_key_id"))
  end)

  it("takes names in quotes, with blanks and all, as `aws configure` writes them", function()
    local parsed =
      parse("[profile 'Foo Baz']\n[profile \"Foo Qux\"]\n[sso-session 'my sso']\n[services 'a b']\n[profile it\\'s]\n")
    assert.is_table(parsed.profiles["Foo Baz"])
    assert.is_table(parsed.profiles["Foo Qux"])
    assert.is_table(parsed.profiles["it's"])
    assert.is_table(parsed.sso_sessions["my sso"])
    assert.is_table(parsed.services["a b"])
    assert.same({}, parsed.ignored)
    assert.is_table(parse("[Foo Baz]\n[default]\n", "credentials").profiles["Foo Baz"])
  end)

  it("takes no name of control characters, of two words or with a quote that does not end", function()
    for _, header in ipairs { "profile 'a\1b'", "profile 'a' b", "profile 'a", "profile ''", "profile Foo Bar" } do
      local parsed = parse("[" .. header .. "]\na = b\n")
      assert.same({}, parsed.profiles, header)
      assert.equal(header, parsed.ignored[1].header)
    end
  end)

  it("takes `name: value`, by the first of both signs", function()
    local parsed = parse("[default]\nregion: us-east-1\naws_session_token : a=b\nendpoint_url = http://h:1\n")
    local expected = { region = "us-east-1", aws_session_token = "a=b", endpoint_url = "http://h:1" }
    assert.same(expected, parsed.profiles.default.settings)
  end)

  it("names the file, the line and the cure of a fault", function()
    for text, words in pairs {
      ["[profile x\n"] = "must end with ']' %(FILE line 1%)",
      ["\nname = value\n"] = "before any section.*%(FILE line 2%)",
      ["[default]\nkey value\n"] = "no '=' %(FILE line 2%)",
      ["[default]\n= value\n"] = "no name.*%(FILE line 2%)",
      [" [default]\n"] = "remove the spaces %(FILE line 1%)",
      ["[default] and more\n"] = "nothing but a comment.*%(FILE line 1%)",
      ["[default]\ns3 =\n broken\n"] = "below 's3 ='.*%(FILE line 3%)",
      ["[default]\ns3 =\n = x\n"] = "below 's3 =' has no name %(FILE line 3%)",
      ["[default]\na = b\0c\n"] = "NUL byte.*%(FILE line 2%)",
    } do
      local parsed, message = parse(text)
      assert.is_nil(parsed, text)
      assert.matches(words, message)
    end
  end)

  it("takes a byte order mark, Windows line ends and indented comments for what they are", function()
    local parsed = parse("\239\187\191[default]\r\na = b\r\n  # note\r\n  ; note\r\nc = d\r\n")
    assert.are.same({ a = "b", c = "d" }, parsed.profiles.default.settings)
  end)

  it("stays plain data whatever the names are", function()
    local hostile = { "__index", "__newindex", "__gc", "__proto__", "__tostring", "metatable", "__metatable" }
    local lines = {}
    for _, name in ipairs(hostile) do
      table.insert(lines, ("[profile %s]\n%s = x\n__index =\n  %s = y\n"):format(name, name, name))
    end
    local loaded = load { [CONFIG] = table.concat(lines) }
    for _, name in ipairs(hostile) do
      local settings = loaded.profiles[name]
      assert.is_nil(getmetatable(settings))
      assert.is_nil(getmetatable(settings.__index))
      assert.are.equal("y", settings.__index[name])
    end
    assert.is_nil(getmetatable(loaded.profiles))
    assert.is_nil(loaded.profiles.absent)
  end)

  it("reads a megabyte of any shape in linear time", function()
    local size = 1024 * 1024 - 64
    local shapes = {
      ("[default]\na = b\n" .. (" c\n"):rep(size / 3)):sub(1, size),
      "[default]\na =" .. (" "):rep(size - 32) .. "b",
      "[" .. ("x"):rep(size - 32) .. "]",
      ("[default]\n" .. ("a=b\n"):rep(size / 4)):sub(1, size),
      "[default]\n" .. ("\n"):rep(size - 32),
      "[default]\na = b" .. (" x"):rep(size / 2 - 32) .. " #",
    }
    local before = os.clock() -- of this process's own work; what is not linear takes hours
    for _, text in ipairs(shapes) do
      parse(text)
    end
    assert.is_true(os.clock() - before < 20)
  end)

  it("remembers the sections that count for nothing, and why", function()
    local parsed = parse("[foo]\na = b\n[profile in valid]\n[profile ok]\n")
    assert.are.equal("foo", parsed.ignored[1].header)
    assert.matches("%[profile foo%]", parsed.ignored[1].why)
    assert.are.equal("profile in valid", parsed.ignored[2].header)
    assert.is_table(parsed.profiles.ok)
  end)
end)

describe("the files on disk", function()
  local folder, runtime
  before_each(function()
    folder = support.temporary_folder()
    runtime = machine.new {
      files = false,
      env = { AWS_CONFIG_FILE = folder .. "/config", AWS_SHARED_CREDENTIALS_FILE = folder .. "/credentials" },
    }
  end)
  after_each(function() support.remove_folder(folder) end)

  it("may be missing, empty or /dev/null", function()
    runtime.env.AWS_SHARED_CREDENTIALS_FILE = "/dev/null"
    assert.are.same({}, config.load(runtime).profiles)
    support.write_file(folder .. "/config", "")
    assert.are.same({}, config.load(runtime).profiles)
  end)

  it("are refused by name when they are a folder, a FIFO, a loop of links or a device", function()
    for name, variable in pairs { config = "AWS_CONFIG_FILE", credentials = "AWS_SHARED_CREDENTIALS_FILE" } do
      local path = folder .. "/" .. name
      for _, make in ipairs { "mkdir %s", "mkfifo %s", "ln -s %s %s", "ln -s /dev/zero %s" } do
        support.run(make:gsub("%%s", support.quote(path)))
        local loaded, err = config.load(runtime)
        assert.is_nil(loaded, make)
        assert.are.equal("config", err.kind)
        assert.matches(path, err.message, 1, true)
        assert.matches(variable, err.message, 1, true)
        support.run("rm -rf " .. support.quote(path))
      end
    end
  end)

  it("are refused unread when they have a gigabyte", function()
    support.run("truncate -s 1G " .. support.quote(folder .. "/config"))
    local before = collectgarbage("count")
    local loaded, err = config.load(runtime)
    assert.is_nil(loaded)
    assert.matches("1 MiB", err.message, 1, true)
    assert.is_true(collectgarbage("count") - before < 1024)
  end)

  it("are read anew when they change, and only then", function()
    local path = folder .. "/config"
    support.write_file(path, "[default]\nregion = us-east-1\n")
    local read = config.reader(runtime)
    local first = read()
    assert.are.equal(first, read())
    support.write_file(path, "[default]\nregion = eu-central-1\n")
    assert.are.equal("eu-central-1", read().profiles.default.region)
    support.run("rm " .. support.quote(path))
    assert.are.same({}, read().profiles)
  end)

  it("get a warning, and are read all the same, when others may read the credentials", function()
    local path = support.write_file(folder .. "/credentials", "[default]\naws_access_key_id = A\n")
    for mode, warnings in pairs { ["600"] = 0, ["400"] = 0, ["640"] = 1, ["604"] = 1, ["644"] = 1, ["660"] = 1 } do
      support.run("chmod " .. mode .. " " .. support.quote(path))
      runtime.logs = {}
      runtime.logger = function(event) table.insert(runtime.logs, event) end
      assert.are.equal("A", config.load(runtime).profiles.default.aws_access_key_id)
      assert.are.equal(warnings, #runtime.logs, mode)
      if warnings == 1 then assert.matches("chmod 600 " .. path, runtime.logs[1].message, 1, true) end
    end
  end)
end)

describe("the place of the files", function()
  local function place(path, env)
    env = env or {}
    env.HOME, env.AWS_CONFIG_FILE = env.HOME or "/home/me", path
    return config.locations(function(name) return env[name] end).config
  end

  it("may hold variables and a tilde, which become what they become in boto3", function()
    assert.equal("/home/me/c", place("~/c"))
    assert.equal("/home/me", place("~"))
    assert.equal("/root/c", place("~root/c"))
    assert.equal("~nobody-of-this-name/c", place("~nobody-of-this-name/c"))
    assert.equal("/x/c", place("$PLACE/c", { PLACE = "/x" }))
    assert.equal("/xy/c", place("${PLACE}y/c", { PLACE = "/x" }))
    assert.equal("/home/me/c", place("$PLACE/c", { PLACE = "~" }))
    assert.equal("$UNSET/${UNSET}/$/c~", place("$UNSET/${UNSET}/$/c~"))
    assert.equal("%1", place("$A", { A = "%1" }))
  end)
end)

describe("the profile's name", function()
  it("is the option's, else AWS_PROFILE's, else AWS_DEFAULT_PROFILE's", function()
    local function name(env, options) return { config.profile_name(machine.new { env = env }, options) } end
    local both = { AWS_PROFILE = "first", AWS_DEFAULT_PROFILE = "second" }
    assert.same({ "own", "the profile option" }, name(both, { profile = "own" }))
    assert.same({ "first", "AWS_PROFILE" }, name(both))
    assert.same({ "second", "AWS_DEFAULT_PROFILE" }, name { AWS_PROFILE = "", AWS_DEFAULT_PROFILE = "second" })
    assert.same({ "default" }, name {})
  end)

  it("that no section is written for, but nearly, is told of it", function()
    local _, err = load({ [CONFIG] = "[profile Foo Bar]\na = b\n" }, { AWS_DEFAULT_PROFILE = "Foo Bar" })
    assert.equal("ProfileNotFound", err.code)
    assert.matches("which AWS_DEFAULT_PROFILE names", err.message, 1, true)
    assert.matches("[profile 'Foo Bar']", err.message, 1, true)
  end)
end)

describe("the region", function()
  local function region(env, text, options)
    env.HOME = "/home/me"
    local runtime = machine.new { env = env, files = { [CONFIG] = text } }
    return config.region(runtime, config.reader(runtime), options)
  end

  it("comes from the option, AWS_REGION, AWS_DEFAULT_REGION, the profile, in this order", function()
    local file = "[default]\nregion = from-profile\n"
    local env = { AWS_REGION = "from-aws-region", AWS_DEFAULT_REGION = "from-default-region" }
    assert.are.equal("from-option", region(env, file, { region = "from-option" }))
    assert.are.equal("from-aws-region", region(env, file))
    env.AWS_REGION = ""
    assert.are.equal("from-default-region", region(env, file))
    env.AWS_DEFAULT_REGION = nil
    assert.are.equal("from-profile", region(env, file))
  end)

  it("is asked for by its three names when nobody gave one", function()
    local found, err = region({}, "")
    assert.is_nil(found)
    assert.are.equal("MissingRegion", err.code)
    for _, name in ipairs { "region option", "AWS_REGION", "profile" } do
      assert.matches(name, err.message, 1, true)
    end
  end)

  it("is refused, unshown, where it is no host label", function()
    local refused = {
      "x@evil.com",
      "evil.com/",
      "a.b#",
      "a b",
      "-a",
      "a-",
      "a\r\nb",
      "1234",
      ("a"):rep(64),
      "US",
      "us_east",
      "a:1",
      "a\0",
      "é",
    }
    for _, text in ipairs(refused) do
      local found, err = region({ AWS_REGION = text }, "")
      assert.is_nil(found)
      assert.are.equal("InvalidRegion", err.code)
      assert.matches("AWS_REGION", err.message, 1, true)
      assert.is_nil(err.message:find("evil", 1, true))
    end
  end)
end)

describe("the profiles' published cases", function()
  local shared = support.shared()

  local function cases(name)
    local text = shared and support.read_file(shared .. "/vectors/profile-parser/" .. name)
    return text and core.decode(text).tests
  end

  --- The expected value of a nested setting is its text; ours is a table.
  local function as_settings(expected)
    local settings = {}
    for key, value in pairs(expected) do
      if value:sub(1, 1) == "\n" then
        settings[key] = {}
        for name, text in value:gmatch("([^\n=]-)%s*=%s*([^\n]*)") do
          settings[key][name] = text
        end
      else
        settings[key] = value
      end
    end
    return settings
  end

  local function check_sections(expected, actual)
    local sections = {}
    for name, settings in pairs(expected or {}) do
      sections[name] = as_settings(settings)
    end
    assert.are.same(sections, actual)
  end

  local parser_cases = cases("profile-parser-tests.json")
  if not parser_cases then
    it("holds on others' vectors", function() pending("others' vectors are not beside this checkout (../shared)") end)
    return
  end

  for number, case in ipairs(parser_cases) do
    it(("%d: %s"):format(number, case.name), function()
      local loaded, err = load { [CONFIG] = case.input.configFile, [CREDENTIALS] = case.input.credentialsFile }
      if case.output.errorContaining then
        assert.is_nil(loaded)
        assert.are.equal("InvalidConfigFile", err.code)
        assert.matches("line %d", err.message)
      else
        assert.is_table(loaded, tostring(err))
        check_sections(case.output.config.profiles, loaded.profiles)
        check_sections(case.output.config.sso_sessions, loaded.sso_sessions)
      end
    end)
  end

  for number, case in ipairs(cases("file-location-tests.json")) do
    it(("%d: %s"):format(number, case.name), function()
      local env = case.environment
      local where = config.locations(function(name) return env[name] end, case.platform == "windows" and "\\" or "/")
      assert.are.equal(case.configLocation, where.config)
      assert.are.equal(case.credentialsLocation, where.credentials)
      if case.profile then assert.are.equal(case.profile, (config.profile_name(machine.new { env = env }))) end
    end)
  end
end)
