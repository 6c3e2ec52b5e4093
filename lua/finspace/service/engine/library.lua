--- Where DuckDB's library is, and its C API as far as the service needs it (DuckDB 1.5, duckdb.h).

local ffi = require("ffi")

ffi.cdef([[
typedef struct finspace_duckdb_database *duckdb_database;
typedef struct finspace_duckdb_connection *duckdb_connection;
typedef struct finspace_duckdb_config *duckdb_config;
typedef struct finspace_duckdb_statement *duckdb_prepared_statement;
typedef struct finspace_duckdb_pending *duckdb_pending_result;
typedef struct finspace_duckdb_chunk *duckdb_data_chunk;
typedef struct finspace_duckdb_vector *duckdb_vector;
typedef struct { uint64_t columns, rows, changed; void *data; char *message; void *internal; } duckdb_result;
typedef struct { uint32_t length; char start[4]; const char *bytes; } duckdb_string_t;
int duckdb_create_config(duckdb_config *config);
int duckdb_set_config(duckdb_config config, const char *name, const char *value);
void duckdb_destroy_config(duckdb_config *config);
int duckdb_open_ext(const char *path, duckdb_database *database, duckdb_config config, char **message);
void duckdb_close(duckdb_database *database);
int duckdb_connect(duckdb_database database, duckdb_connection *connection);
void duckdb_disconnect(duckdb_connection *connection);
void duckdb_free(void *memory);
int duckdb_prepare(duckdb_connection connection, const char *sql, duckdb_prepared_statement *statement);
const char *duckdb_prepare_error(duckdb_prepared_statement statement);
void duckdb_destroy_prepare(duckdb_prepared_statement *statement);
int duckdb_pending_prepared(duckdb_prepared_statement statement, duckdb_pending_result *pending);
int duckdb_pending_prepared_streaming(duckdb_prepared_statement statement, duckdb_pending_result *pending);
const char *duckdb_pending_error(duckdb_pending_result pending);
int duckdb_pending_execute_task(duckdb_pending_result pending);
bool duckdb_pending_execution_is_finished(int state);
int duckdb_execute_pending(duckdb_pending_result pending, duckdb_result *result);
void duckdb_destroy_pending(duckdb_pending_result *pending);
const char *duckdb_result_error(duckdb_result *result);
void duckdb_destroy_result(duckdb_result *result);
uint64_t duckdb_column_count(duckdb_result *result);
const char *duckdb_column_name(duckdb_result *result, uint64_t column);
int duckdb_column_type(duckdb_result *result, uint64_t column);
duckdb_data_chunk duckdb_fetch_chunk(duckdb_result result);
void duckdb_destroy_data_chunk(duckdb_data_chunk *chunk);
uint64_t duckdb_data_chunk_get_size(duckdb_data_chunk chunk);
duckdb_vector duckdb_data_chunk_get_vector(duckdb_data_chunk chunk, uint64_t column);
void *duckdb_vector_get_data(duckdb_vector vector);
uint64_t *duckdb_vector_get_validity(duckdb_vector vector);
void duckdb_vector_ensure_validity_writable(duckdb_vector vector);
typedef struct finspace_duckdb_value *duckdb_value;
duckdb_value duckdb_create_double(double number);
char *duckdb_get_varchar(duckdb_value value);
void duckdb_destroy_value(duckdb_value *value);
typedef struct finspace_duckdb_type *duckdb_logical_type;
typedef struct finspace_duckdb_function *duckdb_scalar_function;
duckdb_logical_type duckdb_create_logical_type(int type);
void duckdb_destroy_logical_type(duckdb_logical_type *type);
duckdb_scalar_function duckdb_create_scalar_function(void);
void duckdb_destroy_scalar_function(duckdb_scalar_function *function);
void duckdb_scalar_function_set_name(duckdb_scalar_function function, const char *name);
void duckdb_scalar_function_add_parameter(duckdb_scalar_function function, duckdb_logical_type type);
void duckdb_scalar_function_set_return_type(duckdb_scalar_function function, duckdb_logical_type type);
void duckdb_scalar_function_set_function(duckdb_scalar_function function, void *work);
int duckdb_register_scalar_function(duckdb_connection connection, duckdb_scalar_function function);
]])

local library = {}

local NAME = "libduckdb.so"

--- What a message says to do where the library is missing.
library.ADVICE = "DuckDB is not installed: run `make duckdb` in finspace's folder, or set FINSPACE_DUCKDB to the "
  .. "libduckdb.so that `npm install @duckdb/node-bindings-linux-x64` brings (-arm64 on ARM)"

-- Beside the modules that `make` built, and beside those that `make install` installed.
local function beside_modules()
  local found = {}
  for pattern in package.cpath:gmatch("[^;]+") do
    local build = pattern:match("^(.*)/[^/]+/%?%.so$")
    if build then found[#found + 1] = build .. "/duckdb/" .. NAME end
    found[#found + 1] = (pattern:gsub("%?%.so$", "finspace/" .. NAME))
  end
  return found
end

local function first_that_loads(paths)
  for _, path in ipairs(paths) do
    local loaded, found = pcall(ffi.load, path)
    if loaded then return found end
  end
end

local loaded -- for the rest of this process' life

--- Loads the library: FINSPACE_DUCKDB names it, or the loader knows it, or it is where `make duckdb` puts it.
--- @return ffi.namespace*|nil library
--- @return string|nil problem with the command that installs it
function library.load()
  if loaded then return loaded end
  local named = os.getenv("FINSPACE_DUCKDB")
  if named and named ~= "" then
    loaded = first_that_loads { named }
    return loaded, not loaded and "FINSPACE_DUCKDB does not name a library that can be loaded: " .. named or nil
  end
  loaded = first_that_loads { NAME } or first_that_loads(beside_modules())
  return loaded, not loaded and library.ADVICE or nil
end

return library
