/* prepare: a Lua table becomes a request. One walk over the row's members checks each value and
 * writes it to its place; all faults are collected, so that a caller can mend them in one go. */
#include "lcore.h"

#include "json.h"
#include "uri.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BODY_LIMIT = 16 * 1024 * 1024,
    QUERY_LIMIT = 64 * 1024,
    PATH_LIMIT = 8 * 1024,
    NAME_LIMIT = 1024,
    REQUEST_FIELDS = 16, /* room for what an exchange adds to a request */
    SHOWN_KEY = 40       /* the longest map key that a message spells out, in bytes */
};

typedef struct walk {
    lua_State *L;
    const model_operation *row;
    buf *body;
    buf *query;
    buf nowhere; /* for values that are only checked, or are written elsewhere */
    buf *name;   /* the member in hand, from the top: "schemaDefinition.columns[2].dataType" */
    int faults;  /* stack index of the list of faults, made with the first of them */
    int fault_count;
    bool lets_unknown_pass; /* a service ignores members that it does not know */
} walk;

/* --- faults ----------------------------------------------------------------------------------- */

/* Adds {member=, rule=, message=}. The message's end is on the stack's top; it is popped. No value
 * is ever shown but a number: it might be a secret in the wrong member. */
static void add_fault(walk *w, const char *rule) {
    lua_State *L = w->L;
    if (!w->fault_count) {
        lua_newtable(L);
        lua_replace(L, w->faults);
    }
    lua_newtable(L);
    lbind_push_slice(L, w->name->len ? buf_slice(w->name) : slice_of_cstr(w->row->name));
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "member");
    lua_pushliteral(L, " ");
    lua_pushvalue(L, -4);
    lua_concat(L, 3);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, rule);
    lua_setfield(L, -2, "rule");
    lua_rawseti(L, w->faults, ++w->fault_count);
    lua_pop(L, 1);
}

static void add_type_fault(walk *w, const char *wanted) {
    const char *got = luaL_typename(w->L, -1);
    lua_pushfstring(w->L, "must be %s, not a %s", wanted, got);
    add_fault(w, "type");
}

static void push_bounds(lua_State *L, const model_shape *shape) {
    char text[80];
    if (shape->min && shape->max) {
        snprintf(text, sizeof text, "%" PRId64 " to %" PRId64, shape->min, shape->max);
    } else if (shape->max) {
        snprintf(text, sizeof text, "at most %" PRId64, shape->max);
    } else {
        snprintf(text, sizeof text, "at least %" PRId64, shape->min);
    }
    lua_pushstring(L, text);
}

static void push_choices(lua_State *L, const char *const *values) {
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 0; values[i]; i++) {
        if (i) luaL_addstring(&b, ", ");
        luaL_addstring(&b, values[i]);
    }
    luaL_pushresult(&b);
}

static void add_string_fault(walk *w, const model_shape *shape, slice text, model_rule rule) {
    lua_State *L = w->L;
    int length = (int)utf8_count(text);
    switch (rule) {
    case MODEL_RULE_UTF8:
        lua_pushfstring(L, "must be UTF-8 text; its byte %d is not",
                        (int)utf8_find_invalid(text) + 1);
        add_fault(w, "utf8");
        break;
    case MODEL_RULE_ENUM:
        push_choices(L, shape->values);
        lua_pushfstring(L, "must be one of %s, not a string of %d characters", lua_tostring(L, -1),
                        length);
        lua_remove(L, -2);
        add_fault(w, "enum");
        break;
    case MODEL_RULE_LENGTH:
        push_bounds(L, shape);
        lua_pushfstring(L, "must have %s characters, not %d", lua_tostring(L, -1), length);
        lua_remove(L, -2);
        add_fault(w, "length");
        break;
    default:
        lua_pushfstring(L, "must match %s; this string of %d characters does not",
                        shape->pattern->text, length);
        add_fault(w, "pattern");
    }
}

/* --- the name of the member in hand ----------------------------------------------------------- */

