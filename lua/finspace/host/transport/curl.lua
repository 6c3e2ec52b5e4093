--- The transport of plain Lua: libcurl, one call at a time, connections kept between calls.
local curl = {}

--- @param options finspace.HttpOptions|nil
--- @return finspace.Transport transport
--- @return fun() close closes the kept connections; the transport cannot be used after it
function curl.new(options)
  local client = require("finspace.http").client(options)
  local function transport(request) return client:perform(request) end
  local function close() client:close() end
  return transport, close
end

return curl
