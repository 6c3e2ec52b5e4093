--- The addresses that people open the console at, as browsers say them (RFC 6454, section 6.1): scheme, host in lower case, and
--- the port unless it is the scheme's own.

local origins = {}

local OWN_PORTS = { https = ":443", http = ":80" }

--- @param url string without a path
--- @return string|nil origin
function origins.of(url)
  local scheme, rest = url:lower():match("^(https?)://([^/%s?#@\"'<>;]+)/?$")
  if not scheme then return nil end
  local port = OWN_PORTS[scheme]
  if rest:sub(-#port) == port then rest = rest:sub(1, -#port - 1) end
  return scheme .. "://" .. rest
end

--- @param url string|nil of --console-url
--- @return string|nil problem one line
function origins.problem(url)
  if not url or origins.of(url) then return nil end
  return "--console-url must be an address without a path, for example https://finspace.example.com"
end

-- Who opens a loopback address may call it by its name, too, which is another origin.
local function by_name(origin)
  local scheme, port = origin:match("^(https?)://127%.%d+%.%d+%.%d+(:?%d*)$")
  return scheme and scheme .. "://localhost" .. port
end

--- Those of a node.
--- @param settings table {endpoint=, console_url=?}
--- @return string[]
function origins.all(settings)
  local own = origins.of(settings.endpoint)
  local list = { own, by_name(own) }
  list[#list + 1] = settings.console_url and origins.of(settings.console_url)
  return list
end

local EVERYWHERE = { ["0.0.0.0"] = true, ["::"] = true }
local UNKNOWN = [[
A node that listens on every address does not know where people open the console: name that with --console-url, so that
browsers may call the store from there
]]

--- @param settings table {host=, console_url=?}
--- @return string word for people, empty where all addresses are known
function origins.word(settings) return EVERYWHERE[settings.host] and not settings.console_url and UNKNOWN or "" end

return origins
