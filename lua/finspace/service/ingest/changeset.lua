--- The ingestion of one changeset: RUNNING, its rows counted, then SUCCESS or FAILED in one
-- transaction with everything that follows from it. Cut off anywhere, it goes on from what was noted last.

local cjson = require("cjson.safe")
local sys = require("finspace.sys")
local contents = require("finspace.service.s3.contents")
local counters = require("finspace.service.ingest.counters")
local failure = require("finspace.service.ingest.failure")
local formats = require("finspace.service.ingest.formats")
local gzip = require("finspace.service.ingest.gzip")
local log = require("finspace.service.log")
local source = require("finspace.service.ingest.source")

local changeset = {}

local NOTED_EVERY = 16 * 1024 * 1024

local function now_ms() return math.floor(sys.now() * 1000) end

-- What a counter is told about an object: its name, its size, and how to read a range of it.
local function opened(state, object)
  local content = state.db:row("SELECT size, segments FROM contents WHERE id = ?", object.content_id)
  return {
    name = object.key,
    size = content.size,
    read = function(first, last) return contents.pieces(state, content.segments, first, last) end,
  }
end

-- How far the ingestion of a changeset has come, so that one that was cut off goes on from there.
local function note_progress(state, row, progress)
  state.db:run("UPDATE changesets SET progress = ? WHERE id = ?", cjson.encode(progress), row.id)
end

-- The bytes of an object from an offset on; only at its start can they say that they are packed.
local function bytes_of(object, offset)
  local pieces = object.read(offset, object.size - 1)
  if offset > 0 then return pieces, false end
  return gzip.pieces(pieces, object.name)
end

-- Yields after each piece, so that many ingestions share the process and none holds it.
local function feed(counter, object, offset, note)
  local pieces, is_packed = bytes_of(object, offset)
  local noted = offset
  for piece in pieces do
    counter:feed(piece)
    offset = offset + #piece
    if counter.snapshot and not is_packed and offset - noted >= NOTED_EVERY then
      note(offset)
      noted = offset
    end
    coroutine.yield()
  end
end

local function count_object(state, row, counter, object, at)
  if at.offset == 0 then counter:begin(object) end
  if not counter.feed then return end
  feed(
    counter,
    object,
    at.offset,
    function(offset)
      note_progress(state, row, { position = at.position, offset = offset, counter = counter:snapshot() })
    end
  )
end

local function count_rows(state, row)
  local progress = row.progress and cjson.decode(row.progress) or { position = 1, offset = 0 }
  local counter = progress.counter and counters.resumed(progress.counter)
    or counters.new(formats.read(cjson.decode(row.format_params)))
  local sources, rows = source.keep(state, row), 0
  for position = progress.position, #sources do
    local offset = position == progress.position and progress.offset or 0
    count_object(state, row, counter, opened(state, sources[position]), { position = position, offset = offset })
    rows = counter:finish()
  end
  return rows
end

-- REPLACE hides every changeset before it; MODIFY hides the one it replaces.
local function hide_earlier(db, row, now)
  if row.change_type == "REPLACE" then
    db:run(
      [[UPDATE changesets SET active_until = ? WHERE dataset_id = ? AND seq < ? AND status = 'SUCCESS'
      AND active_until IS NULL]],
      now,
      row.dataset_id,
      row.seq
    )
  elseif row.updates_id then
    db:run("UPDATE changesets SET active_until = ? WHERE id = ? AND active_until IS NULL", now, row.updates_id)
  end
end

-- Views that follow their dataset are built anew.
local function refresh_views(db, dataset_id, now)
  db:run(
    "UPDATE data_views SET status = 'PENDING', modified = ? WHERE dataset_id = ? AND auto_update = 1",
    now,
    dataset_id
  )
end

local function succeed(state, row, rows)
  local db, now = state.db, now_ms()
  db:transaction(function()
    hide_earlier(db, row, now)
    db:run(
      [[UPDATE changesets SET status = 'SUCCESS', row_count = ?, active_from = ?, progress = NULL
        WHERE id = ?]],
      rows,
      now,
      row.id
    )
    refresh_views(db, row.dataset_id, now)
  end)
end

-- A changeset that failed to replace another one lets it go, so that it can be updated again.
local function fail(state, row, category, message)
  local db = state.db
  db:transaction(function()
    db:run(
      [[UPDATE changesets SET status = 'FAILED', error_category = ?, error_message = ?, progress = NULL
        WHERE id = ?]],
      category,
      message,
      row.id
    )
    db:run("DELETE FROM changeset_sources WHERE changeset_id = ?", row.id)
    db:run("UPDATE changesets SET updated_by_id = NULL WHERE id = ?", row.updates_id)
  end)
end

--- Ingests a changeset; runs in a coroutine.
--- @param state table
--- @param row table
function changeset.ingest(state, row)
  state.db:run("UPDATE changesets SET status = 'RUNNING' WHERE id = ?", row.id)
  local ok, result = pcall(count_rows, state, row)
  if ok then return succeed(state, row, result) end
  if failure.is(result) then return fail(state, row, result.category, result.message) end
  log.problem("changeset " .. row.id, result)
  fail(state, row, "INTERNAL_SERVICE_EXCEPTION", "the service failed; its log says why")
end

return changeset
