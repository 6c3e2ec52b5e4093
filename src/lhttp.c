/* lhttp: the binding of finspace.http. Tables become transfers, and transfers become tables; what
 * happens between is the http module's.
 *
 * A request's body string is borrowed by libcurl until the call ends. A client's call ends before
 * it returns; a multi keeps the strings of its calls in a table in the registry, by id.
 */
#include "http.h"
#include "lbind.h"

#include <errno.h>

FINSPACE_EXPORT int luaopen_finspace_http(lua_State *L);

#define CLIENT_CLASS "finspace.http.client"
#define MULTI_CLASS "finspace.http.multi"
#define RESPONSE_CLASS "finspace.http.response"

/* --- options ---------------------------------------------------------------------------------- */

/* A count of seconds in the table at `index`, or `fallback`. */
static double seconds_field(lua_State *L, int index, const char *name, double fallback) {
    double seconds = lbind_number_field(L, index, name, fallback);
    if (!(seconds >= 0)) luaL_error(L, "'%s' must not be negative", name);
    return seconds;
}

/* `proxy`: a string; false forces none; nil leaves it to the environment. */
static const char *proxy_field(lua_State *L, int index) {
    lua_getfield(L, index, "proxy");
    if (lua_isnil(L, -1)) return NULL;
    bool none = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    return none ? "" : lbind_push_word(L, index, "proxy");
}

static void check_option_names(lua_State *L, int index) {
    static const char *const known[] = {"ca_file",       "proxy",       "user_agent",
                                        "timeout",       "max_headers", "connect_timeout",
                                        "stall_timeout", "max_body",    "max_connections"};
    lua_pushnil(L);
    while (lua_next(L, index)) {
        bool found = false;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (strcmp(known[i], name) == 0) found = true;
        }
        if (!found) luaL_error(L, "unknown option '%s'", name);
        lua_pop(L, 1);
    }
}

/* A size in bytes; what memory cannot have counts as all that it can. */
static size_t size_field(lua_State *L, int index, const char *name, size_t fallback) {
    int64_t size = lbind_count_field(L, index, name, -1);
    if (size < 0) return fallback;
    return (uint64_t)size > SIZE_MAX ? SIZE_MAX : (size_t)size;
}

/* What a client's options and a request have in common. The strings stay on the stack. */
static void read_options(lua_State *L, int index, http_options *o) {
    const char *ca_file = lbind_push_word(L, index, "ca_file");
    const char *proxy = proxy_field(L, index);
    const char *user_agent = lbind_push_word(L, index, "user_agent");
    if (slice_has_line_break(slice_of_cstr(user_agent))) {
        luaL_error(L, "'user_agent' must not hold a line break");
    }
    if (ca_file) o->ca_file = ca_file;
    if (proxy) o->proxy = proxy;
    if (user_agent) o->user_agent = user_agent;
    o->connect_timeout = seconds_field(L, index, "connect_timeout", o->connect_timeout);
    o->timeout = seconds_field(L, index, "timeout", o->timeout);
    o->stall_timeout = seconds_field(L, index, "stall_timeout", o->stall_timeout);
    o->max_headers = size_field(L, index, "max_headers", o->max_headers);
    o->max_body = size_field(L, index, "max_body", o->max_body);
}

/* Reads the options table at index 1 (or none). */
static http_options check_options(lua_State *L) {
    http_options o;
    http_options_init(&o);
    if (lua_isnoneornil(L, 1)) return o;
    luaL_checktype(L, 1, LUA_TTABLE);
    check_option_names(L, 1);
    read_options(L, 1, &o);
    o.max_connections = (long)lbind_count_field(L, 1, "max_connections", 0);
    return o;
}

/* --- a request -------------------------------------------------------------------------------- */

static void read_headers(lua_State *L, int index, http_transfer *t) {
    lua_getfield(L, index, "headers");
    if (lua_isnil(L, -1)) return;
    if (!lua_istable(L, -1)) lbind_bad_field(L, "headers", "a table");
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "'headers' must map names to strings");
        slice name = lbind_to_slice(L, -2);
        if (lua_type(L, -1) != LUA_TSTRING) lbind_bad_field(L, name.ptr, "a string");
        http_add_header(t, name, lbind_to_slice(L, -1));
        lua_pop(L, 1);
    }
}

