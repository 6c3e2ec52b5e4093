--- The transport of plain Lua: libcurl, one call at a time, connections kept between calls.
local curl = {}

--- @param options finspace.HttpOptions|nil
--- @return finspace.Transport transport
--- @return fun() close closes the kept connections
function curl.new(options)
  local http = require("finspace.http")
  -- A finalizer may make a call while another one is being answered: each has a client of its own.
  local idle = { http.client(options) }
  local function transport(request)
    local last = #idle
    local client = idle[last] or http.client(options)
    idle[last] = nil
    local response, err = client:perform(request)
    idle[#idle + 1] = client
    return response, err
  end
  local function close()
    while idle[1] do
      table.remove(idle):close()
    end
  end
  return transport, close
end

return curl
