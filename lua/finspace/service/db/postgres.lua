--- PostgreSQL through LuaJIT's FFI on libpq, behind the same methods as SQLite's: bound parameters, exact integers,
--- strings and blobs, rows by column name.
---
--- A connection belongs to one process, and blocks it while the database works. Statements are written with `?`, or
--- `?1` to name a parameter twice, and are prepared once a connection. Failures are raised as tables
--- `{ is_busy = boolean, is_full = boolean, state = SQLSTATE, message = text }`: `is_busy` says that the same may work in
--- a moment.
local ffi = require("ffi")
local blob = require("finspace.service.db.blob")
local pause = require("finspace.service.db.pause")

ffi.cdef([[
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname);
int PQstatus(const PGconn *conn);
int PQserverVersion(const PGconn *conn);
void PQfinish(PGconn *conn);
char *PQerrorMessage(const PGconn *conn);
int PQtransactionStatus(const PGconn *conn);
PGresult *PQexec(PGconn *conn, const char *sql);
PGresult *PQprepare(PGconn *conn, const char *name, const char *sql, int count, const unsigned int *types);
PGresult *PQexecPrepared(PGconn *conn, const char *name, int count, const char *const *values, const int *lengths,
                         const int *formats, int result_format);
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
]])

local C = ffi.load("libpq.so.5")
local CONNECTION_OK, TUPLES_OK, COMMAND_OK, EMPTY_QUERY = 0, 2, 1, 0
local SQLSTATE = ("C"):byte()
local IN_NO_TRANSACTION = 0
local BINARY = 1

-- How a transaction is tried again when others' work got in between: as often, and after pauses that grow.
local TRIES, FIRST_PAUSE = 12, 0.002

--- Conditions after which the same transaction may well succeed (PostgreSQL, appendix A): serialization_failure,
--- deadlock_detected, and unique_violation, which a race shows as often as the first.
local UNIQUE_VIOLATION, DISK_FULL, BAD_ENCODING = "23505", "53100", "22021"
local LOCK_TIMEOUT = "55P03"
local READ_ONLY = "25006" -- what was the primary server is a standby now: another connection finds the new one
local RACES = { ["40001"] = true, ["40P01"] = true, [UNIQUE_VIOLATION] = true }

local Database = { dialect = require("finspace.service.db.dialect").postgres }
Database.__index = Database

--- Whether a failure means that the database cannot be asked now, and the request may be sent again: lost or refused
--- connections (class 08), too few resources (53), an operator's intervention (57), a system error (58), a
--- read-only standby, a lock that was not to be had in time, and races that did not end.
local function is_passing(state)
  return state == nil
    or state == READ_ONLY
    or state == LOCK_TIMEOUT
    or RACES[state]
    or state:find("^08") ~= nil
    or state:find("^5[378]") ~= nil
end

-- Of a message the first line: later ones repeat the statement, with its values.
local function fail(self, state, message, doing)
  local is_lost = not self.connection or state == READ_ONLY or C.PQstatus(self.connection) ~= CONNECTION_OK
  error({
    is_busy = is_lost or is_passing(state),
    is_full = state == DISK_FULL,
    is_lost = is_lost,
    is_unfit = state == BAD_ENCODING,
    state = state,
    message = ("PostgreSQL: %s (%s)"):format(message:match("^[^\n]*"), doing),
  }, 0)
end

local function disconnect(self)
  if self.connection then C.PQfinish(ffi.gc(self.connection, nil)) end
  self.connection, self.statements, self.prepared = nil, {}, 0
end

-- A result that is cleared with its table, or a raised failure.
local function check(self, result, doing)
  local status = C.PQresultStatus(result)
  if status == TUPLES_OK or status == COMMAND_OK or status == EMPTY_QUERY then return ffi.gc(result, C.PQclear) end
  local field = C.PQresultErrorField(result, SQLSTATE)
  local state = field ~= nil and ffi.string(field) or nil
  local message = ffi.string(C.PQerrorMessage(self.connection))
  C.PQclear(result)
  fail(self, state, message, doing)
end

local function execute(self, sql) return check(self, C.PQexec(self.connection, sql), sql) end

-- What holds unless the URL says otherwise: a server that does not answer is given up soon. The URL, as `dbname`, is
-- read after them, and what no URL may change after it (libpq, 34.1, "PQconnectdbParams").
local BEFORE = { "connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval", "application_name" }
local BEFORE_VALUES = { "5", "15000", "15", "5", "finspace" }

local function parameters(url)
  local count = #BEFORE + 2
  local names, values = ffi.new("const char *[?]", count + 1), ffi.new("const char *[?]", count + 1)
  for i, name in ipairs(BEFORE) do
    names[i - 1], values[i - 1] = name, BEFORE_VALUES[i]
  end
  names[count - 2], values[count - 2] = "dbname", url
  names[count - 1], values[count - 1] = "client_encoding", "UTF8"
  return names, values
end

