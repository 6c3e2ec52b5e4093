#include "lcore.h"

#include <math.h>
#include <stdlib.h>

#define SCRATCH_CLASS "finspace.scratch"

enum { SCRATCH_KEPT = 16 * 1024 }; /* bytes of a buf that are kept for the next call */

static const char scratch_key = 0; /* its address is where the registry has the scratch */

static int l_scratch_collect(lua_State *L) {
    lcore_scratch *s = luaL_checkudata(L, 1, SCRATCH_CLASS);
    for (int i = 0; i < LCORE_SCRATCH; i++) buf_free(&s->bufs[i]);
    return 0;
}

static lcore_scratch *push_new_scratch(lua_State *L) {
    lcore_scratch *s = lcompat_newuserdata(L, sizeof *s);
    s->is_lent = false;
    for (int i = 0; i < LCORE_SCRATCH; i++) buf_init(&s->bufs[i], 0);
    lbind_set_class(L, SCRATCH_CLASS);
    lua_pushlightuserdata(L, (void *)&scratch_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return s;
}

lcore_scratch *lcore_borrow_scratch(lua_State *L) {
    lua_pushlightuserdata(L, (void *)&scratch_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lcore_scratch *s = lua_touserdata(L, -1);
    if (!s || s->is_lent) {
        lua_pop(L, 1);
        s = push_new_scratch(L);
    }
    s->is_lent = true;
    return s;
}

void lcore_return_scratch(lcore_scratch *s) {
    for (int i = 0; i < LCORE_SCRATCH; i++) {
        if (s->bufs[i].cap > SCRATCH_KEPT) {
            buf_free(&s->bufs[i]);
        } else {
            buf_clear(&s->bufs[i]);
        }
    }
    s->is_lent = false;
}

const model_operation *lcore_check_operation(lua_State *L, int index) {
    slice name = lbind_check_slice(L, index);
    return lcore_require_operation(L, name, lbind_optional_slice(L, index + 1, SLICE("")));
}

const model_operation *lcore_require_operation(lua_State *L, slice name, slice generation) {
    const model_operation *row = model_find_operation(name, generation);
    if (!row) {
        luaL_error(L, "unknown operation '%s'%s%s; finspace.core.operations() lists what there is",
                   name.ptr, generation.len ? " of " : "", generation.ptr);
    }
    return row;
}

static int compare_slices(const void *left, const void *right) {
    const slice *a = left, *b = right;
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = shorter ? memcmp(a->ptr, b->ptr, shorter) : 0;
    if (order) return order;
    return (a->len > b->len) - (a->len < b->len);
}

static size_t count_string_keys(lua_State *L, int index) {
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) count++;
    }
    return count;
}

const slice *lcore_push_sorted_keys(lua_State *L, int index, size_t *count) {
    if (index < 0) index = lua_gettop(L) + index + 1;
    luaL_checkstack(L, 4, "too many nested tables");
    *count = count_string_keys(L, index);
    slice *keys = lcompat_newuserdata(L, (*count + 1) * sizeof *keys);
    size_t filled = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) continue;
        keys[filled++] = lbind_to_slice(L, -2);
    }
    qsort(keys, *count, sizeof *keys, compare_slices);
    return keys;
}

bool lcore_is_absent(lua_State *L, int index) {
    return lua_isnoneornil(L, index) ||
           (lua_islightuserdata(L, index) && !lua_touserdata(L, index));
}

bool lcore_to_integer(lua_State *L, int index, int64_t *value) {
    if (lua_type(L, index) != LUA_TNUMBER) return false;
#if LCOMPAT_HAS_INTEGERS
    if (lua_isinteger(L, index)) {
        *value = lua_tointeger(L, index);
        return true;
    }
#endif
    double number = lua_tonumber(L, index);
    if (floor(number) != number || fabs(number) > LCOMPAT_MAX_EXACT_DOUBLE) return false;
    *value = (int64_t)number;
    return true;
}

int luaopen_finspace_core(lua_State *L) {
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    lbind_push_class(L, SCRATCH_CLASS, no_methods, l_scratch_collect);
    lua_pop(L, 1);
    lua_newtable(L);
    lcore_open_model(L);
    lcore_open_prepare(L);
    lcore_open_decode(L);
    lcore_open_encode(L);
    lcore_open_finish(L);
    lcore_open_digest(L);
    lcore_open_sigv4(L);
    lcore_open_chunked(L);
    lcore_open_typed(L);
    return 1;
}
