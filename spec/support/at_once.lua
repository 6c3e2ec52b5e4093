--- Requests side by side: each on a connection of its own, all sent before the first answer is read.
local socket = require("socket")

local at_once = {}

local function text_of(request)
  local lines = { request.method .. " " .. request.path .. " HTTP/1.1" }
  for _, header in ipairs(request.headers) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  return table.concat(lines, "\r\n") .. "\r\nConnection: close\r\n\r\n" .. request.body
end

--- @param requests table[] signed (service.sign), without a query
--- @return table[] connections in the requests' order
function at_once.send(requests)
  local connections = {}
  for i, request in ipairs(requests) do
    connections[i] = assert(socket.connect("127.0.0.1", request.port))
    connections[i]:settimeout(20)
  end
  for i, request in ipairs(requests) do
    connections[i]:send(text_of(request))
  end
  return connections
end

--- Reads an answer's status and closes the connection.
--- @param connection table one of what send returned
--- @return integer|nil status nil where the connection ended without an answer
function at_once.status(connection)
  local line = connection:receive("*l")
  connection:close()
  return tonumber((line or ""):match("^HTTP/1%.1 (%d+)"))
end

--- Sends all, then reads all.
--- @param requests table[]
--- @return table statuses by position
function at_once.ask(requests)
  local statuses = {}
  for i, connection in ipairs(at_once.send(requests)) do
    statuses[i] = at_once.status(connection)
  end
  return statuses
end

return at_once
