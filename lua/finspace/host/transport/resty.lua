--- Requests on nginx's cosockets: the worker serves others while we wait. Needs no curl.
---
--- Works wherever ngx_lua allows cosockets. TLS is always verified; its authorities and, for names, the
--- resolver are nginx's to configure, so what is missing there is named in the error.
local http1 = require("finspace.host.transport.http1")
local phase = require("finspace.host.phase")
local sys = require("finspace.sys")

local resty = {}

local SLICE = 64 * 1024
local POOL_SIZE = 64
local POOL_IDLE_MS = 30 * 1000
-- nginx counts milliseconds in 32 bits.
local LONGEST_WAIT = 1e6
-- Seconds that the worker's loop may have been at it before bytes that could move at once let others go first, and
-- for how long: a real pause, because a worker that only goes once round keeps the processor, and loses it for longer.
local LONGEST_TURN, PAUSE = 0.002, 0.001
local DEFAULTS = { connect_timeout = 10, timeout = 60, stall_timeout = 30 }

-- One request on its way: what it is made of, its deadline, and whether a byte of it may have left.
local Call = {}
Call.__index = Call

function Call:failure(kind, code, message) return nil, { kind = kind, code = code, message = message, sent = self.sent } end

function Call:place() return ("%s:%d"):format(self.url.host, self.url.port) end

-- sockets ----------------------------------------------------------------------------------------

-- Sets how long the next operation may take: its own limit, and never beyond the whole call's.
function Call:limit(sock, seconds)
  local left = math.max(self.deadline - sys.monotonic(), 0.001)
  self.limited_by = left <= seconds and "deadline" or "stall"
  sock:settimeout(math.ceil(math.min(left, seconds, LONGEST_WAIT) * 1000))
end

local function open_socket()
  local refusal = phase.refusal()
  if refusal then return nil, refusal end
  return ngx.socket.tcp()
end

-- nginx resolves no name without a resolver, but this one needs none (RFC 6761 section 6.3).
local function address_of(host) return host:lower():find("^localhost%.?$") and "127.0.0.1" or host end

local function is_secure(call) return call.url.scheme == "https" end

-- Needs OpenSSL's and nginx's own symbols, so it is loaded for the first call over TLS.
local function tls() return require("finspace.host.transport.resty_tls") end

local function connect_failure(call, message)
  local place = call:place()
  if message:find("no resolver defined", 1, true) then
    return call:failure(
      "config",
      "NoResolver",
      (
        "nginx cannot resolve %s: add a `resolver` directive "
        .. "(for example `resolver 127.0.0.53;`) to its configuration"
      ):format(call.url.host)
    )
  elseif message:find("could not be resolved", 1, true) then
    return call:failure("connect", "CouldNotResolve", message)
  elseif message:find("timeout", 1, true) then
    return call:failure(
      "timeout",
      "ConnectTimeout",
      place .. ": time ran out while connecting; check that the address can be reached from here"
    )
  elseif message:find("refused", 1, true) then
    return call:failure(
      "connect",
      "ConnectionRefused",
      place .. " refused the connection; is the service running, and is the port right?"
    )
  elseif message:find("reset", 1, true) then
    return call:failure("connect", "ConnectionReset", place .. " closed the connection as it was opened")
  end
  return call:failure("connect", "CouldNotConnect", ("could not connect to %s: %s"):format(place, message))
end

-- Connections are shared only by what has the same endpoint and trusts the same: a location that trusts
-- nobody must not use what another one has verified. A call that must not be repeated, or of which nobody can
-- tell what it trusts, has a pool that nothing is ever put back into.
local function pool_name(call)
  local trust = is_secure(call) and tls().trust() or not is_secure(call) and "nobody"
  call.keeps = call.repeatable and trust ~= nil
  local use = call.keeps and "kept" or "fresh"
  return table.concat({ "finspace", use, call.url.scheme, tostring(trust), call.url.host, call.url.port }, "|")
end

local function connect(call, sock)
  call:limit(sock, call.connect_timeout)
  local ok, message = sock:connect(address_of(call.url.host), call.url.port, { pool = pool_name(call) })
  if not ok then return connect_failure(call, message) end
  call.reused = (sock:getreusedtimes() or 0) > 0
  return true
end

-- What to do about a verdict of OpenSSL's (x509_vfy.h numbers them).
local UNKNOWN_AUTHORITY = "name the authorities to trust in lua_ssl_trusted_certificate, "
  .. "for example /etc/ssl/certs/ca-certificates.crt"
local UNNAMED_REFUSAL = "the certificate is for another host, has expired, or is of an authority that "
  .. "lua_ssl_trusted_certificate does not name"
