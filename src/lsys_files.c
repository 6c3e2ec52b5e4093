#define _GNU_SOURCE /* O_NOFOLLOW, flock, mkdtemp */
#include "lsys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_CLASS "finspace.sys.lock"
#define FOLDER_CLASS "finspace.sys.folder"

static const char *type_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "link";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFCHR:
    case S_IFBLK: return "device";
    default: return "other";
    }
}

static void set_number(lua_State *L, const char *name, lua_Number value) {
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static int push_stat(lua_State *L, const struct stat *st) {
    lua_createtable(L, 0, 8);
    lua_pushstring(L, type_name(st->st_mode));
    lua_setfield(L, -2, "type");
    lbind_set_integer(L, "size", (int64_t)st->st_size);
    set_number(L, "mtime", (lua_Number)st->st_mtim.tv_sec + (lua_Number)st->st_mtim.tv_nsec / 1e9);
    lbind_set_integer(L, "inode", (int64_t)st->st_ino);
    lbind_set_integer(L, "device", (int64_t)st->st_dev);
    lbind_set_integer(L, "mode", (int64_t)(st->st_mode & 07777));
    lbind_set_integer(L, "uid", (int64_t)st->st_uid);
    return 1;
}

/* stat(path) -> {type, size, mtime, inode, device, mode, uid} | nil, message, code; follows links
 */
static int l_stat(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    struct stat st;
    if (stat(path, &st) < 0) return lsys_push_failure(L, "look at", path, errno);
    return push_stat(L, &st);
}

/* lstat(path): like stat, of the link itself */
static int l_lstat(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    struct stat st;
    if (lstat(path, &st) < 0) return lsys_push_failure(L, "look at", path, errno);
    return push_stat(L, &st);
}

/* Makes a new name last: without it the name may be lost with the power, and all below it. Best
 * effort, since some file systems cannot sync a folder. */
static void sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    while (length > 0 && path[length - 1] != '/') length--;
    bool has_folder = length > 0;
    while (length > 1 && path[length - 1] == '/') length--;
    if (length >= sizeof folder) return;
    memcpy(folder, path, length);
    folder[length] = '\0';
    int fd = open(has_folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/* mkdir(path [, mode = 0700 [, is_unsynced]]) -> true | nil, message, code; what is made in it may
 * count on it: the folder's own name is on disk, unless nobody needs that yet */
static int l_mkdir(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    mode_t mode = (mode_t)luaL_optinteger(L, 2, 0700);
    int outcome = mkdir(path, mode);
    if (outcome == 0 && !lua_toboolean(L, 3)) sync_folder_of(path);
    return lsys_push_outcome(L, outcome, "create the folder", path);
}

/* mkdtemp(prefix) -> path of a new private folder whose name begins so | nil, message, code */
static int l_mkdtemp(lua_State *L) {
    lua_pushfstring(L, "%sXXXXXX", lbind_check_path(L, 1));
    slice wanted = lbind_to_slice(L, -1);
    char *path = lcompat_newuserdata(L, wanted.len + 1);
    memcpy(path, wanted.ptr, wanted.len + 1);
    if (!mkdtemp(path)) return lsys_push_failure(L, "create the folder", wanted.ptr, errno);
    lua_pushstring(L, path);
    return 1;
}

static int l_folder_close(lua_State *L) {
    DIR **folder = luaL_checkudata(L, 1, FOLDER_CLASS);
    if (*folder) closedir(*folder);
    *folder = NULL;
    return 0;
}

/* Pushes a list of the names in a folder. */
static void push_names(lua_State *L, DIR *folder) {
    int count = 0;
    lua_newtable(L);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
}

/* list(path) -> names, unsorted, without "." and ".." | nil, message, code */
static int l_list(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    DIR **folder = lcompat_newuserdata(L, sizeof *folder);
    *folder = NULL;
    lbind_set_class(L, FOLDER_CLASS);
    *folder = opendir(path);
    if (!*folder) return lsys_push_failure(L, "list", path, errno);
    push_names(L, *folder);
    closedir(*folder);
    *folder = NULL;
    return 1;
}

/* rename(from, to) -> true | nil, message, code */
static int l_rename(lua_State *L) {
    const char *from = lbind_check_path(L, 1);
    return lsys_push_outcome(L, rename(from, lbind_check_path(L, 2)), "rename", from);
}

/* remove(path) -> true | nil, message, code; a file, a link or an empty folder */
static int l_remove(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    return lsys_push_outcome(L, remove(path), "remove", path);
}

/* chmod(path, mode) -> true | nil, message, code */
static int l_chmod(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    return lsys_push_outcome(L, chmod(path, (mode_t)luaL_checkinteger(L, 2)), "change the mode of",
                             path);
}

/* realpath(path) -> the absolute path without links | nil, message, code */
static int l_realpath(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    char resolved[PATH_MAX];
    if (!realpath(path, resolved)) return lsys_push_failure(L, "resolve", path, errno);
    lua_pushstring(L, resolved);
    return 1;
}

static bool write_all(int fd, slice bytes) {
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.ptr, bytes.len);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes = slice_from(bytes, (size_t)count);
    }
    return true;
}

