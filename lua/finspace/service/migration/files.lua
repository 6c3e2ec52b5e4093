--- The bytes of a service of one machine, on their way into a store.

local cjson = require("cjson.safe")
local contents = require("finspace.service.s3.contents")
local core = require("finspace.core")
local ffi = require("ffi")
local lake = require("finspace.service.lake")
local places = require("finspace.service.places")
local segment_file = require("finspace.service.s3.segment_file")
local sys = require("finspace.sys")

local files = {}

--- The folder below a changeset's, which stands for the attempt that wrote it.
files.ATTEMPT = "moved"

local PIECE = 1024 * 1024
local SAY_EVERY = 100 -- files

-- --- what there is ----------------------------------------------------------------------------------

local function of_changesets(source, add)
  for _, row in ipairs(source.db:rows("SELECT * FROM changesets WHERE status = 'SUCCESS' ORDER BY seq")) do
    local folder = source.settings.data .. "/" .. lake.changeset_folder(row.dataset_id, row.id)
    for _, file in ipairs(cjson.decode(row.files)) do
      add {
        path = folder .. "/" .. file.name,
        key = places.changeset(row.dataset_id, row.id, files.ATTEMPT) .. file.name,
      }
    end
  end
end

local BELOW = [[SELECT o.key, o.content_type, c.size, c.segments FROM objects o JOIN contents c ON c.id = o.content_id
  WHERE o.bucket = ? AND o.key >= ? AND o.key < ? ORDER BY o.key]]

local function objects_below(source, prefix)
  return source.db:rows(BELOW, source.settings.bucket, prefix, places.after(prefix))
end

local function add_object(add, object, key)
  add { segments = object.segments, size = object.size, content_type = object.content_type, key = key }
end

local function of_views(source, add)
  for _, row in ipairs(source.db:rows("SELECT * FROM data_views WHERE prefix IS NOT NULL ORDER BY seq")) do
    for _, object in ipairs(objects_below(source, row.prefix)) do
      add_object(add, object, places.view(row.dataset_id, row.id, row.generation) .. object.key:sub(#row.prefix + 1))
    end
  end
end

local function of_users(source, add)
  for _, object in ipairs(objects_below(source, "scratch/")) do
    add_object(add, object, object.key)
  end
end

local OTHERS = [[SELECT bucket, count(*) AS total FROM objects
  WHERE bucket <> ? OR NOT (key LIKE 'scratch/%' OR key LIKE 'datasets/%' OR key LIKE 'views/%') GROUP BY bucket]]

-- What people put elsewhere has no place below the store's prefix.
local function what_stays(source)
  local left = {}
  for i, row in ipairs(source.db:rows(OTHERS, source.settings.bucket)) do
    left[i] = ("%d objects of the bucket %s, outside of scratch/: copy them while the service runs, as with aws s3 sync"):format(
      row.total,
      row.bucket
    )
  end
  return left
end

-- --- one file ---------------------------------------------------------------------------------------

local function hash_of(path)
  local stream, buffer = core.sha256_stream(), ffi.new("char[?]", PIECE)
  local from = assert(segment_file.open(path), "cannot read " .. path)
  local got = from:read_into(buffer, PIECE)
  while got > 0 do
    stream:update(ffi.string(buffer, got))
    got = from:read_into(buffer, PIECE)
  end
  from:close()
  local hex = stream:hex()
  stream:close()
  return hex
end

-- An object of several segments, or of a row, as one file.
local function written(source, item, temporary)
  local own = contents.single_file(source, item.segments)
  if own then return own end
  local path = temporary .. "/object"
  sys.remove(path)
  local out = segment_file.create(path)
  for piece in contents.pieces(source, item.segments, 0, item.size - 1) do
    out:write(piece)
  end
  out:close()
  return path
end

local function raise(err) error({ message = "the store: " .. tostring(err) }, 0) end

-- Whether the store has these bytes under this key: by the hash that it was told, else by reading them again.
local function is_there(target, key, size, hash, temporary)
  local s3, bucket = target.store.client.s3, target.store.place.bucket
  local found, err = s3:head_object { bucket = bucket, key = key }
  if not found and err.status ~= 404 then raise(err) end
  if not found or found.size ~= size then return false end
  if found.metadata.sha256 then return found.metadata.sha256 == hash end
  local path = temporary .. "/again"
  sys.remove(path)
  local got
  got, err = s3:download_file { bucket = bucket, key = key, path = path }
  if not got then raise(err) end
  local is_same = hash_of(path) == hash
  sys.remove(path)
  return is_same
end

-- Sends a file unless it is there; true when it was sent.
local function bring(target, item, path, temporary)
  local key, size, hash = target.store:key(item.key), sys.stat(path).size, hash_of(path)
  if is_there(target, key, size, hash, temporary) then return false, size end
  local sent, err = target.store.client.s3:upload_file {
    path = path,
    bucket = target.store.place.bucket,
    key = key,
    content_type = item.content_type,
  }
  if not sent then raise(err) end
  if is_there(target, key, size, hash, temporary) then return true, size end
  error({ message = ("what arrived as %s has another SHA-256 than what was sent: run it again"):format(key) }, 0)
end

-- --- all of them ------------------------------------------------------------------------------------

--- Sends what is not there, and verifies all.
--- @param source table state of the folder's service
--- @param target table state of the store's
--- @param say fun(step: string, text: string, ...)
--- @return table {files=, size=, sent=, left=lines about what stays}
function files.move(source, target, say)
  local temporary = source.settings.data .. "/run/temporary"
  lake.make_folder(source.settings.data, "run/temporary")
  local items, done = {}, { files = 0, size = 0, sent = 0, left = what_stays(source) }
  local function add(item) items[#items + 1] = item end
  of_users(source, add)
  of_changesets(source, add)
  of_views(source, add)
  for at, item in ipairs(items) do
    local is_new, size = bring(target, item, item.path or written(source, item, temporary), temporary)
    done.files, done.size, done.sent = at, done.size + size, done.sent + (is_new and 1 or 0)
    if at % SAY_EVERY == 0 then say("bytes", "%d of %d files", at, #items) end
  end
  return done
end

return files
