--- The providers that ask somebody, in an nginx worker: its sockets carry their calls, programs run beside it,
--- and nothing in the worker waits for anything.
local metadata = require("spec.support.metadata")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("in an nginx worker #once", function()
  local SERVER = [[
    server {
      listen 127.0.0.1:%d;
      location /plain { return 200 "plain"; }
      location / { content_by_lua_block { ngx.say(loadfile("{{folder}}/keys.lua")()) } }
      location /killed { content_by_lua_block {
        local thread = ngx.thread.spawn(loadfile("{{folder}}/keys.lua"))
        local function children()
          local pid = ngx.worker.pid()
          return io.open(("/proc/%d/task/%d/children"):format(pid, pid)):read("*a")
        end
        while not io.open("{{folder}}/hanging") do ngx.sleep(0.01) end
        ngx.say(children() ~= "")
        ngx.thread.kill(thread)
        while children() ~= "" do ngx.sleep(0.01) end
        ngx.say("gone")
      } }
      location /exits { content_by_lua_block {
        ngx.thread.spawn(loadfile("{{folder}}/keys.lua"))
        while not io.open("{{folder}}/hanging") do ngx.sleep(0.01) end
        ngx.exit(200)
      } }
      location /left {
        lua_check_client_abort on;
        content_by_lua_block { loadfile("{{folder}}/keys.lua")() }
      }
      location /cannot-wait {
        set_by_lua_block $keys { return loadfile("{{folder}}/keys.lua")() }
        return 200 $keys;
      }
    }
  ]]

  local KEYS = [==[
    local config = require("finspace.config")
    local credentials = require("finspace.credentials")
    local exchange = require("finspace.call.exchange")
    local source, folder = "%s", "{{folder}}"
    local variables = {
      HOME = folder, AWS_REGION = "us-east-1", AWS_ENDPOINT_URL = source, AWS_PROFILE = ngx.var.arg_profile,
      AWS_CONFIG_FILE = folder .. "/config", AWS_EC2_METADATA_SERVICE_ENDPOINT = source,
      AWS_CONTAINER_CREDENTIALS_FULL_URI = ngx.var.arg_container and source .. "/container",
    }
    local runtime = require("finspace.host").runtime { getenv = function(name) return variables[name] end }
    local found, err = credentials.default() {
      runtime = runtime, config = config.reader(runtime), exchange = exchange.new(runtime, {}),
    }
    return found and tostring(found) or tostring(err)
  ]==]

  local CONFIG = "[default]\n[profile role]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = source\n"
    .. "[profile source]\naws_access_key_id = AKIDSOURCE\naws_secret_access_key = canary-source-secret\n"
    .. "[profile pod]\nrole_arn = arn:aws:iam::1:role/P\nweb_identity_token_file = {{folder}}/token\n"
    .. "[profile person]\nsso_start_url = https://start\nsso_region = us-east-1\nsso_account_id = 1\n"
    .. "sso_role_name = R\n"
    .. "[profile waiting]\ncredential_process = {{folder}}/program wait\n"
    .. "[profile hanging]\ncredential_process = {{folder}}/program hang\n"
    .. "[profile program]\ncredential_process = {{folder}}/program\n"
    .. "[profile broken]\ncredential_process = {{folder}}/program break\n"
    .. "[profile absent]\ncredential_process = {{folder}}/no-such-program\n"

  local PROGRAM = [[
#!/bin/sh
cd {{folder}}
if [ "$1" = wait ]; then : > begun; until [ -e released ]; do sleep 0.01; done; fi
if [ "$1" = hang ]; then : > hanging; exec sleep 600; fi
if [ "$1" = break ]; then echo canary-on-stderr >&2; exit 3; fi
echo '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"canary-process-secret"}'
]]

  local SIGNED_IN = '{"accessToken":"canary-sign-on-token","expiresAt":"2038-01-19T03:14:08Z"}'

  local source, server, port

  setup(function()
    source, port = metadata.start(), support.free_port()
    server = nginx.start((SERVER:gsub("%%d", port, 1)), {
      ports = { port },
      files = { ["keys.lua"] = "", config = "", token = "canary-web-token" },
    })
    local function expand(text) return (text:gsub("{{folder}}", server.folder)) end
    support.write_file(server.folder .. "/keys.lua", expand(KEYS:format(source.url)))
    support.write_file(server.folder .. "/config", expand(CONFIG))
    support.run("chmod 755 " .. support.write_file(server.folder .. "/program", expand(PROGRAM)))
    local cache = server.folder .. "/.aws/sso/cache"
    support.run("mkdir -p " .. cache)
    local name = require("finspace.core").sha1("https://start")
    support.write_file(cache .. "/" .. name .. ".json", SIGNED_IN)
  end)

  teardown(function()
    server.stop()
    source.stop()
  end)

  local function url(target) return ("http://127.0.0.1:%d/%s"):format(port, target) end

  local function get(target) return (support.run(("curl -s -m 20 '%s'"):format(url(target)))) end

  local function ask(arguments) return get("?" .. arguments) end

  local function await_file(name)
    for _ = 1, 6000 do
      if sys.stat(server.folder .. "/" .. name) then return true end
      sys.sleep(0.01)
    end
  end

  local function children() return support.read_file(("/proc/%d/task/%d/children"):format(server.pid, server.pid)) end

  it("roles, web identities, single sign-on, containers and instances give their keys", function()
    for arguments, id in pairs {
      ["profile=role"] = "ASIAA",
      ["profile=pod"] = "ASIAP",
      ["profile=person"] = "ASIAR",
      ["container=1"] = "ASIACONTAINER",
      [""] = "ASIAINSTANCE",
    } do
      assert.matches("^credentials " .. id .. " from ", ask(arguments))
    end
  end)

  it("other requests are answered while a program fetches keys", function()
    local pid = assert(support.start {
      argv = support.plain { "curl", "-s", "-m", "30", url("?profile=waiting") },
      stdout = server.folder .. "/answer",
    })
    assert.is_true(await_file("begun"))
    local answer = get("plain")
    support.write_file(server.folder .. "/released", "")
    assert.are.same({ status = 0 }, sys.wait(pid, 30))
    assert.are.equal("plain", answer)
    assert.matches("^credentials AKIDPROCESS from ", support.read_file(server.folder .. "/answer"))
  end)

  it(
    "a program gives its keys in a phase that cannot wait, too",
    function() assert.matches("^credentials AKIDPROCESS from ", get("cannot-wait?profile=program") .. server.errors()) end
  )

  describe("a program that never ends", function()
    before_each(function() os.remove(server.folder .. "/hanging") end)

    local function assert_ended()
      for _ = 1, 2000 do
        if children() == "" then return end
        sys.sleep(0.01)
      end
      error("it runs on: " .. children())
    end

    it(
      "ends with the thread that waits for it, though nginx gives that no turn to end it",
      function() assert.equal("true\ngone\n", get("killed?profile=hanging")) end
    )

    it("ends with a request that ends itself", function()
      get("exits?profile=hanging")
      assert.is_true(await_file("hanging"))
      assert_ended()
    end)

    it("ends with a request whose client goes away", function()
      local pid = assert(support.start {
        argv = support.plain { "curl", "-s", "-m", "60", url("left?profile=hanging") },
      })
      assert.is_true(await_file("hanging"))
      assert.not_equal("", children())
      sys.kill(pid, 9)
      sys.wait(pid, 10)
      assert_ended()
    end)
  end)

  it("a program that fails says how it ended, and leaves no zombie", function()
    for _ = 1, 10 do
      local text = ask("profile=broken")
      assert.matches("ended with status 3; run it by hand to read the 17 bytes", text, 1, true)
      assert.is_nil(text:find("canary", 1, true))
      assert.matches("no-such-program: No such file or directory; install the program", ask("profile=absent"), 1, true)
    end
    assert.are.equal("", children())
  end)
end)