local CURES = {
  ["2"] = UNKNOWN_AUTHORITY,
  ["18"] = UNKNOWN_AUTHORITY,
  ["19"] = UNKNOWN_AUTHORITY,
  ["20"] = UNKNOWN_AUTHORITY,
  ["21"] = UNKNOWN_AUTHORITY,
  ["22"] = "raise lua_ssl_verify_depth: its default of 1 is too little for most chains",
}

local function tls_failure(call, message)
  if message:find("timeout", 1, true) then
    return call:failure("timeout", "ConnectTimeout", call:place() .. ": time ran out while the TLS handshake")
  elseif message:find("^%d+:") or message:find("certificate", 1, true) then
    local cure = CURES[message:match("^(%d+):")]
    return call:failure(
      "tls",
      "CertificateRefused",
      ("the certificate of %s was refused: %s%s"):format(call:place(), message, cure and "; " .. cure or "")
    )
  elseif message:find("closed", 1, true) or message:find("reset", 1, true) then
    return call:failure("connect", "ConnectionReset", call:place() .. " closed the connection during the TLS handshake")
  end
  return call:failure("tls", "HandshakeFailed", ("the TLS handshake with %s failed: %s"):format(call:place(), message))
end

local function check_name(call, session, host, is_address)
  if tls().names_peer(session, host, is_address) then return true end
  return call:failure(
    "tls",
    "CertificateRefused",
    (
      "the certificate of %s was refused: its alternative names do not have the %s %s; ask who runs it for a"
      .. " certificate that does"
    ):format(call:place(), is_address and "IP address" or "DNS name", host)
  )
end

-- Whether a cut can be told from an end on this worker's connections over TLS.
local cuts_are_told = false

local function secure(call, sock)
  if not is_secure(call) or call.reused then return true end
  call:limit(sock, call.connect_timeout)
  local host = call.url.host:gsub("[%[%]]", ""):gsub("%.$", "")
  local is_address = host:find("^%d+%.%d+%.%d+%.%d+$") ~= nil or host:find(":", 1, true) ~= nil
  -- The session is nil, never false: with false, ngx_lua takes a handshake that ends at once for a good one
  -- before it has looked at the certificate's verdict. With nil it looks, and raises when the verdict is bad.
  -- An address is no name: ngx_lua would look for it among the DNS names.
  local ran, session, message = pcall(sock.sslhandshake, sock, nil, not is_address and host or nil, true)
  if not ran then message = UNNAMED_REFUSAL end
  if not ran or not session then return tls_failure(call, tostring(message)) end
  cuts_are_told = tls().demand_goodbye(sock, session)
  return check_name(call, session, host, is_address)
end

local function open_connection(call)
  local sock, err = open_socket()
  if not sock then return nil, err end
  local ok
  ok, err = connect(call, sock)
  if not ok then return nil, err end
  ok, err = secure(call, sock)
  if ok then return sock end
  sock:close()
  return nil, err
end

-- sending ----------------------------------------------------------------------------------------

-- The connection gave no answer. Before the whole request was sent, the other side cannot have acted on it.
local function interrupted(call, message, doing)
  if message ~= "timeout" then
    call.lost = true
    return call:failure(
      call.sent_whole and "protocol" or "connect",
      "ConnectionReset",
      ("%s closed the connection while %s"):format(call:place(), doing)
    )
  elseif call.limited_by == "stall" then
    return call:failure(
      "timeout",
      "Stalled",
      ("%s: no byte moved for %g seconds while %s"):format(call:place(), call.stall_timeout, doing)
    )
  end
  return call:failure(
    "timeout",
    "Timeout",
    ("%s: time ran out after %g seconds while %s; " .. "a larger timeout can be given"):format(
      call:place(),
      call.timeout,
      doing
    )
  )
end

function Call:send(sock, bytes)
  self:limit(sock, self.stall_timeout)
  self.sent = true
  local count, message = sock:send(bytes)
  if count then return true end
  return interrupted(self, message, "sending the request")
end

-- On a fast line no send and no receive ever waits, and a large body would go in one turn of the loop. nginx reads
-- the time once a turn, so what has passed since is the turn's length so far.
local function give_way()
  if sys.now() - ngx.now() > LONGEST_TURN then ngx.sleep(PAUSE) end
end

local function send_file(call, sock)
  local left = call.length
  call.file:seek("set", call.body.offset or 0)
  while left > 0 do
    local slice = call.file:read(math.min(left, SLICE))
    if not slice then
      return call:failure(
        "io",
        "FileChanged",
        "the file became shorter while it was sent; send it again when it is whole"
      )
    end
    left = left - #slice
    local ok, err = call:send(sock, slice)
    if not ok then return nil, err end
    give_way()
  end
  return true
