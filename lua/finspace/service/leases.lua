--- Who works on what. A changeset or a view is taken by one process, for a time that the process prolongs while it works;
--- each time it is taken it gets the next fencing number, and the transaction that ends the work gives the lease back by
--- that number. So whoever lost a lease, and does not know yet, publishes nothing.
---
--- With a database of one machine one process works, and holds what it takes until its own end.

local clock = require("finspace.service.clock")

local leases = {}

local LEASE_MS = 10 * 1000
local LONGEST = 60 -- leases: who lost one to a long step gets a longer one, so that the step fits at last
local FOR_EVER = 2 ^ 53 - 1
local GRACE_MS = 300 -- that a process with nothing to do has the first choice

-- The oldest unfinished changeset of each dataset: within one, order matters.
local CHANGESETS = {
  into = "changesets",
  ready = [[status IN ('PENDING', 'RUNNING') AND NOT EXISTS (SELECT 1 FROM changesets e
    WHERE e.dataset_id = w.dataset_id AND e.status IN ('PENDING', 'RUNNING') AND e.seq < w.seq)]],
  since = "created",
  begins = "status = 'RUNNING', attempts = attempts + 1, ",
}

-- What an earlier version counted and did not read, while nothing else is at work on its dataset.
local UNREAD = {
  into = "changesets",
  ready = "status = 'SUCCESS' AND columns IS NULL AND progress IS NULL",
  since = "created",
  begins = "",
}

-- A view waits for the changesets that it is made of.
local VIEWS = {
  into = "data_views",
  ready = [[status IN ('PENDING', 'STARTING', 'RUNNING') AND dataset_id NOT IN (SELECT dataset_id FROM changesets
    WHERE status = 'SUCCESS' AND columns IS NULL AND progress IS NULL)]],
  since = "modified",
  begins = "status = 'RUNNING', attempts = attempts + 1, ",
}

local KINDS = { changeset = CHANGESETS, unread = UNREAD, view = VIEWS }

local FIND = "SELECT seq FROM %s w WHERE %s AND lease_until < ?1 AND %s <= ?2 ORDER BY seq LIMIT 1"
local TAKE = "UPDATE %s SET %sfence = fence + 1, worker = ?3, lease_until = ?1 + ?4 * (CASE WHEN attempts < ?5"
  .. " THEN attempts + 1 ELSE ?5 END) WHERE seq = (%s) RETURNING *"

local function statements(kind, dialect)
  local known = kind[dialect]
  if known then return known end
  local find = FIND:format(kind.into, kind.ready, kind.since)
  known = { find = find, take = TAKE:format(kind.into, kind.begins, find .. dialect.unlocked_ones) }
  kind[dialect] = known
  return known
end

local function length_of(db) return db.dialect.is_shared and LEASE_MS or FOR_EVER - clock.milliseconds() end

--- Takes the oldest work of a kind that nobody has. Its lease is held from then on.
--- @param db table
--- @param kind "changeset"|"unread"|"view"
--- @param worker string name of this process among all that share the database
--- @param is_busy boolean whether this process has other work: then those that have none come first
--- @return table|nil row
function leases.take(db, kind, worker, is_busy)
  local sql, now = statements(KINDS[kind], db.dialect), clock.milliseconds()
  local since = is_busy and db.dialect.is_shared and now - GRACE_MS or FOR_EVER
  if not db:row(sql.find, now, since) then return nil end -- which locks nothing
  local most = db.dialect.is_shared and LONGEST or 1
  local row = db:rows(sql.take, now, since, worker, length_of(db), most)[1]
  if row then
    row.leased_in, row.renewed = KINDS[kind].into, now
  end
  return row
end

--- Prolongs a lease when a good part of it is over.
--- @param db table
--- @param row table that was taken
--- @return boolean whether it is still held
function leases.renew(db, row)
  local now = clock.milliseconds()
  if not db.dialect.is_shared or now - row.renewed < LEASE_MS / 4 then return true end
  row.renewed = now
  local length = LEASE_MS * math.min(math.max(row.attempts, 1), LONGEST)
  local sql = ("UPDATE %s SET lease_until = ? WHERE id = ? AND fence = ?"):format(row.leased_in)
  return db:run(sql, now + length, row.id, row.fence) == 1
end

local LOST = setmetatable({}, { __tostring = function() return "another process has the lease" end })

--- @param problem any what was raised
--- @return boolean whether it says that a lease was lost
function leases.is_lost(problem) return problem == LOST end

--- Makes sure of a lease within a transaction that writes for it; raises when another process has it.
--- @param db table
--- @param row table that was taken
function leases.confirm(db, row)
  local sql = ("SELECT fence FROM %s WHERE id = ?%s"):format(row.leased_in, db.dialect.locked)
  local found = db:row(sql, row.id)
  if not found or found.fence ~= row.fence then error(LOST, 0) end
end

--- Gives a lease back within the transaction that ends its work; raises when another process has it.
--- @param db table
--- @param row table that was taken
function leases.finish(db, row)
  local sql = ("UPDATE %s SET lease_until = 0 WHERE id = ? AND fence = ?"):format(row.leased_in)
  if db:run(sql, row.id, row.fence) ~= 1 then error(LOST, 0) end
end

--- Lets others have work that could not be ended.
--- @param db table
--- @param row table that was taken
function leases.release(db, row)
  local sql = ("UPDATE %s SET lease_until = 0 WHERE id = ? AND fence = ?"):format(row.leased_in)
  db:run(sql, row.id, row.fence)
end

--- Gives work back that could not be begun, for want of the store for example: it was no try.
--- @param db table
--- @param row table that was taken
function leases.put_back(db, row)
  local sql = ("UPDATE %s SET lease_until = 0, attempts = attempts - 1 WHERE id = ? AND fence = ?"):format(
    row.leased_in
  )
  db:run(sql, row.id, row.fence)
end

--- The views that nobody works on, for what is done to them while that stays so: see leases.confirm.
--- @param db table
--- @return table[] rows
function leases.idle_views(db)
  local rows = db:rows("SELECT * FROM data_views WHERE lease_until < ?", clock.milliseconds())
  for _, row in ipairs(rows) do
    row.leased_in = VIEWS.into
  end
  return rows
end

--- Gives back what an earlier process of this name left.
--- @param db table
--- @param worker string
function leases.release_all(db, worker)
  for _, into in ipairs { "changesets", "data_views" } do
    local sql = ("UPDATE %s SET lease_until = 0 WHERE lease_until > 0 AND (worker = ? OR ?)"):format(into)
    db:run(sql, worker, not db.dialect.is_shared)
  end
end

return leases
