/* Reading JSON: lua-cjson reads it; what lua-cjson lets pass or cannot do is done here, before it
 * and after it. Whole numbers are exact, null means absent, and an answer is held against its
 * shape in the same walk. */
#include "lcore.h"

#include "json.h"

#include <errno.h>
#include <stdlib.h>

#define DECODER_KEY "finspace.cjson.decode"

static void call_setting(lua_State *L, int instance, const char *name, int value, bool boolean) {
    lua_getfield(L, instance, name);
    if (boolean) {
        lua_pushboolean(L, value);
    } else {
        lua_pushinteger(L, value);
    }
    lua_call(L, 1, 0);
}

/* An instance of our own, so that nobody else's settings reach us, nor ours them. */
static int l_open_decoder(lua_State *L) {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "cjson");
    if (lua_pcall(L, 1, 1, 0) != 0) {
        return luaL_error(L, "lua-cjson is missing, and answers cannot be read without it; install "
                             "it with 'luarocks install lua-cjson' or 'apt-get install lua-cjson'");
    }
    lua_getfield(L, -1, "new");
    lua_call(L, 0, 1);
    int instance = lua_gettop(L);
    call_setting(L, instance, "decode_max_depth", LCORE_JSON_DEPTH, false);
    call_setting(L, instance, "decode_invalid_numbers", 0, true);
    lua_getfield(L, instance, "decode");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, DECODER_KEY);
    return 1;
}

/* lua-cjson is loaded when the first answer is read, not when the module is. */
static void push_decoder(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, DECODER_KEY);
    if (!lua_isnil(L, -1)) return;
    lua_pop(L, 1);
    lua_pushcfunction(L, l_open_decoder);
    lua_call(L, 0, 1);
}

/* Restores a number that was quoted to keep its digits; the string is on the stack's top. */
static void restore_big_integer(lua_State *L) {
    const char *digits = lua_tostring(L, -1) + 1;
#if LCOMPAT_HAS_INTEGERS
    errno = 0;
    long long value = strtoll(digits, NULL, 10);
    if (errno == 0) {
        lua_pushinteger(L, value);
        lua_replace(L, -2);
        return;
    }
#endif
    lua_pushnumber(L, strtod(digits, NULL));
    lua_replace(L, -2);
}

/* Replaces the decoded value on the top by what it means, and says whether that is another one:
 * null becomes nil, and a whole number an integer. */
static bool restore_scalar(lua_State *L, bool quoted) {
    int64_t value;
    switch (lua_type(L, -1)) {
    case LUA_TLIGHTUSERDATA:
        lua_pushnil(L);
        lua_replace(L, -2);
        return true;
    case LUA_TSTRING:
        if (!quoted || lua_tostring(L, -1)[0] != JSON_BIG_INTEGER_MARK) return false;
        restore_big_integer(L);
        return true;
    case LUA_TNUMBER:
        if (!LCOMPAT_HAS_INTEGERS || !lcore_to_integer(L, -1, &value)) return false;
        lua_pushinteger(L, (lua_Integer)value);
        lua_replace(L, -2);
        return true;
    default: return false;
    }
}

/* A walk over a decoded value. Keys are interned by Lua, so the member that one means is looked up
 * once, and found by the key's address in all further tables. */
typedef struct walk {
    lua_State *L;
    bool quoted;       /* big whole numbers were turned into strings */
    const char *fault; /* the name of a member that is not as its shape has it, or NULL */
    struct {
        const char *key;
        const model_structure *structure;
        const model_member *member;
    } known[64];
} walk;

/* The member of the body that the key beneath the top means, or NULL. */
static const model_member *member_of_key(walk *w, const model_structure *structure) {
    slice key = lbind_to_slice(w->L, -2);
    size_t slot = ((uintptr_t)key.ptr >> 4) % (sizeof w->known / sizeof *w->known);
    if (w->known[slot].key != key.ptr || w->known[slot].structure != structure) {
        const model_member *m = model_find_wire_member(structure->members, key);
        w->known[slot].key = key.ptr;
        w->known[slot].structure = structure;
        w->known[slot].member = m && m->place == MODEL_BODY ? m : NULL;
    }
    return w->known[slot].member;
}

static bool is_of_type(lua_State *L, model_type type) {
    switch (type) {
    case MODEL_STRING: return lua_type(L, -1) == LUA_TSTRING;
    case MODEL_BOOLEAN: return lua_isboolean(L, -1);
    case MODEL_INTEGER:
    case MODEL_LONG: return lua_type(L, -1) == LUA_TNUMBER;
    case MODEL_TIMESTAMP: return !lua_istable(L, -1);
    default: return lua_istable(L, -1);
    }
}