end

local function send_string(call, sock)
  for at = 1, #call.body, SLICE do
    local ok, err = call:send(sock, call.body:sub(at, at + SLICE - 1))
    if not ok then return nil, err end
    give_way()
  end
  return true
end

local function send_request(call, sock)
  local body = call.body
  local small = type(body) == "string" and #body <= SLICE
  local ok, err = call:send(sock, small and call.head .. body or call.head)
  if ok and body and not small then
    ok, err = (call.file and send_file or send_string)(call, sock)
  end
  call.sent_whole = ok
  return ok, err
end

-- receiving --------------------------------------------------------------------------------------

local FAULT_KINDS = { WriteFailed = "io" }
local FAULT_CODES = { WriteFailed = "FileUnwritable" }

local function reader_failure(call, fault)
  local code = fault.code
  return call:failure(
    FAULT_KINDS[code] or "protocol",
    FAULT_CODES[code] or code,
    ("%s: %s"):format(call:place(), fault.message)
  )
end

-- Whoever cuts a connection can end an answer that has no length, unless TLS says goodbye first.
local function end_of(call, reader)
  if not is_secure(call) or cuts_are_told or reader.state ~= "rest" then return reader:finish() end
  return nil,
    { code = "Truncated", message = "this nginx cannot tell whether the answer, which has no length, is whole" }
end

local function receive_piece(call, sock, reader)
  call:limit(sock, call.stall_timeout)
  local bytes, message = sock:receiveany(SLICE)
  local ok, fault
  if bytes then
    ok, fault = reader:feed(bytes)
  elseif message == "timeout" or not reader.started then
    return interrupted(call, message, reader.started and "receiving the answer" or "waiting for the answer")
  elseif message == "closed" then
    ok, fault = end_of(call, reader)
  else
    fault = { code = "Truncated", message = "the connection was lost in the middle of the response" }
  end
  if ok then return true end
  return reader_failure(call, fault)
end

-- A server may refuse a body before it has read it all, and close: its answer still counts.
local function send_and_receive(call, sock, reader)
  local ok, err = send_request(call, sock)
  if not ok and err.kind == "io" then return nil, err end
  while not reader.done do
    local received, problem = receive_piece(call, sock, reader)
    if not received then return nil, ok and problem or err end
    give_way()
  end
  return true
end

-- where the body goes ----------------------------------------------------------------------------

-- Creates the file for its owner only; one that is there keeps its mode.
local function open_for_writing(sink)
  if not sys.stat(sink.file) then
    local ok, message = sys.write_private(sink.file, "")
    if not ok then return nil, message end
  end
  local file, message = io.open(sink.file, sink.offset and "r+b" or "wb")
  if file and sink.offset then file:seek("set", sink.offset) end
  return file, message
end