/* Writes, syncs and closes; false with errno set by the first that failed. */
static bool fill_file(int fd, slice content) {
    bool whole = write_all(fd, content) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) < 0 && whole) return false;
    errno = error;
    return whole;
}

/* Gives `path` this content in one step: a reader sees the old file or the new one, never a half.
 * A link at `path` is replaced and not followed. */
static bool replace_file(const char *path, const char *temporary, slice content) {
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    if (fill_file(fd, content) && rename(temporary, path) == 0) {
        sync_folder_of(path);
        return true;
    }
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

/* write_private(path, content) -> true | nil, message, code; the file is 0600 from its first byte
 */
static int l_write_private(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    unsigned char chance[8];
    char digits[sizeof chance * 2 + 1];
    buf name;
    slice content = lbind_check_slice(L, 2);
    if (!lsys_random_fill(chance, sizeof chance)) {
        return luaL_error(L, "the system has no random numbers");
    }
    buf_init_fixed(&name, digits, sizeof digits);
    buf_add_hex(&name, chance, sizeof chance);
    buf_add_char(&name, '\0');
    const char *temporary = lua_pushfstring(L, "%s.%s.tmp", path, digits);
    return lsys_push_outcome(L, replace_file(path, temporary, content) ? 0 : -1, "write", path);
}

/* Reads up to the end, or until the buf is full; false with errno set. */
static bool read_all(int fd, buf *out) {
    char chunk[8192];
    for (;;) {
        ssize_t count = read(fd, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR) continue;
        if (count > 0) buf_add(out, slice_of(chunk, (size_t)count));
        buf_wipe(chunk, count > 0 ? (size_t)count : 0);
        if (count < 0) return false;
        if (count == 0 || !buf_ok(out)) return true;
    }
}

/* Opens only a regular file, and never waits as opening a FIFO would. */
static int open_regular(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return fd;
    close(fd);
    errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    return -1;
}

static int push_not_regular(lua_State *L, const char *path) {
    lua_pushnil(L);
    lua_pushfstring(L, "cannot read %s: it is not a regular file", path);
    lua_pushstring(L, "EINVAL");
    return 3;
}

/* read_limited(path, max_bytes) -> content | nil, message, code; EFBIG when it is larger */
static int l_read_limited(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    size_t limit = lsys_check_size(L, 2, 1ULL << 40);
    buf *content = lbind_push_buf(L, limit);
    int fd = open_regular(path);
    if (fd < 0 && errno == EINVAL) return push_not_regular(L, path);
    if (fd < 0) return lsys_push_failure(L, "read", path, errno);
    bool whole = read_all(fd, content);
    int error = errno;
    close(fd);
    if (!whole) return lsys_push_failure(L, "read", path, error);
    if (content->status == BUF_FULL) return lsys_push_failure(L, "read", path, EFBIG);
    if (!buf_ok(content)) return luaL_error(L, "not enough memory");
    lbind_push_slice(L, buf_slice(content));
    buf_free(content);
    return 1;
}

/* --- locks ------------------------------------------------------------------------------------ */

static int l_lock_close(lua_State *L) {
    int *fd = luaL_checkudata(L, 1, LOCK_CLASS);
    if (*fd >= 0) close(*fd);
    *fd = -1;
    return 0;
}

/* lock(path) -> lock | nil, message, code; EAGAIN when another process holds it.
 * The file is created and stays; the lock ends with lock:close(), with the process, or when it is
 * collected, so that a crash never leaves one behind. */
static int l_lock(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    int *fd = lcompat_newuserdata(L, sizeof *fd);
    *fd = -1;
    lbind_set_class(L, LOCK_CLASS);
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) < 0)
        return lsys_push_failure(L, "lock", path, errno);
    return 1;
}

void lsys_open_files(lua_State *L) {
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    static const luaL_Reg lock_methods[] = {{"close", l_lock_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"stat", l_stat},
                                         {"lstat", l_lstat},
                                         {"mkdir", l_mkdir},
                                         {"mkdtemp", l_mkdtemp},
                                         {"list", l_list},
                                         {"rename", l_rename},
                                         {"remove", l_remove},
                                         {"chmod", l_chmod},
                                         {"realpath", l_realpath},
                                         {"write_private", l_write_private},
                                         {"read_limited", l_read_limited},
                                         {"lock", l_lock},
                                         {NULL, NULL}};
    lbind_push_class(L, LOCK_CLASS, lock_methods, l_lock_close);
    lbind_push_class(L, FOLDER_CLASS, no_methods, l_folder_close);
    lua_pop(L, 2);
    luaL_setfuncs(L, functions, 0);
}