/* A body is a string, or a slice of a file. Leaves it at the index that it gives. */
static int read_body(lua_State *L, int index, http_transfer *t) {
    lua_getfield(L, index, "body");
    int body = lua_gettop(L);
    if (lua_istable(L, body)) {
        const char *path = lbind_push_word(L, body, "file");
        if (!path) luaL_error(L, "a body that is no string must name its 'file'");
        int64_t offset = lbind_count_field(L, body, "offset", 0);
        http_set_body_file(t, path, offset, lbind_count_field(L, body, "length", -1));
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        http_set_body(t, lbind_to_slice(L, -1));
    } else if (!lua_isnil(L, -1)) {
        lbind_bad_field(L, "body", "a string or a file");
    }
    return body;
}

static void read_sink(lua_State *L, int index, http_transfer *t) {
    lua_getfield(L, index, "sink");
    if (lua_isnil(L, -1)) return;
    if (!lua_istable(L, -1)) lbind_bad_field(L, "sink", "a table");
    int sink = lua_gettop(L);
    const char *path = lbind_push_word(L, sink, "file");
    if (!path) luaL_error(L, "'sink' must name its 'file'");
    http_set_sink(t, path, lbind_count_field(L, sink, "offset", -1));
}

static void read_addresses(lua_State *L, int index, http_transfer *t) {
    lua_getfield(L, index, "allowed_addresses");
    if (lua_isnil(L, -1)) return;
    if (!lua_istable(L, -1)) lbind_bad_field(L, "allowed_addresses", "a list");
    size_t count = lbind_length(L, -1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            lbind_bad_field(L, "allowed_addresses", "a list of strings");
        http_allow_address(t, lbind_to_slice(L, -1));
        lua_pop(L, 1);
    }
}

/* What this request wants otherwise than its client. A limit on the body that a request names holds
 * for a sink, too. */
static void read_call_options(lua_State *L, int index, http_transfer *t) {
    http_options *o = http_call_options(t);
    read_options(L, index, o);
    o->max_sink = (uint64_t)lbind_count_field(L, index, "max_body", INT64_MAX);
    lua_getfield(L, index, "repeatable");
    http_set_repeatable(t, lua_isnil(L, -1) || lua_toboolean(L, -1));
    lua_pop(L, 1);
}

/* Writes the request table at `index` into the transfer. Leaves all strings on the stack, and gives
 * the index of the body, which libcurl goes on reading. */
static int read_request(lua_State *L, int index, http_transfer *t) {
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, LUA_MINSTACK, "a request has too many fields");
    slice method = lbind_push_text(L, index, "method", SLICE(""));
    http_set_target(t, method, lbind_push_text(L, index, "url", SLICE("")));
    read_headers(L, index, t);
    int body = read_body(L, index, t);
    read_sink(L, index, t);
    read_addresses(L, index, t);
    read_call_options(L, index, t);
    return body;
}

/* --- an answer -------------------------------------------------------------------------------- */

static void push_lower(lua_State *L, slice name) {
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < name.len; i++) luaL_addchar(&b, ascii_lower(name.ptr[i]));
    luaL_pushresult(&b);
}

/* Adds one header to the table on the top; a repeated one is joined as RFC 9110 allows. */
static void set_header(lua_State *L, slice name, slice value) {
    push_lower(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lbind_push_slice(L, value);
    } else {
        lua_pushliteral(L, ", ");
        lbind_push_slice(L, value);
        lua_concat(L, 3);
    }
    lua_rawset(L, -3);
}

/* response.headers, when it is first asked for: of most answers only the body is. */
static int l_response_index(lua_State *L) {
    slice rest, name, value;
    bool asks_headers = lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "headers") == 0;
    if (!asks_headers) return 0;
    lua_getfield(L, 1, "head");
    rest = lbind_to_slice(L, -1);
    lua_createtable(L, 0, 12);
    while (http_next_header(&rest, &name, &value)) set_header(L, name, value);
    lua_pushvalue(L, -1);
    lua_setfield(L, 1, "headers");
    return 1;
}

static void push_response(lua_State *L, const http_transfer *t) {
    lua_createtable(L, 0, 5);
    lbind_set_integer(L, "status", http_status(t));
    lbind_set_slice(L, "head", http_headers(t));
    lbind_set_slice(L, "body", http_body(t));
    lbind_set_integer(L, "received", (int64_t)http_received(t));
    lbind_set_class(L, RESPONSE_CLASS);
}

static void push_error(lua_State *L, const http_error *error) {
    lua_createtable(L, 0, 4);
    lbind_set_text(L, "kind", http_kind_name(error->kind));
    lbind_set_text(L, "code", error->code);
    lbind_set_text(L, "message", error->message);
    lbind_set_flag(L, "sent", error->sent);
}

