--- Bytes in a folder of this machine: sources are objects of the service's own S3 half, Parquet lies below DIR/lake, and
--- its names are rows beside those of other objects.

local clock = require("finspace.service.clock")
local contents = require("finspace.service.s3.contents")
local lake = require("finspace.service.lake")
local leases = require("finspace.service.leases")
local places = require("finspace.service.places")
local sys = require("finspace.sys")

local folder = {}

local Folder = {}
Folder.__index = Folder
Folder.has_pieces = true -- an object may be pieces of a file

local FEW_FILES = 300 -- of a view, whose names are swapped in one transaction
local BATCH = 100 -- rows of a transaction: other writers wait for it

--- @param state table {db=, settings=}
--- @return table store
function folder.open(state) return setmetatable({ state = state }, Folder) end

--- @param path string
--- @return string key of something of the service's own in its bucket
function Folder.key(_, path) return path end

--- @param key string
--- @return string path
function Folder.own_path(_, _, key) return key end

--- The service makes its keys itself.
function Folder.keys() return nil end

--- Pages find everything at the service itself.
function Folder.for_browsers() return nil end

-- --- sources ----------------------------------------------------------------------------------------

local BELOW = [[SELECT o.key, o.content_id, c.size FROM objects o JOIN contents c ON c.id = o.content_id
  WHERE o.bucket = ? AND o.key >= ? AND o.key < ? ORDER BY o.key]]

--- @param bucket string
--- @param key string
--- @return table|nil object {key=, content_id=}
function Folder:find(bucket, key)
  return self.state.db:row("SELECT key, content_id FROM objects WHERE bucket = ? AND key = ?", bucket, key)
end

--- @param bucket string
--- @param below string without a slash at its end
--- @return table[] objects {key=, content_id=, size=}
function Folder:below(bucket, below) return self.state.db:rows(BELOW, bucket, below .. "/", places.after(below .. "/")) end

local HELD =
  [[SELECT s.key, s.partition, c.size, c.segments FROM changeset_sources s JOIN contents c ON c.id = s.content_id
  WHERE s.changeset_id = ? ORDER BY s.position]]

--- @param changeset_id string
--- @return table[] sources {key=, partition=, size=, segments=}
function Folder:held(changeset_id) return self.state.db:rows(HELD, changeset_id) end

--- @param row table of the changeset
--- @param objects table[] of find or below, with `partition` where their folders say columns
--- @return table[] sources
function Folder:hold(row, objects)
  local db = self.state.db
  db:transaction(function()
    leases.confirm(db, row)
    for i, object in ipairs(objects) do
      db:insert("changeset_sources", {
        changeset_id = row.id,
        position = i,
        key = object.key,
        content_id = object.content_id,
        partition = object.partition,
      })
    end
  end)
  return self:held(row.id)
end

--- @param source table
--- @return fun(): ffi.cdata*|string|nil, integer next_run of contents.runs
--- @return string|nil path where the source is one file
--- @return boolean is_copy
function Folder:open(_, source)
  local next_run = contents.runs(self.state, source.segments, 0, source.size - 1)
  return next_run, contents.single_file(self.state, source.segments), false
end

-- --- changesets -------------------------------------------------------------------------------------

local function is_shared(self) return self.state.db.dialect.is_shared end

-- Where another process may be at the same changeset each try has a folder of its own, and its files are named with it.
local function own_place(self, row, files)
  local place = lake.changeset_folder(row.dataset_id, row.id)
  if not is_shared(self) then return place, files end
  local try, named = ("try-%d"):format(row.fence), {}
  for i, file in ipairs(files) do
    named[i] = { name = try .. "/" .. file.name, rows = file.rows, bytes = file.bytes }
  end
  return place .. "/" .. try, named
end

