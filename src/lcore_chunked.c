/* Bodies in aws-chunked form, and the cyclic checksums that come with them, as Lua sees them. */
#include "lcore.h"

#include "crc.h"
#include "sigv4_chunked.h"

#define READER_CLASS "finspace.chunked"

/* --- a body in chunks ------------------------------------------------------------------------- */

static uint64_t length_field(lua_State *L, int index, const char *name) {
    int64_t value;
    lua_getfield(L, index, name);
    if (!lcore_to_integer(L, -1, &value) || value < 0) {
        luaL_error(L, "'%s' must be a whole number, and not below 0", name);
    }
    lua_pop(L, 1);
    return (uint64_t)value;
}

static slice text_field(lua_State *L, int index, const char *name) {
    slice text = lbind_push_text(L, index, name, SLICE(""));
    if (text.len == 0) luaL_error(L, "'%s' is missing", name);
    return text;
}

/* The fields of the table at index 1; their strings stay on the stack. */
static sigv4_chunked_seed read_seed(lua_State *L) {
    sigv4_chunked_seed seed = {0};
    if (!sigv4_chunked_announced(text_field(L, 1, "payload_hash"), &seed.form)) {
        luaL_error(L, "'payload_hash' does not announce chunks");
    }
    seed.decoded_length = length_field(L, 1, "decoded_length");
    seed.secret_access_key = text_field(L, 1, "secret_access_key");
    seed.signature = text_field(L, 1, "signature");
    seed.time = (long long)length_field(L, 1, "time");
    seed.region = text_field(L, 1, "region");
    seed.service = text_field(L, 1, "service");
    luaL_argcheck(L, seed.signature.len == DIGEST_HEX_SIZE, 1, "'signature' must have 64 digits");
    luaL_argcheck(
        L, seed.region.len <= SIGV4_MAX_SCOPE_LENGTH && seed.service.len <= SIGV4_MAX_SCOPE_LENGTH,
        1, "'region' or 'service' is too long");
    return seed;
}

/* core.chunked{payload_hash=, decoded_length=, secret_access_key=, signature=, time=, region=,
 * service=} */
static int l_chunked(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkstack(L, 12, "too many fields");
    sigv4_chunked_seed seed = read_seed(L);
    sigv4_chunked_init(lcompat_newuserdata(L, sizeof(sigv4_chunked)), &seed);
    lbind_set_class(L, READER_CLASS);
    return 1;
}

/* A closed reader has forgotten its key, and is never done. */
static int l_reader_close(lua_State *L) {
    buf_wipe(luaL_checkudata(L, 1, READER_CLASS), sizeof(sigv4_chunked));
    return 0;
}

static int push_chunked_refusal(lua_State *L, sigv4_chunked_status status) {
    lua_pushnil(L);
    lua_pushstring(L, sigv4_chunked_code(status));
    lua_pushstring(L, sigv4_chunked_message(status));
    lua_pushinteger(L, sigv4_chunked_http_status(status));
    return 4;
}

/* reader:read(bytes) returns those of the body among them, or nil, code, message, HTTP status. */
static int l_reader_read(lua_State *L) {
    sigv4_chunked *reader = lbind_check_self(L, READER_CLASS);
    slice input = lbind_check_slice(L, 2), payload;
    buf *out = lbind_push_buf(L, input.len);
    while (input.len) {
        sigv4_chunked_status status = sigv4_chunked_read(reader, &input, &payload);
        if (status != SIGV4_CHUNKED_OK) return push_chunked_refusal(L, status);
        buf_add(out, payload);
    }
    lbind_check_buf(L, out, "the body");
    lbind_push_slice(L, buf_slice(out));
    return 1;
}

static int l_reader_is_done(lua_State *L) {
    lua_pushboolean(L, sigv4_chunked_is_done(luaL_checkudata(L, 1, READER_CLASS)));
    return 1;
}

/* reader:trailer() returns the trailing headers, as a map by lower-case name. */
static int l_reader_trailer(lua_State *L) {
    slice rest = sigv4_chunked_trailer(luaL_checkudata(L, 1, READER_CLASS)), name, value;
    lua_newtable(L);
    while (sigv4_chunked_next_header(&rest, &name, &value)) {
        lbind_push_slice(L, name);
        lbind_push_slice(L, value);
        lua_rawset(L, -3);
    }
    return 1;
}

/* --- checksums -------------------------------------------------------------------------------- */

static const crc_kind *check_kind(lua_State *L, int index) {
    slice name = lbind_check_slice(L, index);
    const crc_kind *kind = crc_find(name);
    if (!kind) luaL_error(L, "there is no checksum '%s': crc32, crc32c or crc64nvme", name.ptr);
    return kind;
}

/* A checksum in Lua is its bytes, the greatest first: 64 bits do not fit every Lua's numbers. */
static uint64_t check_checksum(lua_State *L, int index, const crc_kind *kind) {
    uint64_t value = 0;
    slice bytes = lbind_check_slice(L, index);
    luaL_argcheck(L, bytes.len == crc_size(kind), index, "not a checksum of this kind");
    for (size_t i = 0; i < bytes.len; i++) value = value << 8 | (unsigned char)bytes.ptr[i];
    return value;
}

static int push_checksum(lua_State *L, const crc_kind *kind, uint64_t value) {
    char bytes[8];
    size_t size = crc_size(kind);
    for (size_t i = size; i-- > 0; value >>= 8) bytes[i] = (char)(value & 0xff);
    lua_pushlstring(L, bytes, size);
    return 1;
}

/* core.crc(kind, bytes [, before]) */
static int l_crc(lua_State *L) {
    const crc_kind *kind = check_kind(L, 1);
    slice bytes = lbind_check_slice(L, 2);
    uint64_t before = lua_isnoneornil(L, 3) ? 0 : check_checksum(L, 3, kind);
    return push_checksum(L, kind, crc_update(kind, before, bytes));
}

/* core.crc_combine(kind, first, second, length of the second) */
static int l_crc_combine(lua_State *L) {
    const crc_kind *kind = check_kind(L, 1);
    int64_t length;
    uint64_t first = check_checksum(L, 2, kind), second = check_checksum(L, 3, kind);
    luaL_argcheck(L, lcore_to_integer(L, 4, &length) && length >= 0, 4, "a length is expected");
    return push_checksum(L, kind, crc_combine(kind, first, second, (uint64_t)length));
}

void lcore_open_chunked(lua_State *L) {
    static const luaL_Reg reader_methods[] = {{"read", l_reader_read},
                                              {"is_done", l_reader_is_done},
                                              {"trailer", l_reader_trailer},
                                              {"close", l_reader_close},
                                              {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"chunked", l_chunked}, {"crc", l_crc}, {"crc_combine", l_crc_combine}, {NULL, NULL}};
    lbind_push_class(L, READER_CLASS, reader_methods, l_reader_close);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
