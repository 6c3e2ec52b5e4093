/* lsys: the binding of finspace.sys. What Lua's standard library lacks, and nothing more: clocks,
 * files that hold secrets, processes without a shell, and whether an address can be listened on.
 *
 * lsys.c opens the module and holds what is small; lsys_files.c binds files and locks, lsys_child.c
 * programs that run to their end, lsys_process.c those in the background, lsys_signals.c
 * interrupts, lsys_net.c addresses.
 *
 * What the world refuses is `nil, message, code`, where code is the symbol of errno ("ENOENT");
 * what the caller wrote wrongly raises. Each function reads its arguments, runs plain C, and pushes
 * its results; descriptors live in C only between those two moments.
 */
#ifndef FINSPACE_LSYS_H
#define FINSPACE_LSYS_H

#include <stdint.h>

#include "lbind.h"
#include "monotonic.h"

/* Pushes nil, "cannot VERB SUBJECT: reason" and the error's symbol; gives 3, to be returned. */
int lsys_push_failure(lua_State *L, const char *verb, const char *subject, int error);

/* Pushes true, or a failure by errno when the result is negative; gives their count. */
int lsys_push_outcome(lua_State *L, int result, const char *verb, const char *subject);

/* A count of bytes, from 0 to `max`. */
size_t lsys_check_size(lua_State *L, int index, double max);

/* The moment so many seconds from now; at most 30 years, so that it cannot overflow. */
int64_t lsys_deadline_after(lua_Number seconds);

/* Fills memory from the kernel's generator. It fails only where the system has none. */
bool lsys_random_fill(unsigned char *out, size_t count);

/* Add their functions to the module table on the top of the stack. */
void lsys_open_files(lua_State *L);
void lsys_open_child(lua_State *L);
void lsys_open_process(lua_State *L);
void lsys_open_signals(lua_State *L);
void lsys_open_net(lua_State *L);

FINSPACE_EXPORT int luaopen_finspace_sys(lua_State *L);

#endif
