--- The times at which changesets begin and end to count. Within a dataset they only rise, whatever the wall clock does:
--- when it was set back, the next moment follows the last one.

local moments = {}

local LATEST =
  [[SELECT CASE WHEN active_until > active_from THEN active_until ELSE active_from END AS latest FROM changesets
  WHERE dataset_id = ? AND active_from IS NOT NULL ORDER BY latest DESC LIMIT 1]]

local function latest(db, dataset_id)
  local row = db:row(LATEST, dataset_id)
  return row and row.latest or 0
end

--- The moment as of which everything that counts is seen.
--- @param db table
--- @param dataset_id string
--- @param now integer epoch milliseconds of the wall clock
--- @return integer epoch milliseconds
function moments.present(db, dataset_id, now) return math.max(now, latest(db, dataset_id)) end

--- A moment after all that were given before; call it in the transaction that writes it.
--- @param db table
--- @param dataset_id string
--- @param now integer
--- @return integer epoch milliseconds
function moments.next(db, dataset_id, now) return math.max(now, latest(db, dataset_id) + 1) end

return moments
