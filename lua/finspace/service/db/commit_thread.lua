--- What a thread of nginx does for commits: it has a Lua of its own, and so a connection of its own.

local sys = require("finspace.sys")

local commit_thread = {}

local LARGE_LOG = 32 * 1024 * 1024 -- then writers wait, so that it begins anew

--- Moves what is committed from SQLite's log into the database.
--- @param path string of the database
function commit_thread.checkpoint(path)
  local db = require("finspace.service.db.sqlite").open(path)
  local log = sys.stat(db:log_path())
  local ok, problem = pcall(db.checkpoint, db, log and log.size > LARGE_LOG)
  db:close()
  if not ok then error(problem.message or problem, 0) end
end

return commit_thread
