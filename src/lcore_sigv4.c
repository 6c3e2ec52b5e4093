/* Signing, presigning and verifying, as Lua sees them; secrets live in a userdata that wipes
 * itself. */
#include "lcore.h"

#include <string.h>

#include "sigv4.h"

#define SIGNER_CLASS "finspace.signer"

enum {
    MAX_REQUEST_HEADERS = 2 * SIGV4_MAX_HEADERS, /* signed and unsigned ones */
    MAX_TEXT = 1 << 20,                          /* a presigned query, a canonical request */
    AUTHORIZATION_SIZE = SIGV4_MAX_NAMES_LENGTH + 512,
    AUTHORIZATION_FIELDS = 11
};

/* --- reading arguments ------------------------------------------------------------------------ */

/* Strings only: turning a number into one would change the key under lua_next. The string stays
 * alive in its table, which nobody changes before the request is signed. */
static slice header_text(lua_State *L, int index, const char *what) {
    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "a header's %s must be a string, not a %s", what, luaL_typename(L, index));
    }
    return lbind_to_slice(L, index);
}

static void add_header(lua_State *L, sigv4_pair *headers, size_t *count, int name, int value) {
    if (*count == MAX_REQUEST_HEADERS) {
        luaL_error(L, "'headers' has more than %d headers", (int)MAX_REQUEST_HEADERS);
    }
    headers[*count].name = header_text(L, name, "name");
    headers[*count].value = header_text(L, value, "value");
    ++*count;
}

/* headers[i] = {name, value} */
static size_t read_header_list(lua_State *L, int index, sigv4_pair *headers) {
    size_t count = 0, length = lbind_length(L, index);
    for (size_t i = 1; i <= length; i++) {
        lua_rawgeti(L, index, (int)i);
        lbind_check_table(L, -1, "headers[i]");
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        add_header(L, headers, &count, -2, -1);
        lua_pop(L, 3);
    }
    return count;
}

/* headers[name] = value */
static size_t read_header_map(lua_State *L, int index, sigv4_pair *headers) {
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        add_header(L, headers, &count, -2, -1);
        lua_pop(L, 1);
    }
    return count;
}

/* Reads the request at `index`; the slices live in strings on the stack and in the headers' table,
 * which is left on the top. */
static sigv4_request read_request(lua_State *L, int index, sigv4_pair *headers) {
    lbind_check_table(L, index, "request");
    luaL_checkstack(L, 16, "the request has too many fields");
    sigv4_request r = {.headers = headers};
    r.method = lbind_require_text(L, index, "method");
    r.path = lbind_require_text(L, index, "path");
    r.query = lbind_push_text(L, index, "query", SLICE(""));
    r.payload_hash = lbind_push_text(L, index, "payload_hash", SLICE(""));
    /* With its hash given, a body may be what only a transport understands: a slice of a file. */
    if (!r.payload_hash.len) r.body = lbind_push_text(L, index, "body", SLICE(""));
    lua_getfield(L, index, "headers");
    lbind_check_table(L, -1, "headers");
    int table = lua_gettop(L);
    r.header_count = lbind_length(L, table) ? read_header_list(L, table, headers)
                                            : read_header_map(L, table, headers);
    return r;
}

/* --- pushing results -------------------------------------------------------------------------- */

/* nil and a message that may name a header, never a value. */
static int push_failure(lua_State *L, sigv4_status status, slice culprit) {
    lua_pushnil(L);
    bool nameable = culprit.len > 0 && culprit.len <= 64;
    for (size_t i = 0; i < culprit.len; i++) {
        if (culprit.ptr[i] < ' ' || culprit.ptr[i] > '~') nameable = false;
    }
    if (nameable) {
        lua_pushfstring(L, "%s: ", sigv4_message(status));
        lbind_push_slice(L, culprit);
        lua_concat(L, 2);
    } else {
        lua_pushstring(L, sigv4_message(status));
    }
    return 2;
}

/* nil, AWS's code, a message, and the HTTP status that goes with the code. */
static int push_refusal(lua_State *L, sigv4_status status, slice service) {
    bool s3 = slice_eq(service, SLICE("s3"));
    lua_pushnil(L);
    lua_pushstring(L, sigv4_code(status, s3));
    lua_pushstring(L, sigv4_message(status));
    lua_pushinteger(L, sigv4_http_status(status, s3));
    return 4;
}

/* --- the signer ------------------------------------------------------------------------------- */

/* Credentials bound to a region and a service, with the key of the day. The text of all five lives
 * behind the struct, and is wiped with the rest. */
typedef struct signer {
    size_t text_size;
    bool open;
    int token; /* registry reference: the session token's Lua string, which each request gets */
    sigv4_signing how;
    slice secret;
    sigv4_key key;
    char text[];
} signer;

