--- The contract of all transports, and the choice of one by the host.
---
--- A transport is a function from a request to a response. All of them (libcurl, nginx's cosockets, libuv) have
--- this one shape, so that nothing above knows which host it runs in.
---
--- - TLS is verified, redirects are not followed, and an answer is a success only when all of it came.
--- - It may yield while it waits; it raises nothing that the world did.
--- - `sent = false` in its err is a guarantee: nothing of the request has left this machine.
local transport = {}

--- @class finspace.Request
--- @field method string
--- @field url string whole, percent-encoded, sent as it is
--- @field headers table<string, string>|nil names in lower case
--- @field body string|finspace.FileSlice|nil
--- @field sink {file: string, offset: integer|nil}|nil where the body of a 2xx answer goes, instead of memory
--- @field timeout number|nil seconds for the whole call
--- @field connect_timeout number|nil seconds for name, connection and handshake
--- @field stall_timeout number|nil seconds without a byte in either direction
--- @field max_body integer|nil bytes
--- @field proxy string|false|nil false: none, whatever the environment says
--- @field allowed_addresses string[]|nil "loopback" or literal IP addresses: the only peers it may go to
--- @field repeatable boolean|nil false: never sent twice, not even when a kept connection has died

--- @class finspace.FileSlice
--- @field file string path of a regular file
--- @field offset integer|nil default 0
--- @field length integer|nil default: up to the end

--- @class finspace.Response
--- @field status integer
--- @field headers table<string, string> names in lower case; repeated ones joined by ", "
--- @field head? string libcurl's: the headers' lines as they came; `headers` are read from them when first asked for
--- @field body string
--- @field received number bytes of the body, also of one that went to a sink

--- @class finspace.TransportError
--- @field kind string connect, tls, timeout, protocol, io, validation or memory
--- @field code string short and stable
--- @field message string
--- @field sent boolean false: surely not one byte of the request left

--- @alias finspace.Transport fun(request: finspace.Request): finspace.Response|nil, finspace.TransportError|nil

local MODULES = {
  plain = "finspace.host.transport.curl",
  nginx = "finspace.host.transport.resty",
  neovim = "finspace.host.transport.luv",
}

--- The transport of a host. Its module is loaded, and its connections are opened, by its first request.
--- @param host "plain"|"nginx"|"neovim"
--- @param options finspace.HttpOptions
--- @return finspace.Transport transport
--- @return fun() close  closes the kept connections; a request after it opens new ones
function transport.open(host, options)
  local opened, close
  local function perform(request)
    if not opened then
      opened, close = require(MODULES[host]).new(options)
    end
    return opened(request)
  end
  local function shut()
    if close then close() end
    opened, close = nil, nil
  end
  return perform, shut
end

return transport
