--- The URL of a database that many machines share. It may hold a password: it is shown in no message, and is handed on in
--- a file that only this user reads, never on a command line.

local sys = require("finspace.sys")

local url = {}

local LONGEST = 65536

local function path_of(data) return data .. "/run/database" end

--- @param text string|nil
--- @return string|nil problem one line
function url.problem(text)
  if (text or ""):find("^postgres%w*://.") then return nil end
  return "--database must be a URL of PostgreSQL's, for example postgresql://finspace@db.example.com/finspace"
end

-- Where the kernel says that this process' arguments lie in its memory (proc(5), /proc/pid/stat, fields 48 and 49).
local function place_of_arguments()
  local fields = (sys.read_limited("/proc/self/stat", LONGEST) or ""):match("^.*%)%s+(.*)$")
  local first, last = (fields or ""):match("^" .. ("%S+ "):rep(45) .. "(%d+) (%d+)")
  return tonumber(first), tonumber(last)
end

--- Makes the URL unreadable in this process' command line, which everybody on the machine can read. Where the kernel does
--- not allow it nothing happens: a variable and a file of libpq's are the ways to keep it out from the start.
--- @param text string
function url.hide(text)
  local first, last = place_of_arguments()
  local memory = first and first < last and io.open("/proc/self/mem", "r+b")
  if not memory then return end
  memory:setvbuf("no")
  local words = memory:seek("set", first) and memory:read(last - first) or ""
  local at = words:find(text, 1, true)
  if at and memory:seek("set", first + at - 1) then memory:write(("x"):rep(#text)) end
  memory:close()
end

--- Leaves the URL for the processes that use the data folder.
--- @param data string data folder
--- @param text string
--- @return boolean|nil ok
--- @return string|nil problem
function url.write(data, text) return sys.write_private(path_of(data), text .. "\n") end

--- @param data string
--- @return string
function url.read(data) return (assert(sys.read_limited(path_of(data), LONGEST)):gsub("%s+$", "")) end

--- Takes back what was left, if anything was.
--- @param data string
function url.remove(data) sys.remove(path_of(data)) end

return url
