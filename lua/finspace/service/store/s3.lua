--- Bytes in an S3-compatible store that many machines share. Sources are read from it, Parquet of changesets lies below
--- PREFIX/datasets/ and files of views below PREFIX/views/, where Spark, Trino and DuckDB read them in place.
---
--- What is written gets a place that nobody had before it, of its own attempt, so that two workers never write the same
--- object. The database notes a place before the first byte goes there, and forgets the note in the transaction that
--- publishes it: places that are still noted after an hour belong to nobody and are swept. So a sweep looks at what was
--- left behind, never at what is there.

local access = require("finspace.service.s3.access")
local browsers = require("finspace.service.store.browsers")
local clients = require("finspace.service.store.client")
local clock = require("finspace.service.clock")
local contents = require("finspace.service.s3.contents")
local failure = require("finspace.service.ingest.failure")
local fault = require("finspace.service.fault")
local ids = require("finspace.service.ids")
local log = require("finspace.service.log")
local metrics = require("finspace.service.node.metrics")
local places = require("finspace.service.places")

local s3 = {}

local S3 = {}
S3.__index = S3

local MOST_SOURCES = 100000 -- objects of one changeset
local LEFT_MS = 3600 * 1000 -- after which a noted place belongs to nobody
local SWEPT_AT_ONCE = 100 -- places
local HURRY = { max_attempts = 1, timeout = 3, connect_timeout = 3 } -- of who asks whether the store answers
local MIB = 1024 * 1024

-- Each attempt that the store failed counts, also when a retry mended it.
local function note_fault(event)
  if event.kind and (not event.status or event.status >= 500) then metrics.fault("store") end
end

--- @param state table {db=, settings=}
--- @param place table {bucket=, prefix=, endpoint=?, sts_endpoint=?, role=, usual_region=}
--- @return table store
function s3.open(state, place)
  state.settings.bucket = place.bucket
  local client, impatient = clients.new(place, { logger = note_fault }), clients.new(place, HURRY)
  return setmetatable({ state = state, place = place, client = client, impatient = impatient, is_remote = true }, S3)
end

--- @param path string
--- @return string key below the store's prefix
function S3:key(path) return self.place.prefix .. path end

--- @return string for a sentence: where its S3 is called
function S3:where() return self.place.endpoint and "at " .. self.place.endpoint or "at Amazon" end

--- Where pages call the bucket, and the rule that a browser wants to see there.
--- @return table {bucket=, url=, region=, rule=}
function S3:for_browsers()
  local place = self.place
  return { bucket = place.bucket, url = place.url, region = place.region, rule = browsers.rule() }
end

