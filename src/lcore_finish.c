/* finish: a response becomes a Lua table, or the fields of an error. lua-cjson reads the JSON; what
 * it cannot do is done here: whole numbers are exact, and null means absent. */
#include "lcore.h"

#include "json.h"
#include "utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_DEPTH = 64,
    JSON_LIMIT = 64 * 1024 * 1024,
    CODE_LIMIT = 128,    /* the longest error code that is believed */
    MESSAGE_LIMIT = 4096 /* the part of a service's message that is kept, in bytes */
};

/* --- reading JSON ------------------------------------------------------------------------------
 */

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
    call_setting(L, instance, "decode_max_depth", MAX_DEPTH, false);
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

/* Walks the table on the top: nulls leave, whole numbers become integers; `quoted` says that big
 * ones were turned into strings. Assigning to a field that
 * exists is allowed while lua_next walks. The depth is bounded by the decoder. */
static void restore_table(lua_State *L, bool quoted) {
    luaL_checkstack(L, 6, "answer nests too deep");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_istable(L, -1)) {
            restore_table(L, quoted);
        } else if (restore_scalar(L, quoted)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, -5);
        }
    }
}

/* Decodes the JSON text at `index`. Pushes the value and returns true, or pushes a message. */
static bool decode(lua_State *L, int index) {
    slice text = lbind_to_slice(L, index);
    if (!json_is_strict(text)) {
        lua_pushliteral(L, "a number or a string in it is not written as JSON, or it holds a NUL");
        return false;
    }
    buf *copy = &lcore_borrow_scratch(L)->bufs[0];
    int scratch = lua_gettop(L);
    copy->limit = JSON_LIMIT;
    push_decoder(L);
    bool quoted = json_quote_big_integers(copy, text);
    if (quoted) {
        lbind_check_buf(L, copy, "an answer");
        lbind_push_slice(L, buf_slice(copy));
    } else {
        lua_pushvalue(L, index);
    }
    lcore_return_scratch(L, scratch);
    bool read = lua_pcall(L, 1, 1, 0) == 0;
    lua_remove(L, scratch);
    if (!read) return false;
    if (lua_istable(L, -1)) {
        restore_table(L, quoted);
    } else {
        restore_scalar(L, quoted);
    }
    return true;
}