/* Each pushes a step to the name and gives the length to return to. */
static size_t enter_member(walk *w, slice member) {
    size_t outer = w->name->len;
    if (outer) buf_add_char(w->name, '.');
    buf_add(w->name, member);
    return outer;
}

static size_t enter_index(walk *w, int index) {
    size_t outer = w->name->len;
    buf_add_char(w->name, '[');
    buf_add_int(w->name, index);
    buf_add_char(w->name, ']');
    return outer;
}

static size_t enter_key(walk *w, slice key) {
    size_t outer = w->name->len;
    bool shown = key.len <= SHOWN_KEY && utf8_is_valid(key);
    buf_add_char(w->name, '[');
    if (shown) {
        json_add_string(w->name, key);
    } else {
        buf_add_cstr(w->name, "a key of ");
        buf_add_int(w->name, (long long)key.len);
        buf_add_cstr(w->name, " bytes");
    }
    buf_add_char(w->name, ']');
    return outer;
}

static void leave(walk *w, size_t outer) {
    w->name->len = outer;
}

/* --- values: each checks the value on the top, writes it, and leaves it there ----------------- */

static void write_value(walk *w, const model_shape *shape, buf *out);

static void write_string(walk *w, const model_shape *shape, buf *out) {
    if (lua_type(w->L, -1) != LUA_TSTRING) {
        add_type_fault(w, "a string");
        return;
    }
    slice text = lbind_to_slice(w->L, -1);
    model_rule broken = model_check_string(shape, text);
    if (broken != MODEL_RULE_KEPT) {
        add_string_fault(w, shape, text, broken);
    } else {
        json_add_string(out, text);
    }
}

static void write_integer(walk *w, const model_shape *shape, buf *out) {
    int64_t value;
    if (!lcore_to_integer(w->L, -1, &value)) {
        if (lua_type(w->L, -1) == LUA_TNUMBER) {
            lua_pushliteral(w->L, "must be a whole number that is exact in this Lua");
            add_fault(w, "integer");
        } else {
            add_type_fault(w, "a whole number");
        }
        return;
    }
    if (model_check_integer(shape, value) != MODEL_RULE_KEPT) {
        char text[96];
        if (shape->max) {
            snprintf(text, sizeof text, "must be from %" PRId64 " to %" PRId64 ", not %" PRId64,
                     shape->min, shape->max, value);
        } else {
            snprintf(text, sizeof text, "must fit 32 bits, and %" PRId64 " does not", value);
        }
        lua_pushstring(w->L, text);
        add_fault(w, "range");
    } else {
        buf_add_int(out, value);
    }
}

static void write_boolean(walk *w, buf *out) {
    if (!lua_isboolean(w->L, -1)) {
        add_type_fault(w, "true or false");
    } else {
        buf_add_cstr(out, lua_toboolean(w->L, -1) ? "true" : "false");
    }
}

/* Whether the table on the top has exactly the keys 1 to n. */
static bool is_list(lua_State *L) {
    size_t keys = 0, length = lbind_length(L, -1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TNUMBER) {
            lua_pop(L, 2);
            return false;
        }
        keys++;
    }
    return keys == length;
}

static void write_list(walk *w, const model_shape *shape, buf *out) {
    if (!lua_istable(w->L, -1)) {
        add_type_fault(w, "a list");
        return;
    }
    if (!is_list(w->L)) {
        lua_pushliteral(w->L, "must be a list, a table with the keys 1 to n and no others");
        add_fault(w, "type");
        return;
    }
    int length = (int)lbind_length(w->L, -1);
    buf_add_char(out, '[');
    for (int i = 1; i <= length; i++) {
        size_t outer = enter_index(w, i);
        if (i > 1) buf_add_char(out, ',');
        lua_rawgeti(w->L, -1, i);
        write_value(w, shape->element, out);
        lua_pop(w->L, 1);
        leave(w, outer);
    }
    buf_add_char(out, ']');
}

