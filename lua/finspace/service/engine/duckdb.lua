--- DuckDB through LuaJIT's FFI: a database in memory, connections, and queries that run in slices, so that a process
--- can share itself between many. A failure is raised as a table `{duckdb = message}`.
---
--- With one thread there is no thread but the caller's: between slices nothing runs.

local ffi = require("ffi")
local library = require("finspace.service.engine.library")
local typed = require("finspace.service.engine.typed")

local duckdb = {}

local OK, FAILED = 0, 2 -- of calls; of a pending query
local BOOLEAN, VARCHAR = 1, 17
local NUMBERS = { [2] = "int8_t", [3] = "int16_t", [4] = "int32_t", [5] = "int64_t", [10] = "float", [11] = "double" }
local INLINED = 12 -- strings up to this length lie within their header

local function fail(message) error({ duckdb = message }, 0) end

--- @param problem any what was raised
--- @return string|nil message DuckDB's own words, or nil when it was not DuckDB that failed
function duckdb.message(problem) return type(problem) == "table" and problem.duckdb or nil end

-- --- results ----------------------------------------------------------------------------------------

local function string_at(data, row)
  local header = ffi.cast("duckdb_string_t *", data)[row]
  if header.length > INLINED then return ffi.string(header.bytes, header.length) end
  return ffi.string(ffi.cast("char *", data) + row * ffi.sizeof("duckdb_string_t") + 4, header.length)
end

local function reader_of(kind, name)
  if kind == VARCHAR then return string_at end
  local element = kind == BOOLEAN and "bool *" or NUMBERS[kind] and NUMBERS[kind] .. " *"
  if not element then fail(("column %s: cast what is selected to VARCHAR, BIGINT or DOUBLE"):format(name)) end
  return function(data, row)
    local value = ffi.cast(element, data)[row]
    return kind == BOOLEAN and value or tonumber(value)
  end
end

local function is_null(validity, row)
  if validity == nil then return false end
  local word = validity[math.floor(row / 64)]
  return bit.band(bit.rshift(word, row % 64), 1ULL) == 0ULL
end

local function columns_of(C, result)
  local columns = {}
  for i = 0, tonumber(C.duckdb_column_count(result)) - 1 do
    local name = ffi.string(C.duckdb_column_name(result, i))
    columns[i + 1] = { name = name, read = reader_of(C.duckdb_column_type(result, i), name) }
  end
  return columns
end

local function append_chunk(C, chunk, columns, rows)
  local first, size = #rows, tonumber(C.duckdb_data_chunk_get_size(chunk))
  for i = 1, size do
    rows[first + i] = {}
  end
  for i, column in ipairs(columns) do
    local vector = C.duckdb_data_chunk_get_vector(chunk, i - 1)
    local data, validity = C.duckdb_vector_get_data(vector), C.duckdb_vector_get_validity(vector)
    for row = 0, size - 1 do
      if not is_null(validity, row) then rows[first + row + 1][column.name] = column.read(data, row) end
    end
  end
end

local function rows_of(C, result)
  local columns, rows, chunk = columns_of(C, result), {}, ffi.new("duckdb_data_chunk[1]")
  chunk[0] = C.duckdb_fetch_chunk(result[0])
  while chunk[0] ~= nil do
    append_chunk(C, chunk[0], columns, rows)
    C.duckdb_destroy_data_chunk(chunk)
    chunk[0] = C.duckdb_fetch_chunk(result[0])
  end
  return rows
end

-- --- connections ------------------------------------------------------------------------------------

local Connection = {}
Connection.__index = Connection

local function prepared(self, sql)
  local C = self.C
  local statement = ffi.gc(ffi.new("duckdb_prepared_statement[1]"), C.duckdb_destroy_prepare)
  if C.duckdb_prepare(self.handle[0], sql, statement) ~= OK then
    fail(ffi.string(C.duckdb_prepare_error(statement[0])))
  end
  return statement
end

local function pending(self, statement, begin)
  local C = self.C
  local running = ffi.gc(ffi.new("duckdb_pending_result[1]"), C.duckdb_destroy_pending)
  if begin(statement[0], running) ~= OK then fail(ffi.string(C.duckdb_pending_error(running[0]))) end
  return running
end

-- Gives the process away after each slice, where there is somebody to give it to.
local function await(self, running)
  local C = self.C
  while true do
    local state = C.duckdb_pending_execute_task(running[0])
    if state == FAILED then fail(ffi.string(C.duckdb_pending_error(running[0]))) end
    if C.duckdb_pending_execution_is_finished(state) then return end
    if coroutine.running() then coroutine.yield() end
  end
end

-- What a query holds (memory, open files) goes now, not when the collector comes by.
local function release(cdata, destroy)
  if cdata then destroy(ffi.gc(cdata, nil)) end