--- @param bucket string
--- @param key string
--- @return string|nil path below the store's prefix; nil elsewhere
function S3:own_path(bucket, key)
  local prefix = self.place.prefix
  if bucket ~= self.place.bucket or key:sub(1, #prefix) ~= prefix then return nil end
  return key:sub(#prefix + 1)
end

-- What everybody may know of why the store did not do something; the rest is for the log.
local function reason_of(err)
  local of_keys = type(err) == "table" and (err.kind == "credentials" or err.status == 401 or err.status == 403)
  if not of_keys then return "the store that keeps the bytes does not answer the service" end
  local what = err.status and "the store refuses the service's keys" or "the service has no keys for its store"
  return ("%s (%s)"):format(what, err.code)
end

--- Whether the store answers now.
--- @return string|nil problem that everybody may know
--- @return string|nil details for the log
function S3:problem()
  local page, err =
    self.impatient.s3:list_objects { bucket = self.place.bucket, prefix = self.place.prefix, max_keys = 1 }
  if not page then return reason_of(err), tostring(err) end
end

-- --- waiting for the network ------------------------------------------------------------------------

-- A job waits beside the others of its process: they go on meanwhile.
local function beside(job, work)
  if not job then return work() end
  local results
  local thread = ngx.thread.spawn(function() results = { pcall(work) } end)
  while not results do
    coroutine.yield(function() return results ~= nil end)
  end
  ngx.thread.wait(thread) -- else nginx keeps it for as long as this process lives
  if not results[1] then error(results[2], 0) end
  return results[2], results[3]
end

local FINAL = { NoSuchBucket = "RESOURCE_NOT_FOUND", NoSuchKey = "RESOURCE_NOT_FOUND", AccessDenied = "ACCESS_DENIED" }

-- What the store did not do now it may do later: who asked tries again.
local function unavailable(doing, err)
  local message = ("%s: the store: %s"):format(doing, tostring(err))
  error({ is_busy = true, of = "store", why = reason_of(err), message = message }, 0)
end

local function refuse_source(bucket, key, err)
  local category = FINAL[err.code]
  if category then
    failure.raise(category, "s3://%s/%s: the store answers %s to the service's own keys", bucket, key, err.code)
  end
  unavailable("reading a source", err)
end

-- Roles may be assumed for an hour unless they say otherwise.
local USUAL_SECONDS = 3600

local function refuse_keys(wanted, err)
  local is_refusal = err.kind ~= "credentials" and err.status and err.status >= 400 and err.status < 500
  if is_refusal and wanted.seconds > USUAL_SECONDS then
    local sentence = "durationInMinutes: the store's STS gives no keys for %d minutes (%s): ask for fewer"
    fault.raise("ValidationException", sentence, wanted.seconds / 60, tostring(err.code))
  end
  unavailable("keys of the store", err)
end

-- --- keys -------------------------------------------------------------------------------------------

--- Keys for the store, which the API shall know, too.
--- @param wanted table {user_id=, seconds=, bucket=?, prefix=?} without a prefix, for the user's own folder
--- @return table keys {access_key_id=, secret_access_key=, session_token=, expires_seconds=}
function S3:keys(wanted)
  local found, err = self.client:keys {
    name = wanted.user_id,
    prefix = wanted.prefix or self:key(access.scratch(wanted.user_id)),
    is_read_only = wanted.prefix ~= nil,
    seconds = wanted.seconds,
  }
  if not found then refuse_keys(wanted, err) end
  return {
    access_key_id = found.access_key_id,
    secret_access_key = found.secret_access_key,
    session_token = found.session_token,
    expires_seconds = math.floor(found.expires_at),
  }
end

-- --- sources ----------------------------------------------------------------------------------------

--- @param bucket string
--- @param key string
--- @param job? table
--- @return table|nil object {bucket=, key=, size=, etag=}
function S3:find(bucket, key, job)
  local found, err = beside(job, function() return self.client.s3:head_object { bucket = bucket, key = key } end)
  if found then return { bucket = bucket, key = key, size = found.size, etag = found.etag } end
  if err.status == 404 and err.code ~= "NoSuchBucket" then return nil end
  return refuse_source(bucket, key, err)
end

local function listed(self, bucket, prefix)
  local found = {}
  for object, err in self.client.s3:each_object { bucket = bucket, prefix = prefix } do
    if not object then return nil, err end
    found[#found + 1] = { bucket = bucket, key = object.key, size = object.size, etag = object.etag }
    if #found > MOST_SOURCES then
      failure.raise("VALIDATION", "s3://%s/%s holds more than %d objects", bucket, prefix, MOST_SOURCES)
    end
  end
  table.sort(found, function(a, b) return a.key < b.key end)
  return found
end

--- @param bucket string
--- @param below string without a slash at its end
--- @param job? table
--- @return table[] objects {bucket=, key=, size=, etag=}
function S3:below(bucket, below, job)
  local prefix = below == "" and "" or below .. "/"
  local found, err = beside(job, function() return listed(self, bucket, prefix) end)
  return found or refuse_source(bucket, prefix, err)
end

--- The store keeps what it has: an attempt that begins again looks again.
--- @return table[] sources none
function S3.held() return {} end

--- @param objects table[]
--- @return table[] sources
function S3.hold(_, _, objects) return objects end

local function fetch(self, source, path)
  local got, err = self.client.s3:download_file { bucket = source.bucket, key = source.key, path = path }
  if not got then return nil, err end
  if source.etag and got.etag and got.etag ~= source.etag then
    return nil, ("s3://%s/%s changed while it was read"):format(source.bucket, source.key)
  end
  return true
end

local function check_room(job, bytes)
  if bytes <= job.disk_mib * MIB then return end
  failure.raise("VALIDATION", "what is read from the store is larger than the %d MiB of --ingest-disk", job.disk_mib)
end

local function new_path(job)
  job.fetched = (job.fetched or 0) + 1
  return ("%s/fetched-%d"):format(job.folder, job.fetched)
end

--- @param job table
--- @param source table
--- @return fun(): ffi.cdata*|nil, integer next_run of contents.runs
--- @return string path
--- @return boolean is_copy
function S3:open(job, source)
  check_room(job, source.size)
  local path = new_path(job)
  local ok, err = beside(job, function() return fetch(self, source, path) end)
  if not ok then
    if type(err) == "table" then refuse_source(source.bucket, source.key, err) end
    unavailable("reading a source", err)
  end
  return contents.runs_of_file(path, source.size), path, true
end

-- --- places -----------------------------------------------------------------------------------------

local NOTE = [[INSERT INTO unnamed_places (place, since) VALUES (?, ?)
  ON CONFLICT (place) DO UPDATE SET since = excluded.since]]

local RENEW = "UPDATE unnamed_places SET since = ? WHERE place = ? AND is_swept = 0"
local NAME = "DELETE FROM unnamed_places WHERE place = ? AND is_swept = 0"

-- Notes that a place belongs to nobody, or to nobody any more.
local function note(self, place) self.state.db:run(NOTE, place, clock.milliseconds()) end

-- A writer is still at work there; whose place was swept meanwhile stops.
local function renew(self, place)
  local changed = self.state.db:run(RENEW, clock.milliseconds(), place)
  if changed == 0 then
    unavailable("writing " .. place, "the place was swept, because nobody renewed it for an hour")
  end
end

-- In the transaction that publishes what is there.
local function name(self, place)
  if self.state.db:run(NAME, place) == 1 then return end
  unavailable("publishing " .. place, "the place was swept, because nobody renewed it for an hour")
end

local function send(self, place, file)
  local sent, err = self.client.s3:upload_file {
    path = file.path,
    bucket = self.place.bucket,
    key = self:key(place .. file.key),
    content_type = places.content_type(file.key),
  }
  if not sent then return nil, err end
  renew(self, place)
  return true
end

-- Sends files below a place that is noted first.
local function send_all(self, job, place, files)
  note(self, place)
  local sent, err = beside(job, function()
    return clients.each(files, function(file) return send(self, place, file) end)
  end)
  if not sent then unavailable("writing " .. place, err) end
end

--- @param job table
--- @param row table of the changeset
--- @param files table[] {name=, rows=, bytes=} in job.target
--- @param summary string JSON
--- @return table kept
function S3:keep_changeset(job, row, files, summary)
  local attempt, named, sent = ids.rising(), {}, {}
  local place = places.changeset(row.dataset_id, row.id, attempt)
  for i, file in ipairs(files) do
    sent[i] = { path = job.target .. "/" .. file.name, key = file.name }
    named[i] = { name = attempt .. "/" .. file.name, rows = file.rows, bytes = file.bytes }
  end
  send_all(self, job, place, sent)
  return { files = named, place = place, summary = summary }
end

--- @param row table
--- @param kept table
function S3:publish_changeset(row, kept)
  name(self, kept.place)
  places.keep_summary(self.state, row, kept.summary)
end

--- @param job table
--- @param changeset table row, with `files` decoded
--- @return string[] paths
function S3:changeset_paths(job, changeset)
  local folder = self:key(places.changeset(changeset.dataset_id, changeset.id))
  local paths, wanted = {}, {}
  for i, file in ipairs(changeset.files) do
    job.fetched_bytes = (job.fetched_bytes or 0) + file.bytes
    paths[i] = new_path(job) .. ".parquet"
    wanted[i] = { bucket = self.place.bucket, key = folder .. file.name, path = paths[i] }
  end
  check_room(job, job.fetched_bytes or 0)
  local got, err = beside(job, function()
    return clients.each(wanted, function(file) return fetch(self, file, file.path) end)
  end)
  if not got then unavailable("reading changeset " .. changeset.id, err) end
  return paths
end

-- --- views ------------------------------------------------------------------------------------------

--- @param row table of the view
--- @param generation? string
--- @return string prefix
function S3:view_prefix(row, generation) return self:key(places.view(row.dataset_id, row.id, generation)) end

--- @param job table
--- @param row table
--- @param generation string
--- @param files table[] {key=, path=, bytes=} in job.target
--- @return table kept
function S3:keep_view(job, row, generation, files)
  local sent, place = {}, places.view(row.dataset_id, row.id, generation)
  for i, file in ipairs(files) do
    sent[i] = { path = job.target .. "/" .. file.path, key = file.key }
  end
  send_all(self, job, place, sent)
  return { place = place }
end

-- Who reads the earlier build goes on reading it: it is swept when the keys that were given for it have ended.

--- @param row table
--- @param kept table
--- @param publish fun(prefix: string)
function S3:publish_view(row, kept, publish)
  local db, length = self.state.db, #self.place.prefix
  db:transaction(function()
    local now = db:row("SELECT prefix FROM data_views WHERE id = ?", row.id)
    name(self, kept.place)
    if now and now.prefix then note(self, now.prefix:sub(length + 1)) end
    publish(self:key(kept.place))
  end)
end

-- --- what belongs to nobody -------------------------------------------------------------------------

--- Forgets a dataset's files; call it in the transaction that deletes it.
--- @param dataset_id string
function S3:forget_dataset(dataset_id)
  places.forget_below(self.state, "datasets/" .. dataset_id .. "/")
  for _, kind in ipairs { "datasets/", "views/" } do
    note(self, kind .. dataset_id .. "/")
  end
end

local LEFT = "SELECT place, since FROM unnamed_places WHERE since < ? ORDER BY since LIMIT ?"

local CLAIM = "UPDATE unnamed_places SET is_swept = 1, since = ? WHERE place = ? AND since = ?"

-- From here on nobody can publish the place. It is forgotten when there was nothing left in it: a writer that was cut off
-- from the database may still have been sending when it was swept the first time.
local function sweep_place(self, row)
  local db, now = self.state.db, clock.milliseconds()
  if db:run(CLAIM, now, row.place, row.since) == 0 then return true end
  local removed, err = self.client:remove_below(self:key(row.place))
  if not removed then return nil, err end
  if removed > 0 then log.note("the sweep", ("%d objects of %s belonged to nobody"):format(removed, row.place)) end
  if removed == 0 then db:run("DELETE FROM unnamed_places WHERE place = ? AND since = ?", row.place, now) end
  return true
end

--- Takes away what no transaction named.
function S3:sweep()
  local before = clock.milliseconds() - LEFT_MS
  for _, row in ipairs(self.state.db:rows(LEFT, before, SWEPT_AT_ONCE)) do
    local swept, err = sweep_place(self, row)
    if not swept then return log.note("the sweep", "the store: " .. tostring(err)) end
  end
end

return s3