static void write_entry(walk *w, const model_shape *shape, slice key, buf *out) {
    size_t outer = enter_key(w, key);
    lbind_push_slice(w->L, key);
    write_string(w, shape->key, out);
    buf_add_char(out, ':');
    lua_rawget(w->L, -3); /* the table lies beneath the keys */
    write_value(w, shape->element, out);
    lua_pop(w->L, 1);
    leave(w, outer);
}

static void write_map(walk *w, const model_shape *shape, buf *out) {
    if (!lua_istable(w->L, -1)) {
        add_type_fault(w, "a table of names and values");
        return;
    }
    if (lbind_length(w->L, -1) > 0) {
        lua_pushliteral(w->L, "must be a table of names and values, not a list");
        add_fault(w, "type");
        return;
    }
    size_t count;
    const slice *keys = lcore_push_sorted_keys(w->L, -1, &count);
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i) buf_add_char(out, ',');
        write_entry(w, shape, keys[i], out);
    }
    buf_add_char(out, '}');
    lua_pop(w->L, 1);
}

static void write_structure(walk *w, const model_member *members, buf *out);

static void write_value(walk *w, const model_shape *shape, buf *out) {
    luaL_checkstack(w->L, 10, "too many nested tables");
    switch (shape->type) {
    case MODEL_STRING: write_string(w, shape, out); break;
    case MODEL_INTEGER:
    case MODEL_LONG: write_integer(w, shape, out); break;
    case MODEL_BOOLEAN: write_boolean(w, out); break;
    case MODEL_LIST: write_list(w, shape, out); break;
    case MODEL_MAP: write_map(w, shape, out); break;
    case MODEL_STRUCTURE:
        if (lua_istable(w->L, -1)) {
            write_structure(w, shape->structure->members, out);
        } else {
            add_type_fault(w, "a table");
        }
        break;
    case MODEL_TIMESTAMP: break; /* answers only */
    }
}

/* --- members ---------------------------------------------------------------------------------- */

static void add_required_fault(walk *w) {
    lua_pushliteral(w->L, "is required");
    add_fault(w, "required");
}

/* The member that differs from `key` in case only, the commonest slip; or NULL. */
static const char *find_lookalike(const model_member *members, slice key) {
    for (; members->name; members++) {
        if (slice_eq_nocase(slice_of_cstr(members->name), key)) return members->name;
    }
    return NULL;
}

static void refuse_unknown_member(walk *w, const model_member *members, slice key) {
    size_t outer = enter_member(w, key);
    const char *meant = find_lookalike(members, key);
    lua_pushfstring(w->L, "is not a member of %s%s%s%s", w->row->name,
                    meant ? " (did you mean " : "", meant ? meant : "", meant ? "?)" : "");
    add_fault(w, "unknown");
    leave(w, outer);
}

/* Whether every key of the table on the top is a member's name; nearly always it is. */
static bool has_only_members(lua_State *L, const model_member *members) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        bool is_name = lua_type(L, -2) == LUA_TSTRING;
        if (!is_name || !model_find_member(members, lbind_to_slice(L, -2))) {
            lua_pop(L, 2);
            return false;
        }
    }
    return true;
}

/* Every key of the table on the top must be a member's name. */
static void refuse_unknown(walk *w, const model_member *members) {
    size_t count;
    if (w->lets_unknown_pass || has_only_members(w->L, members)) return;
    const slice *keys = lcore_push_sorted_keys(w->L, -1, &count);
    for (size_t i = 0; i < count; i++) {
        if (!model_find_member(members, keys[i])) refuse_unknown_member(w, members, keys[i]);
    }
    lua_pop(w->L, 1);
    if (lbind_length(w->L, -1) > 0) {
        lua_pushliteral(w->L, "must have names as keys, not numbers");
        add_fault(w, "type");
    }
}

