--- What the service's processes rely on: one master a data folder, no worker without it.

local ffi = require("ffi")

ffi.cdef([[
int open(const char *path, int flags, ...);
int flock(int fd, int operation);
int close(int fd);
int prctl(int option, unsigned long argument, ...);
int getppid(void);
unsigned int umask(unsigned int mask);
]])

local READ_WRITE_CREATE_CLOEXEC = 0x2 + 0x40 + 0x80000
local EXCLUSIVE_NOW = 2 + 4
local PR_SET_PDEATHSIG, SIGKILL = 1, 9

local process = {}

--- Makes every file from now on its owner's alone, the database with its keys among them.
function process.keep_files_private() ffi.C.umask(tonumber("077", 8)) end

--- Takes a lock for the rest of this process' life. The descriptor is kept on purpose: a reload
--- replaces this Lua state, and must not let go of the lock. Forked children share it.
--- @param path string
--- @return boolean taken
function process.hold_lock(path)
  local fd = ffi.C.open(path, READ_WRITE_CREATE_CLOEXEC, ffi.cast("int", tonumber("600", 8)))
  if fd < 0 then return false end
  if ffi.C.flock(fd, EXCLUSIVE_NOW) == 0 then return true end
  ffi.C.close(fd)
  return false
end

--- Ends this worker with its master, even one that was killed: an orphan would go on answering on the
--- port and keep the next start from using it.
--- @param master integer process id
function process.end_with_master(master)
  ffi.C.prctl(PR_SET_PDEATHSIG, ffi.cast("unsigned long", SIGKILL))
  if ffi.C.getppid() ~= master then os.exit(1) end -- it died before the line above
end

return process
