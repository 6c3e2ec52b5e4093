--- One connection to PostgreSQL through LuaJIT's FFI on libpq, which is asked and never waited for longer than is said: a
--- server that hangs without closing its connections is given up. Where nginx can do other things meanwhile it does them,
--- after a moment; only a host's name is looked up while all of the process waits (libpq, 34.1, "PQconnectStartParams").
local ffi = require("ffi")
local pause = require("finspace.service.db.pause")
local sys = require("finspace.sys")

ffi.cdef([[
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef struct {
  char *keyword, *variable, *compiled, *value, *label, *kind;
  int size;
} finspace_pg_option;
finspace_pg_option *PQconninfoParse(const char *url, char **problem);
void PQconninfoFree(finspace_pg_option *options);
PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand_dbname);
int PQconnectPoll(PGconn *conn);
int PQsetnonblocking(PGconn *conn, int is_nonblocking);
int PQsocket(const PGconn *conn);
int PQstatus(const PGconn *conn);
int PQserverVersion(const PGconn *conn);
void PQfinish(PGconn *conn);
char *PQerrorMessage(const PGconn *conn);
int PQtransactionStatus(const PGconn *conn);
int PQsendQuery(PGconn *conn, const char *sql);
int PQsendPrepare(PGconn *conn, const char *name, const char *sql, int count, const unsigned int *types);
int PQsendQueryPrepared(PGconn *conn, const char *name, int count, const char *const *values, const int *lengths,
                        const int *formats, int result_format);
int PQflush(PGconn *conn);
int PQconsumeInput(PGconn *conn);
int PQisBusy(PGconn *conn);
PGresult *PQgetResult(PGconn *conn);
int PQresultStatus(const PGresult *result);
char *PQresultErrorField(const PGresult *result, int code);
int PQntuples(const PGresult *result);
int PQnfields(const PGresult *result);
char *PQfname(const PGresult *result, int column);
unsigned int PQftype(const PGresult *result, int column);
char *PQgetvalue(const PGresult *result, int row, int column);
int PQgetlength(const PGresult *result, int row, int column);
int PQgetisnull(const PGresult *result, int row, int column);
char *PQcmdTuples(PGresult *result);
void PQclear(PGresult *result);
unsigned char *PQunescapeBytea(const unsigned char *text, size_t *length);
void PQfreemem(void *memory);

struct finspace_pollfd { int fd; short events, revents; };
int poll(struct finspace_pollfd *polled, unsigned long count, int milliseconds);
]])

local C = ffi.load("libpq.so.5")

local libpq = { C = C }

local CONNECTION_OK, CONNECTION_BAD = 0, 1
local READING, WRITING, FAILED, DONE = 1, 2, 0, 3 -- what PQconnectPoll says
local POLLIN, POLLOUT = 1, 4

-- --- waiting ----------------------------------------------------------------------------------------

-- An answer takes less than this, and the process stands still for it. After it others are let go on, and the socket is
-- looked at again and again.
local MOMENT_MS, STEP = 50, 0.01

local polled = ffi.new("struct finspace_pollfd[1]")

local function is_ready(connection, events, milliseconds)
  polled[0].fd, polled[0].events, polled[0].revents = C.PQsocket(connection), events, 0
  return ffi.C.poll(polled, 1, milliseconds) > 0
end

-- Waits until a connection can be read or written; false when the time is over.
local function await(connection, events, deadline)
  if is_ready(connection, events, MOMENT_MS) then return true end
  while sys.monotonic() < deadline do
    pause(STEP)
    if is_ready(connection, events, 0) then return true end
  end
  return false
end

local function silence(seconds) return ("the server did not answer for %g s"):format(seconds) end

-- --- connecting -------------------------------------------------------------------------------------

--- What a URL says; nothing where libpq cannot read it, which connecting then says.
--- @param url string
--- @return table<string, string> by libpq's keywords
function libpq.options(url)
  local options, found = C.PQconninfoParse(url, nil), {}
  if options == nil then return found end
  local at = 0
  while options[at].keyword ~= nil do
    if options[at].value ~= nil then found[ffi.string(options[at].keyword)] = ffi.string(options[at].value) end
    at = at + 1
  end
  C.PQconninfoFree(options)
  return found
end

