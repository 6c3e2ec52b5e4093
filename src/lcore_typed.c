/* Texts as values of a schema's types, as Lua sees them, and where LuaJIT's FFI finds the functions
 * that do it for DuckDB. */
#include "lcore.h"

#include "lines.h"
#include "typed.h"
#include "typed_text.h"
#include "typed_vectors.h"

static int push_real(lua_State *L, bool is_one, double value) {
    if (!is_one) return 0;
    lua_pushnumber(L, value);
    return 1;
}

static int push_whole(lua_State *L, slice text, int64_t smallest, int64_t largest) {
    int64_t value;
    if (!typed_whole(text, smallest, largest, &value)) return 0;
    lbind_push_integer(L, value);
    return 1;
}

static int push_float(lua_State *L, slice text) {
    float value = 0;
    bool is_one = typed_float(text, &value);
    return push_real(L, is_one, (double)value);
}

static int push_double(lua_State *L, slice text) {
    double value = 0;
    bool is_one = typed_double(text, &value);
    return push_real(L, is_one, value);
}

static int push_boolean(lua_State *L, slice text) {
    bool value = false;
    if (!typed_boolean(text, &value)) return 0;
    lua_pushboolean(L, value);
    return 1;
}

static int push_date(lua_State *L, slice text) {
    int32_t days = 0;
    if (!typed_date(text, &days)) return 0;
    lbind_push_integer(L, days);
    return 1;
}

static int push_instant(lua_State *L, slice text) {
    int64_t microseconds = 0;
    if (!typed_instant(text, &microseconds)) return 0;
    lbind_push_integer(L, microseconds);
    return 1;
}

static int push_value(lua_State *L, slice type, slice text) {
    if (slice_eq(type, SLICE("TINYINT"))) return push_whole(L, text, INT8_MIN, INT8_MAX);
    if (slice_eq(type, SLICE("SMALLINT"))) return push_whole(L, text, INT16_MIN, INT16_MAX);
    if (slice_eq(type, SLICE("INTEGER"))) return push_whole(L, text, INT32_MIN, INT32_MAX);
    if (slice_eq(type, SLICE("BIGINT"))) return push_whole(L, text, INT64_MIN, INT64_MAX);
    if (slice_eq(type, SLICE("FLOAT"))) return push_float(L, text);
    if (slice_eq(type, SLICE("DOUBLE"))) return push_double(L, text);
    if (slice_eq(type, SLICE("BOOLEAN"))) return push_boolean(L, text);
    if (slice_eq(type, SLICE("DATE"))) return push_date(L, text);
    if (slice_eq(type, SLICE("DATETIME"))) return push_instant(L, text);
    return luaL_argerror(L, 1, "no type that a text is checked for");
}

/* typed_value(type, text) -> number or boolean | nothing */
static int l_typed_value(lua_State *L) {
    return push_value(L, lbind_check_slice(L, 1), lbind_check_slice(L, 2));
}

static void add_text(lua_State *L, buf *out, slice type, int64_t value) {
    if (slice_eq(type, SLICE("DATETIME"))) {
        typed_text_time(out, value);
    } else {
        luaL_argcheck(L, slice_eq(type, SLICE("DATE")), 1, "no type whose text is written here");
        luaL_argcheck(L, value >= INT32_MIN && value <= INT32_MAX, 2, "no day that a DATE can be");
        typed_text_date(out, (int32_t)value);
    }
}

/* typed_text(type, number) -> text of a DATE or a DATETIME, from what typed_value gives */
static int l_typed_text(lua_State *L) {
    char storage[64];
    slice type = lbind_check_slice(L, 1);
    int64_t value = 0;
    buf out;
    luaL_argcheck(L, lcore_to_integer(L, 2, &value), 2, "no whole number");
    buf_init_fixed(&out, storage, sizeof storage);
    add_text(L, &out, type, value);
    lbind_push_slice(L, buf_slice(&out));
    return 1;
}

/* An address as a number: light userdata cannot hold every one on every machine. */
static int push_address(lua_State *L, uintptr_t address) {
    lua_pushnumber(L, (lua_Number)address);
    return 1;
}

/* typed_function(type) -> address of a duckdb_scalar_function_t */
static int l_typed_function(lua_State *L) {
    typed_function *function = typed_find(lbind_check_slice(L, 1));
    luaL_argcheck(L, function, 1, "no type that a text is checked for");
    return push_address(L, (uintptr_t)function);
}

/* typed_use_address() -> address of typed_use */
static int l_typed_use_address(lua_State *L) {
    return push_address(L, (uintptr_t)typed_use);
}

/* lines_kind(type) -> number of a lines_kind | nothing for a type that must be text before */
static int l_lines_kind(lua_State *L) {
    lines_kind kind = lines_find_kind(lbind_check_slice(L, 1));
    if (kind == LINES_NONE) return 0;
    lbind_push_integer(L, kind);
    return 1;
}

/* lines_write_address() -> address of lines_write */
static int l_lines_write_address(lua_State *L) {
    return push_address(L, (uintptr_t)lines_write);
}

void lcore_open_typed(lua_State *L) {
    static const luaL_Reg functions[] = {{"typed_value", l_typed_value},
                                         {"typed_function", l_typed_function},
                                         {"typed_use_address", l_typed_use_address},
                                         {"typed_text", l_typed_text},
                                         {"lines_kind", l_lines_kind},
                                         {"lines_write_address", l_lines_write_address},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
