/* lbind: how all bindings read what Lua gives them, and give Lua what they have.
 *
 * A slice that comes from here is borrowed from a Lua string. It is valid while that string is on
 * the stack: what reads a field therefore leaves its value there (one slot a call, always).
 *
 * What a caller wrote wrongly raises a Lua error, which names the field and the type that was
 * found, never the value: it may be a secret in the wrong place.
 */
#ifndef FINSPACE_LBIND_H
#define FINSPACE_LBIND_H

#include <stdint.h>

#include "buf.h"
#include "lcompat.h"

/* --- values ----------------------------------------------------------------------------------- */

/* The string at `index`, which must be one: a number would be turned into a string in its place. */
static inline slice lbind_to_slice(lua_State *L, int index) {
    size_t len;
    const char *ptr = lua_tolstring(L, index, &len);
    return slice_of(ptr, len);
}

/* Pushes the bytes as a Lua string. */
static inline void lbind_push_slice(lua_State *L, slice s) {
    lua_pushlstring(L, s.len ? s.ptr : "", s.len);
}

/* Pushes a whole number: an integer where Lua has 64-bit ones, else a double, exact to 2^53. */
static inline void lbind_push_integer(lua_State *L, int64_t value) {
#if LCOMPAT_HAS_INTEGERS
    lua_pushinteger(L, (lua_Integer)value);
#else
    lua_pushnumber(L, (lua_Number)value);
#endif
}

/* The bytes of a string, or the length of a table, without metamethods. */
static inline size_t lbind_length(lua_State *L, int index) {
    return (size_t)lua_rawlen(L, index);
}

/* The argument at `index`; another type raises. */
slice lbind_check_slice(lua_State *L, int index);

/* The same, or `fallback` when it is absent or nil. */
slice lbind_optional_slice(lua_State *L, int index, slice fallback);

/* The argument at `index` for a system call that stops at a NUL: a string without one. */
const char *lbind_check_path(lua_State *L, int index);

/* --- fields of the table at `index` ----------------------------------------------------------- */

/* Raises "'NAME' must be WANTED, not a TYPE"; the value is on the top. */
void lbind_bad_field(lua_State *L, const char *name, const char *wanted);

/* Raises unless the value at `index` is a table. */
void lbind_check_table(lua_State *L, int index, const char *name);

/* A string, or `fallback` when it is absent. Leaves one slot on the stack. */
slice lbind_push_text(lua_State *L, int index, const char *name, slice fallback);

/* A string that must be there. Leaves one slot on the stack. */
slice lbind_require_text(lua_State *L, int index, const char *name);

/* A string that C reads up to its NUL, so it holds no other; NULL when it is absent. Leaves one
 * slot on the stack. */
const char *lbind_push_word(lua_State *L, int index, const char *name);

/* These leave nothing. A count is a number from 0 to 2^53; a fraction is cut off, so that a clock's
 * time can be given. */
bool lbind_flag_field(lua_State *L, int index, const char *name, bool fallback);
lua_Number lbind_number_field(lua_State *L, int index, const char *name, lua_Number fallback);
int64_t lbind_count_field(lua_State *L, int index, const char *name, int64_t fallback);

/* The argument at `index` as a count; `name` is what messages call it. */
int64_t lbind_to_count(lua_State *L, int index, const char *name);

/* Set a field of the table on the top. */
void lbind_set_slice(lua_State *L, const char *field, slice s);
void lbind_set_text(lua_State *L, const char *field, const char *text);
void lbind_set_flag(lua_State *L, const char *field, bool set);
void lbind_set_integer(lua_State *L, const char *field, int64_t value);

/* --- userdata --------------------------------------------------------------------------------- */

/* Creates the class `name`, with its methods, its __gc and, where Lua has it, __close. Pushes its
 * metatable. */
void lbind_push_class(lua_State *L, const char *name, const luaL_Reg *methods,
                      lua_CFunction finalizer);

/* Makes the userdata on the top one of a class that exists. */
void lbind_set_class(lua_State *L, const char *name);

/* The argument 1 of a method, which must be of the class `name`; quicker than luaL_checkudata,
 * which looks the class up by its name. */
void *lbind_check_self(lua_State *L, const char *name);

/* Pushes a userdata that owns a growing buf with this limit, and frees it when collected. */
buf *lbind_push_buf(lua_State *L, size_t limit);

/* Raises when the buf has failed; `what` names the text that was being written. */
void lbind_check_buf(lua_State *L, const buf *b, const char *what);

#endif
