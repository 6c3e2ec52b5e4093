#define _GNU_SOURCE /* getaddrinfo, SOCK_CLOEXEC */
/* Whether a server could listen on an address, asked of the kernel by trying. */
#include "lsys.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Binds a socket as a server would and lets go of it again; gives 0 or an errno. A connection that
 * a server before has left behind does not count: servers set SO_REUSEADDR (socket(7)). */
static int try_bind(const struct addrinfo *address) {
    int on = 1, error = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) < 0) error = errno;
    close(fd);
    return error;
}

static int push_unresolved(lua_State *L, const char *host, int error) {
    lua_pushnil(L);
    lua_pushfstring(L, "cannot find the address of %s: %s", host, gai_strerror(error));
    lua_pushliteral(L, "EADDRNOTAVAIL");
    return 3;
}

/* can_listen(host, port) -> true | nil, message, code */
static int l_can_listen(lua_State *L) {
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    const char *host = luaL_checkstring(L, 1);
    const char *port = luaL_checkstring(L, 2);
    struct addrinfo *found = NULL;
    int unresolved = getaddrinfo(host, port, &hints, &found);
    if (unresolved != 0) return push_unresolved(L, host, unresolved);
    int error = try_bind(found);
    freeaddrinfo(found);
    if (error != 0)
        return lsys_push_failure(L, "listen on", lua_pushfstring(L, "%s port %s", host, port),
                                 error);
    lua_pushboolean(L, 1);
    return 1;
}

void lsys_open_net(lua_State *L) {
    lua_pushcfunction(L, l_can_listen);
    lua_setfield(L, -2, "can_listen");
}
