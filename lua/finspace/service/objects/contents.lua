--- What objects hold, apart from what they are called. A content is a list of segments, each a file
-- that is written once under a random name and never changes: an upload of many parts becomes one
-- object without being copied, and a changeset keeps what it was made from when the object goes.

local cjson = require("cjson.safe")
local ffi = require("ffi")
local sys = require("finspace.sys")
local checksums = require("finspace.service.objects.checksums")
local file = require("finspace.service.objects.file")
local ids = require("finspace.service.ids")

local contents = {}

local PIECE = 256 * 1024
local LARGE = 4 * 1024 * 1024

--- @param state table
--- @param name string segment
--- @return string path
function contents.path(state, name)
  return state.settings.data .. "/objects/" .. name:sub(1, 1) .. "/" .. name
end

local function incoming_path(state, name) return state.settings.data .. "/objects/incoming/" .. name end

local function ensure_folder(path)
  local made, problem, code = sys.mkdir(path, tonumber("700", 8))
  if not made and code ~= "EEXIST" then error(problem, 0) end
end

-- A large file's way to the disk takes longer than other requests should wait.
local function sync(path, size)
  if size < LARGE or ngx.worker.exiting() or ngx.get_phase() ~= "content" then return file.sync(path) end
  local ok, problem = ngx.run_worker_thread("sync", "finspace.service.objects.file", "sync", path)
  if not ok then error(problem, 0) end
end

local function keep(state, name, size)
  local path = contents.path(state, name)
  local folder = path:match("^(.*)/")
  sync(incoming_path(state, name), size)
  ensure_folder(folder)
  local ok, problem = sys.rename(incoming_path(state, name), path)
  if not ok then error(problem, 0) end
  file.sync(folder, true)
end

--- Writes a segment from a source of pieces, under a temporary name until `approve` has seen its
--- digests. What is returned is on disk.
--- @param state table
--- @param next_piece fun(): string|nil
--- @param approve? fun(digests: table) raises to refuse
--- @return table segment {name=, size=, sha256=, md5=}
function contents.write_segment(state, next_piece, approve)
  local name = ids.resource()
  ensure_folder(state.settings.data .. "/objects/incoming")
  local out, running, size = file.create(incoming_path(state, name)), checksums.start(), 0
  local ok, problem = pcall(function()
    for piece in next_piece do
      out:write(piece)
      running.update(piece)
      size = size + #piece
    end
    local digests = running.finish()
    if approve then approve(digests) end
    keep(state, name, size)
    return { name = name, size = size, sha256 = digests.sha256, md5 = digests.md5 }
  end)
  out:close()
  if ok then return problem end
  sys.remove(incoming_path(state, name))
  return error(problem, 0)
end

--- Remembers a content; call it in the transaction that also refers to it.
--- @param db table
--- @param segments table[] {name=, size=}
--- @param etag string without quotes
--- @return string content_id
function contents.insert(db, segments, etag)
  local kept, size = {}, 0
  for i, segment in ipairs(segments) do
    kept[i] = { name = segment.name, size = segment.size }
    size = size + segment.size
  end
  local id = ids.resource()
  db:run("INSERT INTO contents VALUES (?, ?, ?, ?)", id, size, etag, cjson.encode(kept))
  return id
end

--- @param digests table of one segment
--- @return string etag
function contents.etag(digests) return checksums.hex(digests.md5) end

--- @param digests table[] {md5=} of the parts, in order
--- @return string etag as S3 makes it for an upload in parts
function contents.etag_of_parts(md5s)
  local all = checksums.md5()
  all:update(table.concat(md5s))
  return checksums.hex(all:bytes()) .. "-" .. #md5s
end

-- The segments that a range touches: {path, offset, length} each.
local function spans(state, segments, first, last)
  local found, start = {}, 0
  for _, segment in ipairs(segments) do
    local from, to = math.max(first, start), math.min(last, start + segment.size - 1)
    if from <= to then
      found[#found + 1] =
        { path = contents.path(state, segment.name), offset = from - start, length = to - from + 1 }
    end
    start = start + segment.size
  end
  return found
end

local function next_span(self)
  if self.source then self.source:close() end
  self.at = self.at + 1
  local span = self.wanted[self.at]
  if not span then return false end
  self.source = file.open(span.path) or error("a segment is missing: " .. span.path, 0)
  self.source:seek(span.offset)
  self.left = span.length
  return true
end

local function next_piece(self)
  while self.left == 0 do
    if not next_span(self) then return nil end
  end
  local got = self.source:read_into(self.buffer, math.min(PIECE, self.left))
  if got == 0 then error("a segment is shorter than it was: " .. self.source.path, 0) end
  self.left = self.left - got
  return ffi.string(self.buffer, got)
end

--- Reads bytes first..last (0-based, inclusive) piece by piece.
--- @param state table
--- @param segments_json string
--- @param first integer
--- @param last integer
--- @return fun(): string|nil next_piece
--- @return fun() close for who stops before the end
function contents.pieces(state, segments_json, first, last)
  local self = {
    wanted = spans(state, cjson.decode(segments_json), first, last),
    buffer = ffi.new("char[?]", math.max(1, math.min(PIECE, last - first + 1))),
    at = 0,
    left = 0,
  }
  local function close()
    if self.source then self.source:close() end
  end
  return function() return next_piece(self) end, close
end

return contents
