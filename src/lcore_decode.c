/* Reading JSON: from text to Lua values in one pass. lua-cjson cannot do what
 * is wanted here: whole numbers exact to 64 bits, null as absence, the grammar
 * to the letter, and an answer held against its shape while it is read. */
#include "lcore.h"

#include "json_read.h"

enum {
    KEYS = 32,  /* remembered of one answer; a power of two */
    FIELDS = 4, /* an object has room for, until one of its depth has told how many there are */
};

/* A key that was seen, and what it means in the structure where it was seen.
 * The string itself is kept on the Lua stack, since making it anew is most of
 * what a member costs. */
typedef struct known_key {
    slice key;
    const model_structure *structure; /* NULL: of no structure that is known */
    const model_member *member;       /* NULL: unknown, or not of the body */
} known_key;

typedef struct reader {
    lua_State *L;
    json_reader json;
    int depth;
    int keys;          /* stack index of the first of KEYS strings */
    const char *fault; /* the name of a member that is not as its shape has it, or NULL */
    int sizes[LCORE_JSON_DEPTH + 1]; /* fields of the latest object of each depth */
    known_key known[KEYS];
} reader;

static bool read_value(reader *r, const model_shape *shape, const char *name);

/* --- scalars; each pushes one value ----------------------------------------------------------- */

static bool push_unescaped(reader *r, slice raw) {
    buf *text = lbind_push_buf(r->L, raw.len);
    if (!json_unescape(text, raw)) return json_fail(&r->json, "an escape that is none of JSON");
    lbind_check_buf(r->L, text, "a string of an answer");
    lbind_push_slice(r->L, buf_slice(text));
    lua_remove(r->L, -2);
    return true;
}

static bool read_string(reader *r) {
    slice raw;
    bool escaped;
    if (!json_take_string(&r->json, &raw, &escaped)) return false;
    if (escaped) return push_unescaped(r, raw);
    lbind_push_slice(r->L, raw);
    return true;
}

static bool read_number(reader *r) {
    json_number number;
    if (!json_take_number(&r->json, &number)) return false;
    if (number.is_integer) {
        lbind_push_integer(r->L, number.integer);
    } else {
        lua_pushnumber(r->L, (lua_Number)number.value);
    }
    return true;
}

static bool read_boolean(reader *r, slice word, bool value) {
    lua_pushboolean(r->L, value);
    return json_take_word(&r->json, word);
}

