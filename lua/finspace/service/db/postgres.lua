--- PostgreSQL behind the same methods as SQLite's: bound parameters, exact integers, strings and blobs, rows by column
--- name.
---
--- A connection belongs to one process, and to one request or timer of it at a time: while the database is slow, nginx goes
--- on with others, and those that want it, too, wait for their turn. Statements are written with `?`, or `?1` to name a
--- parameter twice, and are prepared once a connection. Failures are raised as tables
--- `{ is_busy = boolean, is_full = boolean, state = SQLSTATE, message = text }`: `is_busy` says that the same may work in
--- a moment.
local ffi = require("ffi")
local blob = require("finspace.service.db.blob")
local libpq = require("finspace.service.db.libpq")
local pause = require("finspace.service.db.pause")
local sys = require("finspace.sys")

local C = libpq.C
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

local function disconnect(self)
  if self.connection then libpq.finish(self.connection) end
  self.connection, self.statements, self.prepared = nil, {}, 0
end

local NOT_UTF8 = "a text that is not UTF-8 cannot be kept"

-- A server that was silent is not asked again at once by everybody who waits.
local SILENT_SECONDS = 1

-- Of a message the first line: later ones repeat the statement, with its values. What is lost is closed.
local function fail(self, state, message, doing, is_silent)
  local is_lost = is_silent or not self.connection or state == READ_ONLY or C.PQstatus(self.connection) ~= CONNECTION_OK
  if is_lost then disconnect(self) end
  if is_silent then self.silent_until = sys.monotonic() + SILENT_SECONDS end
  error({
    is_busy = is_lost or is_passing(state),
    is_full = state == DISK_FULL,
    is_lost = is_lost,
    is_silent = is_silent,
    is_unfit = state == BAD_ENCODING,
    state = state,
    message = state == BAD_ENCODING and NOT_UTF8 or ("PostgreSQL: %s (%s)"):format(message:match("^[^\n]*"), doing),
  }, 0)
end

-- A result that is cleared with its table, or a raised failure.
local function check(self, result, doing)
  local status = C.PQresultStatus(result)
  if status == TUPLES_OK or status == COMMAND_OK or status == EMPTY_QUERY then return result end
  local field = C.PQresultErrorField(result, SQLSTATE)
  local state = field ~= nil and ffi.string(field) or nil
  local message = ffi.string(C.PQerrorMessage(self.connection))
  libpq.clear(result)
  fail(self, state, message, doing)
end

-- Sends by a function of libpq's, with its parameters, and waits for the answer.
local function exchange(self, doing, send, ...)
  local result, problem, is_silent = libpq.ask(self.connection, self.patience, send, ...)
  if not result then fail(self, nil, problem, doing, is_silent) end
  return check(self, result, doing)
end

local function execute(self, sql) return exchange(self, sql, C.PQsendQuery, sql) end

-- What holds unless the URL says otherwise: a server that does not answer is given up soon.
local UNLESS_SAID = {
  connect_timeout = "5",
  tcp_user_timeout = "15000",
  keepalives_idle = "15",
  keepalives_interval = "5",
  application_name = "finspace",
}

-- Notices would go to stderr. SERIALIZABLE remembers what was looked at, and an index looks at less than a scan of the
-- table; the cost that a scan then seems to have must not make PostgreSQL compile it. Statements are prepared, and planned
-- once. Who waits for a lock, and a transaction whose process hangs, are ended at some time.
local SESSION = "SET client_min_messages = error; SET enable_seqscan = off; SET jit = off;"
  .. "SET plan_cache_mode = force_generic_plan; SET lock_timeout = '10s';"
  .. "SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on"

local OLDEST = 130000 -- 13.0, as PQserverVersion writes it

local function check_version(self)
  local version = C.PQserverVersion(self.connection)
  if version >= OLDEST then return end
  disconnect(self)
  local written = ("%d.%d"):format(math.floor(version / 10000), version % 10000)
  error({ message = "PostgreSQL: this server is version " .. written .. ", and 13 or later is needed" }, 0)
end

local function connect(self)
  if sys.monotonic() < self.silent_until then fail(self, nil, "the server was silent a moment ago", "connecting") end
  local connection, problem, is_silent = libpq.connect(self.url, UNLESS_SAID)
  if not connection then fail(self, nil, problem, "connecting", is_silent) end
  self.connection, self.statements, self.prepared = connection, {}, 0
  check_version(self)
  execute(self, SESSION)
  self.silent_until = 0
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
  exchange(self, sql, C.PQsendPrepare, name, numbered(sql), 0, nil)
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

