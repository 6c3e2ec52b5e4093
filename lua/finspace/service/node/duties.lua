--- What is done now and then by one process, whichever it is: a duty is due again some time after it was taken.

local clock = require("finspace.service.clock")

local duties = {}

local CLAIM = [[INSERT INTO duties (name, due) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE
  SET due = excluded.due WHERE duties.due <= ?3]]

--- Takes a duty that is due.
--- @param db table
--- @param name string
--- @param every_seconds number until it is due again
--- @return boolean whether this process is to do it now
function duties.claim(db, name, every_seconds)
  local now = clock.milliseconds()
  if db:row("SELECT 1 AS found FROM duties WHERE name = ? AND due > ?", name, now) then return false end
  return db:run(CLAIM, name, now + math.floor(every_seconds * 1000), now) == 1
end

--- Makes all duties due, where one process has them all: at its start.
--- @param db table
function duties.begin(db)
  if not db.dialect.is_shared then db:run("DELETE FROM duties") end
end

return duties