--- @param job table
--- @param row table of the changeset
--- @param files table[] {name=, rows=, bytes=} in job.target
--- @param summary string JSON
--- @return table kept {place=, files=, summary_bytes=}
function Folder:keep_changeset(job, row, files, summary)
  local place, named = own_place(self, row, files)
  lake.write(job.target .. "/" .. places.SUMMARY, summary)
  lake.place(self.state.settings.data, job.target, place)
  return { place = place, files = named, summary_bytes = #summary }
end

--- @param row table
--- @param kept table
function Folder:publish_changeset(row, kept)
  local path = kept.place .. "/" .. places.SUMMARY
  places.name_summary(self.state, row, contents.insert_lake_file(self.state.db, path, kept.summary_bytes))
end

--- @param changeset table row, with `files` decoded
--- @return string[] paths
function Folder:changeset_paths(_, changeset)
  local paths = {}
  local own = self.state.settings.data .. "/" .. lake.changeset_folder(changeset.dataset_id, changeset.id)
  for i, file in ipairs(changeset.files) do
    paths[i] = own .. "/" .. file.name
  end
  return paths
end

-- --- views ------------------------------------------------------------------------------------------

local NAME = "INSERT INTO objects (bucket, key, content_id, modified, content_type) VALUES (?, ?, ?, ?, ?)"

local function name_object(self, path, prefix, file, now)
  local db, bucket = self.state.db, self.state.settings.bucket
  local content = contents.insert_lake_file(db, path .. "/" .. file.path, file.bytes, file.pieces)
  db:run(NAME, bucket, prefix .. file.key, content, now, places.content_type(file.key))
end

local function each_batch(db, list, work, pause, confirm)
  for first = 1, #list, BATCH do
    db:transaction(function()
      if confirm then confirm() end
      for at = first, math.min(first + BATCH - 1, #list) do
        work(list[at])
      end
    end)
    if pause then pause() end
  end
end

--- @param row table of the view
--- @param generation? string of a build; nil for the prefix before there is one
--- @return string prefix
function Folder:view_prefix(row, generation) return lake.view_prefix(row.dataset_id, row.id, generation) end -- luacheck: ignore

--- @param job table
--- @param row table
--- @param generation string
--- @param files table[] {key=, path=, bytes=, pieces=} in job.target
--- @return table kept
function Folder:keep_view(job, row, generation, files)
  local place = lake.view_folder(row.dataset_id, row.id, generation)
  self:forget_views(row, row.prefix or self:view_prefix(row), row.generation, coroutine.yield)
  lake.place(self.state.settings.data, job.target, place)
  return { files = files, place = place, generation = generation }
end

-- The earlier files' names go and the new ones come in the transaction that says SUCCESS. Others write meanwhile, so a view
-- of many files gets a prefix of its own, under which they are named beforehand, some at a time.

--- @param row table
--- @param kept table
--- @param publish fun(prefix: string)
function Folder:publish_view(row, kept, publish)
  local db, is_large, now = self.state.db, #kept.files > FEW_FILES, clock.milliseconds()
  local prefix = self:view_prefix(row, is_large and kept.generation or nil)
  local function name(file) name_object(self, kept.place, prefix, file, now) end
  if is_large then each_batch(db, kept.files, name, coroutine.yield) end
  db:transaction(function()
    if not is_large then
      places.forget_below(self.state, prefix)
      for _, file in ipairs(kept.files) do
        name(file)
      end
    end
    publish(prefix)
  end)
  self:forget_views(row, prefix, kept.generation, coroutine.yield)
end

local ALL_BUT = "SELECT key FROM objects WHERE bucket = ? AND key >= ? AND key < ? AND NOT (key >= ? AND key < ?)"

-- Whether a build's files may go for those of one that stays. Another process may be at a newer one, and generations rise
-- with time.
local function may_go(self, build, stays)
  return build ~= stays and (not is_shared(self) or (stays ~= nil and build < stays))
end

-- The view's prefixes begin with its id and "/" or ".".

--- @param row table
--- @param prefix string that stays
--- @param generation? string that stays
--- @param pause? fun()
function Folder:forget_views(row, prefix, generation, pause)
  local db, bucket, own = self.state.db, self.state.settings.bucket, self:view_prefix(row)
  local keys = db:rows(ALL_BUT, bucket, own:sub(1, -2) .. ".", places.after(own), prefix, places.after(prefix))
  local function confirm()
    if is_shared(self) then leases.confirm(db, row) end
  end
  local function forget(object) db:run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, object.key) end
  each_batch(db, keys, forget, pause, confirm)
  local path = self.state.settings.data .. "/" .. lake.view_folder(row.dataset_id, row.id)
  for _, name in ipairs(sys.list(path) or {}) do
    if may_go(self, name, generation) then lake.remove(path .. "/" .. name) end
  end
end

--- The files go when the lake is swept.
--- @param dataset_id string
function Folder:forget_dataset(dataset_id)
  for _, kind in ipairs { "views/", "datasets/" } do
    places.forget_below(self.state, kind .. dataset_id .. "/")
  end
end

--- @return string|nil problem
function Folder:problem()
  if not sys.stat(self.state.settings.data .. "/lake") then return "the data folder is gone" end
end

-- --- the sweep --------------------------------------------------------------------------------------

local STRAY_SECONDS = 3600 -- older than any job of another process that still goes on

local function is_stray(self, path)
  local stat = sys.lstat(path)
  return stat ~= nil and (not is_shared(self) or stat.mtime < sys.now() - STRAY_SECONDS)
end

-- What the lake keeps belongs to a changeset or a view that is there.
local function remove_from_lake(self, kind, is_known)
  local root = self.state.settings.data .. "/lake/" .. kind
  for _, dataset in ipairs(sys.list(root) or {}) do
    for _, id in ipairs(sys.list(root .. "/" .. dataset) or {}) do
      local path = root .. "/" .. dataset .. "/" .. id
      if not is_known(dataset, id) and is_stray(self, path) then lake.remove(path) end
    end
    if #(sys.list(root .. "/" .. dataset) or {}) == 0 then sys.remove(root .. "/" .. dataset) end
  end
end

local KNOWN = {
  datasets = "SELECT 1 AS found FROM changesets WHERE dataset_id = ? AND id = ? AND columns IS NOT NULL",
  views = "SELECT 1 AS found FROM data_views WHERE dataset_id = ? AND id = ?",
}

--- Takes away what no transaction named. Call it while nothing is at work.
function Folder:sweep()
  local db = self.state.db
  for kind, known in pairs(KNOWN) do
    remove_from_lake(self, kind, function(dataset, id) return db:row(known, dataset, id) end)
  end
  for _, row in ipairs(leases.idle_views(db)) do
    self:forget_views(row, row.prefix or self:view_prefix(row), row.generation)
  end
end

return folder
