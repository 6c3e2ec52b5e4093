--- What objects hold, apart from what they are called. A content is a list of segments, each written
-- once and never changed: an upload of many parts becomes one object without being copied, and a
-- changeset keeps what it was made from when the object goes.
--
-- A segment is a file under a random name, or, where it is small, a row beside the one that refers to
-- it: both are on disk with one commit, where a file costs two more waits for the disk.

local cjson = require("cjson.safe")
local ffi = require("ffi")
local sys = require("finspace.sys")
local checksums = require("finspace.service.s3.checksums")
local file = require("finspace.service.s3.segment_file")
local ids = require("finspace.service.ids")
local sqlite = require("finspace.service.db.sqlite")

local contents = {}

local PIECE = 256 * 1024
local LARGE = 4 * 1024 * 1024
local LARGEST_ROW = 64 * 1024 -- what is larger costs more in the log and its checkpoints than it saves

local function path_of(state, name) return state.settings.data .. "/objects/" .. name:sub(1, 1) .. "/" .. name end

local function incoming_path(state, name) return state.settings.data .. "/objects/incoming/" .. name end

local function ensure_folder(path)
  local made, problem, code = sys.mkdir(path, tonumber("700", 8))
  if not made and code ~= "EEXIST" then error(problem, 0) end
end

-- A large file's way to the disk takes longer than other requests should wait.
local function sync(path, size)
  if size < LARGE or ngx.worker.exiting() or ngx.get_phase() ~= "content" then return file.sync(path) end
  local ok, problem = ngx.run_worker_thread("sync", "finspace.service.s3.segment_file", "sync", path)
  if not ok then error(problem, 0) end
end

local function keep(state, name, size)
  local path = path_of(state, name)
  local folder = path:match("^(.*)/")
  sync(incoming_path(state, name), size)
  ensure_folder(folder)
  local ok, problem = sys.rename(incoming_path(state, name), path)
  if not ok then error(problem, 0) end
  file.sync(folder, true)
end

--- Writes a segment to a file from a source of pieces, under a temporary name until `approve` has seen
--- its digests. What is returned is on disk.
--- @param state table
--- @param next_piece fun(): string|nil
--- @param approve? fun(digests: table) raises to refuse
--- @return table segment {name=, size=, md5=}
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
    return { name = name, size = size, md5 = digests.md5 }
  end)
  out:close()
  if ok then return problem end
  sys.remove(incoming_path(state, name))
  return error(problem, 0)
end

-- Reads until it is known whether a source fits into a row.
local function read_start(next_piece)
  local pieces, size = {}, 0
  for piece in next_piece do
    pieces[#pieces + 1] = piece
    size = size + #piece
    if size > LARGEST_ROW then return table.concat(pieces), false end
  end
  return table.concat(pieces), true
end

local function continued(start, next_piece)
  return function()
    local piece = start or next_piece()
    start = nil
    return piece
  end
end

--- Takes a segment from a source of pieces: a small one is held in memory until the transaction that
--- refers to it, a larger one is written to a file at once.
--- @param state table
--- @param next_piece fun(): string|nil
--- @param approve fun(digests: table) raises to refuse
--- @return table segment {size=, md5=, and name= or bytes=}
function contents.take_segment(state, next_piece, approve)
  local start, is_whole = read_start(next_piece)
  if not is_whole then return contents.write_segment(state, continued(start, next_piece), approve) end
  local running = checksums.start()
  running.update(start)
  local digests = running.finish()
  approve(digests)
  return { bytes = start, size = #start, md5 = digests.md5 }
end

--- The name by which a segment is referred to: a small one gets its row now. Call it in the
--- transaction that also writes the name down.
--- @param db table
--- @param segment table from take_segment or write_segment, or {name=}
--- @return string name
function contents.name_segment(db, segment)
  if segment.name then return segment.name end
  return "row/" .. db:insert_row("INSERT INTO small_segments (bytes) VALUES (?)", sqlite.blob(segment.bytes))
end

--- Remembers a content; call it in the transaction that also refers to it.
--- @param db table
--- @param segments table[] {size=, and name= or bytes=}
--- @param etag string without quotes
--- @return string content_id
function contents.insert(db, segments, etag)
  local kept, size = {}, 0
  for i, segment in ipairs(segments) do
    kept[i] = { name = contents.name_segment(db, segment), size = segment.size }
    size = size + segment.size
  end
  local id = ids.rising()
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

-- The segments that a range touches: {name, offset, length} each.
local function spans(segments, first, last)
  local found, start = {}, 0
  for _, segment in ipairs(segments) do
    local from, to = math.max(first, start), math.min(last, start + segment.size - 1)
    if from <= to then found[#found + 1] = { name = segment.name, offset = from - start, length = to - from + 1 } end
    start = start + segment.size
  end
  return found
end

local function nothing() end

local function row_pieces(state, span, number)
  local row = state.db:row(
    "SELECT substr(bytes, ?, ?) AS bytes FROM small_segments WHERE number = ?",
    span.offset + 1,
    span.length,
    number
  ) or error("a segment is missing: " .. span.name, 0)
  return continued(row.bytes, nothing), nothing
end

local function file_pieces(state, span)
  local path, left = path_of(state, span.name), span.length
  local source = file.open(path) or error("a segment is missing: " .. path, 0)
  local buffer = ffi.new("char[?]", math.min(PIECE, left))
  source:seek(span.offset)
  local function next_piece()
    if left == 0 then return nil end
    local got = source:read_into(buffer, math.min(PIECE, left))
    if got == 0 then error("a segment is shorter than it was: " .. path, 0) end
    left = left - got
    return ffi.string(buffer, got)
  end
  return next_piece, function() source:close() end
end

local function open_span(state, span)
  local number = tonumber(span.name:match("^row/(%d+)$"))
  if number then return row_pieces(state, span, number) end
  return file_pieces(state, span)
end

--- Reads bytes first..last (0-based, inclusive) piece by piece.
--- @param state table
--- @param segments_json string
--- @param first integer
--- @param last integer
--- @return fun(): string|nil next_piece
--- @return fun() close for who stops before the end
function contents.pieces(state, segments_json, first, last)
  local wanted, at = spans(cjson.decode(segments_json), first, last), 0
  local next_of_span, close_span = nothing, nothing
  local function next_piece()
    local piece = next_of_span()
    while not piece do
      close_span()
      at = at + 1
      if not wanted[at] then return nil end
      next_of_span, close_span = open_span(state, wanted[at])
      piece = next_of_span()
    end
    return piece
  end
  return next_piece, function() close_span() end
end

return contents