end

-- Executes a statement and gives what it answers to `read`.
local function executed(self, sql, begin, read)
  local C, statement, running = self.C, nil, nil
  local result = ffi.new("duckdb_result[1]")
  local ok, answer = pcall(function()
    statement = prepared(self, sql)
    running = pending(self, statement, begin)
    await(self, running)
    if C.duckdb_execute_pending(running[0], result) ~= OK then fail(ffi.string(C.duckdb_result_error(result))) end
    return read(C, result)
  end)
  C.duckdb_destroy_result(result)
  release(running, C.duckdb_destroy_pending)
  release(statement, C.duckdb_destroy_prepare)
  if not ok then error(answer, 0) end
  return answer
end

--- Runs one statement to its end, yielding between slices when called in a coroutine.
--- @param sql string
--- @return table[] rows by column name; NULL is nil; only BOOLEAN, numbers up to BIGINT, and VARCHAR can be read
function Connection:run(sql) return executed(self, sql, self.C.duckdb_pending_prepared, rows_of) end

local function vectors_of(C, chunk, count)
  local vectors = {}
  for i = 1, count do
    local vector = C.duckdb_data_chunk_get_vector(chunk, i - 1)
    vectors[i] = { values = C.duckdb_vector_get_data(vector), validity = C.duckdb_vector_get_validity(vector) }
  end
  return vectors
end

local function visit_chunk(C, chunk, count, visit)
  visit(vectors_of(C, chunk, count), tonumber(C.duckdb_data_chunk_get_size(chunk)))
end

--- Gives what a query answers to `visit` piece by piece, so that the whole need not be held; yields in between.
--- @param sql string
--- @param visit fun(vectors: table[], rows: integer) columns {values=void *, validity=uint64_t * or NULL} as DuckDB's C API
---   has them, which are there until it returns
function Connection:each_chunk(sql, visit)
  executed(self, sql, self.C.duckdb_pending_prepared_streaming, function(C, result)
    local chunk, count = ffi.new("duckdb_data_chunk[1]"), tonumber(C.duckdb_column_count(result))
    chunk[0] = C.duckdb_fetch_chunk(result[0])
    while chunk[0] ~= nil do
      local ok, problem = pcall(visit_chunk, C, chunk[0], count, visit)
      C.duckdb_destroy_data_chunk(chunk)
      if not ok then error(problem, 0) end
      if coroutine.running() then coroutine.yield() end
      chunk[0] = C.duckdb_fetch_chunk(result[0])
    end
    local message = C.duckdb_result_error(result)
    if message ~= nil and message[0] ~= 0 then fail(ffi.string(message)) end
  end)
end

--- Closes the connection; a second call does nothing.
function Connection:close()
  if not self.handle then return end
  release(self.handle, self.C.duckdb_disconnect)
  self.handle = nil
end

-- --- databases --------------------------------------------------------------------------------------

local Database = {}
Database.__index = Database

--- @return table connection
function Database:connect()
  local handle = ffi.gc(ffi.new("duckdb_connection[1]"), self.C.duckdb_disconnect)
  if self.C.duckdb_connect(self.handle[0], handle) ~= OK then fail("cannot connect") end
  return setmetatable({ C = self.C, handle = handle, database = self }, Connection)
end

local function config_of(C, settings)
  local config = ffi.gc(ffi.new("duckdb_config[1]"), C.duckdb_destroy_config)
  C.duckdb_create_config(config)
  for name, value in pairs(settings) do
    if C.duckdb_set_config(config[0], name, value) ~= OK then fail("no such setting: " .. name) end
  end
  return config
end

--- Opens a database in memory, which knows the functions that read texts as values (engine/typed).
--- @param settings table<string, string> of DuckDB, which hold from the start
--- @return table|nil database {connect()}
--- @return string|nil problem where there is no library
function duckdb.open(settings)
  local C, problem = library.load()
  if not C then return nil, problem end
  local handle, message = ffi.gc(ffi.new("duckdb_database[1]"), C.duckdb_close), ffi.new("char *[1]")
  if C.duckdb_open_ext(":memory:", handle, config_of(C, settings)[0], message) ~= OK then
    local text = ffi.string(message[0])
    C.duckdb_free(message[0])
    fail(text)
  end
  local database = setmetatable({ C = C, handle = handle }, Database)
  local connection = database:connect()
  typed.register(C, connection.handle[0])
  connection:close()
  return database
end

--- @param text string
--- @return string literal of SQL
function duckdb.literal(text) return "'" .. text:gsub("'", "''") .. "'" end

--- @param name string
--- @return string identifier of SQL, whatever the name holds
function duckdb.identifier(name) return '"' .. name:gsub('"', '""') .. '"' end

return duckdb
