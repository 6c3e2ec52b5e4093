--- HTTP/1.1 as bytes, without any I/O: writes the head of a request, and reads a response from whatever
--- pieces the network hands over. For hosts whose sockets come without a client, as nginx's do.
---
--- The reader is strict where two readers could disagree about where a response ends (RFC 9112 section 6):
--- such a connection cannot be trusted with the next response, so the ambiguity is a fault, not a guess.

local find, lower, match, sub = string.find, string.lower, string.match, string.sub
local concat = table.concat

local http1 = {}

http1.DEFAULT_MAX_HEADERS = 256 * 1024
http1.DEFAULT_MAX_BODY = 16 * 1024 * 1024

-- A server that answers "wait" for ever is refused after this many interim (1xx) responses.
local MAX_INTERIM = 16
local MAX_CHUNK_LINE = 1024
local MAX_REQUEST_HEADERS = 100
local TOKEN = "^[%w!#$%%&'*+%-.^_`|~]+$"
local DEFAULT_PORT = { http = 80, https = 443 }

-- Methods whose request says "Content-Length: 0" when it has no body (RFC 9110 section 8.6).
local EXPECTS_BODY = { POST = true, PUT = true, PATCH = true }

--- @class finspace.http1.Fault
--- @field code string "BadResponse", "TooLarge", "Truncated" or "WriteFailed"
--- @field message string

local function fault(code, message) return nil, { code = code, message = message } end

local function bad(message) return fault("BadResponse", message) end

-- requests ---------------------------------------------------------------------------------------

local function parse_authority(authority)
  local host, port = match(authority, "^(%[[%x:.]+%])(.*)$")
  if not host then
    host, port = match(authority, "^([%w._-]+)(.*)$")
  end
  if not host then return nil end
  if port == "" then return host end
  port = tonumber(match(port, "^:(%d%d?%d?%d?%d?)$"))
  if port and port >= 1 and port <= 65535 then return host, port end
end

--- @class finspace.http1.Url
--- @field scheme string
--- @field host string an IPv6 address keeps its brackets
--- @field port integer
--- @field authority string host and port as written
--- @field target string path and query

--- Takes a whole URL apart. Nothing is decoded or mended: what an exact signature covers goes out as it is.
--- @param url string
--- @return finspace.http1.Url|nil
--- @return string|nil message what is wrong with it; never shows the URL, whose query may hold a signature
function http1.parse_url(url)
  local scheme, authority, target = match(url, "^(https?)://([^/?#]*)([^#]*)$")
  if not scheme then return nil, "the URL must begin with http:// or https:// and have no fragment" end
  if find(url, "[%z\1-\32\127-\255]") then return nil, "the URL holds a space, a control or a non-ASCII character" end
  local host, port = parse_authority(authority)
  if not host then return nil, "the URL's host or port is malformed, or it carries a user name" end
  if sub(target, 1, 1) ~= "/" then target = "/" .. target end
  port = port or DEFAULT_PORT[scheme]
  return { scheme = scheme, host = host, port = port, authority = authority, target = target }
end

local function header_problem(name, value)
  if type(name) ~= "string" or not find(name, TOKEN) then return "a header name is not a token" end
  if type(value) ~= "string" then return "header " .. name .. " is not a string" end
  if find(value, "[%z\r\n]") then return "header " .. name .. " holds CR, LF or NUL" end
end

-- How the request is framed follows from its body, and is not the caller's to say.
local FRAMING = { ["transfer-encoding"] = true, te = true, expect = true }

local function framing_problem(name, value, length)
  name = lower(name)
  if FRAMING[name] then return "header " .. name .. " cannot be given: the body decides it" end
  if name == "content-length" and tonumber(value) ~= (length or 0) then
    return "Content-Length is not the body's length"
  end
end

local function method_problem(method, length)
  if type(method) ~= "string" or not find(method, "^%u+$") or #method > 16 then
    return "the method must be 1 to 16 capital letters, like GET"
  end
  if method == "HEAD" and (length or 0) > 0 then return "a HEAD request has no body" end
end

local function content_length(method, length)
  if not length and EXPECTS_BODY[method] then length = 0 end
  return length and string.format("content-length: %d", length)
end

