--- SQLite through LuaJIT's FFI: bound parameters, exact integers, strings with any bytes.
--- A connection belongs to one process: it is opened after a fork, never before. Failures are raised
--- as tables `{is_busy = boolean, is_full = boolean, is_moved = boolean, sqlite = code, message = text}`:
--- another process held the lock for too long, the disk has no room, or the file is not where it was.
---
--- Who waits for another process's lock waits here and not in SQLite, so that nginx answers others meanwhile.

local ffi = require("ffi")
local sys = require("finspace.sys")
local blob = require("finspace.service.db.blob")
local pause = require("finspace.service.db.pause")

ffi.cdef([[
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
int sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
int sqlite3_close_v2(sqlite3 *db);
int sqlite3_get_autocommit(sqlite3 *db);
int sqlite3_exec(sqlite3 *db, const char *sql, void *callback, void *argument, char **message);
const char *sqlite3_errmsg(sqlite3 *db);
int sqlite3_extended_errcode(sqlite3 *db);
int sqlite3_changes(sqlite3 *db);
int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int length, sqlite3_stmt **statement, const char **tail);
int sqlite3_bind_parameter_count(sqlite3_stmt *statement);
int sqlite3_bind_null(sqlite3_stmt *statement, int index);
int sqlite3_bind_int64(sqlite3_stmt *statement, int index, int64_t value);
int sqlite3_bind_double(sqlite3_stmt *statement, int index, double value);
int sqlite3_bind_text(sqlite3_stmt *statement, int index, const char *value, int length, intptr_t destructor);
int sqlite3_bind_blob(sqlite3_stmt *statement, int index, const char *value, int length, intptr_t destructor);
int sqlite3_step(sqlite3_stmt *statement);
int sqlite3_reset(sqlite3_stmt *statement);
int sqlite3_clear_bindings(sqlite3_stmt *statement);
int sqlite3_finalize(sqlite3_stmt *statement);
int sqlite3_column_count(sqlite3_stmt *statement);
const char *sqlite3_column_name(sqlite3_stmt *statement, int column);
int sqlite3_column_type(sqlite3_stmt *statement, int column);
int64_t sqlite3_column_int64(sqlite3_stmt *statement, int column);
double sqlite3_column_double(sqlite3_stmt *statement, int column);
const char *sqlite3_column_text(sqlite3_stmt *statement, int column);
int sqlite3_column_bytes(sqlite3_stmt *statement, int column);
typedef struct sqlite3_file sqlite3_file;
typedef struct sqlite3_io_methods {
  int version;
  void *of_version_1[12];
  int (*map_shared)(sqlite3_file *file, int page, int size, int extend, void **address);
} sqlite3_io_methods;
struct sqlite3_file { const sqlite3_io_methods *methods; };
int sqlite3_file_control(sqlite3 *db, const char *name, int wanted, void *result);
]])

local C = ffi.load("libsqlite3.so.0")
local OK, BUSY, FULL, ROW, DONE = 0, 5, 13, 100, 101
local OPEN_READWRITE_CREATE_NOMUTEX = 0x2 + 0x4 + 0x8000
local INTEGER, FLOAT, NULL = 1, 2, 5
local COPY_THE_BYTES = -1 -- SQLITE_TRANSIENT
local LARGEST_EXACT = 2 ^ 53

local Database = { dialect = require("finspace.service.db.dialect").sqlite }
Database.__index = Database

local function fail(self, doing)
  local code = C.sqlite3_extended_errcode(self.handle)
  error({
    is_busy = code % 256 == BUSY,
    is_full = code % 256 == FULL,
    sqlite = code,
    message = ("SQLite: %s (%s)"):format(ffi.string(C.sqlite3_errmsg(self.handle)), doing),
  }, 0)
end

local function is_whole(number) return number == math.floor(number) and math.abs(number) <= LARGEST_EXACT end

