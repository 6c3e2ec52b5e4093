--- The times at which changesets begin and end to count. Within a dataset they only rise, whatever the wall clock does:
--- when it was set back, the next moment follows the last one.

local moments = {}

local LATEST = "SELECT latest_moment FROM datasets WHERE id = ?"
local NEXT = [[UPDATE datasets SET latest_moment = CASE WHEN latest_moment < ?1 THEN ?1 ELSE latest_moment + 1 END
  WHERE id = ?2 RETURNING latest_moment]]

--- The moment as of which everything that counts is seen.
--- @param db table
--- @param dataset_id string
--- @param now integer epoch milliseconds of the wall clock
--- @return integer epoch milliseconds
function moments.present(db, dataset_id, now)
  local dataset = db:row(LATEST, dataset_id)
  return math.max(now, dataset and dataset.latest_moment or 0)
end

--- A moment after all that were given before; call it in the transaction that writes it.
--- @param db table
--- @param dataset_id string
--- @param now integer
--- @return integer epoch milliseconds
function moments.next(db, dataset_id, now) return db:rows(NEXT, now, dataset_id)[1].latest_moment end

return moments
