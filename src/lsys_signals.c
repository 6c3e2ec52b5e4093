#define _POSIX_C_SOURCE 200809L /* sigaction */
/* Interrupts, which only set a mark, so that a program can stop in order. */
#include "lsys.h"

#include <signal.h>

static volatile sig_atomic_t caught_signal;

static void catch_signal(int number) {
    caught_signal = number;
}

/* catch_interrupts(): from now on SIGINT and SIGTERM only set what interrupted() tells, so that a
 * program can stop in order. A second one ends it at once. */
static int l_catch_interrupts(lua_State *L) {
    struct sigaction action = {.sa_handler = catch_signal, .sa_flags = (int)SA_RESETHAND};
    (void)L;
    caught_signal = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return 0;
}

/* interrupted() -> the number of the signal that came, or nil */
static int l_interrupted(lua_State *L) {
    if (!caught_signal) return 0;
    lua_pushinteger(L, caught_signal);
    return 1;
}

void lsys_open_signals(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"catch_interrupts", l_catch_interrupts}, {"interrupted", l_interrupted}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