static void signer_wipe(signer *s) {
    buf_wipe(s->text, s->text_size);
    buf_wipe(&s->key, sizeof s->key);
    s->open = false;
}

static int l_signer_close(lua_State *L) {
    signer *s = luaL_checkudata(L, 1, SIGNER_CLASS);
    signer_wipe(s);
    luaL_unref(L, LUA_REGISTRYINDEX, s->token);
    s->token = LUA_NOREF;
    return 0;
}

static slice keep(char **at, slice text) {
    if (text.len) memcpy(*at, text.ptr, text.len);
    slice kept = slice_of(*at, text.len);
    *at += text.len;
    return kept;
}

/* core.signer(credentials, region, service) */
static int l_signer(lua_State *L) {
    lbind_check_table(L, 1, "credentials");
    slice region = lbind_check_slice(L, 2), service = lbind_check_slice(L, 3);
    slice key_id = lbind_require_text(L, 1, "access_key_id");
    slice secret = lbind_require_text(L, 1, "secret_access_key");
    slice token = lbind_push_text(L, 1, "session_token", SLICE(""));
    size_t size = key_id.len + secret.len + token.len + region.len + service.len;
    signer *s = lcompat_newuserdata(L, sizeof *s + size);
    char *at = s->text;
    memset(s, 0, sizeof *s);
    s->text_size = size;
    s->token = LUA_NOREF;
    s->key.day = -1;
    s->how.key = &s->key;
    s->how.access_key_id = keep(&at, key_id);
    s->how.session_token = keep(&at, token);
    s->how.region = keep(&at, region);
    s->how.service = keep(&at, service);
    s->secret = keep(&at, secret);
    s->open = true;
    sigv4_signing_defaults(&s->how, s->how.service);
    lbind_set_class(L, SIGNER_CLASS);
    if (token.len) {
        lua_getfield(L, 1, "session_token");
        s->token = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 1;
}

static signer *check_signer(lua_State *L) {
    signer *s = lbind_check_self(L, SIGNER_CLASS);
    luaL_argcheck(L, s->open, 1, "the signer is closed");
    return s;
}

/* The key depends on nothing but the day, so it is derived once a day. */
static sigv4_status signer_sign(signer *s, const sigv4_request *request, sigv4_signature *out) {
    if (!sigv4_key_fits(&s->key, s->how.time)) {
        sigv4_key_derive(&s->key, s->secret, s->how.time, s->how.region, s->how.service);
    }
    return sigv4_sign(request, &s->how, out);
}

/* signer:sign(request, time) sets the headers of the request, and returns it. */
static int l_signer_sign(lua_State *L) {
    sigv4_pair headers[MAX_REQUEST_HEADERS];
    char storage[AUTHORIZATION_SIZE];
    buf authorization;
    signer *s = check_signer(L);
    s->how.time = lbind_to_count(L, 3, "time");
    sigv4_request request = read_request(L, 2, headers);

    sigv4_signature out = {.authorization = &authorization};
    buf_init_fixed(&authorization, storage, sizeof storage);
    s->how.query_form = false;
    sigv4_status status = signer_sign(s, &request, &out);
    if (status != SIGV4_OK) return push_failure(L, status, out.culprit);

    lbind_set_slice(L, "x-amz-date", slice_of_cstr(out.timestamp));
    if (s->token != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, s->token);
        lua_setfield(L, -2, "x-amz-security-token");
    }
    if (s->how.sign_body)
        lbind_set_slice(L, "x-amz-content-sha256", slice_of_cstr(out.payload_hash));
    lbind_set_slice(L, "authorization", buf_slice(&authorization));
    lua_settop(L, 2);
    return 1;
}

/* signer:presign(request, time, expires) returns the whole query. */
static int l_signer_presign(lua_State *L) {
    sigv4_pair headers[MAX_REQUEST_HEADERS];
    signer *s = check_signer(L);
    s->how.time = lbind_to_count(L, 3, "time");
    s->how.expires =
        lua_isnoneornil(L, 4) ? SIGV4_DEFAULT_EXPIRES : lbind_to_count(L, 4, "expires");
    sigv4_request request = read_request(L, 2, headers);

    sigv4_signature out = {.query = lbind_push_buf(L, MAX_TEXT)};
    s->how.query_form = true;
    sigv4_status status = signer_sign(s, &request, &out);
    if (status != SIGV4_OK) return push_failure(L, status, out.culprit);
    lbind_push_slice(L, buf_slice(out.query));
    return 1;
}

static int l_signer_tostring(lua_State *L) {
    const signer *s = luaL_checkudata(L, 1, SIGNER_CLASS);
    lua_pushfstring(L, "finspace.signer (%s)", s->open ? "open" : "closed");
    return 1;
}

