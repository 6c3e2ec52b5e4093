--- The providers that ask over HTTP, in an nginx worker: its sockets carry their calls, and nothing in the
--- worker waits for anything.
local metadata = require("spec.support.metadata")
local nginx = require("spec.support.nginx")
local support = require("spec.support")

describe("in an nginx worker #once", function()
  local SERVER = [[
    server {
      listen 127.0.0.1:%d;
      location / { content_by_lua_file {{folder}}/handler.lua; }
    }
  ]]

  local HANDLER = [==[
    local config = require("finspace.config")
    local credentials = require("finspace.credentials")
    local exchange = require("finspace.exchange")
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
    ngx.say(found and tostring(found) or tostring(err))
  ]==]

  local CONFIG = "[default]\n[profile role]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = source\n"
    .. "[profile source]\naws_access_key_id = AKIDSOURCE\naws_secret_access_key = canary-source-secret\n"
    .. "[profile pod]\nrole_arn = arn:aws:iam::1:role/P\nweb_identity_token_file = {{folder}}/token\n"
    .. "[profile person]\nsso_start_url = https://start\nsso_region = us-east-1\nsso_account_id = 1\n"
    .. "sso_role_name = R\n"

  local SIGNED_IN = '{"accessToken":"canary-sign-on-token","expiresAt":"2038-01-19T03:14:08Z"}'

  local source, server, port

  setup(function()
    source, port = metadata.start(), support.free_port()
    server = nginx.start(SERVER:format(port), {
      ports = { port },
      files = { ["handler.lua"] = "", config = "", token = "canary-web-token" },
    })
    local function expand(text) return (text:gsub("{{folder}}", server.folder)) end
    support.write_file(server.folder .. "/handler.lua", expand(HANDLER:format(source.url)))
    support.write_file(server.folder .. "/config", expand(CONFIG))
    local cache = server.folder .. "/.aws/sso/cache"
    support.run("mkdir -p " .. cache)
    local name = require("finspace.core").sha1("https://start")
    support.write_file(cache .. "/" .. name .. ".json", SIGNED_IN)
  end)

  teardown(function()
    server.stop()
    source.stop()
  end)

  local function ask(arguments)
    return (support.run(("curl -s 'http://127.0.0.1:%d/?%s'"):format(port, arguments)))
  end

  it("roles, web identities, single sign-on, containers and instances give their keys", function()
    for arguments, id in pairs {
      ["profile=role"] = "ASIAA", ["profile=pod"] = "ASIAP", ["profile=person"] = "ASIAR",
      ["container=1"] = "ASIACONTAINER", [""] = "ASIAINSTANCE",
    } do
      assert.matches("^credentials " .. id .. " from ", ask(arguments) .. server.errors())
    end
  end)
end)
