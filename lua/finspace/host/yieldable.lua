--- Whether the running coroutine can be suspended where it stands. It cannot beneath a C function that calls
--- back into Lua: string.gsub, table.sort, require, a finalizer's caller; on Lua 5.1 also pcall, metamethods
--- and iterators.
local sys = require("finspace.sys")

local yieldable = {}

-- How many calls from C fit on top of this one. Lua 5.1 allows a fixed number, a coroutine's and those of
-- whoever resumed it taken together.
local function spare_calls(count)
  local ok, deeper = pcall(spare_calls, count + 1)
  return ok and deeper or count
end

local lua_tells = sys.can_yield() ~= nil

--- What whoever resumes a coroutine must note for `here`, because Lua 5.1 cannot be asked.
--- @return integer|nil
function yieldable.level() return not lua_tells and spare_calls(0) or nil end

local function has_spare_calls(level) return coroutine.running() ~= nil and spare_calls(0) == level - 1 end

--- @param level integer|nil  of whoever resumed this coroutine
--- @return boolean
yieldable.here = lua_tells and sys.can_yield or has_spare_calls

return yieldable