/* --- client ----------------------------------------------------------------------------------- */

static http_client *check_client(lua_State *L) {
    http_client **handle = lbind_check_self(L, CLIENT_CLASS);
    if (!*handle) luaL_error(L, "this client is closed");
    return *handle;
}

/* client:close(); again is harmless */
static int l_client_close(lua_State *L) {
    http_client **handle = luaL_checkudata(L, 1, CLIENT_CLASS);
    http_client_free(*handle);
    *handle = NULL;
    return 0;
}

/* client(options) -> client */
static int l_client(lua_State *L) {
    http_options options = check_options(L);
    http_client **handle = lcompat_newuserdata(L, sizeof *handle);
    *handle = NULL;
    lbind_set_class(L, CLIENT_CLASS);
    *handle = http_client_new(&options);
    if (!*handle) return luaL_error(L, "not enough memory");
    return 1;
}

/* client:perform(request) -> response | nil, err */
static int l_client_perform(lua_State *L) {
    http_client *client = check_client(L);
    http_transfer *t = http_client_begin(client);
    if (!t) return luaL_error(L, "not enough memory");
    read_request(L, 2, t);
    if (http_client_perform(client)) {
        push_response(L, t);
        http_client_end(client);
        return 1;
    }
    lua_pushnil(L);
    push_error(L, http_failure(t));
    http_client_end(client);
    return 2;
}

/* --- multi ------------------------------------------------------------------------------------ */

typedef struct multi_handle {
    http_multi *multi; /* NULL once closed */
    int bodies;        /* registry reference: the body strings of the calls under way, by id */
} multi_handle;

static multi_handle *check_multi(lua_State *L) {
    multi_handle *h = lbind_check_self(L, MULTI_CLASS);
    if (!h->multi) luaL_error(L, "this multi is closed");
    return h;
}

/* multi:close(); calls under way are dropped; again is harmless */
static int l_multi_close(lua_State *L) {
    multi_handle *h = luaL_checkudata(L, 1, MULTI_CLASS);
    http_multi_free(h->multi);
    h->multi = NULL;
    luaL_unref(L, LUA_REGISTRYINDEX, h->bodies);
    h->bodies = LUA_NOREF;
    return 0;
}

/* multi(options) -> multi */
static int l_multi(lua_State *L) {
    http_options options = check_options(L);
    multi_handle *h = lcompat_newuserdata(L, sizeof *h);
    *h = (multi_handle){NULL, LUA_NOREF};
    lbind_set_class(L, MULTI_CLASS);
    lua_newtable(L);
    h->bodies = luaL_ref(L, LUA_REGISTRYINDEX);
    h->multi = http_multi_new(&options);
    if (!h->multi) return luaL_error(L, "cannot make a multi: %s", strerror(errno));
    return 1;
}

/* Sets or clears (with nil on the top) what keeps a call's body alive; pops it. */
static void set_body_anchor(lua_State *L, const multi_handle *h, uint64_t id) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->bodies);
    lua_pushnumber(L, (lua_Number)id);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
}

static uint64_t check_id(lua_State *L, int index) {
    lua_Number id = luaL_checknumber(L, index);
    luaL_argcheck(L, id >= 0 && id <= LCOMPAT_MAX_EXACT_DOUBLE, index, "no id of a call");
    return (uint64_t)id;
}

/* multi:add(request [, options]) -> id | nil, err. The options take the place of the multi's own,
 * and the request's of both. */
static int l_multi_add(lua_State *L) {
    multi_handle *h = check_multi(L);
    http_transfer *t = http_multi_begin(h->multi);
    if (!t) return luaL_error(L, "not enough memory");
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        read_options(L, 3, http_call_options(t));
    }
    lua_pushvalue(L, read_request(L, 2, t));
    set_body_anchor(L, h, http_multi_next_id(h->multi));
    uint64_t id = http_multi_add(h->multi);
    if (id) {
        lbind_push_integer(L, (int64_t)id);
        return 1;
    }
    lua_pushnil(L);
    push_error(L, http_failure(t));
    return 2;
}

/* multi:fd() -> descriptor that is readable whenever step has something to do */
static int l_multi_fd(lua_State *L) {
    lua_pushinteger(L, http_multi_fd(check_multi(L)->multi));
    return 1;
}