/* --- the raw entry ---------------------------------------------------------------------------- */

/* Who, for what, how: from the table at index 1. Leaves the strings on the stack. */
static sigv4_signing read_signing(lua_State *L, slice *secret) {
    sigv4_signing how = {0};
    lua_getfield(L, 1, "credentials");
    lbind_check_table(L, -1, "credentials");
    int credentials = lua_gettop(L);
    luaL_checkstack(L, 16, "too many fields");
    how.access_key_id = lbind_require_text(L, credentials, "access_key_id");
    how.session_token = lbind_push_text(L, credentials, "session_token", SLICE(""));
    *secret = lbind_require_text(L, credentials, "secret_access_key");
    how.region = lbind_require_text(L, 1, "region");
    how.service = lbind_require_text(L, 1, "service");
    slice form = lbind_push_text(L, 1, "form", SLICE("header"));
    how.query_form = slice_eq(form, SLICE("query"));
    if (!how.query_form && !slice_eq(form, SLICE("header"))) {
        luaL_error(L, "'form' must be \"header\" or \"query\"");
    }
    sigv4_signing_defaults(&how, how.service);
    how.time = lbind_count_field(L, 1, "time", -1);
    if (how.time < 0) luaL_error(L, "'time' is missing");
    how.expires = lbind_count_field(L, 1, "expires", how.expires);
    how.normalize = lbind_flag_field(L, 1, "normalize", how.normalize);
    how.double_encode = lbind_flag_field(L, 1, "double_encode", how.double_encode);
    how.sign_body = lbind_flag_field(L, 1, "sign_body", how.sign_body);
    how.omit_session_token = lbind_flag_field(L, 1, "omit_session_token", false);
    return how;
}

static void append_header(lua_State *L, int list, const char *name, slice value) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, name);
    lua_rawseti(L, -2, 1);
    lbind_push_slice(L, value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, list, (int)lbind_length(L, list) + 1);
}

/* The headers to add, as a list, in the field `headers` of the table on the top. */
static void set_added_headers(lua_State *L, const sigv4_signing *how, const sigv4_signature *out) {
    lua_newtable(L);
    int list = lua_gettop(L);
    if (!how->query_form) {
        append_header(L, list, "x-amz-date", slice_of_cstr(out->timestamp));
        if (how->session_token.len) {
            append_header(L, list, "x-amz-security-token", how->session_token);
        }
        if (how->sign_body) {
            append_header(L, list, "x-amz-content-sha256", slice_of_cstr(out->payload_hash));
        }
        append_header(L, list, "authorization", buf_slice(out->authorization));
    }
    lua_setfield(L, -2, "headers");
}

/* core.sign(raw) returns every stage. */
static int l_sign(lua_State *L) {
    sigv4_pair headers[MAX_REQUEST_HEADERS];
    slice secret;
    sigv4_key key;
    lua_settop(L, 1);
    sigv4_request request = read_request(L, 1, headers);
    sigv4_signing how = read_signing(L, &secret);
    sigv4_signature out = {.authorization = lbind_push_buf(L, MAX_TEXT),
                           .query = lbind_push_buf(L, MAX_TEXT),
                           .canonical_request = lbind_push_buf(L, MAX_TEXT),
                           .string_to_sign = lbind_push_buf(L, MAX_TEXT)};

    how.key = &key;
    sigv4_key_derive(&key, secret, how.time, how.region, how.service);
    sigv4_status status = sigv4_sign(&request, &how, &out);
    buf_wipe(&key, sizeof key);
    if (status != SIGV4_OK) return push_failure(L, status, out.culprit);

    lua_newtable(L);
    set_added_headers(L, &how, &out);
    if (how.query_form) {
        lbind_set_slice(L, "query", buf_slice(out.query));
    } else {
        lbind_set_slice(L, "authorization", buf_slice(out.authorization));
    }
    lbind_set_slice(L, "canonical_request", buf_slice(out.canonical_request));
    lbind_set_slice(L, "string_to_sign", buf_slice(out.string_to_sign));
    lbind_set_slice(L, "signature", slice_of_cstr(out.hex));
    return 1;
}

/* --- verification ----------------------------------------------------------------------------- */

