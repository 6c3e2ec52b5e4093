#include "lcore.h"

#define BUF_CLASS "finspace.buf"

static int buf_collect(lua_State *L) {
    buf_free(luaL_checkudata(L, 1, BUF_CLASS));
    return 0;
}

buf *lcore_push_buf(lua_State *L, size_t limit) {
    buf *b = lcompat_newuserdata(L, sizeof *b);
    buf_init(b, limit);
    luaL_getmetatable(L, BUF_CLASS);
    lua_setmetatable(L, -2);
    return b;
}

void lcore_check_buf(lua_State *L, const buf *b, const char *what) {
    if (b->status == BUF_NO_MEMORY) luaL_error(L, "not enough memory for %s", what);
    if (b->status == BUF_FULL) {
        luaL_error(L, "%s is larger than the limit of %d bytes", what, (int)b->limit);
    }
}

void lcore_push_slice(lua_State *L, slice s) {
    lua_pushlstring(L, s.len ? s.ptr : "", s.len);
}

slice lcore_push_field(lua_State *L, int index, const char *name, slice fallback) {
    slice s;
    lua_getfield(L, index, name);
    if (lua_isnil(L, -1)) return fallback;
    if (lua_type(L, -1) != LUA_TSTRING) {
        luaL_error(L, "'%s' must be a string, not a %s", name, luaL_typename(L, -1));
    }
    s.ptr = lua_tolstring(L, -1, &s.len);
    return s;
}

int luaopen_finspace_core(lua_State *L) {
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    lcompat_newclass(L, BUF_CLASS, no_methods, buf_collect);
    lua_pop(L, 1);
    lua_newtable(L);
    lcore_open_model(L);
    lcore_open_sigv4(L);
    return 1;
}