/* Pushes id, response and err, one of which is nil. */
static void push_finished(lua_State *L, const http_transfer *t) {
    const http_error *error = http_failure(t);
    lbind_push_integer(L, (int64_t)http_multi_id(t));
    if (error) {
        lua_pushnil(L);
        push_error(L, error);
    } else {
        push_response(L, t);
        lua_pushnil(L);
    }
}

/* Pushes what the next call that has ended came to; false when there is none. When it raises, the
 * call stays ended, and is told next time. */
static bool take_finished(lua_State *L, const multi_handle *h) {
    http_transfer *t = h->multi ? http_multi_finished(h->multi) : NULL;
    if (!t) return false;
    push_finished(L, t);
    lua_pushnil(L);
    set_body_anchor(L, h, http_multi_id(t));
    http_multi_release(h->multi, t);
    return true;
}

/* Adds the id, response and err on the top to the list beneath them, as {id=, response=, err=}. */
static void add_finished(lua_State *L, int count) {
    lua_createtable(L, 0, 2);
    lua_insert(L, -4);
    lua_setfield(L, -4, "err");
    lua_setfield(L, -3, "response");
    lua_setfield(L, -2, "id");
    lua_rawseti(L, -2, count);
}

/* multi:step() -> list of {id=, response=} and {id=, err=}; multi:step(tell) calls tell(id,
 * response, err) for each of them instead. Never waits. */
static int l_multi_step(lua_State *L) {
    multi_handle *h = check_multi(L);
    bool tells = !lua_isnoneornil(L, 2);
    if (tells) luaL_checktype(L, 2, LUA_TFUNCTION);
    http_multi_step(h->multi);
    lua_settop(L, 2);
    if (!tells) lua_newtable(L);
    for (int count = 1;; count++) {
        if (tells) lua_pushvalue(L, 2);
        if (!take_finished(L, h)) return tells ? 0 : 1;
        if (tells) {
            lua_call(L, 3, 0);
        } else {
            add_finished(L, count);
        }
    }
}

/* multi:timeout() -> seconds until step should run | nil */
static int l_multi_timeout(lua_State *L) {
    double seconds = http_multi_timeout(check_multi(L)->multi);
    if (seconds < 0) return 0;
    lua_pushnumber(L, seconds);
    return 1;
}

/* multi:wait([seconds]): until step has something to do, or a signal came */
static int l_multi_wait(lua_State *L) {
    http_multi_wait(check_multi(L)->multi, luaL_optnumber(L, 2, -1));
    return 0;
}

/* multi:cancel(id) -> whether it was under way; step never tells of it */
static int l_multi_cancel(lua_State *L) {
    multi_handle *h = check_multi(L);
    uint64_t id = check_id(L, 2);
    bool found = http_multi_cancel(h->multi, id);
    if (found) {
        lua_pushnil(L);
        set_body_anchor(L, h, id);
    }
    lua_pushboolean(L, found);
    return 1;
}

/* multi:progress(id) -> bytes sent, bytes received, of the bodies | nil when it is not under way */
static int l_multi_progress(lua_State *L) {
    uint64_t sent, received;
    if (!http_multi_progress(check_multi(L)->multi, check_id(L, 2), &sent, &received)) return 0;
    lbind_push_integer(L, (int64_t)sent);
    lbind_push_integer(L, (int64_t)received);
    return 2;
}

/* multi:count() -> calls under way */
static int l_multi_count(lua_State *L) {
    lbind_push_integer(L, (int64_t)http_multi_count(check_multi(L)->multi));
    return 1;
}

int luaopen_finspace_http(lua_State *L) {
    static const luaL_Reg client_methods[] = {
        {"perform", l_client_perform}, {"close", l_client_close}, {NULL, NULL}};
    static const luaL_Reg multi_methods[] = {
        {"add", l_multi_add},           {"fd", l_multi_fd},
        {"step", l_multi_step},         {"timeout", l_multi_timeout},
        {"wait", l_multi_wait},         {"cancel", l_multi_cancel},
        {"progress", l_multi_progress}, {"count", l_multi_count},
        {"close", l_multi_close},       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"client", l_client}, {"multi", l_multi}, {NULL, NULL}};
    if (!http_start()) return luaL_error(L, "libcurl cannot start");
    lbind_push_class(L, CLIENT_CLASS, client_methods, l_client_close);
    lbind_push_class(L, MULTI_CLASS, multi_methods, l_multi_close);
    luaL_newmetatable(L, RESPONSE_CLASS);
    lua_pushcfunction(L, l_response_index);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 3);
    luaL_newlib(L, functions);
    return 1;
}