/* decode(json) -> value | nil, message */
static int l_decode(lua_State *L) {
    luaL_checktype(L, 1, LUA_TSTRING);
    if (decode(L, 1)) return 1;
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void set_status_members(lua_State *L, const model_operation *row, int status) {
    for (const model_member *m = row->output; m->name; m++) {
        if (m->place != MODEL_STATUS) continue;
        lbind_set_integer(L, m->name, status);
    }
}

/* The string field `name` of the table at `index`; empty when it is absent or no string. The value
 * stays on the stack as the slice's anchor. */
static slice push_text_field(lua_State *L, int index, const char *name) {
    slice text = {NULL, 0};
    if (lua_istable(L, index)) {
        lua_getfield(L, index, name);
    } else {
        lua_pushnil(L);
    }
    if (lua_type(L, -1) == LUA_TSTRING) text = lbind_to_slice(L, -1);
    return text;
}

/* "namespace#Code:more" is cut to "Code". What cannot be a code counts as none. */
static slice trim_code(slice code) {
    code = slice_of(code.ptr, slice_find(code, ':'));
    for (size_t hash; (hash = slice_find(code, '#')) < code.len;) code = slice_from(code, hash + 1);
    if (code.len > CODE_LIMIT) return slice_of(NULL, 0);
    for (size_t i = 0; i < code.len; i++) {
        if (code.ptr[i] <= ' ' || code.ptr[i] > '~') return slice_of(NULL, 0);
    }
    return code;
}

/* The first of several fields that holds anything; what was looked at stays on the stack. */
static slice push_first_text(lua_State *L, int index, const char *const *names) {
    slice text = {NULL, 0};
    for (; *names && !text.len; names++) text = push_text_field(L, index, *names);
    return text;
}

static void set_text(lua_State *L, const char *field, slice text) {
    if (!text.len) return;
    if (text.len > MESSAGE_LIMIT) text.len = MESSAGE_LIMIT;
    lbind_push_slice(L, text);
    lua_setfield(L, -2, field);
}

/* What to say when the answer says nothing that we understand. */
static void set_fallback(lua_State *L, int status, slice content_type) {
    char code[16];
    snprintf(code, sizeof code, "Http%d", status);
    lbind_set_text(L, "code", code);
    lua_pushfstring(
        L,
        "the endpoint answered HTTP %d%s%s, which is no FinSpace error; look for a proxy "
        "or a load balancer in between, and check the endpoint",
        status, content_type.len ? " with " : "", content_type.len ? content_type.ptr : "");
    lua_setfield(L, -2, "message");
}

/* Pushes the decoded body, or nil when it is no JSON. */
static void push_error_body(lua_State *L, int body) {
    if (lua_type(L, body) == LUA_TSTRING && lbind_length(L, body) > 0) {
        if (decode(L, body)) return;
        lua_pop(L, 1);
    }
    lua_pushnil(L);
}

/* Pushes the error's fields, by the rules of the rest-json protocol: the code is in a header or in
 * the body, the message may be spelt either way, or absent. */
static void push_error(lua_State *L, int status, int headers, int body) {
    static const char *const code_names[] = {"__type", "code", "Code", NULL};
    static const char *const message_names[] = {"message", "Message", "errorMessage", NULL};
    static const char *const id_names[] = {"x-amzn-requestid", "x-amz-request-id",
                                           "x-amzn-request-id", NULL};
    push_error_body(L, body);
    int decoded = lua_gettop(L);
    slice code = trim_code(push_text_field(L, headers, "x-amzn-errortype"));
    if (!code.len) code = trim_code(push_first_text(L, decoded, code_names));
    slice message = push_first_text(L, decoded, message_names);
    slice reason = push_text_field(L, decoded, "reason");
    slice request_id = push_first_text(L, headers, id_names);
    slice content_type = push_text_field(L, headers, "content-type");

    lua_newtable(L);
    lcore_set_verdict(L, model_judge(code, status));
    if (code.len) {
        set_text(L, "code", code);
    } else {
        set_fallback(L, status, content_type);
    }
    set_text(L, "message", message);
    set_text(L, "reason", reason);
    set_text(L, "request_id", request_id);
    lbind_set_integer(L, "status", status);
}

/* A 2xx whose body is not what was announced: nothing of it is passed on as a success. */
static int push_broken_answer(lua_State *L, int status, int headers, const char *why) {
    static const char *const id_names[] = {"x-amzn-requestid", "x-amz-request-id", NULL};
    slice request_id = push_first_text(L, headers, id_names);
    lua_pushnil(L);
    lua_newtable(L);
    lbind_set_text(L, "kind", "protocol");
    lbind_set_text(L, "code", "InvalidAnswer");
    lua_pushfstring(L,
                    "the endpoint answered HTTP %d, but its body is %s; check that the endpoint is "
                    "FinSpace and that no proxy rewrites its answers",
                    status, why);
    lua_setfield(L, -2, "message");
    set_text(L, "request_id", request_id);
    lbind_set_flag(L, "retryable", false);
    lbind_set_integer(L, "status", status);
    return 2;
}

/* The headers of the response at index 3, which only errors need; gives their index. */
static int push_headers(lua_State *L) {
    lua_getfield(L, 3, "headers");
    return lua_gettop(L);
}

/* The text from its first byte that is no blank of JSON. */
static slice skip_blanks(slice text) {
    size_t at = 0;
    while (at < text.len && slice_find(SLICE(" \t\r\n"), text.ptr[at]) < 4) at++;
    return slice_from(text, at);
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

static const char *find_fault(lua_State *L, const model_member *members);

static const char *find_fault_of_values(lua_State *L, const model_shape *shape, const char *name);

/* The name of the member by which the value on the top is not of its shape: its own `name`, or one
 * within it; NULL when all is well. */
static const char *find_fault_of_value(lua_State *L, const model_shape *shape, const char *name) {
    if (!is_of_type(L, shape->type)) return name;
    if (shape->type == MODEL_STRUCTURE) return find_fault(L, shape->structure->members);
    if (shape->type == MODEL_LIST || shape->type == MODEL_MAP)
        return find_fault_of_values(L, shape, name);
    return NULL;
}

/* A list's keys are numbers, a map's are not. */
static const char *find_fault_of_values(lua_State *L, const model_shape *shape, const char *name) {
    luaL_checkstack(L, 8, "answer nests too deep");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        bool in_list = lua_type(L, -2) == LUA_TNUMBER;
        const char *fault = name;
        if (in_list == (shape->type == MODEL_LIST))
            fault = find_fault_of_value(L, shape->element, name);
        if (!fault) continue;
        lua_pop(L, 2);
        return fault;
    }
    return NULL;
}

static bool is_empty_text(lua_State *L) {
    return lua_type(L, -1) == LUA_TSTRING && lbind_length(L, -1) == 0;
}

/* The name of the first of these members that the table on the top should have and has not, or that
 * is of another type than its shape's; NULL when all is well. What the model does not know is free.
 */
static const char *find_fault(lua_State *L, const model_member *members) {
    const char *fault = NULL;
    luaL_checkstack(L, 8, "answer nests too deep");
    for (const model_member *m = members; m->name && !fault; m++) {
        if (m->place != MODEL_BODY) continue;
        lua_getfield(L, -1, m->wire);
        bool needed = m->flags & MODEL_ALWAYS;
        if (needed && (lua_isnil(L, -1) || is_empty_text(L))) {
            fault = m->wire;
        } else if (!lua_isnil(L, -1)) {
            fault = find_fault_of_value(L, m->shape, m->wire);
        }
        lua_pop(L, 1);
    }
    return fault;
}

/* A list may leave its empty list out, but not its whole body. */
static bool promises_members(const model_operation *row) {
    if (row->pages) return true;
    for (const model_member *m = row->output; m->name; m++) {
        if (m->flags & MODEL_ALWAYS) return true;
    }
    return false;
}

/* Pushes what the body of a 2xx holds and gives NULL, or gives what is wrong with it. */
static const char *push_answer(lua_State *L, const model_operation *row, int body) {
    slice text = skip_blanks(lbind_optional_slice(L, body, SLICE("")));
    if (!text.len) {
        lua_newtable(L);
        return promises_members(row) ? "empty" : NULL;
    }
    if (text.ptr[0] != '{') return "not a JSON object";
    if (!decode(L, body)) return "not valid JSON";
    const char *member = find_fault(L, row->output);
    if (!member) return NULL;
    return lua_pushfstring(L, "without a '%s' as FinSpace answers it", member);
}

/* finish(name, generation, response) -> result | nil, fields of an error */
static int l_finish(lua_State *L) {
    const model_operation *row = lcore_check_operation(L, 1);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    lua_getfield(L, 3, "status");
    lua_getfield(L, 3, "body");
    int status = (int)luaL_checkinteger(L, 4), body = 5;
    if (status < 200 || status > 299) {
        push_error(L, status, push_headers(L), body);
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    const char *fault = push_answer(L, row, body);
    if (fault) return push_broken_answer(L, status, push_headers(L), fault);
    set_status_members(L, row, status);
    return 1;
}

/* --- writing answers (the service) --------------------------------------------------------------
 */

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
    if (depth > MAX_DEPTH) luaL_error(L, "a value nests more than %d deep", MAX_DEPTH);
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
    buf *out = lbind_push_buf(L, JSON_LIMIT);
    lua_pushvalue(L, 3);
    encode_members(L, row->output, out, 0);
    lbind_check_buf(L, out, "an answer");
    lbind_push_slice(L, buf_slice(out));
    return 1;
}

void lcore_open_finish(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"decode", l_decode}, {"finish", l_finish}, {"json_encode", l_json_encode}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