local function bind(self, statement, index, value)
  local kind, code = type(value), nil
  if value == nil then
    code = C.sqlite3_bind_null(statement, index)
  elseif kind == "string" then
    code = C.sqlite3_bind_text(statement, index, value, #value, COPY_THE_BYTES)
  elseif blob.bytes_of(value) then
    local bytes = blob.bytes_of(value)
    code = C.sqlite3_bind_blob(statement, index, bytes, #bytes, COPY_THE_BYTES)
  elseif kind == "boolean" then
    code = C.sqlite3_bind_int64(statement, index, value and 1 or 0)
  elseif kind == "number" and is_whole(value) then
    code = C.sqlite3_bind_int64(statement, index, value)
  elseif kind == "number" then
    code = C.sqlite3_bind_double(statement, index, value)
  else
    error("SQLite: cannot bind a " .. kind, 0)
  end
  if code ~= OK then fail(self, "binding") end
end

local function column(statement, index)
  local kind = C.sqlite3_column_type(statement, index)
  if kind == NULL then return nil end
  if kind == INTEGER then return tonumber(C.sqlite3_column_int64(statement, index)) end
  if kind == FLOAT then return C.sqlite3_column_double(statement, index) end
  local text = C.sqlite3_column_text(statement, index)
  return ffi.string(text, C.sqlite3_column_bytes(statement, index))
end

local function column_names(statement)
  local names = {}
  for i = 1, C.sqlite3_column_count(statement) do
    names[i] = ffi.string(C.sqlite3_column_name(statement, i - 1))
  end
  return names
end

local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05

local function is_in_transaction(self) return C.sqlite3_get_autocommit(self.handle) == 0 end

-- Within a transaction the lock is ours, and nothing may wait.
local function may_wait(self, code) return code % 256 == BUSY and not self.is_impatient and not is_in_transaction(self) end

-- Does `ask`, which gave a code, again while another process holds the lock, until the time for that is over.
local function patiently(self, code, ask, ...)
  local length, deadline = FIRST_PAUSE, sys.monotonic() + self.busy_seconds
  while may_wait(self, code) and sys.monotonic() < deadline do
    pause(length)
    length = math.min(2 * length, LONGEST_PAUSE)
    code = ask(self, ...)
  end
  return code
end

-- LuaJIT compiles a request's way from end to end where no loop lies on it. So each statement has a binder and a
-- reader of its own, with a line for each parameter and each column.

local function binder(count)
  local names, lines = { "self", "statement" }, {}
  for i = 1, count do
    names[i + 2] = "value" .. i
    lines[i] = ("bind(self, statement, %d, value%d)"):format(i, i)
  end
  local text = "local bind = ... return function(%s) %s end"
  return loadstring(text:format(table.concat(names, ", "), table.concat(lines, " ")))(bind)
end

local function reader(statement)
  local lines = {}
  for i, name in ipairs(column_names(statement)) do
    lines[i] = ("[%q] = column(statement, %d)"):format(name, i - 1)
  end
  local text = "local column = ... return function(statement) return { %s } end"
  return loadstring(text:format(table.concat(lines, ", ")))(column)
end

local function prepare(self, sql, out) return C.sqlite3_prepare_v2(self.handle, sql, #sql, out, nil) end

-- Statements are compiled once a connection: the service asks a fixed set of questions.
local function compiled(self, sql)
  local known = self.statements[sql]
  if known then return known end
  local out = ffi.new("sqlite3_stmt *[1]")
  if patiently(self, prepare(self, sql, out), prepare, sql, out) ~= OK then fail(self, sql) end
  known = {
    handle = ffi.gc(out[0], C.sqlite3_finalize),
    bind = binder(C.sqlite3_bind_parameter_count(out[0])),
    read = reader(out[0]),
  }
  self.statements[sql] = known
  return known
end

local function start(self, statement, ...)
  C.sqlite3_reset(statement.handle)
  C.sqlite3_clear_bindings(statement.handle)
  statement.bind(self, statement.handle, ...)
end

-- Who waited begins anew: meanwhile another request may have asked the same.
local function first_step(self, statement, ...)
  start(self, statement, ...)
  local code = C.sqlite3_step(statement.handle)
  if code ~= ROW and code ~= DONE then C.sqlite3_reset(statement.handle) end
  return code
end

-- Starts a statement. Only its first step meets another process's lock.
local function begin(self, sql, ...)
  local statement = compiled(self, sql)
  local code = first_step(self, statement, ...)
  if code == ROW or code == DONE then return statement, code end
  return statement, patiently(self, code, first_step, statement, ...)
end

local function row_of(self, statement, code, sql)
  if code == ROW then return statement.read(statement.handle) end
  if code == DONE then return nil end
  C.sqlite3_reset(statement.handle)
  return fail(self, sql)
end

local function next_row(self, statement, sql) return row_of(self, statement, C.sqlite3_step(statement.handle), sql) end

--- Runs one statement and drops its rows.
--- @param sql string
--- @return integer changed rows
function Database:run(sql, ...)
  local statement, code = begin(self, sql, ...)
  local row = row_of(self, statement, code, sql)
  while row do
    row = next_row(self, statement, sql)
  end
  C.sqlite3_reset(statement.handle)
  return C.sqlite3_changes(self.handle)
end

--- Inserts a row given by column name; what is nil is left to the column's default.
--- @param into string table
--- @param row table<string, any>
Database.insert = require("finspace.service.db.insert")

--- @param sql string
--- @return table|nil first row, by column name
function Database:row(sql, ...)
  local statement, code = begin(self, sql, ...)
  local row = row_of(self, statement, code, sql)
  C.sqlite3_reset(statement.handle)
  return row
end

--- @param sql string
--- @return table[] every row
function Database:rows(sql, ...)
  local statement, code = begin(self, sql, ...)
  local row, rows = row_of(self, statement, code, sql), {}
  while row do
    rows[#rows + 1] = row
    row = next_row(self, statement, sql)
  end
  C.sqlite3_reset(statement.handle)
  return rows
end

--- Iterates without holding all rows; the same SQL must not be run again meanwhile.
--- @param sql string
--- @return fun(): table|nil
function Database:each(sql, ...)
  local statement = compiled(self, sql)
  start(self, statement, ...)
  return function()
    local row = next_row(self, statement, sql)
    if not row then C.sqlite3_reset(statement.handle) end
    return row
  end
end

local function script(self, sql) return C.sqlite3_exec(self.handle, sql, nil, nil, nil) end

--- Runs several statements that take no parameters.
--- @param sql string
function Database:script(sql)
  if patiently(self, script(self, sql), script, sql) ~= OK then fail(self, "script") end
end

-- A file that was moved away is still written to, where nobody will look for it.
local function check_place(self)
  local stat = sys.stat(self.path)
  self.inode = self.inode or (stat and stat.inode)
  if stat and stat.inode == self.inode then return end
  error({
    is_moved = true,
    message = self.path .. " was moved away or replaced while the service ran: start it again where its data are now",
  }, 0)
end

--- Runs `work` with the write lock held from its start, so that what it reads stays true until it
--- has written. What it raises undoes everything and is raised again.
--- @param work fun(): any
--- @return any result of work
function Database:transaction(work)
  check_place(self)
  self:run("BEGIN IMMEDIATE")
  local ok, result = pcall(work)
  if ok then
    local committed, failure = pcall(self.run, self, "COMMIT")
    if committed then
      check_place(self)
      return result
    end
    result = failure
  end
  pcall(self.run, self, "ROLLBACK")
  error(result, 0)
end

--- Like transaction, but for two waits that would hold the process: where another one writes it fails at once,
--- as busy, and what it has committed is on disk only once the file log_path() is synced.
--- @param work fun(): any
--- @return any result of work
function Database:quick_transaction(work)
  self.is_impatient = true
  self:run("PRAGMA synchronous = NORMAL")
  local ok, result = pcall(self.transaction, self, work)
  self:run("PRAGMA synchronous = FULL")
  self.is_impatient = false
  if not ok then error(result, 0) end
  return result
end

-- The first bytes of the write-ahead log's index, which all connections share: a counter of transactions, how long
-- the log is, and a checksum of it. (SQLite's "WAL-mode File Format", section 2.3.1.) SQLite itself gives the address:
-- to open and close the file here would undo its locks.
local FILE_POINTER, HEADER, PAGE = 7, 48, 32768

local function map_header(self)
  local file, address = ffi.new("sqlite3_file *[1]"), ffi.new("void *[1]")
  if C.sqlite3_file_control(self.handle, "main", FILE_POINTER, file) ~= OK then return nil end
  local methods = file[0].methods
  if methods == nil or methods.version < 2 then return nil end
  if methods.map_shared(file[0], 0, PAGE, 0, address) ~= OK then return nil end
  return address[0] ~= nil and address[0] or nil
end

--- What is another text after every commit, whoever made it: as long as it is the same, what was read is still so.
--- It costs no call of the system, where any query does.
--- @return string|nil version nil where that cannot be told
function Database:version()
  self.header = self.header or map_header(self)
  return self.header and ffi.string(self.header, HEADER)
end

--- @return string path of the write-ahead log
function Database:log_path() return self.path .. "-wal" end

--- Moves what is committed from the log into the database.
--- @param whole? boolean waits for readers and writers until the log is empty, rather than leave what they use
function Database:checkpoint(whole)
  self:run(whole and "PRAGMA wal_checkpoint(RESTART)" or "PRAGMA wal_checkpoint(PASSIVE)")
end

--- Leaves checkpoints to others: a commit that makes one holds its process for several waits for the disk.
function Database:leave_checkpoints() self:run("PRAGMA wal_autocheckpoint = 0") end

--- PostgreSQL's bound for an answer, which a file does not need.
--- @param _ number seconds
--- @param work fun(): any
--- @return any result of work
function Database.within(_, _, work) return work() end

--- Closes the connection; a second call does nothing.
function Database:close()
  if not self.handle then return end
  for _, statement in pairs(self.statements) do
    C.sqlite3_finalize(ffi.gc(statement.handle, nil))
  end
  C.sqlite3_close_v2(ffi.gc(self.handle, nil))
  self.handle, self.statements, self.header = nil, {}, nil
end

local sqlite = {}

--- @param path string
--- @param busy_seconds? number how long a writer waits for another process' write
--- @return table database
function sqlite.open(path, busy_seconds)
  local out = ffi.new("sqlite3 *[1]")
  local code = C.sqlite3_open_v2(path, out, OPEN_READWRITE_CREATE_NOMUTEX, nil)
  local self = setmetatable({
    handle = ffi.gc(out[0], C.sqlite3_close_v2),
    statements = {},
    path = path,
    busy_seconds = busy_seconds or 10,
  }, Database)
  if code ~= OK then fail(self, "opening " .. path) end
  local stat = sys.stat(path)
  self.inode = stat and stat.inode -- a new file is made by the first statement
  return self
end

return sqlite
