--- One interface for the service's database, which is a file of SQLite's, or PostgreSQL where many machines share it.
---
--- A database has the methods `run`, `row`, `rows`, `each`, `insert`, `script`, `transaction`, `within` and `close`; what
--- fails is raised as a table `{ is_busy, is_full, is_moved, is_unfit = boolean, message = text }`. Statements are those
--- that both understand; the few others are in its `dialect`.
local db = {}

--- @param where string  a file's path, or postgresql://…
--- @return table database connection for this process alone
function db.open(where)
  local is_url = where:find("^postgres%w*://") ~= nil
  return require(is_url and "finspace.service.db.postgres" or "finspace.service.db.sqlite").open(where)
end

--- @param problem any what was raised
--- @return boolean whether the database could not be asked now, and the same may work in a moment
function db.is_busy(problem) return type(problem) == "table" and problem.is_busy == true end

--- @param problem any what was raised
--- @return boolean whether the database's disk has no room
function db.is_full(problem) return type(problem) == "table" and problem.is_full == true end

--- @param problem any what was raised
--- @return boolean whether the database cannot keep such a text, whoever asks
function db.is_unfit(problem) return type(problem) == "table" and problem.is_unfit == true end

--- @param problem any what was raised
--- @return boolean whether the database's file is not any more where it was opened
function db.is_moved(problem) return type(problem) == "table" and problem.is_moved == true end

return db