/* A structure within the body: the table on the top, by its members. */
static void write_structure(walk *w, const model_member *members, buf *out) {
    bool first = true;
    refuse_unknown(w, members);
    buf_add_char(out, '{');
    for (const model_member *m = members; m->name; m++) {
        size_t outer = enter_member(w, slice_of_cstr(m->name));
        lua_getfield(w->L, -1, m->name);
        if (!lcore_is_absent(w->L, -1)) {
            if (!first) buf_add_char(out, ',');
            json_add_string(out, slice_of_cstr(m->wire));
            buf_add_char(out, ':');
            write_value(w, m->shape, out);
            first = false;
        } else if (m->flags & MODEL_REQUIRED) {
            add_required_fault(w);
        }
        lua_pop(w->L, 1);
        leave(w, outer);
    }
    buf_add_char(out, '}');
}

static void write_query_value(walk *w, const model_member *m) {
    write_value(w, m->shape, &w->nowhere);
    if (w->query->len) buf_add_char(w->query, '&');
    uri_encode(w->query, slice_of_cstr(m->wire));
    buf_add_char(w->query, '=');
    slice text;
    int64_t number;
    if (lcore_to_integer(w->L, -1, &number)) {
        buf_add_int(w->query, number);
    } else if (lua_type(w->L, -1) == LUA_TSTRING) {
        text = lbind_to_slice(w->L, -1);
        uri_encode(w->query, text);
    }
}

/* A client or a proxy would fold a dot segment away, and the request would mean something else. */
static void check_path_value(walk *w, const model_member *m) {
    write_value(w, m->shape, &w->nowhere);
    slice text;
    if (lua_type(w->L, -1) != LUA_TSTRING) return;
    text = lbind_to_slice(w->L, -1);
    if (slice_eq(text, SLICE(".")) || slice_eq(text, SLICE(".."))) {
        lua_pushliteral(w->L, "must not be '.' or '..', because it becomes a segment of the path");
        add_fault(w, "path");
    }
}

static void write_body_value(walk *w, const model_member *m) {
    if (w->body->len > 1) buf_add_char(w->body, ',');
    json_add_string(w->body, slice_of_cstr(m->wire));
    buf_add_char(w->body, ':');
    write_value(w, m->shape, w->body);
}

/* Pushes the value of an input member: the caller's, or the token made for this call. */
static void push_input(walk *w, const model_member *m, int params, int client_token) {
    lua_getfield(w->L, params, m->name);
    if (lcore_is_absent(w->L, -1) && (m->flags & MODEL_CLIENT_TOKEN) && client_token) {
        lua_pop(w->L, 1);
        lua_pushvalue(w->L, client_token);
    }
}

static void write_input(walk *w, int params, int client_token) {
    for (const model_member *m = w->row->input; m->name; m++) {
        size_t outer = enter_member(w, slice_of_cstr(m->name));
        push_input(w, m, params, client_token);
        if (lcore_is_absent(w->L, -1)) {
            if (m->flags & MODEL_REQUIRED) add_required_fault(w);
        } else if (m->place == MODEL_PATH) {
            check_path_value(w, m);
        } else if (m->place == MODEL_QUERY) {
            write_query_value(w, m);
        } else {
            write_body_value(w, m);
        }
        lua_pop(w->L, 1);
        leave(w, outer);
    }
}

/* --- the request ------------------------------------------------------------------------------ */

/* Fills the template; all members are known to be good. */
static void write_path(lua_State *L, const model_operation *row, int params, buf *path) {
    slice rest = slice_of_cstr(row->path);
    while (rest.len) {
        size_t open = slice_find(rest, '{');
        buf_add(path, slice_of(rest.ptr, open));
        rest = slice_from(rest, open + 1);
        if (!rest.len) break;
        size_t close = slice_find(rest, '}');
        const model_member *m = model_find_wire_member(row->input, slice_of(rest.ptr, close));
        slice value;
        lua_getfield(L, params, m->name);
        value = lbind_to_slice(L, -1);
        uri_encode(path, value);
        lua_pop(L, 1);
        rest = slice_from(rest, close + 1);
    }
}

/* The row that this request means: with two of one name, which stand together, a member that only
 * one has decides. */
