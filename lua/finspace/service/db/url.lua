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
