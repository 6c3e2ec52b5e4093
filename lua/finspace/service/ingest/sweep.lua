--- What nobody refers to is taken away: uploads that were left behind, contents of objects that were
--- replaced or deleted, their segments, files of writers that died. A content goes only when it was
--- unused in two sweeps in a row, so that who is just reading it can finish.

local lake = require("finspace.service.lake")
local sys = require("finspace.sys")
local reserve = require("finspace.service.s3.reserve")
local upload = require("finspace.service.s3.upload")

local sweep = {}

local EVERY_SECONDS = 600
local STRAY_SECONDS = 3600 -- older than any write that still goes on without a byte arriving

local UNUSED = [[SELECT id FROM contents c
  WHERE NOT EXISTS (SELECT 1 FROM objects o WHERE o.content_id = c.id)
  AND NOT EXISTS (SELECT 1 FROM changeset_sources s WHERE s.content_id = c.id)]]

-- One statement sees one moment: between two, a part could become an object and be seen in neither.
local SEGMENTS_IN_USE = [[SELECT segment AS name FROM parts
  UNION ALL SELECT json_extract(value, '$.name') FROM contents, json_each(segments)]]

local UNUSED_ROWS = "SELECT number FROM small_segments WHERE 'row/' || number NOT IN (" .. SEGMENTS_IN_USE .. ")"

local BATCH = 100 -- rows of a transaction: other writers wait for it

local unused_before = {}
local next_time = 0

local function delete_all(db, sql, ids)
  for first = 1, #ids, BATCH do
    db:transaction(function()
      for at = first, math.min(first + BATCH - 1, #ids) do
        db:run(sql, ids[at])
      end
    end)
  end
end

local function forget_contents(db)
  local unused_now, unused_twice = {}, {}
  for _, row in ipairs(db:rows(UNUSED)) do
    if unused_before[row.id] then
      unused_twice[#unused_twice + 1] = row.id
    else
      unused_now[row.id] = true
    end
  end
  delete_all(db, "DELETE FROM contents WHERE id = ?", unused_twice)
  unused_before = unused_now
end

-- A row is written in the transaction that refers to it: one to which nothing refers never will be in use.
local function remove_rows(db)
  local numbers = {}
  for row in db:each(UNUSED_ROWS) do
    numbers[#numbers + 1] = row.number
  end
  delete_all(db, "DELETE FROM small_segments WHERE number = ?", numbers)
end

local function known_segments(db)
  local known = {}
  for row in db:each(SEGMENTS_IN_USE) do
    known[row.name] = true
  end
  return known
end

-- A file is written before it is referred to: only old ones are strays.
local function remove_strays(folder, known, oldest)
  for _, name in ipairs(sys.list(folder) or {}) do
    local path = folder .. "/" .. name
    local stat = not known[name] and sys.stat(path)
    if stat and stat.type == "file" and stat.mtime < oldest then sys.remove(path) end
  end
end

local function remove_files(state)
  local known, oldest = known_segments(state.db), sys.now() - STRAY_SECONDS
  local root = state.settings.data .. "/objects"
  for _, folder in ipairs(sys.list(root) or {}) do
    remove_strays(root .. "/" .. folder, known, oldest)
  end
end

-- What the lake keeps belongs to a changeset or a view that is there. Nothing is at work while this process sweeps.
local function remove_from_lake(state, kind, is_known)
  local root = state.settings.data .. "/lake/" .. kind
  for _, dataset in ipairs(sys.list(root) or {}) do
    for _, id in ipairs(sys.list(root .. "/" .. dataset) or {}) do
      if not is_known(dataset, id) then lake.remove(root .. "/" .. dataset .. "/" .. id) end
    end
    if #(sys.list(root .. "/" .. dataset) or {}) == 0 then sys.remove(root .. "/" .. dataset) end
  end
end

local function sweep_lake(state)
  local db = state.db
  remove_from_lake(
    state,
    "datasets",
    function(dataset, id)
      return db:row(
        "SELECT 1 AS found FROM changesets WHERE dataset_id = ? AND id = ? AND columns IS NOT NULL",
        dataset,
        id
      )
    end
  )
  remove_from_lake(
    state,
    "views",
    function(dataset, id)
      return db:row("SELECT 1 AS found FROM data_views WHERE dataset_id = ? AND id = ?", dataset, id)
    end
  )
end

--- Sweeps now.
--- @param state table
function sweep.run(state)
  upload.sweep(state.db, math.floor(sys.now() * 1000))
  forget_contents(state.db)
  remove_rows(state.db)
  remove_files(state)
  sweep_lake(state)
  reserve.keep(state.settings.data)
end

--- Sweeps when the last time is long enough ago; at the process' start it is.
--- @param state table
function sweep.when_due(state)
  local now = sys.monotonic()
  if now < next_time then return end
  next_time = now + EVERY_SECONDS
  sweep.run(state)
end

return sweep