static void walk_table(walk *w, const model_shape *shape, const char *name);

/* The value on the top, of the member `name`; true when it was replaced by another one. */
static bool walk_value(walk *w, const model_shape *shape, const char *name) {
    bool replaced = false;
    if (lua_istable(w->L, -1)) {
        walk_table(w, shape, name);
    } else {
        replaced = restore_scalar(w->L, w->quoted);
    }
    if (shape && !lua_isnil(w->L, -1) && !is_of_type(w->L, shape->type)) w->fault = name;
    return replaced;
}

/* The key and the value on the top are an entry of the table beneath. Assigning to a field that
 * exists is allowed while lua_next walks. */
static void walk_entry(walk *w, const model_shape *shape, const char *name) {
    if (!walk_value(w, shape, name)) return;
    lua_pushvalue(w->L, -2);
    lua_pushvalue(w->L, -2);
    lua_rawset(w->L, -5);
}

static bool is_needed(const model_member *m) {
    return m->place == MODEL_BODY && (m->flags & MODEL_ALWAYS);
}

/* Whether the value on the top says anything. */
static bool is_given(lua_State *L) {
    return !lua_isnil(L, -1) && (lua_type(L, -1) != LUA_TSTRING || lbind_length(L, -1) > 0);
}

/* The first member that the table on the top should have and has not, or NULL. */
static const char *find_missing(lua_State *L, const model_structure *structure) {
    for (const model_member *m = structure->members; m->name; m++) {
        if (!is_needed(m)) continue;
        lua_getfield(L, -1, m->wire);
        bool given = is_given(L);
        lua_pop(L, 1);
        if (!given) return m->wire;
    }
    return NULL;
}

static void walk_structure(walk *w, const model_structure *structure) {
    int missing = 0;
    for (const model_member *m = structure->members; m->name; m++) missing += is_needed(m);
    for (lua_pushnil(w->L); lua_next(w->L, -2); lua_pop(w->L, 1)) {
        bool named = lua_type(w->L, -2) == LUA_TSTRING;
        const model_member *m = named ? member_of_key(w, structure) : NULL;
        walk_entry(w, m ? m->shape : NULL, m ? m->wire : NULL);
        if (m && is_needed(m) && is_given(w->L)) missing--;
    }
    if (missing) w->fault = find_missing(w->L, structure);
}

/* Walks the table on the top: nulls leave, whole numbers become integers, and what is known of it
 * (`shape` may be NULL) is checked. The depth is bounded by the decoder. */
static void walk_table(walk *w, const model_shape *shape, const char *name) {
    luaL_checkstack(w->L, 6, "answer nests too deep");
    if (shape && shape->type == MODEL_STRUCTURE) {
        walk_structure(w, shape->structure);
        return;
    }
    for (lua_pushnil(w->L); lua_next(w->L, -2); lua_pop(w->L, 1)) {
        bool in_list = lua_type(w->L, -2) == LUA_TNUMBER;
        if (shape && in_list != (shape->type == MODEL_LIST)) w->fault = name;
        walk_entry(w, shape ? shape->element : NULL, name);
    }
}

/* Pushes the text at `index` with its big whole numbers quoted, or says that it must stay as it is
 * and pushes nothing. */
static bool push_quoted(lua_State *L, int index) {
    buf *copy = lbind_push_buf(L, LCORE_JSON_LIMIT);
    bool quoted = json_quote_big_integers(copy, lbind_to_slice(L, index));
    lbind_check_buf(L, copy, "an answer");
    if (quoted) lbind_push_slice(L, buf_slice(copy));
    lua_remove(L, quoted ? -2 : -1);
    return quoted;
}

bool lcore_decode(lua_State *L, int index, const model_shape *shape, const char **fault) {
    json_contents contents = json_look(lbind_to_slice(L, index));
    if (!contents.is_strict) {
        lua_pushliteral(L, "a number or a string in it is not written as JSON, or it holds a NUL");
        return false;
    }
    push_decoder(L);
    walk w = {.L = L, .quoted = contents.has_big_integers && push_quoted(L, index)};
    if (!w.quoted) lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) != 0) return false;
    walk_value(&w, shape, NULL);
    if (fault) *fault = w.fault;
    return true;
}

/* decode(json) -> value | nil, message */
static int l_decode(lua_State *L) {
    luaL_checktype(L, 1, LUA_TSTRING);
    if (lcore_decode(L, 1, NULL, NULL)) return 1;
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

void lcore_open_decode(lua_State *L) {
    static const luaL_Reg functions[] = {{"decode", l_decode}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
