--- What nginx's sockets do not tell of their TLS, asked of OpenSSL, which nginx is linked with, and of
--- nginx's own structures. What cannot be told is taken for the worst: `nil` or false.
local ffi = require("ffi")
local request_of = require("resty.core.base").get_request

ffi.cdef([[
typedef struct { uintptr_t ctx_index; } finspace_ngx_module;
extern finspace_ngx_module ngx_http_lua_module;
void *SSL_SESSION_get0_peer(void *session);
void *SSL_get_session(const void *ssl);
uint64_t SSL_clear_options(void *ssl, uint64_t options);
int X509_check_ip_asc(void *certificate, const char *address, unsigned int flags);
int X509_check_host(void *certificate, const char *host, size_t length, unsigned int flags, char **name);
]])

local resty_tls = {}

-- openssl/ssl.h and openssl/x509v3.h
local IGNORE_UNEXPECTED_EOF, NEVER_CHECK_SUBJECT = 2 ^ 7, 0x20

-- ngx_http_request_s begins: signature, connection, ctx, main_conf, srv_conf, loc_conf.
local LOC_CONF = 5

local function words_at(pointer) return ffi.cast("uintptr_t *", pointer) end

-- The address of the location's settings for Lua: what it trusts among them.
local function location_settings()
  local loc_conf = words_at(request_of())[LOC_CONF]
  return words_at(loc_conf)[ffi.C.ngx_http_lua_module.ctx_index]
end

--- A name for what the location at hand trusts. Connections may be kept for those of the same name.
--- @return string|nil
function resty_tls.trust()
  local known, settings = pcall(location_settings)
  return known and tostring(settings) or nil
end

--- Whether a certificate's alternative names have the host: an address as an IP address, a name as a DNS
--- name. A common name stands in for neither.
--- @param session cdata   what the handshake gave
--- @param host string     without brackets
--- @param is_address boolean
--- @return boolean
function resty_tls.names_peer(session, host, is_address)
  local certificate = ffi.C.SSL_SESSION_get0_peer(session)
  if certificate == nil then return false end
  if is_address then return ffi.C.X509_check_ip_asc(certificate, host, 0) == 1 end
  return ffi.C.X509_check_host(certificate, host, #host, NEVER_CHECK_SUBJECT, nil) == 1
end

-- Where a connection's TLS stands in ngx_connection_s, in words: nginx 1.25 put `quic` before it.
local function place_of_ssl()
  local version = ngx.config.nginx_version
  if version < 1021000 or version >= 1030000 then return nil end
  return version < 1025000 and 18 or 19
end

-- A socket's structure holds, one after the other: the location's settings, a cleanup, the request, and the
-- connection, whose first word leads back. Only where all of these are found is it what it is taken for.
local function connection_of(sock)
  local upstream = words_at(sock[1])
  local request, settings = words_at(request_of()), location_settings()
  for at = 4, 10 do
    if upstream[at] == settings and upstream[at + 2] == ffi.cast("uintptr_t", request) then
      local connection = words_at(upstream[at + 3])
      return connection[0] == ffi.cast("uintptr_t", upstream) and connection or nil
    end
  end
end

local function ssl_of(sock, session)
  if sock.getsslpointer then return sock:getsslpointer() end
  local place, connection = place_of_ssl(), connection_of(sock)
  if not place or not connection or connection[place] == 0 then return nil end
  local ssl = ffi.cast("void *", words_at(connection[place])[0])
  return ffi.C.SSL_get_session(ssl) == ffi.cast("void *", session) and ssl or nil
end

--- Makes an end without TLS's goodbye (close_notify) an error on this connection: nginx tells OpenSSL to take
--- it for one.
--- @param sock table      a cosocket after its handshake
--- @param session cdata   what the handshake gave
--- @return boolean done   false: a cut cannot be told from an end
function resty_tls.demand_goodbye(sock, session)
  local known, ssl = pcall(ssl_of, sock, session)
  if not known or ssl == nil then return false end
  ffi.C.SSL_clear_options(ssl, IGNORE_UNEXPECTED_EOF)
  return true
end

return resty_tls
