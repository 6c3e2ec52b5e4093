/* lsys_launch: what a program is started with, and starting it. Private to lsys. */
#ifndef FINSPACE_LSYS_LAUNCH_H
#define FINSPACE_LSYS_LAUNCH_H

#include <spawn.h>
#include <sys/types.h>

#include "lsys.h"

/* The strings belong to the Lua table that they were read from. */
typedef struct lsys_command {
    char **argv;
    char **env;
} lsys_command;

/* Reads argv and env of the table at index 1. Everything it pushes stays, as anchors. */
lsys_command lsys_check_command(lua_State *L);

/* Reads a list of strings into a NULL-terminated array that lives on the Lua stack. */
char **lsys_push_words(lua_State *L, int list, const char *what);

/* What the system wants to know of a program before it starts one. */
typedef struct lsys_launch {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
} lsys_launch;

/* A program that gets these three descriptors as its 0, 1 and 2 and no other, default signals, and
 * a process group of its own. Returns 0, or an errno; both leave something to free. */
int lsys_launch_init(lsys_launch *l, const int streams[3]);
void lsys_launch_free(lsys_launch *l);

/* Starts a program. Returns 0, or an errno. Allocates nothing, so a forked process may call it. */
int lsys_launch_run(const lsys_launch *l, const lsys_command *c, pid_t *pid);

/* Closes what is open, and marks it closed. */
void lsys_close_fd(int *fd);

#endif
