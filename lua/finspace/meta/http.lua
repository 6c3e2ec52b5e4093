--- @meta finspace.http
-- luacheck: ignore

--- libcurl: one call at a time, or many at once behind one descriptor. TLS is verified, redirects are
--- never followed, and an answer is a success only when all of it came.
local http = {}

--- @class finspace.HttpOptions
--- @field ca_file string|nil          PEM file of the only authorities to trust; default: the system's
--- @field proxy string|false|nil      false: none; default: as the environment says, and none to loopback
--- @field user_agent string|nil
--- @field connect_timeout number|nil  seconds for name, connection and handshake; default 10
--- @field timeout number|nil          seconds for the whole call; default 60, 0: none
--- @field stall_timeout number|nil    seconds without a byte in either direction; default 30, 0: none
--- @field max_headers integer|nil     bytes of an answer's headers; default 256 KiB
--- @field max_body integer|nil        bytes of an answer's body held in memory; default 16 MiB
--- @field max_connections integer|nil kept open by a multi; default 128

--- @param options finspace.HttpOptions|nil
--- @return finspace.HttpClient
function http.client(options) end

--- @param options finspace.HttpOptions|nil
--- @return finspace.HttpMulti
function http.multi(options) end

--- @class finspace.HttpClient
local client = {}

--- Sends a request and waits for its answer. A request may name any of the client's options but
--- max_connections for itself.
--- @param request finspace.Request
--- @return finspace.Response|nil response
--- @return finspace.TransportError|nil err
function client:perform(request) end

--- Closes the kept connections. Again is harmless.
function client:close() end

--- @class finspace.HttpMulti
local multi = {}

--- Starts a call.
--- @param request finspace.Request
--- @param options finspace.HttpOptions|nil  in place of the multi's own, where the request says nothing
--- @return integer|nil id
--- @return finspace.TransportError|nil err  when the request was refused
function multi:add(request, options) end

--- The descriptor that is readable whenever step has something to do. It stays the same.
--- @return integer
function multi:fd() end

--- Moves every call on as far as it goes without waiting. Gives those that have ended, or tells of each of them.
--- @param tell (fun(id: integer, response: finspace.Response|nil, err: finspace.TransportError|nil))|nil
--- @return { id: integer, response: finspace.Response|nil, err: finspace.TransportError|nil }[]|nil ended
function multi:step(tell) end

--- Seconds until step should run, for loops that do not poll the descriptor.
--- @return number|nil
function multi:timeout() end

--- Waits until step has something to do, or a signal came.
--- @param seconds number|nil  at most; default: for ever
function multi:wait(seconds) end

--- Drops a call, which step will not tell of.
--- @param id integer
--- @return boolean found  false when it is not under way
function multi:cancel(id) end

--- How far a call is, in bytes of the two bodies.
--- @param id integer
--- @return integer|nil sent      nil when it is not under way
--- @return integer|nil received
function multi:progress(id) end

--- Calls under way.
--- @return integer
function multi:count() end

--- Drops all calls and closes the kept connections. Again is harmless.
function multi:close() end

return http
