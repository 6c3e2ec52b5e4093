--- A pause between two tries. Where nginx's requests and timers can wait, others go on meanwhile; at its start and its
--- end nobody is there.

local sys = require("finspace.sys")

local WAITING_PHASES = { rewrite = true, access = true, content = true, timer = true }

--- @param seconds number
return function(seconds)
  local ngx = rawget(_G, "ngx")
  if ngx and WAITING_PHASES[ngx.get_phase()] then return ngx.sleep(seconds) end
  sys.sleep(seconds)
end
