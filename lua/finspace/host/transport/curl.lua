--- The transport of plain Lua: libcurl, one call at a time, connections kept between calls.
local curl = {}

--- @param options finspace.HttpOptions|nil
--- @return finspace.Transport transport
--- @return fun() close closes the kept connections
function curl.new(options)
  local http = require("finspace.host.http")
  local idle = http.client(options)
  -- A finalizer may make a call while another one is being answered: each has a client of its own, one is kept.
  local function transport(request)
    local client = idle or http.client(options)
    idle = nil
    local response, err = client:perform(request)
    if idle then
      client:close()
    else
      idle = client
    end
    return response, err
  end
  local function close()
    if idle then idle:close() end
    idle = nil
  end
  return transport, close
end

return curl