static void push_authorization(lua_State *L, const sigv4_authorization *auth) {
    lua_createtable(L, 0, AUTHORIZATION_FIELDS);
    lbind_set_slice(L, "form", auth->query_form ? SLICE("query") : SLICE("header"));
    lbind_set_slice(L, "access_key_id", auth->access_key_id);
    lbind_set_slice(L, "date", auth->date);
    lbind_set_slice(L, "region", auth->region);
    lbind_set_slice(L, "service", auth->service);
    lbind_set_slice(L, "signed_headers", auth->signed_headers);
    lbind_set_slice(L, "signature", auth->signature);
    if (auth->session_token.len) lbind_set_slice(L, "session_token", auth->session_token);
    if (auth->payload_hash.len) lbind_set_slice(L, "payload_hash", auth->payload_hash);
    lbind_set_integer(L, "time", (int64_t)auth->time);
    if (auth->query_form) {
        lbind_set_integer(L, "expires", (int64_t)auth->expires);
    }
}

/* core.authorization(request [, service]); the service only chooses whose codes refusals have. */
static int l_authorization(lua_State *L) {
    sigv4_pair headers[MAX_REQUEST_HEADERS];
    sigv4_authorization auth;
    buf storage;
    slice service = lbind_optional_slice(L, 2, SLICE(""));
    lua_settop(L, 2);
    sigv4_request request = read_request(L, 1, headers);
    char *decoded = lcompat_newuserdata(L, request.query.len + 1);

    buf_init_fixed(&storage, decoded, request.query.len + 1);
    sigv4_status status = sigv4_parse(&request, &storage, &auth);
    if (status != SIGV4_OK) return push_refusal(L, status, service);
    push_authorization(L, &auth);
    return 1;
}

/* The table that core.authorization gave. */
static sigv4_authorization read_authorization(lua_State *L, int index) {
    sigv4_authorization auth = {0};
    lbind_check_table(L, index, "auth");
    slice form = lbind_require_text(L, index, "form");
    auth.query_form = slice_eq(form, SLICE("query"));
    auth.access_key_id = lbind_require_text(L, index, "access_key_id");
    auth.date = lbind_require_text(L, index, "date");
    auth.region = lbind_require_text(L, index, "region");
    auth.service = lbind_require_text(L, index, "service");
    auth.signed_headers = lbind_require_text(L, index, "signed_headers");
    auth.signature = lbind_require_text(L, index, "signature");
    auth.payload_hash = lbind_push_text(L, index, "payload_hash", SLICE(""));
    auth.time = lbind_count_field(L, index, "time", 0);
    auth.expires = lbind_count_field(L, index, "expires", 0);
    return auth;
}

/* Leaves the strings on the stack. */
static sigv4_policy read_policy(lua_State *L, int index, sigv4_request *request) {
    sigv4_policy policy = {0};
    lbind_check_table(L, index, "policy");
    policy.region = lbind_require_text(L, index, "region");
    policy.service = lbind_require_text(L, index, "service");
    sigv4_policy_defaults(&policy, policy.service);
    policy.now = lbind_count_field(L, index, "now", -1);
    if (policy.now < 0) luaL_error(L, "'now' is missing");
    policy.max_skew = lbind_count_field(L, index, "max_skew", policy.max_skew);
    policy.normalize = lbind_flag_field(L, index, "normalize", policy.normalize);
    policy.double_encode = lbind_flag_field(L, index, "double_encode", policy.double_encode);
    lua_getfield(L, index, "payload_hash");
    policy.body_pending = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    if (!policy.body_pending) {
        request->payload_hash = lbind_push_text(L, index, "payload_hash", request->payload_hash);
    }
    return policy;
}

/* core.verify(request, auth, secret_access_key, policy); without a secret the key is unknown. */
static int l_verify(lua_State *L) {
    sigv4_pair headers[MAX_REQUEST_HEADERS];
    lua_settop(L, 4);
    luaL_checkstack(L, 40, "too many fields");
    slice secret = lbind_optional_slice(L, 3, slice_of(NULL, 0));
    sigv4_request request = read_request(L, 1, headers);
    sigv4_authorization auth = read_authorization(L, 2);
    sigv4_policy policy = read_policy(L, 4, &request);
    policy.secret_access_key = secret;
    policy.unknown_key = secret.ptr == NULL;

    sigv4_status status = sigv4_verify(&request, &auth, &policy);
    if (status != SIGV4_OK) return push_refusal(L, status, policy.service);
    lua_pushboolean(L, 1);
    return 1;
}

void lcore_open_sigv4(lua_State *L) {
    static const luaL_Reg signer_methods[] = {{"sign", l_signer_sign},
                                              {"presign", l_signer_presign},
                                              {"close", l_signer_close},
                                              {NULL, NULL}};
    static const luaL_Reg functions[] = {{"signer", l_signer},
                                         {"sign", l_sign},
                                         {"authorization", l_authorization},
                                         {"verify", l_verify},
                                         {NULL, NULL}};
    lbind_push_class(L, SIGNER_CLASS, signer_methods, l_signer_close);
    lua_pushcfunction(L, l_signer_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
