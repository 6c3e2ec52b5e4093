--- The processor time of the running thread, for specs in hosts that carry LuaJIT: what else the machine or other
--- threads of the process do does not count.
local ffi = require("ffi")

ffi.cdef([[
struct finspace_moment { long seconds, nanoseconds; };
int clock_gettime(int clock, struct finspace_moment *moment);
]])

local THREAD_TIME = 3 -- CLOCK_THREAD_CPUTIME_ID of linux/time.h

--- @return number seconds
return function()
  local moment = ffi.new("struct finspace_moment")
  ffi.C.clock_gettime(THREAD_TIME, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end
