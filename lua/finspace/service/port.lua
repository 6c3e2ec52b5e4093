--- Whether somebody listens on a port already, asked before nginx tries: nginx would try for three
--- seconds and print a line each time. Read from the kernel's own tables (proc(5)), so that it needs
--- no socket and runs under any Lua.

local port = {}

local LISTENING = "0A"
local TABLES = { "/proc/net/tcp", "/proc/net/tcp6" }

-- The kernel writes an IPv4 address as one number in the machine's byte order.
local function kernel_form(host)
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a and ("%02X%02X%02X%02X"):format(d, c, b, a)
end

local function is_wildcard(address) return address:find("^0+$") ~= nil end

local function listeners(number)
  local found, wanted = {}, (":%04X"):format(number)
  for _, path in ipairs(TABLES) do
    local handle = io.open(path, "r")
    for line in (handle and handle:read("*a") or ""):gmatch("[^\n]+") do
      local address, of, state = line:match("^%s*%d+: (%x+)(:%x+) %x+:%x+ (%x%x)")
      if of == wanted and state == LISTENING then found[#found + 1] = address end
    end
    if handle then handle:close() end
  end
  return found
end

--- @param host string
--- @param number integer
--- @return string|nil problem one line, nil when it seems free
function port.problem(host, number)
  local own = kernel_form(host)
  for _, address in ipairs(listeners(number)) do
    if is_wildcard(address) or not own or is_wildcard(own) or address == own then
      return ("port %d on %s is in use: stop what uses it, or choose another with --port"):format(number, host)
    end
  end
end

return port
