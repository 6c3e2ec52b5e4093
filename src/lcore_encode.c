/* json_encode: a Lua table becomes the JSON text of an operation's answer, for the service. Known
 * members are written by their shapes, so that an empty list is [] and an empty map {}. */
#include "lcore.h"

#include "json.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void encode_any(lua_State *L, buf *out, int depth);

static void encode_number(lua_State *L, buf *out) {
    int64_t value;
    char text[40];
    double number = lua_tonumber(L, -1);
    if (lcore_to_integer(L, -1, &value)) {
        buf_add_int(out, value);
        return;
    }
    if (isnan(number) || isinf(number)) luaL_error(L, "JSON has no word for %f", number);
    snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) != number) snprintf(text, sizeof text, "%.17g", number);
    buf_add_cstr(out, text);
}

static void encode_list(lua_State *L, buf *out, int depth) {
    int length = (int)lbind_length(L, -1);
    buf_add_char(out, '[');
    for (int i = 1; i <= length; i++) {
        if (i > 1) buf_add_char(out, ',');
        lua_rawgeti(L, -1, i);
        encode_any(L, out, depth + 1);
        lua_pop(L, 1);
    }
    buf_add_char(out, ']');
}

static void encode_object(lua_State *L, buf *out, int depth) {
    size_t count;
    const slice *keys = lcore_push_sorted_keys(L, -1, &count);
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_char(out, ',');
        json_add_string(out, keys[i]);
        buf_add_char(out, ':');
        lbind_push_slice(L, keys[i]);
        lua_rawget(L, -3);
        encode_any(L, out, depth + 1);
        lua_pop(L, 1);
    }
    buf_add_char(out, '}');
    lua_pop(L, 1);
}

/* A value that no shape describes: a table with elements is a list, another one an object. */
static void encode_any(lua_State *L, buf *out, int depth) {
    if (depth > LCORE_JSON_DEPTH)
        luaL_error(L, "a value nests more than %d deep", LCORE_JSON_DEPTH);
    luaL_checkstack(L, 8, "value nests too deep");
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
        slice text = lbind_to_slice(L, -1);
        if (!utf8_is_valid(text)) luaL_error(L, "a string is not UTF-8");
        json_add_string(out, text);
        break;
    }
    case LUA_TNUMBER: encode_number(L, out); break;
    case LUA_TBOOLEAN: buf_add_cstr(out, lua_toboolean(L, -1) ? "true" : "false"); break;
    case LUA_TTABLE:
        if (lbind_length(L, -1) > 0) {
            encode_list(L, out, depth);
        } else {
            encode_object(L, out, depth);
        }
        break;
    default: luaL_error(L, "a %s cannot be written as JSON", luaL_typename(L, -1));
    }
}

static void encode_shape(lua_State *L, const model_shape *shape, buf *out, int depth);

/* Known members by their shape, so that an empty list is [] and an empty map {}; others as they
 * are. */
static void encode_members(lua_State *L, const model_member *members, buf *out, int depth) {
    size_t count;
    bool first = true;
    const slice *keys = lcore_push_sorted_keys(L, -1, &count);
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        const model_member *m = model_find_member(members, keys[i]);
        if (m && m->place != MODEL_BODY) continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        json_add_string(out, m ? slice_of_cstr(m->wire) : keys[i]);
        buf_add_char(out, ':');
        lbind_push_slice(L, keys[i]);
        lua_rawget(L, -3);
        if (m) {
            encode_shape(L, m->shape, out, depth + 1);
        } else {
            encode_any(L, out, depth + 1);
        }
        lua_pop(L, 1);
    }
    buf_add_char(out, '}');
    lua_pop(L, 1);
}

static void encode_shape(lua_State *L, const model_shape *shape, buf *out, int depth) {
    luaL_checkstack(L, 8, "value nests too deep");
    if (!lua_istable(L, -1)) {
        encode_any(L, out, depth);
    } else if (shape->type == MODEL_STRUCTURE) {
        encode_members(L, shape->structure->members, out, depth);
    } else if (shape->type == MODEL_LIST) {
        int length = (int)lbind_length(L, -1);
        buf_add_char(out, '[');
        for (int i = 1; i <= length; i++) {
            if (i > 1) buf_add_char(out, ',');
            lua_rawgeti(L, -1, i);
            encode_shape(L, shape->element, out, depth + 1);
            lua_pop(L, 1);
        }
        buf_add_char(out, ']');
    } else {
        encode_object(L, out, depth);
    }
}

/* json_encode(name, generation, result) -> JSON text of an operation's answer */
static int l_json_encode(lua_State *L) {
    const model_operation *row = lcore_check_operation(L, 1);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    buf *out = lbind_push_buf(L, LCORE_JSON_LIMIT);
    lua_pushvalue(L, 3);
    encode_members(L, row->output, out, 0);
    lbind_check_buf(L, out, "an answer");
    lbind_push_slice(L, buf_slice(out));
    return 1;
}

void lcore_open_encode(lua_State *L) {
    static const luaL_Reg functions[] = {{"json_encode", l_json_encode}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