-- The connection, of which a transaction has but one.
local function ensure_connection(self)
  if self.connection then return end
  if self.in_transaction then fail(self, nil, "the connection was lost in a transaction", "connecting") end
  connect(self)
end

local function ask(self, sql, ...)
  ensure_connection(self)
  local name = prepared(self, sql)
  local count, values, lengths, formats, anchors = bind(...)
  local result = exchange(self, sql, C.PQsendQueryPrepared, name, count, values, lengths, formats, 0)
  anchors[1] = anchors[1] -- alive until here
  return result
end

-- --- one at a time ----------------------------------------------------------------------------------

local TURN = 0.005 -- seconds between two looks at whether it has come

local function this_thread() return coroutine.running() or "the main one" end

local function await_turn(self)
  local deadline = sys.monotonic() + self.patience
  while self.owner do
    local now = sys.monotonic()
    if now < self.silent_until or now > deadline then
      error({ is_busy = true, message = "PostgreSQL: others wait for its answer, too" }, 0)
    end
    pause(TURN)
  end
end

-- Does what wants the connection for itself; who has it may want it again.
local function alone(self, work, ...)
  local me = this_thread()
  if self.owner == me then return work(self, ...) end
  await_turn(self)
  self.owner = me
  local ok, result, more, again = pcall(work, self, ...)
  self.owner = nil
  if not ok then error(result, 0) end
  return result, more, again
end

local function pause_after(try) pause(FIRST_PAUSE * 2 ^ math.min(try, 6) * (0.5 + math.random() / 2)) end

-- Whether a statement on its own may be asked again: it raced with another one, and was undone; or its connection
-- was lost, and it changes nothing.
local function may_ask_again(sql, problem)
  if problem.is_lost then return not problem.is_silent and sql:find("^%s*SELECT") ~= nil end
  return RACES[problem.state] and problem.state ~= UNIQUE_VIOLATION
end

-- Runs a statement. In a transaction a failure is the transaction's.
local function ask_until_done(self, sql, ...)
  for try = 1, TRIES do
    local ok, result = pcall(alone, self, ask, sql, ...)
    if ok then return result end
    if self.in_transaction == this_thread() or try == TRIES or not may_ask_again(sql, result) then error(result, 0) end
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

local function script(self, sql)
  ensure_connection(self)
  execute(self, sql)
end

--- Runs several statements that take no parameters.
--- @param sql string
function Database:script(sql) alone(self, script, sql) end

local function with_patience(self, seconds, work)
  local usual = self.patience
  self.patience = seconds
  local ok, result = pcall(work)
  self.patience = usual
  if not ok then error(result, 0) end
  return result
end

--- Does something whose statements may take longer than others may, or must not take so long.
--- @param seconds number
--- @param work fun(): any
--- @return any result of work
function Database:within(seconds, work) return alone(self, with_patience, seconds, work) end

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
  local ok, result = pcall(function()
    script(self, is_alone and BEGIN or BEGIN_BESIDE)
    self.in_transaction = this_thread()
    local given = work()
    is_committing = true
    execute(self, "COMMIT")
    return given
  end)
  self.in_transaction = nil
  if ok then return true, result end
  local problem = type(result) == "table" and result or {}
  if self.connection and C.PQtransactionStatus(self.connection) ~= IN_NO_TRANSACTION then
    pcall(execute, self, "ROLLBACK")
  end
  -- A COMMIT whose answer is lost may have been done: only the caller knows whether to ask again.
  return false, result, RACES[problem.state] or (problem.is_lost and not problem.is_silent and not is_committing)
end

-- The lock ends with its connection, too.
local function attempt_alone(self, work)
  local waited, problem = pcall(script, self, BEGIN_QUEUEING)
  if not waited then return false, problem, not problem.is_silent end
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
    local ok, result, again = alone(self, try > OPTIMISTIC_TRIES and attempt_alone or attempt, work)
    if ok then return result end
    if try == TRIES or not again then error(result, 0) end
    pause_after(try)
  end
end

--- Closes the connection; a second call does nothing.
function Database:close() disconnect(self) end

local postgres = {}

-- How long an answer may take; who waits for a lock waits less long (SESSION). The URL may say it, as tcp_user_timeout,
-- which bounds what the server's kernel is waited for.
local function patience_of(url)
  local said = tonumber(libpq.options(url).tcp_user_timeout) or 0
  return (said > 0 and said or tonumber(UNLESS_SAID.tcp_user_timeout)) / 1000
end

--- @param url string postgresql://…, or any of libpq's connection strings
--- @return table database; raises when it cannot be reached
function postgres.open(url)
  local self = setmetatable({ url = url, patience = patience_of(url), silent_until = 0 }, Database)
  connect(self)
  return self
end

return postgres
