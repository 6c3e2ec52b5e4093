--- Files written and read by descriptor: whole writes, and a way to know that they are on disk.

local ffi = require("ffi")

ffi.cdef([[
int open(const char *path, int flags, ...);
int close(int fd);
intptr_t read(int fd, void *buffer, size_t count);
intptr_t write(int fd, const char *bytes, size_t count);
int64_t lseek(int fd, int64_t offset, int whence);
int fsync(int fd);
int syncfs(int fd);
int sync_file_range(int fd, int64_t offset, int64_t count, unsigned int flags);
int fcntl(int fd, int command, ...);
int fallocate(int fd, int mode, int64_t offset, int64_t count);
int mkdir(const char *path, unsigned int mode);
int rename(const char *from, const char *to);
char *strerror(int code);
struct finspace_flock { short type, whence; int64_t start, length; int pid; };
]])

local C = ffi.C
local READ_ONLY, CLOSE_ON_EXEC = 0x0, 0x80000
local WRITE_CREATE, EXCLUSIVE = 0x1 + 0x40, 0x80
local FILE_MODE, FOLDER_MODE = ffi.cast("int", tonumber("600", 8)), tonumber("700", 8)
local EINTR, EEXIST = 4, 17
local WRITEBACK = 8 * 1024 * 1024
local START_WRITING, WRITE_AND_WAIT = 2, 7 -- SYNC_FILE_RANGE_WRITE, and WAIT_BEFORE and WAIT_AFTER with it
local SEEK_END = 2
local IS_LOST = { [5] = true, [28] = true, [122] = true } -- EIO, ENOSPC, EDQUOT

-- A reader that goes away half way leaves its file to the collector.
local File = {}
File.__index = File

local function fail(doing, path) error(("cannot %s %s: %s"):format(doing, path, ffi.string(C.strerror(ffi.errno()))), 0) end

local function close_descriptor(guard) C.close(guard[0]) end

local function open(path, flags)
  local fd = C.open(path, flags + CLOSE_ON_EXEC, FILE_MODE)
  if fd < 0 then return nil end
  local guard = ffi.gc(ffi.new("int[1]", fd), close_descriptor)
  return setmetatable({ fd = fd, path = path, guard = guard, size = 0, sent = 0, unsent = 0 }, File)
end

local file = {}

--- @param path string must not exist yet
--- @return table file, whose `size` is what was written
function file.create(path) return open(path, WRITE_CREATE + EXCLUSIVE) or fail("create", path) end

--- @param path string
--- @return table|nil file
function file.open(path) return open(path, READ_ONLY) end

local SET_LOCK, FOR_WRITING = 37, 1 -- F_OFD_SETLK: of the open file, not of the process, which may have others

--- Opens a place in a file that several write, each its own place; the file and its folder are made where they are missing,
--- and their names are on disk after sync_place.
--- @param path string
--- @param offset integer
--- @param size integer bytes that will be written, no more
--- @return table|nil file that writes there until it is closed; nil where somebody does already
function file.open_place(path, offset, size)
  C.mkdir(path:match("^(.*)/"), FOLDER_MODE)
  local opened = open(path, WRITE_CREATE) or fail("open", path)
  local lock = ffi.new("struct finspace_flock", { type = FOR_WRITING, start = offset, length = size })
  if C.fcntl(opened.fd, SET_LOCK, lock) ~= 0 then
    opened:close()
    return nil
  end
  opened:seek(offset)
  opened.offset, opened.room, opened.sent = offset, size, offset
  return opened
end

local PUNCH_HOLE = 3 -- FALLOC_FL_PUNCH_HOLE, and FALLOC_FL_KEEP_SIZE, which it needs

--- Closes the file, and gives the disk back what was written at its place, where the disk can take it back.
function File:give_back()
  C.fallocate(self.fd, PUNCH_HOLE, self.offset, self.room)
  self:close()
end

--- Creates a file that is read and removed again: nobody waits until it is on disk.
--- @param path string must not exist yet
--- @return table file
function file.create_temporary(path)
  local created = file.create(path)
  created.is_temporary = true
  return created
end