-- Notices would go to stderr. SERIALIZABLE remembers what was looked at, and an index looks at less than a scan of the
-- table; the cost that a scan then seems to have must not make PostgreSQL compile it. Statements are prepared, and planned
-- once. Who waits for a lock, and a transaction whose process hangs, are ended at some time.
local SESSION = "SET client_min_messages = error; SET enable_seqscan = off; SET jit = off;"
  .. "SET plan_cache_mode = force_generic_plan; SET lock_timeout = '10s';"
  .. "SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on"

local OLDEST = 130000 -- 13.0, as PQserverVersion writes it

local function check_version(connection)
  local version = C.PQserverVersion(connection)
  if version >= OLDEST then return end
  local written = ("%d.%d"):format(math.floor(version / 10000), version % 10000)
  error({ message = "PostgreSQL: this server is version " .. written .. ", and 13 or later is needed" }, 0)
end

local function connect(self)
  local names, values = parameters(self.url)
  local connection = ffi.gc(C.PQconnectdbParams(names, values, 1), C.PQfinish)
  self.connection, self.statements, self.prepared = connection, {}, 0
  if C.PQstatus(connection) == CONNECTION_OK then
    check_version(connection)
    return execute(self, SESSION)
  end
  local message = ffi.string(C.PQerrorMessage(connection))
  disconnect(self)
  fail(self, nil, message, "connecting")
end

-- `?` becomes `$1`, `$2` …; `?3` becomes `$3`. No statement of the service has a question mark in a text.
local function numbered(sql)
  local count = 0
  return (
    sql:gsub("%?(%d*)", function(number)
      count = count + 1
      return "$" .. (number ~= "" and number or count)
    end)
  )
end

local function prepared(self, sql)
  local name = self.statements[sql]
  if name then return name end
  self.prepared = self.prepared + 1
  name = "s" .. self.prepared
  check(self, C.PQprepare(self.connection, name, numbered(sql), 0, nil), sql)
  self.statements[sql] = name
  return name
end

local NO_NULS = "a text with U+0000 cannot be kept"

local function text_of(value)
  if type(value) == "string" and value:find("\0", 1, true) then error({ is_unfit = true, message = NO_NULS }, 0) end
  if type(value) == "boolean" then return value and "1" or "0" end
  if type(value) ~= "number" then return value end
  return value == math.floor(value) and ("%.0f"):format(value) or ("%.17g"):format(value)
end

-- The parameters as libpq takes them; the third result keeps their bytes alive.
local function bind(...)
  local count = select("#", ...)
  local values, lengths = ffi.new("const char *[?]", count), ffi.new("int[?]", count)
  local formats, anchors = ffi.new("int[?]", count), {}
  for i = 1, count do
    local value = select(i, ...)
    local bytes = blob.bytes_of(value)
    if bytes then formats[i - 1] = BINARY end
    bytes = bytes or text_of(value)
    if bytes ~= nil then
      anchors[i] = bytes
      values[i - 1], lengths[i - 1] = bytes, #bytes
    end
  end
  return count, values, lengths, formats, anchors
end

local function ask(self, sql, ...)
  if not self.connection then connect(self) end
  local name = prepared(self, sql)
  local count, values, lengths, formats, anchors = bind(...)
  local result = C.PQexecPrepared(self.connection, name, count, values, lengths, formats, 0)
  anchors[1] = anchors[1] -- alive until here
  return check(self, result, sql)
end

local function pause_after(try) pause(FIRST_PAUSE * 2 ^ math.min(try, 6) * (0.5 + math.random() / 2)) end

-- Whether a statement on its own may be asked again: it raced with another one, and was undone; or its connection
-- was lost, and it changes nothing.
local function may_ask_again(sql, problem)
  if problem.is_lost then return sql:find("^%s*SELECT") ~= nil end
  return RACES[problem.state] and problem.state ~= UNIQUE_VIOLATION
end

-- Runs a statement. In a transaction a failure is the transaction's.
local function ask_until_done(self, sql, ...)
  for try = 1, TRIES do
    local ok, result = pcall(ask, self, sql, ...)
    if ok then return result end
    if result.is_lost then disconnect(self) end
    if self.in_transaction or try == TRIES or not may_ask_again(sql, result) then error(result, 0) end
    pause_after(try)
  end
end

-- Reading ------------------------------------------------------------------------------------------------

local function number_of(text) return tonumber(text) end
local function truth_of(text) return text == "t" and 1 or 0 end

local function bytes_of(text)
  local length = ffi.new("size_t[1]")
  local bytes = C.PQunescapeBytea(text, length)
  local copy = ffi.string(bytes, length[0])
  C.PQfreemem(bytes)
  return copy
end

-- By the type's number in pg_type: bool, bytea, int8, int2, int4, oid, float4, float8, numeric. The rest is text.
local READERS = {
  [16] = truth_of,
  [17] = bytes_of,
  [20] = number_of,
  [21] = number_of,
  [23] = number_of,
  [26] = number_of,
  [700] = number_of,
  [701] = number_of,
  [1700] = number_of,
}

