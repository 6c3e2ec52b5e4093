local credentials = require("finspace.credentials")
local curl = require("finspace.host.transport.curl")
local instance = require("finspace.credentials.instance")
local machine = require("spec.support.machine")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("moto #once #interop", function()
  local python = support.python("moto, flask")
  if not python then
    it("answers our providers", function() pending(support.lacking("python3 with moto's server", "make interop")) end)
    return
  end

  local folder, pid, transport, close, runtime

  setup(function()
    folder = support.temporary_folder()
    local port = support.free_port()
    pid = assert(support.start {
      argv = { python, "-m", "moto.server", "-H", "127.0.0.1", "-p", tostring(port) },
      stderr = folder .. "/log",
    })
    assert(nginx.await_port(port, pid))
    transport, close = curl.new {}
    local url = "http://127.0.0.1:" .. port
    runtime = machine.new {
      now = sys.now(),
      files = {},
      env = {
        HOME = "/home/me",
        AWS_REGION = "us-east-1",
        AWS_ENDPOINT_URL_STS = url,
        AWS_EC2_METADATA_SERVICE_ENDPOINT = url,
      },
    }
    runtime.transport = transport
  end)

  teardown(function()
    close()
    nginx.end_process(pid)
    support.remove_folder(folder)
  end)

  local function load(text)
    runtime.files.contents["/home/me/.aws/config"] = text
    return credentials.default()(machine.context(runtime))
  end

  it("gives a role's keys for other keys", function()
    local found = assert(
      load(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = base\n"
          .. "role_session_name = a-spec\n[profile base]\naws_access_key_id = AKIDBASE\n"
          .. "aws_secret_access_key = canary-base\n"
      )
    )
    assert.matches("^ASIA", found.access_key_id)
    assert.is_string(found.session_token)
    assert.is_true(math.abs(found.expires_at - runtime.now() - 3600) < 120)
  end)

  it("gives a role's keys for a web identity", function()
    runtime.files.contents["/token"] = "a.web.token"
    local found =
      assert(load("[default]\nrole_arn = arn:aws:iam::123456789012:role/pod\n" .. "web_identity_token_file = /token\n"))
    assert.matches("^ASIA", found.access_key_id)
  end)

  it("gives an instance's keys to whoever has a token", function()
    instance.forget()
    local found = assert(load(""))
    assert.are.same(
      { "test-key", "test-secret-key", "test-session-token" },
      { found.access_key_id, found.secret_access_key, found.session_token }
    )
    assert.is_true(found.expires_at > runtime.now())
  end)
end)
