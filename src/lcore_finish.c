/* finish: a response becomes a Lua table, or the fields of an error. */
#include "lcore.h"

#include <stdio.h>

enum {
    CODE_LIMIT = 128,    /* the longest error code that is believed */
    MESSAGE_LIMIT = 4096 /* the part of a service's message that is kept, in bytes */
};

/* --- errors ----------------------------------------------------------------------------------- */

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

static slice push_request_id(lua_State *L, int headers) {
    static const char *const names[] = {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id",
                                        NULL};
    return push_first_text(L, headers, names);
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
        if (lcore_decode(L, body, NULL, NULL)) return;
        lua_pop(L, 1);
    }
    lua_pushnil(L);
}

/* Pushes the error's fields, by the rules of the rest-json protocol: the code is in a header or in
 * the body, the message may be spelt either way, or absent. */
static void push_error(lua_State *L, int status, int headers, int body) {
    static const char *const code_names[] = {"__type", "code", "Code", NULL};
    static const char *const message_names[] = {"message", "Message", "errorMessage", NULL};
    push_error_body(L, body);
    int decoded = lua_gettop(L);
    slice code = trim_code(push_text_field(L, headers, "x-amzn-errortype"));
    if (!code.len) code = trim_code(push_first_text(L, decoded, code_names));
    slice message = push_first_text(L, decoded, message_names);
    slice reason = push_text_field(L, decoded, "reason");
    slice request_id = push_request_id(L, headers);
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
    slice request_id = push_request_id(L, headers);
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

/* --- answers ---------------------------------------------------------------------------------- */

static void set_status_members(lua_State *L, const model_operation *row, int status) {
    for (const model_member *m = row->output; m->name; m++) {
        if (m->place != MODEL_STATUS) continue;
        lbind_set_integer(L, m->name, status);
    }
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
    const char *member;
    const model_structure output = {row->name, row->output};
    const model_shape shape = {.type = MODEL_STRUCTURE, .structure = &output};
    if (!lcore_decode(L, body, &shape, &member)) return "not valid JSON";
    if (!member) return NULL;
    return lua_pushfstring(L, "without a '%s' as FinSpace answers it", member);
}

/* finish(name, generation, response) -> result | nil, fields of an error */
static int l_finish(lua_State *L) {
    const model_operation *row = lcore_check_operation(L, 1);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    lua_getfield(L, 3, "body");
    int body = lua_gettop(L);
    lua_getfield(L, 3, "status");
    int status = (int)luaL_checkinteger(L, -1);
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

void lcore_open_finish(lua_State *L) {
    static const luaL_Reg functions[] = {{"finish", l_finish}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
