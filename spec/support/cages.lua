--- Places in a program whose caller is a C function, so that Lua (or one of its versions) cannot suspend what
--- runs in them. Each runs a function within such a place and keeps no error.
local cages = {}

cages["string.gsub"] = function(body)
  string.gsub("x", "x", function() body() end)
end

cages["table.sort"] = function(body)
  table.sort({ 2, 1 }, function(a, b)
    if body then body() end
    body = nil
    return a < b
  end)
end

cages["require"] = function(body)
  package.preload["spec.caged"] = function() body() end
  package.loaded["spec.caged"] = nil
  require("spec.caged")
end

cages["a reader of load"] = function(body)
  load(function() body() end)
end

cages["__tostring"] = function(body)
  tostring(setmetatable({}, {
    __tostring = function()
      body()
      return ""
    end,
  }))
end

cages["__index"] = function(body)
  return setmetatable({}, { __index = function() body() end }).any
end

cages["an iterator"] = function(body)
  for _ in
    function(_, done)
      if done then return nil end
      body()
      return true
    end
  do
  end
end

cages["pcall"] = function(body) assert(pcall(body)) end

-- Lua 5.1 finalizes userdata only; this object is garbage when the function is back.
local function leave_garbage(finalizer)
  local newproxy = rawget(_G, "newproxy")
  if not newproxy then return setmetatable({}, { __gc = finalizer }) and nil end
  getmetatable(newproxy(true)).__gc = finalizer
end

cages["__gc"] = function(body)
  leave_garbage(function() body() end)
  collectgarbage()
  collectgarbage()
end

return cages
