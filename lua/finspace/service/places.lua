--- What the service keeps in its bucket: under which key, and of which type.

local clock = require("finspace.service.clock")
local contents = require("finspace.service.s3.contents")

local places = {}

local SUMMARY = "summary.json"
places.SUMMARY = SUMMARY

--- @param dataset_id string
--- @param changeset_id string
--- @param attempt? string that wrote it, where several may
--- @return string prefix of a changeset's objects
function places.changeset(dataset_id, changeset_id, attempt)
  return ("datasets/%s/%s/%s"):format(dataset_id, changeset_id, attempt and attempt .. "/" or "")
end

--- @param dataset_id string
--- @param view_id string
--- @param generation? string one build, where each has a folder of its own
--- @return string prefix of a view's objects
function places.view(dataset_id, view_id, generation)
  return ("views/%s/%s/%s"):format(dataset_id, view_id, generation and generation .. "/" or "")
end

--- @param prefix string that ends in a slash
--- @return string the first key after all that begin with it: "0" follows "/"
function places.after(prefix) return prefix:sub(1, -2) .. "0" end

--- Forgets the names of all that lies below a prefix; call it in a transaction.
--- @param state table {db=, settings=}
--- @param prefix string that ends in a slash
function places.forget_below(state, prefix)
  local bucket = state.settings.bucket
  state.db:run("DELETE FROM objects WHERE bucket = ? AND key >= ? AND key < ?", bucket, prefix, places.after(prefix))
end

local CONTENT_TYPES = { csv = "text/csv", gz = "application/gzip", parquet = "application/vnd.apache.parquet" }

--- @param key string
--- @return string|nil media type of a view's or changeset's file
function places.content_type(key) return CONTENT_TYPES[key:match("%.(%w+)$")] end

local NAME =
  [[INSERT INTO objects (bucket, key, content_id, modified, content_type) VALUES (?, ?, ?, ?, 'application/json')
  ON CONFLICT (bucket, key) DO UPDATE SET content_id = excluded.content_id, modified = excluded.modified]]

--- Gives a changeset's summary its name; call it in the transaction that publishes.
--- @param state table {db=, settings=}
--- @param row table of the changeset
--- @param content_id string
function places.name_summary(state, row, content_id)
  local key = places.changeset(row.dataset_id, row.id) .. SUMMARY
  state.db:run(NAME, state.settings.bucket, key, content_id, clock.milliseconds())
end

--- Keeps a changeset's summary as an object of the API's own, in the transaction that publishes: readers of the Parquet
--- beside it would take it for data.
--- @param state table {db=, settings=}
--- @param row table of the changeset
--- @param summary string JSON
function places.keep_summary(state, row, summary)
  local segment = { bytes = summary, size = #summary }
  places.name_summary(state, row, contents.insert(state.db, { segment }, contents.etag_of_parts { summary }))
end

return places
