--- A file that is written in a task by libuv's threads: a slow disk keeps one of them waiting, not the editor.
local finspace = require("finspace")
local uv = vim.loop

local background_file = {}

local File = {}
File.__index = File

local FOR_ITS_OWNER = 384 -- 0600

-- Seconds between two looks at what a thread does.
local GLANCE = 0.001

-- Waits for one of libuv's calls; gives its result, or nil and a message.
local function await(call, ...)
  local done, failure, result = false, nil, nil
  local arguments = { ... }
  table.insert(arguments, function(...)
    done, failure, result = true, ...
  end)
  local begun, message = call(unpack(arguments))
  if not begun then return nil, message end
  while not done do
    finspace.sleep(GLANCE)
  end
  if failure then return nil, failure end
  return result
end

--- Makes a file, or empties it.
--- @param path string
--- @return table|nil file, string|nil message
function background_file.create(path)
  local descriptor, message = await(uv.fs_open, path, "w", FOR_ITS_OWNER)
  return descriptor and setmetatable({ descriptor = descriptor }, File), message
end

--- @param text string
--- @return true|nil written, string|nil message
function File:write(text)
  while text ~= "" do
    local count, message = await(uv.fs_write, self.descriptor, text, -1)
    if not count then return nil, message end
    text = text:sub(count + 1)
  end
  return true
end

--- @return boolean|nil closed, string|nil message
function File:close() return await(uv.fs_close, self.descriptor) end

--- Removes a file, in its own time.
--- @param path string
function background_file.remove(path)
  uv.fs_unlink(path, function() end)
end

return background_file
