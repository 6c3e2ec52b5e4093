--- Functions of SQL that make values of texts, exactly: finspace_bigint('1') is 1, finspace_bigint('1.5') is NULL. DuckDB's
--- own casts round, take hexadecimal and forget offsets. The work is done in C, a vector at a time.

local core = require("finspace.core")
local ffi = require("ffi")

local typed = {}

local VARCHAR = 17
-- By the schema's names; what each gives, as DuckDB numbers types.
local RESULTS = {
  BOOLEAN = 1,
  TINYINT = 2,
  SMALLINT = 3,
  INTEGER = 4,
  BIGINT = 5,
  FLOAT = 10,
  DOUBLE = 11,
  DATE = 13,
  DATETIME = 31,
}

-- Where DuckDB's functions are: the core is not linked with it.
ffi.cdef([[
typedef struct {
  void *chunk_get_size, *chunk_get_vector, *get_data, *get_validity, *ensure_validity;
  void *create_double, *get_varchar, *destroy_value, *free;
} finspace_typed_engine;
]])

local in_use -- for the rest of this process' life: the core keeps its address

local function use(C)
  if in_use then return end
  local function address(name) return ffi.cast("void *", C[name]) end
  in_use = ffi.new("finspace_typed_engine", {
    address("duckdb_data_chunk_get_size"),
    address("duckdb_data_chunk_get_vector"),
    address("duckdb_vector_get_data"),
    address("duckdb_vector_get_validity"),
    address("duckdb_vector_ensure_validity_writable"),
    address("duckdb_create_double"),
    address("duckdb_get_varchar"),
    address("duckdb_destroy_value"),
    address("duckdb_free"),
  })
  ffi.cast("void (*)(void *)", ffi.cast("uintptr_t", core.typed_use_address()))(in_use)
end

local function with_type(C, number, work)
  local logical = ffi.new("duckdb_logical_type[1]", C.duckdb_create_logical_type(number))
  work(logical[0])
  C.duckdb_destroy_logical_type(logical)
end

local function register(C, connection, kind, result)
  local scalar = ffi.new("duckdb_scalar_function[1]", C.duckdb_create_scalar_function())
  C.duckdb_scalar_function_set_name(scalar[0], typed.name(kind))
  with_type(C, VARCHAR, function(logical) C.duckdb_scalar_function_add_parameter(scalar[0], logical) end)
  with_type(C, result, function(logical) C.duckdb_scalar_function_set_return_type(scalar[0], logical) end)
  local work = ffi.cast("void *", ffi.cast("uintptr_t", core.typed_function(kind)))
  C.duckdb_scalar_function_set_function(scalar[0], work)
  local code = C.duckdb_register_scalar_function(connection, scalar[0])
  C.duckdb_destroy_scalar_function(scalar)
  assert(code == 0, "DuckDB does not take the function " .. typed.name(kind))
end

--- @param kind string a type of a schema
--- @return string name of the function that reads it
function typed.name(kind) return "finspace_" .. kind:lower() end

--- Makes the functions known to a database.
--- @param C ffi.namespace* DuckDB's library
--- @param connection ffi.cdata* one of the database's
function typed.register(C, connection)
  use(C)
  for kind, result in pairs(RESULTS) do
    register(C, connection, kind, result)
  end
end

return typed