static const model_operation *choose_row(lua_State *L, const model_operation *first, int params) {
    const model_operation *chosen = first;
    for (const model_operation *row = first; row->name; row++) {
        if (row > first && strcmp(row->name, first->name) != 0) break;
        if (!row->chosen_by) {
            chosen = row;
            continue;
        }
        lua_getfield(L, params, row->chosen_by);
        bool present = !lua_isnil(L, -1);
        lua_pop(L, 1);
        if (present) return row;
    }
    return chosen;
}

static void push_request(lua_State *L, const model_operation *row, const buf *path,
                         const buf *query, const buf *body) {
    lua_createtable(L, 0, REQUEST_FIELDS);
    lbind_set_text(L, "operation", row->name);
    lbind_set_text(L, "generation", row->generation);
    lbind_set_text(L, "method", row->method);
    lbind_set_slice(L, "path", buf_slice(path));
    lbind_set_slice(L, "query", buf_slice(query));
    lua_createtable(L, 0, 1);
    if (body) {
        lbind_set_text(L, "content-type", "application/json");
        lua_setfield(L, -2, "headers");
        lbind_set_slice(L, "body", buf_slice(body));
    } else {
        lua_setfield(L, -2, "headers");
    }
}

static int push_faults(walk *w) {
    lua_pushnil(w->L);
    lua_pushvalue(w->L, w->faults);
    return 2;
}

static buf *limited(buf *b, size_t limit) {
    b->limit = limit;
    return b;
}

/* Params may be absent, and then they are empty. */
static void check_params(lua_State *L, int index) {
    if (lua_isnil(L, index)) {
        lua_newtable(L);
        lua_replace(L, index);
    }
    luaL_checktype(L, index, LUA_TTABLE);
}

/* prepare(name, params [, client_token]) -> request | nil, faults */
static int l_prepare(lua_State *L) {
    slice name = lbind_check_slice(L, 1);
    const model_operation *row = lcore_require_operation(L, name, SLICE(""));
    lua_settop(L, 4);
    check_params(L, 2);
    int client_token = lua_isnil(L, 3) ? 0 : 3;

    walk w = {.L = L, .row = choose_row(L, row, 2), .faults = 4};
    buf_init_discarding(&w.nowhere);
    lcore_scratch *scratch = lcore_borrow_scratch(L);
    w.name = limited(&scratch->bufs[0], NAME_LIMIT);
    w.query = limited(&scratch->bufs[1], QUERY_LIMIT);
    buf *path = limited(&scratch->bufs[2], PATH_LIMIT);
    w.body = limited(&scratch->bufs[3], BODY_LIMIT);
    buf_add_char(w.body, '{');

    lua_pushvalue(L, 2);
    refuse_unknown(&w, w.row->input);
    write_input(&w, 2, client_token);
    lbind_check_buf(L, w.name, "the name of a member");
    if (w.fault_count) return push_faults(&w);

    write_path(L, w.row, 2, path);
    buf_add_char(w.body, '}');
    lbind_check_buf(L, w.body, "the request's body");
    lbind_check_buf(L, path, "the request's path");
    lbind_check_buf(L, w.query, "the request's query");
    push_request(L, w.row, path, w.query, model_has_body(w.row->input) ? w.body : NULL);
    lcore_return_scratch(scratch);
    return 1;
}

/* check(name, generation, params) -> params | nil, faults. The same rules for a request that was
 * received: unknown members are let pass, as a service does. */
static int l_check(lua_State *L) {
    walk w = {.L = L, .row = lcore_check_operation(L, 1), .lets_unknown_pass = true, .faults = 4};
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 4);
    w.name = lbind_push_buf(L, NAME_LIMIT);
    buf_init_discarding(&w.nowhere);
    w.body = w.query = &w.nowhere;
    write_input(&w, 3, 0);
    lbind_check_buf(L, w.name, "the name of a member");
    if (w.fault_count) return push_faults(&w);
    lua_pushvalue(L, 3);
    return 1;
}

void lcore_open_prepare(lua_State *L) {
    static const luaL_Reg functions[] = {{"prepare", l_prepare}, {"check", l_check}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