-- What is written starts on its way to the disk at once, so that the sync at the end is short.
local function start_writeback(self, written)
  if self.is_temporary then return end
  self.unsent = self.unsent + written
  if self.unsent < WRITEBACK then return end
  C.sync_file_range(self.fd, self.sent, self.unsent, START_WRITING)
  self.sent, self.unsent = self.sent + self.unsent, 0
end

--- @param bytes string|ffi.cdata* written whole, or it raises
--- @param size? integer of what is no string
function File:write(bytes, size)
  local at, left = ffi.cast("const char *", bytes), size or #bytes
  if self.room and self.size + left > self.room then error("more bytes than were announced for " .. self.path, 0) end
  self.size = self.size + left
  start_writeback(self, left)
  while left > 0 do
    local written = tonumber(C.write(self.fd, at, left))
    if written < 0 and ffi.errno() ~= EINTR then fail("write", self.path) end
    if written > 0 then
      at, left = at + written, left - written
    end
  end
end

--- @param buffer ffi.cdata* at least `count` bytes
--- @param count integer
--- @return integer read 0 at the end
function File:read_into(buffer, count)
  local got = tonumber(C.read(self.fd, buffer, count))
  if got >= 0 then return got end
  if ffi.errno() == EINTR then return self:read_into(buffer, count) end
  return fail("read", self.path)
end

--- @param offset integer from the file's start
function File:seek(offset)
  if C.lseek(self.fd, offset, 0) < 0 then fail("seek in", self.path) end
end

-- A commit of the disk's journal waits for all that its files have new. So it is little at a time: those that wait for
-- the next commit wait for a part, not for a large file. Where it may not be called the sync does it all; but what it says
-- is lost no later sync says again.
local function write_back(self, from, size)
  for offset = from, from + size - 1, WRITEBACK do
    if C.sync_file_range(self.fd, offset, WRITEBACK, WRITE_AND_WAIT) ~= 0 then
      return IS_LOST[ffi.errno()] and fail("sync", self.path)
    end
  end
end

--- Waits until what was written is on disk.
function File:sync()
  if C.fsync(self.fd) ~= 0 then fail("sync", self.path) end
end

--- Closes the file; a second call does nothing.
function File:close()
  if not self.fd then return end
  ffi.gc(self.guard, nil)
  C.close(self.fd)
  self.fd = nil
end

--- Waits until a path's content, or a folder's entries, are on disk. Runs in a thread of nginx too,
--- where large files are synced, so that the worker goes on meanwhile.
--- @param path string
--- @param is_folder? boolean
function file.sync(path, is_folder)
  local opened = open(path, READ_ONLY) or fail("open", path)
  -- Where a folder ends is no size.
  if not is_folder then write_back(opened, 0, tonumber(C.lseek(opened.fd, 0, SEEK_END))) end
  opened:sync()
  opened:close()
end

--- Waits until what was written at a place of a file is on disk, and the names of the file and its folder.
--- @param path string
--- @param offset integer
--- @param size integer
function file.sync_place(path, offset, size)
  local opened = open(path, READ_ONLY) or fail("open", path)
  write_back(opened, offset, size)
  opened:sync()
  opened:close()
  local folder = path:match("^(.*)/")
  file.ensure_folder(folder)
  file.sync(folder, true)
end

--- Waits until everything is on disk that was written to the disk of a folder.
--- @param path string
function file.sync_disk(path)
  local opened = open(path, READ_ONLY) or fail("open", path)
  if C.syncfs(opened.fd) ~= 0 then fail("sync", path) end
  opened:close()
end

local is_lasting = {} -- folders whose names this Lua knows to be on disk

--- Makes a folder where it is missing. Afterwards its name is on disk: another process may have made it, and
--- not have synced its parent yet.
--- @param path string
function file.ensure_folder(path)
  if C.mkdir(path, FOLDER_MODE) ~= 0 and ffi.errno() ~= EEXIST then fail("make", path) end
  if not is_lasting[path] then file.sync(path:match("^(.*)/"), true) end
  is_lasting[path] = true
end

--- Gives a file that was written its place, in a folder that is made where it is missing. Afterwards both the
--- file and its name are on disk.
--- @param from string
--- @param to string
function file.publish(from, to)
  local folder = to:match("^(.*)/")
  file.sync(from)
  file.ensure_folder(folder)
  if C.rename(from, to) ~= 0 then fail("rename to", to) end
  file.sync(folder, true)
end

return file
