/* Hashes and percent-encoding, as Lua sees them. */
#include "lcore.h"

#include "digest.h"
#include "uri.h"

#define STREAM_CLASS "finspace.sha256_stream"

static int push_hex(lua_State *L, const unsigned char hash[DIGEST_SIZE]) {
    char hex[DIGEST_HEX_SIZE];
    digest_hex(hash, hex);
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

static int l_sha256(lua_State *L) {
    unsigned char hash[DIGEST_SIZE];
    digest_of(lbind_check_slice(L, 1), hash);
    return push_hex(L, hash);
}

static int l_sha1(lua_State *L) {
    char hex[DIGEST_SHA1_HEX_SIZE];
    digest_sha1_hex(lbind_check_slice(L, 1), hex);
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

static int l_hmac_sha256(lua_State *L) {
    unsigned char mac[DIGEST_SIZE];
    digest_key key;
    slice secret = lbind_check_slice(L, 1), message = lbind_check_slice(L, 2);
    digest_key_init(&key, secret);
    digest_hmac(&key, message, mac);
    buf_wipe(&key, sizeof key);
    lua_pushlstring(L, (const char *)mac, sizeof mac);
    return 1;
}

static int l_sha256_stream(lua_State *L) {
    digest_init(lcompat_newuserdata(L, sizeof(digest)));
    lbind_set_class(L, STREAM_CLASS);
    return 1;
}

static int l_stream_update(lua_State *L) {
    digest *d = luaL_checkudata(L, 1, STREAM_CLASS);
    digest_update(d, lbind_check_slice(L, 2));
    lua_settop(L, 1);
    return 1;
}

static int l_stream_hex(lua_State *L) {
    unsigned char hash[DIGEST_SIZE];
    digest_out(luaL_checkudata(L, 1, STREAM_CLASS), hash);
    return push_hex(L, hash);
}

/* A closed stream is a fresh one: nothing of what it saw is left. */
static int l_stream_close(lua_State *L) {
    digest *d = luaL_checkudata(L, 1, STREAM_CLASS);
    buf_wipe(d, sizeof *d);
    digest_init(d);
    return 0;
}

static int l_digest_backend(lua_State *L) {
    const char *name = luaL_optstring(L, 1, NULL);
    if (name && !digest_force_backend(name)) {
        return luaL_error(L, "this processor has no digest backend '%s'", name);
    }
    lua_pushstring(L, digest_backend());
    return 1;
}

/* --- percent-encoding ------------------------------------------------------------------------- */

static int l_uri_encode(lua_State *L) {
    slice text = lbind_check_slice(L, 1);
    bool keep_slash = lua_toboolean(L, 2);
    buf *out = lbind_push_buf(L, text.len * 3);
    if (keep_slash) {
        uri_encode_path(out, text);
    } else {
        uri_encode(out, text);
    }
    lbind_check_buf(L, out, "the encoded text");
    lbind_push_slice(L, buf_slice(out));
    return 1;
}

static int l_uri_decode(lua_State *L) {
    slice text = lbind_check_slice(L, 1);
    buf *out = lbind_push_buf(L, text.len);
    uri_decode(out, text);
    lbind_check_buf(L, out, "the decoded text");
    lbind_push_slice(L, buf_slice(out));
    return 1;
}

void lcore_open_digest(lua_State *L) {
    static const luaL_Reg stream_methods[] = {{"update", l_stream_update},
                                              {"hex", l_stream_hex},
                                              {"close", l_stream_close},
                                              {NULL, NULL}};
    static const luaL_Reg functions[] = {{"sha1", l_sha1},
                                         {"sha256", l_sha256},
                                         {"sha256_stream", l_sha256_stream},
                                         {"hmac_sha256", l_hmac_sha256},
                                         {"digest_backend", l_digest_backend},
                                         {"uri_encode", l_uri_encode},
                                         {"uri_decode", l_uri_decode},
                                         {NULL, NULL}};
    lbind_push_class(L, STREAM_CLASS, stream_methods, l_stream_close);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
