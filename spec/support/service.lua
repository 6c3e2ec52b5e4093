--- The FinSpace-compatible service for specs: on a free port of loopback, with its data in a temporary
--- folder, stopped by pid.
local support = require("spec.support")
local nginx = require("spec.support.nginx")
local sys = require("finspace.sys")

local service = {}

local START = [[
local ok, problem = require("finspace.service").start{ port = %d, data = %q }
io.stderr:write("finspace: ", problem, "\n")
os.exit(1)]]

local function read_credentials(data)
  local text = support.read_file(data .. "/credentials")
  return {
    access_key_id = text:match("aws_access_key_id = (%S+)"),
    secret_access_key = text:match("aws_secret_access_key = (%S+)"),
  }
end

local function await_ready(self)
  for _ = 1, 1000 do
    if (support.read_file(self.output) or ""):find("finspace: ready", 1, true) then return end
    if sys.wait(self.pid, 0.01) then break end
  end
  self.pid = nil
  error("the service did not start:\n" .. self.log(), 3)
end

local function launch(self)
  os.remove(self.output)
  self.pid = assert(sys.start({
    argv = { support.interpreter(), "-e", START:format(self.port, self.data) },
    stdout = self.output,
    stderr = self.errors,
  }))
  await_ready(self)
end

--- Starts a service and waits until it is ready.
---
--- @param options? table  port, data (a folder that is kept)
--- @return table service  { endpoint, port, data, region, pid, env = map of AWS_* variables that point
---   at it, credentials, log(), stop(), kill() (SIGKILL to all of it, folder kept), restart() }
function service.start(options)
  options = options or {}
  local folder = support.temporary_folder()
  local data = options.data or folder .. "/data"
  local self = {
    port = options.port or support.free_port(),
    data = data,
    region = "us-east-1",
    output = folder .. "/output",
    errors = folder .. "/errors",
  }
  self.endpoint = "http://127.0.0.1:" .. self.port
  self.env = {
    AWS_CONFIG_FILE = data .. "/config",
    AWS_SHARED_CREDENTIALS_FILE = data .. "/credentials",
    AWS_PROFILE = "finspace-local",
    AWS_EC2_METADATA_DISABLED = "true",
  }

  --- What it printed, and what it complained about.
  function self.log()
    return (support.read_file(self.output) or "") .. (support.read_file(self.errors) or "")
  end

  --- Ends it as a crash would; its data stays.
  function self.kill()
    if self.pid then
      sys.kill(self.pid, 9)
      sys.wait(self.pid, 3)
      self.pid = nil
    end
  end

  --- Stops it and removes its temporary folder. Again is harmless.
  function self.stop()
    if self.pid then nginx.end_process(self.pid) end
    self.pid = nil
    if folder then support.remove_folder(folder) end
    folder = nil
  end

  --- Starts it again over the same data and on the same port.
  function self.restart()
    if self.pid then nginx.end_process(self.pid) end
    launch(self)
  end

  --- The variables as a shell's prefix: `env A=… B=…`.
  --- @return string
  function self.shell()
    local words = { "env" }
    for name, value in pairs(self.env) do words[#words + 1] = name .. "=" .. support.quote(value) end
    return table.concat(words, " ")
  end

  launch(self)
  self.credentials = read_credentials(data)
  return self
end

return service
