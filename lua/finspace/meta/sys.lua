--- @meta finspace.sys
-- luacheck: ignore

--- What Lua's standard library lacks. What the world refuses is `nil, message, code`, where the code is
--- the symbol of errno, like "ENOENT"; what the caller wrote wrongly raises.
local sys = {}

--- Seconds since the epoch, with microseconds.
--- @return number
function sys.now() end

--- Seconds on a clock that is never set back.
--- @return number
function sys.monotonic() end

--- Waits the whole time, whatever signals come.
--- @param seconds number
function sys.sleep(seconds) end

--- Whether the caller's coroutine can be suspended where it stands; nil on Lua 5.1, which does not tell.
--- @return boolean|nil
function sys.can_yield() end

--- Loads a library of C, whose own libraries' names are bound when they are first called. It stays loaded.
--- @param path string
--- @return boolean loaded
function sys.load_lazily(path) end

--- @param count integer at most 1 MiB
--- @return string
function sys.random_bytes(count) end

--- A random identifier, RFC 9562 version 4.
--- @return string
function sys.uuid() end

--- @return integer
function sys.pid() end

--- @class finspace.Stat
--- @field type "file"|"directory"|"link"|"fifo"|"socket"|"device"|"other"
--- @field size integer   bytes
--- @field mtime number   epoch seconds
--- @field inode integer
--- @field device integer
--- @field mode integer   permission bits
--- @field uid integer

--- Describes what is at a path, through links.
--- @param path string
--- @return finspace.Stat|nil, string|nil message, string|nil code
function sys.stat(path) end

--- Describes what is at a path, the link itself.
--- @param path string
--- @return finspace.Stat|nil, string|nil message, string|nil code
function sys.lstat(path) end

--- Makes a folder, whose own name is on disk afterwards.
--- @param path string
--- @param mode integer|nil default 0700
--- @param is_unsynced boolean|nil the name gets to the disk when it may: what lies in it is synced later, or not at all
--- @return true|nil, string|nil message, string|nil code
function sys.mkdir(path, mode, is_unsynced) end

--- Makes a new private folder whose path begins so.
--- @param prefix string
--- @return string|nil path, string|nil message, string|nil code
function sys.mkdtemp(prefix) end

--- The names in a folder, unsorted, without "." and "..".
--- @param path string
--- @return string[]|nil, string|nil message, string|nil code
function sys.list(path) end

--- @param from string
--- @param to string
--- @return true|nil, string|nil message, string|nil code
function sys.rename(from, to) end

--- Removes a file, a link or an empty folder.
--- @param path string
--- @return true|nil, string|nil message, string|nil code
function sys.remove(path) end

--- @param path string
--- @param mode integer
--- @return true|nil, string|nil message, string|nil code
function sys.chmod(path, mode) end

--- The absolute path without links.
--- @param path string
--- @return string|nil, string|nil message, string|nil code
function sys.realpath(path) end

--- Gives a file this content in one step, readable by its owner alone; a link there is replaced.
--- @param path string
--- @param content string
--- @return true|nil, string|nil message, string|nil code
function sys.write_private(path, content) end

--- Reads a regular file that is no larger than this; never waits as a FIFO would make it.
--- @param path string
--- @param max_bytes integer
--- @return string|nil content, string|nil message, string|nil code  "EFBIG" when it is larger
function sys.read_limited(path, max_bytes) end

--- @class finspace.Lock
local lock = {}

--- Gives the lock back. Again is harmless.
function lock:close() end

--- Takes a lock that ends with its owner, so that a crash never leaves one behind.
--- @param path string of a file, which is created and stays
--- @return finspace.Lock|nil, string|nil message, string|nil code  "EAGAIN" when another holds it
function sys.lock(path) end

--- @class finspace.Program
--- @field argv string[]
--- @field env? table<string, string>  else ours
--- @field stdin? string
--- @field timeout? number              seconds, default 60
--- @field max_output? integer          bytes an output, default 1 MiB

--- @class finspace.Ended
--- @field status? integer
--- @field signal? integer
--- @field stdout string
--- @field stderr string

--- Runs a program to its end, without a shell.
--- @param given finspace.Program
--- @return finspace.Ended|nil, string|nil message, string|nil code
---   "ETIMEDOUT" or "EFBIG" when it was ended
function sys.spawn(given) end

--- @class finspace.Child
local child = {}

--- What has become of the program, without waiting. Its time and its outputs are bounded as often as this
--- is asked.
--- @return finspace.Ended|nil, string|nil message, string|nil code
---   "EAGAIN" while it runs; "ETIMEDOUT" or "EFBIG" when it was ended
function child:result() end

--- Ends the program, if it still runs, with all that it started. Again is harmless.
function child:close() end

--- Starts a program, as spawn does, that runs to its end while we do other things.
--- @param given finspace.Program
--- @return finspace.Child|nil, string|nil message, string|nil code
function sys.launch(given) end

--- Starts a program in the background, in a process group of its own.
--- @param given { argv: string[], env: table<string, string>|nil, stdout: string|nil, stderr: string|nil }
---   stdout, stderr: paths of files that the outputs are appended to; default: they are dropped
--- @return integer|nil pid, string|nil message, string|nil code
function sys.start(given) end

--- Waits for the end of a program that start began.
--- @param pid integer
--- @param seconds number|nil default: for ever
--- @return { status: integer|nil, signal: integer|nil }|nil, string|nil message, string|nil code
---   "ETIMEDOUT" while it still runs
function sys.wait(pid, seconds) end

--- @param pid integer         negative: a process group
--- @param signal integer|nil  default 15
--- @return true|nil, string|nil message, string|nil code
function sys.kill(pid, signal) end

--- Becomes another program. Returns only when that fails.
--- @param argv string[]
--- @return nil, string message, string code
function sys.exec(argv) end

--- From now on SIGINT and SIGTERM only set what interrupted tells; a second one ends the process.
function sys.catch_interrupts() end

--- The signal that came since catch_interrupts.
--- @return integer|nil
function sys.interrupted() end

--- @param fd integer|nil default 1
--- @return boolean
function sys.isatty(fd) end

--- @param fd integer|nil default 1
--- @return integer|nil columns  nil where there is no terminal
function sys.terminal_width(fd) end

--- Whether a server could listen there now: tried with a socket that is closed again.
--- @param host string  an address of this machine, or its name
--- @param port integer
--- @return true|nil
--- @return string|nil message
--- @return string|nil code "EADDRINUSE", "EADDRNOTAVAIL" where this machine has no such address, "EACCES" below 1024
function sys.can_listen(host, port) end

--- Keeps this process's memory, and the secrets in it, out of core files.
function sys.no_core_dumps() end

return sys