--- Writes the request line and the headers, with the empty line that ends them.
--- @param request { method: string, headers: table<string, string>|nil }
--- @param url table what parse_url returned
--- @param length integer|nil the body's bytes; nil when there is no body
--- @return string|nil head
--- @return string|nil message why the request cannot be written; never shows a header's value
function http1.request_head(request, url, length)
  local problem = method_problem(request.method, length)
  if problem then return nil, problem end
  local headers = request.headers or {}
  local lines = { request.method .. " " .. url.target .. " HTTP/1.1" }
  if not headers.host then lines[2] = "host: " .. url.authority end
  for name, value in pairs(headers) do
    problem = header_problem(name, value) or framing_problem(name, value, length)
    if problem then return nil, problem end
    if lower(name) ~= "content-length" then lines[#lines + 1] = name .. ": " .. value end
  end
  if #lines > MAX_REQUEST_HEADERS then return nil, "a request can have at most 100 headers" end
  lines[#lines + 1] = content_length(request.method, length)
  lines[#lines + 1] = "\r\n"
  return concat(lines, "\r\n")
end

-- responses --------------------------------------------------------------------------------------

--- @class finspace.http1.Reader
--- @field done boolean the response is whole
--- @field reusable boolean once done: the connection may carry another request
--- @field started boolean a byte of a response was seen
--- @field status integer
--- @field headers table<string, string> by lower-case name; repeated fields joined with ", "
local Reader = {}
Reader.__index = Reader

-- Each state below reads what it can from `self.pending`, beginning at `self.at`, and returns the next
-- state's name; nothing when it needs more bytes; or nil and a fault.
local states = {}

local function read_line(self, limit)
  local stop = find(self.pending, "\n", self.at, true)
  local length = (stop or #self.pending) - self.at + 1
  if length > limit then return fault("TooLarge", "the response's header block exceeds its limit") end
  if not stop then return nil end
  local line = sub(self.pending, self.at, stop - 1)
  self.at = stop + 1
  if sub(line, -1) ~= "\r" then return bad("a line of the response's head does not end with CR LF") end
  line = sub(line, 1, -2)
  if find(line, "[%z\r]") then return bad("a line of the response's head holds CR or NUL") end
  return line
end

-- All lines of the head, interim responses and trailers together, share one budget.
local function read_head_line(self)
  local line, problem = read_line(self, self.head_left)
  if line then self.head_left = self.head_left - #line - 2 end
  return line, problem
end

function states.status(self)
  local line, problem = read_head_line(self)
  if not line then return nil, problem end
  local minor, status = match(line, "^HTTP/1%.([01]) (%d%d%d)$")
  if not minor then
    minor, status = match(line, "^HTTP/1%.([01]) (%d%d%d) ")
  end
  if not minor then return bad("the response does not begin with an HTTP/1.x status line") end
  self.version, self.status, self.headers, self.counts = tonumber(minor), tonumber(status), {}, {}
  if self.status < 100 or self.status > 599 then return bad("the response's status is out of range") end
  return "field"
end

local function keep_field(self, name, value)
  local known = self.headers[name]
  self.headers[name] = known and known .. ", " .. value or value
  self.counts[name] = (self.counts[name] or 0) + 1
end

local function parse_field(line)
  local name, value = match(line, "^([^:]*):[ \t]*(.-)[ \t]*$")
  if not name or not find(name, TOKEN) then return nil end
  return lower(name), value
end

local function malformed_field(line)
  if find(line, "^[ \t]") then return bad("a response header is folded over two lines") end
  return bad("a response header has no valid name")
end

-- The head is complete: whoever wants the body says now where it goes, and how much of it may.
local function begin_body(self)
  if not self.open then return true end
  local write, limit = self.open(self.status)
  if not write then return fault("WriteFailed", limit) end
  self.write, self.body_left = write, limit
  return true
end

local function begin_interim(self)
  self.interim = self.interim + 1
  if self.status == 101 then return bad("the server switched protocols, which nobody asked for") end
  if self.interim > MAX_INTERIM then return bad("the server sent too many interim (1xx) responses") end
  return "status"
end

-- How the body ends (RFC 9112 section 6.3), with every case refused that leaves room for two opinions.
local function choose_framing(self)
  local ok, problem = begin_body(self)
  if not ok then return nil, problem end
  local coding, length = self.headers["transfer-encoding"], self.headers["content-length"]
  if coding and length then return bad("the response has both Transfer-Encoding and Content-Length") end
  if length and (self.counts["content-length"] > 1 or not find(length, "^%d+$") or #length > 15) then
    return bad("the response's Content-Length is repeated or malformed")
  end
  if coding and (lower(coding) ~= "chunked" or self.version == 0) then
    return bad("the response's Transfer-Encoding is not exactly chunked")
  end
  if self.status == 204 and (coding or (tonumber(length) or 0) > 0) then
    return bad("a 204 response announces a body")
  end
  if self.method == "HEAD" or self.status == 204 or self.status == 304 then return "finished" end
  if coding then return "chunk_size" end
  if not length then
    self.until_close = true
    return "rest"
  end
  self.left = tonumber(length)
  if self.left > self.body_left then return fault("TooLarge", "the response's body exceeds its limit") end
  return "counted"
end

function states.field(self)
  local line, problem = read_head_line(self)
  if not line then return nil, problem end
  if line == "" then
    if self.status < 200 then return begin_interim(self) end
    return choose_framing(self)
  end
  local name, value = parse_field(line)
  if not name then return malformed_field(line) end
  keep_field(self, name, value)
  return "field"
end

-- Hands at most `limit` pending bytes of the body on; returns how many, or nil and a fault.
local function pass_body(self, limit)
  local available = #self.pending - self.at + 1
  local count = math.min(available, limit)
  if count == 0 then return 0 end
  if count > self.body_left then return fault("TooLarge", "the response's body exceeds its limit") end
  local bytes = count == #self.pending and self.pending or sub(self.pending, self.at, self.at + count - 1)
  self.at, self.body_left = self.at + count, self.body_left - count
  local ok, message = self.write(bytes)
  if not ok then return fault("WriteFailed", message or "the response's body could not be written") end
  return count
end

local function pass_counted(self, next_state)
  local count, problem = pass_body(self, self.left)
  if not count then return nil, problem end
  self.left = self.left - count
  if self.left == 0 then return next_state end
end

function states.counted(self) return pass_counted(self, "finished") end

function states.rest(self)
  local _, problem = pass_body(self, math.huge)
  return nil, problem
end

function states.chunk_size(self)
  local line, problem = read_line(self, MAX_CHUNK_LINE)
  if not line then return nil, problem end
  local size = match(line, "^(%x+)$") or match(line, "^(%x+)[ \t]*;")
  if not size or #size > 12 then return bad("a chunk of the response has a malformed size") end
  self.left = tonumber(size, 16)
  if self.left == 0 then return "trailer" end
  if self.left > self.body_left then return fault("TooLarge", "the response's body exceeds its limit") end
  return "chunk"
end

function states.chunk(self) return pass_counted(self, "chunk_end") end

function states.chunk_end(self)
  local line, problem = read_line(self, 2)
  if problem then return bad("a chunk of the response is longer than its size") end
  if not line then return nil end
  if line ~= "" then return bad("a chunk of the response is longer than its size") end
  return "chunk_size"
end

-- Trailers are read and dropped: nothing may change a response's meaning after its body.
function states.trailer(self)
  local line, problem = read_head_line(self)
  if not line then return nil, problem end
  if line == "" then return "finished" end
  if not parse_field(line) then return malformed_field(line) end
  return "trailer"
end

local function wants_close(self)
  local connection = "," .. lower(self.headers.connection or ""):gsub("%s", "") .. ","
  if find(connection, ",close,", 1, true) then return true end
  return self.version == 0 and not find(connection, ",keep-alive,", 1, true)
end

-- Bytes beyond the end belong to no request of ours: the connection is not used again.
local function finish(self)
  self.done = true
  local leftover = self.at <= #self.pending
  self.reusable = not (leftover or self.until_close or wants_close(self))
end

--- Reads more bytes of the response.
--- @param bytes string
--- @return boolean|nil ok
--- @return finspace.http1.Fault|nil fault the same one again for every later call
function Reader:feed(bytes)
  if self.problem then return nil, self.problem end
  if bytes == "" then return true end
  self.started = true
  if self.at > #self.pending then
    self.pending, self.at = bytes, 1
  else
    self.pending, self.at = sub(self.pending, self.at) .. bytes, 1
  end
  while not self.done do
    local next_state, problem = states[self.state](self)
    if problem then
      self.problem = problem
      return nil, problem
    end
    if next_state == "finished" then
      finish(self)
    elseif next_state then
      self.state = next_state
    else
      return true
    end
  end
  self.reusable = self.reusable and self.at > #self.pending
  return true
end

--- Tells the reader that the peer closed the connection: the end of the body, or of a truncated response.
--- @return boolean|nil ok
--- @return finspace.http1.Fault|nil fault
function Reader:finish()
  if self.problem then return nil, self.problem end
  if self.done then return true end
  if self.state == "rest" then
    finish(self)
    return true
  end
  return fault("Truncated", "the connection was closed in the middle of the response")
end

--- A reader of one response.
--- @param options table `method`: the request's; `max_headers`: bytes; `write(bytes)` receives the body in
---   pieces, at most `max_body` bytes, and returns true, or nil and a message; or, in place of these two,
---   `open(status)` is called once the head is complete and returns them, or nil and a message
--- @return finspace.http1.Reader
function http1.reader(options)
  return setmetatable({
    method = options.method,
    head_left = options.max_headers or http1.DEFAULT_MAX_HEADERS,
    body_left = options.max_body or http1.DEFAULT_MAX_BODY,
    write = options.write or function() return true end,
    open = options.open,
    state = "status",
    pending = "",
    at = 1,
    interim = 0,
    done = false,
    reusable = false,
    started = false,
  }, Reader)
end

return http1