static bool read_null(reader *r) {
    lua_pushnil(r->L);
    return json_take_word(&r->json, SLICE("null"));
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool enter(reader *r) {
    luaL_checkstack(r->L, 8, "answer nests too deep");
    return ++r->depth <= LCORE_JSON_DEPTH || json_fail(&r->json, "more than 64 tables deep");
}

static bool read_elements(reader *r, const model_shape *element, const char *name) {
    for (int i = 1;; i++) {
        if (!read_value(r, element, name)) return false;
        lua_rawseti(r->L, -2, i);
        if (json_take(&r->json, ']')) return true;
        if (!json_take(&r->json, ','))
            return json_fail(&r->json, "a list without a comma or an end");
    }
}

static bool read_list(reader *r, const model_shape *shape, const char *name) {
    bool fits = !shape || shape->type == MODEL_LIST;
    r->json.at++;
    if (!enter(r)) return false;
    lua_newtable(r->L);
    bool empty = json_take(&r->json, ']');
    if (!empty && !fits) r->fault = name;
    if (!empty && !read_elements(r, fits && shape ? shape->element : NULL, name)) return false;
    r->depth--;
    return true;
}

/* Where a key is remembered: by its length and two of its bytes, which tell the
 * members of a structure apart well enough. */
static size_t slot_of(slice key) {
    if (!key.len) return 0;
    return (key.len + 7 * (unsigned char)key.ptr[0] + 3 * (unsigned char)key.ptr[key.len - 1]) %
           KEYS;
}

static const model_member *find_member(const model_structure *structure, slice key) {
    const model_member *m = structure ? model_find_wire_member(structure->members, key) : NULL;
    return m && m->place == MODEL_BODY ? m : NULL;
}

/* Pushes the next key, and gives what it means. False after a fault. */
static bool read_key(reader *r, const model_structure *structure, const model_member **member) {
    slice raw;
    bool escaped;
    if (json_peek(&r->json) != '"') return json_fail(&r->json, "an object without a key");
    if (!json_take_string(&r->json, &raw, &escaped)) return false;
    size_t slot = slot_of(raw);
    known_key *known = &r->known[slot];
    if (escaped) {
        if (!push_unescaped(r, raw)) return false;
        *member = find_member(structure, lbind_to_slice(r->L, -1));
        return true;
    }
    if (!known->key.ptr || !slice_eq(known->key, raw) || known->structure != structure) {
        *known = (known_key){raw, structure, find_member(structure, raw)};
        lbind_push_slice(r->L, raw);
        lua_replace(r->L, r->keys + (int)slot);
    }
    lua_pushvalue(r->L, r->keys + (int)slot);
    *member = known->member;
    return true;
}

static bool is_needed(const model_member *m) {
    return m->place == MODEL_BODY && (m->flags & MODEL_ALWAYS);
}

/* Whether the value on the top says anything. */
static bool is_given(lua_State *L) {
    return !lua_isnil(L, -1) && (lua_type(L, -1) != LUA_TSTRING || lbind_length(L, -1) > 0);
}

static void check_missing(reader *r, const model_structure *structure) {
    for (const model_member *m = structure->members; m->name; m++) {
        if (!is_needed(m)) continue;
        lua_getfield(r->L, -1, m->wire);
        if (!is_given(r->L)) r->fault = m->wire;
        lua_pop(r->L, 1);
    }
}

/* One `"key": value` of the object on the top. The last of several with one key
 * counts. */
static bool read_field(reader *r, const model_structure *structure, const model_shape *element,
                       const char *name) {
    const model_member *m = NULL;
    if (!read_key(r, structure, &m)) return false;
    if (!json_take(&r->json, ':')) return json_fail(&r->json, "a key without a colon");
    json_peek(&r->json);
    if (!read_value(r, m ? m->shape : element, m ? m->wire : name)) return false;
    lua_rawset(r->L, -3);
    return true;
}

static bool read_fields(reader *r, const model_structure *structure, const model_shape *element,
                        const char *name) {
    int count = 0;
    do {
        json_peek(&r->json);
        if (!read_field(r, structure, element, name)) return false;
        count++;
    } while (json_take(&r->json, ','));
    if (!json_take(&r->json, '}'))
        return json_fail(&r->json, "an object without a comma or an end");
    r->sizes[r->depth] = count;
    return true;
}

static bool read_object(reader *r, const model_shape *shape, const char *name) {
    const model_structure *structure = shape ? shape->structure : NULL;
    const model_shape *element = shape && shape->type == MODEL_MAP ? shape->element : NULL;
    r->json.at++;
    if (!enter(r)) return false;
    bool empty = json_take(&r->json, '}');
    int size = r->sizes[r->depth]; /* it is often like the one before */
    lua_createtable(r->L, 0, empty ? 0 : size ? size : FIELDS);
    if (!empty && shape && !structure && !element) r->fault = name;
    if (!empty && !read_fields(r, structure, element, name)) return false;
    if (structure) check_missing(r, structure);
    r->depth--;
    return true;
}

/* --- any value -------------------------------------------------------------------------------- */

/* Whether the scalar on the top may stand for the type. */
static bool is_of_type(lua_State *L, model_type type) {
    int got = lua_type(L, -1);
    switch (type) {
    case MODEL_STRING: return got == LUA_TSTRING;
    case MODEL_BOOLEAN: return got == LUA_TBOOLEAN;
    case MODEL_INTEGER:
    case MODEL_LONG: return got == LUA_TNUMBER;
    case MODEL_TIMESTAMP: return true;
    default: return false;
    }
}

static bool read_scalar(reader *r, char first) {
    switch (first) {
    case '"': return read_string(r);
    case 't': return read_boolean(r, SLICE("true"), true);
    case 'f': return read_boolean(r, SLICE("false"), false);
    case 'n': return read_null(r);
    default: return read_number(r);
    }
}

static bool is_table(model_type type) {
    return type == MODEL_LIST || type == MODEL_MAP || type == MODEL_STRUCTURE;
}

/* Pushes the next value, which belongs to the member `name`; false after a
 * fault. */
static bool read_value(reader *r, const model_shape *shape, const char *name) {
    char first = json_peek(&r->json);
    if (first == '{' || first == '[') {
        if (shape && !is_table(shape->type)) {
            r->fault = name;
            shape = NULL;
        }
        return first == '{' ? read_object(r, shape, name) : read_list(r, shape, name);
    }
    if (!read_scalar(r, first)) return false;
    if (shape && first != 'n' && !is_of_type(r->L, shape->type)) r->fault = name;
    return true;
}

static void push_message(reader *r) {
    lua_pushfstring(r->L, "not JSON at byte %d: %s", (int)r->json.at + 1, r->json.fault);
}

bool lcore_decode(lua_State *L, int index, const model_shape *shape, const char **fault) {
    reader r = {.L = L, .json.text = lbind_to_slice(L, index), .keys = lua_gettop(L) + 1};
    luaL_checkstack(L, KEYS + 8, "an answer");
    lua_settop(L, r.keys - 1 + KEYS);
    bool whole = read_value(&r, shape, NULL) && json_take_end(&r.json);
    if (!whole) push_message(&r);
    lua_replace(L, r.keys);
    lua_settop(L, r.keys);
    if (fault) *fault = r.fault;
    return whole;
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
