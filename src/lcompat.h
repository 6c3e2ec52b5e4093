/* lcompat: what differs between Lua 5.1, LuaJIT, 5.3 and 5.4, and nowhere else.
 *
 * One build against the 5.1 headers serves Lua 5.1, LuaJIT, Neovim and nginx. LuaJIT's own headers
 * define some of these already, hence the guards.
 */
#ifndef FINSPACE_LCOMPAT_H
#define FINSPACE_LCOMPAT_H

#include <lua.h>
#include <lauxlib.h>

/* Only luaopen_* leaves a shared object; everything else is hidden by the build. */
#define FINSPACE_EXPORT __attribute__((visibility("default")))

#if LUA_VERSION_NUM < 502
#ifndef lua_rawlen
#define lua_rawlen lua_objlen
#endif
#ifndef luaL_newlib
#define luaL_newlib(L, functions) (lua_newtable(L), luaL_register(L, NULL, functions))
#endif
#ifndef luaL_setfuncs
#define luaL_setfuncs(L, functions, upvalues) luaL_register(L, NULL, functions)
#endif
#endif

/* LuaJIT has it, as Lua 5.3 and later have; Lua 5.1 has not, and there its address is NULL. */
#if LUA_VERSION_NUM < 503
LUA_API int(lua_isyieldable)(lua_State *L) __attribute__((weak));
#endif

/* Lua 5.4 gives every userdata a user value unless it is told not to. */
#if LUA_VERSION_NUM >= 504
#define lcompat_newuserdata(L, size) lua_newuserdatauv(L, size, 0)
#else
#define lcompat_newuserdata(L, size) lua_newuserdata(L, size)
#endif

/* Whole numbers: 64-bit integers from Lua 5.3 on, doubles before it. */
#if LUA_VERSION_NUM >= 503
#define LCOMPAT_HAS_INTEGERS 1
#else
#define LCOMPAT_HAS_INTEGERS 0
#endif

/* The greatest whole number that a double carries without a gap below it: 2^53. */
#define LCOMPAT_MAX_EXACT_DOUBLE 9007199254740992.0

#endif