local function pieces_of(list)
  local pieces = {}
  for piece in ((list or "") .. ","):gmatch("([^,]*),") do
    pieces[#pieces + 1] = piece
  end
  return pieces
end

-- The servers that a URL names, each as what is to be said after the URL: one that hangs must not keep us from the next.
local function servers_of(options)
  local hosts, addresses, ports = pieces_of(options.host), pieces_of(options.hostaddr), pieces_of(options.port)
  local count = math.max(#hosts, #addresses)
  if count == 1 then return { {} } end
  local servers = {}
  for i = 1, count do
    servers[i] = { host = hosts[i], hostaddr = addresses[i], port = ports[i] or ports[1] }
  end
  return servers
end

-- Keywords and values for libpq; later ones win.
local function parameters(before, url, after)
  local names, values = {}, {}
  local function add(name, value)
    names[#names + 1], values[#values + 1] = name, value
  end
  for name, value in pairs(before) do
    add(name, value)
  end
  add("dbname", url)
  for name, value in pairs(after) do
    add(name, value)
  end
  add("client_encoding", "UTF8")
  return names, values
end

-- The words end in a null, as memory is when it is new.
local function pointers_to(words)
  local pointers = ffi.new("const char *[?]", #words + 1)
  for i, word in ipairs(words) do
    pointers[i - 1] = word
  end
  return pointers
end

local function start(names, values)
  return ffi.gc(C.PQconnectStartParams(pointers_to(names), pointers_to(values), 1), C.PQfinish)
end

local function finish(connection) C.PQfinish(ffi.gc(connection, nil)) end

local function connect_to(names, values, seconds)
  local connection, deadline, step = start(names, values), sys.monotonic() + seconds, WRITING
  if C.PQstatus(connection) == CONNECTION_BAD then step = FAILED end
  while step == READING or step == WRITING do
    if not await(connection, step == READING and POLLIN or POLLOUT, deadline) then
      finish(connection)
      return nil, silence(seconds), true
    end
    step = C.PQconnectPoll(connection)
  end
  if step == DONE and C.PQsetnonblocking(connection, 1) == 0 then return connection end
  local problem = ffi.string(C.PQerrorMessage(connection))
  finish(connection)
  return nil, problem
end

--- Connects to the first server of a URL that is there and is what the URL wants.
--- @param url string postgresql://…, or any of libpq's connection strings
--- @param before table<string, string> what holds unless the URL says otherwise; `connect_timeout` is a server's, in seconds
--- @return any|nil connection
--- @return string|nil problem
--- @return boolean|nil is_silent whether a server did not answer at all
function libpq.connect(url, before)
  local options = libpq.options(url)
  local seconds = tonumber(options.connect_timeout or before.connect_timeout)
  local connection, problem, was_silent, is_silent
  for _, server in ipairs(servers_of(options)) do
    local names, values = parameters(before, url, server)
    connection, problem, was_silent = connect_to(names, values, seconds)
    if connection then return connection end
    is_silent = is_silent or was_silent
  end
  return nil, problem, is_silent
end

--- @param connection any that is closed
libpq.finish = finish

-- --- asking -----------------------------------------------------------------------------------------

-- Sends what is left to send; the server may have to be heard first. What fails here the connection's status says.
local function flush(connection, deadline)
  while C.PQflush(connection) > 0 do
    if not await(connection, POLLIN + POLLOUT, deadline) then return false end
    C.PQconsumeInput(connection)
  end
  return true
end

-- Waits until there is a result to take, or the connection is lost, which its status says. Input is looked for though the
-- socket has none: TLS may hold back a part of what it read.
local function receive(connection, deadline)
  local moment = MOMENT_MS
  while C.PQisBusy(connection) == 1 and C.PQstatus(connection) == CONNECTION_OK do
    if not is_ready(connection, POLLIN, moment) then
      if sys.monotonic() > deadline then return false end
      if moment == 0 then pause(STEP) end
      moment = 0
    end
    C.PQconsumeInput(connection)
  end
  return true
end

local function clear(result)
  if result then C.PQclear(ffi.gc(result, nil)) end
end

-- The last result of several statements, or the one that ended them.
local function last_result(connection, deadline)
  local last
  while receive(connection, deadline) do
    local result = C.PQgetResult(connection)
    if result == nil then return last end
    clear(last)
    last = ffi.gc(result, C.PQclear)
  end
  clear(last)
  return nil
end

--- Asks, and waits for the answer.
--- @param connection any
--- @param seconds number the longest that the server may be silent
--- @param send function of `libpq.C`: PQsendQuery, PQsendPrepare or PQsendQueryPrepared, whose other parameters follow
--- @return any|nil result
--- @return string|nil problem
--- @return boolean|nil is_silent whether the server was silent for so long: the connection is good for nothing more
function libpq.ask(connection, seconds, send, ...)
  if send(connection, ...) == 0 then return nil, ffi.string(C.PQerrorMessage(connection)) end
  local deadline = sys.monotonic() + seconds
  local result = flush(connection, deadline) and last_result(connection, deadline)
  if result then return result end
  return nil, silence(seconds), true
end

libpq.clear = clear

return libpq
