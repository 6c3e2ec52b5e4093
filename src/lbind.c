#include "lbind.h"

#include <string.h>

#define BUF_CLASS "finspace.buf"

/* --- strings ---------------------------------------------------------------------------------- */

slice lbind_check_slice(lua_State *L, int index) {
    size_t len;
    const char *ptr = luaL_checklstring(L, index, &len);
    return slice_of(ptr, len);
}

slice lbind_optional_slice(lua_State *L, int index, slice fallback) {
    return lua_isnoneornil(L, index) ? fallback : lbind_check_slice(L, index);
}

const char *lbind_check_path(lua_State *L, int index) {
    slice path = lbind_check_slice(L, index);
    luaL_argcheck(L, slice_find(path, '\0') == path.len, index, "a path cannot hold a NUL byte");
    return path.ptr;
}

/* --- fields ----------------------------------------------------------------------------------- */

void lbind_bad_field(lua_State *L, const char *name, const char *wanted) {
    luaL_error(L, "'%s' must be %s, not a %s", name, wanted, luaL_typename(L, -1));
}

void lbind_check_table(lua_State *L, int index, const char *name) {
    if (!lua_istable(L, index)) {
        luaL_error(L, "'%s' must be a table, not a %s", name, luaL_typename(L, index));
    }
}

slice lbind_push_text(lua_State *L, int index, const char *name, slice fallback) {
    lua_getfield(L, index, name);
    int type = lua_type(L, -1);
    if (type == LUA_TNIL) return fallback;
    if (type != LUA_TSTRING) lbind_bad_field(L, name, "a string");
    return lbind_to_slice(L, -1);
}

slice lbind_require_text(lua_State *L, int index, const char *name) {
    slice text = lbind_push_text(L, index, name, slice_of(NULL, 0));
    if (!text.ptr) luaL_error(L, "'%s' is missing", name);
    return text;
}

const char *lbind_push_word(lua_State *L, int index, const char *name) {
    slice text = lbind_push_text(L, index, name, slice_of(NULL, 0));
    if (slice_find(text, '\0') < text.len) luaL_error(L, "'%s' must not hold a NUL byte", name);
    return text.ptr;
}

bool lbind_flag_field(lua_State *L, int index, const char *name, bool fallback) {
    lua_getfield(L, index, name);
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) lbind_bad_field(L, name, "a boolean");
    bool value = type == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

lua_Number lbind_number_field(lua_State *L, int index, const char *name, lua_Number fallback) {
    lua_getfield(L, index, name);
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TNUMBER) lbind_bad_field(L, name, "a number");
    lua_Number value = type == LUA_TNIL ? fallback : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

int64_t lbind_to_count(lua_State *L, int index, const char *name) {
    if (lua_type(L, index) != LUA_TNUMBER) {
        luaL_error(L, "'%s' must be a number, not a %s", name, luaL_typename(L, index));
    }
    lua_Number value = lua_tonumber(L, index);
    if (!(value >= 0 && value <= LCOMPAT_MAX_EXACT_DOUBLE)) {
        luaL_error(L, "'%s' must be a number from 0 to 2^53", name);
    }
    return (int64_t)value;
}

int64_t lbind_count_field(lua_State *L, int index, const char *name, int64_t fallback) {
    lua_getfield(L, index, name);
    int64_t value = lua_isnil(L, -1) ? fallback : lbind_to_count(L, -1, name);
    lua_pop(L, 1);
    return value;
}

void lbind_set_slice(lua_State *L, const char *field, slice s) {
    lbind_push_slice(L, s);
    lua_setfield(L, -2, field);
}

void lbind_set_text(lua_State *L, const char *field, const char *text) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

void lbind_set_flag(lua_State *L, const char *field, bool set) {
    lua_pushboolean(L, set);
    lua_setfield(L, -2, field);
}

void lbind_set_integer(lua_State *L, const char *field, int64_t value) {
    lbind_push_integer(L, value);
    lua_setfield(L, -2, field);
}

/* --- userdata --------------------------------------------------------------------------------- */

/* Sets the methods in the table on the top; each has the metatable beneath it as its upvalue, by
 * which lbind_check_self knows it. */
static void set_methods(lua_State *L, const luaL_Reg *methods) {
    for (; methods->name; methods++) {
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, methods->func, 1);
        lua_setfield(L, -2, methods->name);
    }
}

/* The metatable has no __metatable, so that specs can look at it. */
void lbind_push_class(lua_State *L, const char *name, const luaL_Reg *methods,
                      lua_CFunction finalizer) {
    if (!luaL_newmetatable(L, name)) return;
    lua_newtable(L);
    set_methods(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, finalizer);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, finalizer);
    lua_setfield(L, -2, "__close");
}

void lbind_set_class(lua_State *L, const char *name) {
    luaL_getmetatable(L, name);
    lua_setmetatable(L, -2);
}

void *lbind_check_self(lua_State *L, const char *name) {
    void *self = lua_touserdata(L, 1);
    if (self && lua_getmetatable(L, 1)) {
        bool fits = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (fits) return self;
    }
    return luaL_checkudata(L, 1, name);
}

static int l_buf_collect(lua_State *L) {
    buf_free(luaL_checkudata(L, 1, BUF_CLASS));
    return 0;
}

buf *lbind_push_buf(lua_State *L, size_t limit) {
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    buf *b = lcompat_newuserdata(L, sizeof *b);
    buf_init(b, limit);
    lbind_push_class(L, BUF_CLASS, no_methods, l_buf_collect);
    lua_setmetatable(L, -2);
    return b;
}

void lbind_check_buf(lua_State *L, const buf *b, const char *what) {
    if (b->status == BUF_NO_MEMORY) luaL_error(L, "not enough memory for %s", what);
    if (b->status == BUF_FULL) {
        luaL_error(L, "%s is larger than the limit of %d bytes", what, (int)b->limit);
    }
}