-- Memory holds the answers that explain a refusal; a sink takes the body of a success.
local function new_destination(call)
  local destination = { pieces = {}, received = 0 }
  local function keep(bytes)
    destination.pieces[#destination.pieces + 1] = bytes
    destination.received = destination.received + #bytes
    return true
  end
  local function store(bytes)
    destination.received = destination.received + #bytes
    return destination.file:write(bytes)
  end
  function destination.open(status)
    if not call.sink or status < 200 or status > 299 then return keep, call.max_body or http1.DEFAULT_MAX_BODY end
    local message
    destination.file, message = open_for_writing(call.sink)
    if not destination.file then return nil, message end
    return store, call.own_max_body or math.huge
  end
  return destination
end

local function close_destination(destination)
  if not destination.file then return true end
  return destination.file:close()
end

-- calls ------------------------------------------------------------------------------------------

local function release(sock, reader, whole, keeps)
  if whole and reader.reusable and keeps then
    sock:setkeepalive(POOL_IDLE_MS, POOL_SIZE)
  else
    sock:close()
  end
end

-- One connection's worth of a call. Sets call.lost when the connection went away under it.
local function attempt(call)
  local sock, err = open_connection(call)
  if not sock then return nil, err end
  local destination = new_destination(call)
  local reader = http1.reader { method = call.method, max_headers = call.max_headers, open = destination.open }
  local ok
  ok, err = send_and_receive(call, sock, reader)
  release(sock, reader, ok, call.keeps)
  local closed, message = close_destination(destination)
  call.started = reader.started
  if not ok then return nil, err end
  if not closed then return call:failure("io", "FileUnwritable", message) end
  return {
    status = reader.status,
    headers = reader.headers,
    body = table.concat(destination.pieces),
    received = destination.received,
  }
end

-- A kept connection may have been closed by the server just as we took it. That says nothing about the
-- request, so another connection is owed to it; each one tried so is gone from the pool.
local function perform(call)
  local response, err
  repeat
    call.lost, call.sent_whole = false, false
    response, err = attempt(call)
  until not (call.lost and call.reused and not call.started)
  if call.file then call.file:close() end
  return response, err
end

-- making a call of a request ---------------------------------------------------------------------

local function file_failure(call, code, message) return call:failure("io", code, message) end

local function open_body_file(call)
  local body = call.body
  local stat, message = sys.stat(body.file)
  if not stat then return file_failure(call, "FileUnreadable", message) end
  if stat.type ~= "file" then
    return file_failure(call, "FileUnreadable", "cannot send " .. body.file .. ": it is not a regular file")
  end
  local offset = body.offset or 0
  call.length = body.length or stat.size - offset
  if call.length < 0 or offset + call.length > stat.size then
    return file_failure(
      call,
      "FileChanged",
      ("%s has %d bytes, fewer than the part to be sent needs: did it shrink?"):format(body.file, stat.size)
    )
  end
  call.file, message = io.open(body.file, "rb")
  if not call.file then return file_failure(call, "FileUnreadable", message) end
  return true
end

local function measure_body(call)
  if type(call.body) == "table" then return open_body_file(call) end
  call.length = call.body and #call.body
  return true
end

-- nginx resolves names by itself and tells nobody the address, so only a literal one can be vouched for.
local function is_allowed(call)
  local allowed = call.allowed_addresses
  if not allowed or #allowed == 0 then return true end
  local address = address_of(call.url.host):gsub("[%[%]]", "")
  for _, name in ipairs(allowed) do
    local loopback = name == "loopback" and (address:find("^127%.%d+%.%d+%.%d+$") or address == "::1")
    if loopback or name == address then return true end
  end
  return call:failure(
    "validation",
    "AddressNotAllowed",
    call:place() .. " leads to an address that this request may not go to; nothing was sent"
  )
end

local function write_head(call, request)
  local message
  call.url, message = http1.parse_url(request.url)
  if call.url then
    call.head, message = http1.request_head(call, call.url, call.length)
  end
  if not message then return true end
  return call:failure("validation", "InvalidRequest", message)
end

-- What libcurl can do and nginx cannot must not be passed over in silence.
local function is_supported(call)
  if call.ca_file then
    return call:failure(
      "config",
      "UnsupportedOption",
      "ca_file has no effect in nginx: name the file in lua_ssl_trusted_certificate instead"
    )
  elseif call.proxy then
    return call:failure("config", "UnsupportedOption", "nginx's sockets use no proxy: leave the option proxy out")
  end
  return true
end

local function new_call(request, options)
  local function setting(name)
    if request[name] ~= nil then return request[name] end
    if options[name] ~= nil then return options[name] end
    return DEFAULTS[name]
  end
  local function seconds(name)
    local value = setting(name)
    return value > 0 and value or math.huge -- 0 means no limit
  end
  local timeout = seconds("timeout")
  local headers = request.headers or {}
  return setmetatable({
    sent = false,
    method = request.method,
    headers = headers,
    body = request.body,
    sink = request.sink,
    repeatable = request.repeatable ~= false,
    allowed_addresses = request.allowed_addresses,
    connect_timeout = seconds("connect_timeout"),
    stall_timeout = seconds("stall_timeout"),
    timeout = timeout,
    deadline = sys.monotonic() + timeout,
    max_headers = options.max_headers,
    max_body = setting("max_body"),
    own_max_body = request.max_body,
    ca_file = options.ca_file,
    proxy = setting("proxy"),
  }, Call)
end

-- Everything that can be refused before a connection is opened.
local function check(call, request)
  for _, step in ipairs { is_supported, measure_body, write_head, is_allowed } do
    local ok, err = step(call, request)
    if not ok then return nil, err end
  end
  return true
end

--- A transport for nginx. It connects when it is called, never before, so a client may be made in
--- init_by_lua.
--- @param options? table what finspace.http's clients take, times in seconds and sizes in bytes; `ca_file`
---   and `proxy` are refused with an error that says what to configure instead
--- @return fun(request: table): table|nil, table|nil transport
--- @return fun() close nothing to do: nginx closes idle connections by itself
function resty.new(options)
  options = options or {}
  return function(request)
    local call = new_call(request, options)
    local ok, err = check(call, request)
    if ok then return perform(call) end
    if call.file then call.file:close() end
    return nil, err
  end, function() end
end

return resty
