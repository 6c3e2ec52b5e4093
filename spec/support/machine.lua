--- A machine for specs of configuration and credentials: its environment, its files and its clock are
--- tables, and whoever it calls is a function.
local machine = {}

local function folder_of_files(contents)
  local versions = {}
  local files = { contents = contents }
  function files.stat(path)
    local content = contents[path]
    if content == nil then return nil, "cannot look at " .. path .. ": No such file or directory", "ENOENT" end
    return { type = "file", size = #content, mtime = versions[path] or 1, inode = 1, mode = 384 }
  end
  function files.read_limited(path, max)
    local content = contents[path]
    if content == nil then return nil, "cannot read " .. path .. ": No such file or directory", "ENOENT" end
    if #content > max then return nil, "cannot read " .. path .. ": File too large", "EFBIG" end
    return content
  end
  function files.write_private(path, content)
    contents[path], versions[path] = content, (versions[path] or 1) + 1
    return true
  end
  return files
end

--- @param given table|nil { env = {}, files = { [path] = content } | the real ones when false, transport =,
---   now = epoch seconds, logs = list that takes the log }
--- @return table runtime with `env`, `logs` and `pass(seconds)`, which moves its clock
function machine.new(given)
  given = given or {}
  local self = { env = given.env or {}, logs = given.logs or {}, time = given.now or 1700000000, name = "plain" }
  if given.files ~= false then self.files = folder_of_files(given.files or {}) end
  self.slept = 0
  function self.getenv(name) return self.env[name] end
  function self.now() return self.time end
  function self.monotonic() return self.time end
  function self.random() return 0.5 end
  function self.uuid() return "00000000-0000-4000-8000-000000000000" end
  function self.pass(seconds) self.time = self.time + seconds end
  function self.sleep(seconds)
    self.slept = self.slept + seconds
    self.time = self.time + seconds
  end
  function self.logger(event) table.insert(self.logs, event) end
  self.transport = given.transport
    or function(request) error("nobody is to be called, but " .. tostring(request.url) .. " was", 0) end
  return self
end

--- The context that providers work in on such a machine.
--- @param runtime table
--- @param options table|nil { profile =, region = }
function machine.context(runtime, options)
  options = options or {}
  return {
    runtime = runtime,
    region = options.region,
    profile = options.profile,
    config = require("finspace.config").reader(runtime, { profile = options.profile }),
    exchange = require("finspace.call.exchange").new(runtime, { max_attempts = 3 }),
  }
end

return machine