local function row_of(result, index, columns)
  local row = {}
  for at, column in ipairs(columns) do
    if C.PQgetisnull(result, index, at - 1) == 0 then
      local text = ffi.string(C.PQgetvalue(result, index, at - 1), C.PQgetlength(result, index, at - 1))
      row[column.name] = column.read and column.read(text) or text
    end
  end
  return row
end

local function columns_of(result)
  local columns = {}
  for at = 1, C.PQnfields(result) do
    columns[at] = {
      name = ffi.string(C.PQfname(result, at - 1)),
      read = READERS[tonumber(C.PQftype(result, at - 1))],
    }
  end
  return columns
end

-- What the service uses ----------------------------------------------------------------------------------

--- Runs one statement and drops its rows.
--- @param sql string
--- @return integer changed rows
function Database:run(sql, ...) return tonumber(ffi.string(C.PQcmdTuples(ask_until_done(self, sql, ...)))) or 0 end

--- Inserts a row given by column name; what is nil is left to the column's default.
--- @param into string table
--- @param row table<string, any>
Database.insert = require("finspace.service.db.insert")

--- @param sql string
--- @return table|nil first row, by column name
function Database:row(sql, ...)
  local result = ask_until_done(self, sql, ...)
  if C.PQntuples(result) == 0 then return nil end
  return row_of(result, 0, columns_of(result))
end

--- @param sql string
--- @return table[] every row
function Database:rows(sql, ...)
  local result = ask_until_done(self, sql, ...)
  local columns, rows = columns_of(result), {}
  for index = 1, C.PQntuples(result) do
    rows[index] = row_of(result, index - 1, columns)
  end
  return rows
end

--- Makes rows one at a time; libpq holds all of them until then.
--- @param sql string
--- @return fun(): table|nil
function Database:each(sql, ...)
  local result = ask_until_done(self, sql, ...)
  local columns, index, count = columns_of(result), 0, C.PQntuples(result)
  return function()
    if index == count then return nil end
    index = index + 1
    return row_of(result, index - 1, columns)
  end
end

--- Runs several statements that take no parameters.
--- @param sql string
function Database:script(sql)
  if not self.connection then connect(self) end
  execute(self, sql)
end

-- Many who count the same rows at once make each other's transactions fail. Who has failed a few times waits until no other
-- transaction is at work, and then works alone: so each comes to its end.
local OPTIMISTIC_TRIES = 3
local QUEUE = 0x46535051 -- "FSPQ"
local BEGIN = "BEGIN ISOLATION LEVEL SERIALIZABLE"
local BEGIN_BESIDE = ("%s; SELECT pg_advisory_xact_lock_shared(%d)"):format(BEGIN, QUEUE)
local BEGIN_QUEUEING, END_QUEUEING =
  ("SELECT pg_advisory_lock(%d)"):format(QUEUE), ("SELECT pg_advisory_unlock(%d)"):format(QUEUE)

-- One try of a transaction.
local function attempt(self, work, is_alone)
  local is_committing = false
  self.in_transaction = true
  local ok, result = pcall(function()
    self:script(is_alone and BEGIN or BEGIN_BESIDE)
    local given = work()
    is_committing = true
    execute(self, "COMMIT")
    return given
  end)
  self.in_transaction = false
  if ok then return true, result end
  local problem = type(result) == "table" and result or {}
  if problem.is_lost then
    disconnect(self)
  elseif self.connection and C.PQtransactionStatus(self.connection) ~= IN_NO_TRANSACTION then
    pcall(execute, self, "ROLLBACK")
  end
  -- A COMMIT whose answer is lost may have been done: only the caller knows whether to ask again.
  return false, result, RACES[problem.state] or (problem.is_lost and not is_committing)
end

-- The lock ends with its connection, too.
local function attempt_alone(self, work)
  local waited, problem = pcall(self.script, self, BEGIN_QUEUEING)
  if not waited then
    if problem.is_lost then disconnect(self) end
    return false, problem, true
  end
  local ok, result, again = attempt(self, work, true)
  if self.connection then pcall(execute, self, END_QUEUEING) end
  return ok, result, again
end

--- Runs `work` so that what it reads stays true until it has written: SERIALIZABLE, and again when another
--- transaction got in between or the connection was lost before the end, so that `work` must change nothing but the
--- database. What it raises undoes everything and is raised again.
--- @param work fun(): any
--- @return any result of work
function Database:transaction(work)
  for try = 1, TRIES do
    local ok, result, again = (try > OPTIMISTIC_TRIES and attempt_alone or attempt)(self, work)
    if ok then return result end
    if try == TRIES or not again then error(result, 0) end
    pause_after(try)
  end
end

--- Closes the connection; a second call does nothing.
function Database:close() disconnect(self) end

local postgres = {}

--- @param url string postgresql://…, or any of libpq's connection strings
--- @return table database; raises when it cannot be reached
function postgres.open(url)
  local self = setmetatable({ url = url }, Database)
  connect(self)
  return self
end

return postgres
