--- What objects hold, apart from what they are called. A content is a list of segments, each written
--- once and never changed: an upload of many parts becomes one object without being copied, and a
--- changeset keeps what it was made from when the object goes.
---
--- A segment is a file under a random name; or, where it is small, a row beside the one that refers to
--- it: both are on disk with one commit, where a file costs two more waits for the disk. The parts of an
--- upload lie side by side in one file, each at its place: together they are one segment, which is read by its
--- path like any file. So do the small texts of a view, each of which is two segments: that file's header, and its rows.

local cjson = require("cjson.safe")
local ffi = require("ffi")
local sys = require("finspace.sys")
local checksums = require("finspace.service.s3.checksums")
local commit = require("finspace.service.db.commit")
local file = require("finspace.service.s3.segment_file")
local ids = require("finspace.service.ids")
local blob = require("finspace.service.db.blob")

local contents = {}

local PIECE = 256 * 1024
contents.LARGEST_ROW = 64 * 1024 -- what is larger costs more in the log and its checkpoints than it saves
local MOST_HELD = 8 * 1024 * 1024

-- What the lake holds is referred to by its path below the data folder.
local function path_of(state, name)
  if name:sub(1, 5) == "lake/" then return state.settings.data .. "/" .. name end
  return state.settings.data .. "/objects/" .. name:sub(1, 1) .. "/" .. name
end

local function incoming_path(state, name) return state.settings.data .. "/objects/incoming/" .. name end

-- Writes a body to a file, and gives its digests when `approve` has seen them.
local function write(out, body, approve)
  local running = checksums.start(body.wanted)
  for piece in body.next_piece do
    out:write(piece)
    running:update(piece)
  end
  local digests = running:finish()
  approve(digests)
  return digests
end

local SEGMENT_FILE = "finspace.service.s3.segment_file"

-- Writes a segment to a file of its own, under a temporary name until it is approved. What is returned is on disk.
local function write_file(state, body, approve)
  local name = ids.resource()
  local incoming = incoming_path(state, name)
  file.ensure_folder(state.settings.data .. "/objects/incoming")
  local out = file.create(incoming)
  local ok, result = pcall(function()
    local digests = write(out, body, approve)
    commit.in_thread(SEGMENT_FILE, "publish", incoming, path_of(state, name))
    return { name = name, size = out.size, md5 = digests.md5, digests = digests }
  end)
  out:close()
  if ok then return result end
  sys.remove(incoming)
  return error(result, 0)
end

-- Writes a part at its place. Nobody else may write there until it is known whose it is: the file stays open as long.
local function write_part(state, body, approve, out)
  local name, offset = body.place.name, body.place.offset
  local ok, result = pcall(function()
    local digests = write(out, body, approve)
    commit.in_thread(SEGMENT_FILE, "sync_place", path_of(state, name), offset, out.size)
    local function close() out:close() end
    return { name = name, offset = offset, size = out.size, md5 = digests.md5, digests = digests, close = close }
  end)
  if ok then return result end
  out:give_back()
  return error(result, 0)
end

-- A part's place, open: nil where it has none, where another request is writing there, and where a part lies already.
local function open_place(state, body)
  local place = body.place
  if not place then return nil end
  local out = file.open_place(path_of(state, place.name), place.offset, body.size)
  if not out then return nil end
  local ok, is_free = pcall(place.is_free)
  if ok and is_free then return out end
  out:close()
  if not ok then error(is_free, 0) end
end

local held = 0 -- bytes of small bodies that this process keeps room for

local function hold(body, approve)
  local pieces, running = {}, checksums.start(body.wanted)
  for piece in body.next_piece do
    pieces[#pieces + 1] = piece
  end
  local bytes = table.concat(pieces)
  running:update(bytes)
  local digests = running:finish()
  approve(digests)
  return { bytes = bytes, size = #bytes, md5 = digests.md5, digests = digests }
end

local function hold_counted(body, approve)
  held = held + body.size
  local ok, result = pcall(hold, body, approve)
  held = held - body.size
  if not ok then error(result, 0) end
  return result
end

--- Takes a segment from a body: a small one is held in memory until the transaction that refers to it, a
--- larger one is written to a file at once, as is every one while many small ones are on their way. A part of an upload
--- is written at its place among the others, where that is free.
--- @param state table
--- @param body table {next_piece=, size= of all pieces, wanted= digests beside md5, place= of a part:
---   {name= of the file, offset=, is_free=fun(): boolean}}
--- @param approve fun(digests: table) raises to refuse
--- @return table segment {size=, md5=, digests=, and name= or bytes=}; one that has a `close` keeps others from its place
---   until that is called
function contents.take_segment(state, body, approve)
  local out = open_place(state, body)
  if out then return write_part(state, body, approve, out) end
  if body.size <= contents.LARGEST_ROW and held + body.size <= MOST_HELD then return hold_counted(body, approve) end
  return write_file(state, body, approve)
end

--- The name by which a segment is referred to: a small one gets its row now. Call it in the
--- transaction that also writes the name down.
--- @param db table
--- @param segment table from take_segment, or {name=}
--- @return string name
function contents.name_segment(db, segment)
  if segment.name then return segment.name end
  return "row/"
    .. db:row("INSERT INTO small_segments (bytes) VALUES (?) RETURNING number", blob.new(segment.bytes)).number
end

local INSERT = "INSERT INTO contents (id, size, etag, segments, checksums, parts) VALUES (?, ?, ?, ?, ?, ?)"

local function follows(segment, last)
  return last and last.name == segment.name and last.offset and last.offset + last.size == segment.offset
end

-- Adds a segment to others; those that follow each other in one file are one.
local function add(segments, segment)
  local last = segments[#segments]
  if follows(segment, last) then
    last.size = last.size + segment.size
  else
    segments[#segments + 1] = segment
  end
end

--- Remembers a content; call it in the transaction that also refers to it.
--- @param db table
--- @param segments table[] {size=, and name= or bytes=, offset= in a file of parts}
--- @param etag string without quotes
--- @param about? table {checksums=, parts=} JSON: what is known of the whole and of its parts
--- @return string content_id
function contents.insert(db, segments, etag, about)
  local kept, size = {}, 0
  for _, segment in ipairs(segments) do
    add(kept, { name = contents.name_segment(db, segment), size = segment.size, offset = segment.offset })
    size = size + segment.size
  end
  local id = ids.rising()
  about = about or {}
  db:run(INSERT, id, size, etag, cjson.encode(kept), about.checksums, about.parts)
  return id
end

--- A content of the same segments, of which another checksum is known. Call it in a transaction.
--- @param db table
--- @param source table row that has its id as content_id
--- @param encoded string JSON
--- @return string content_id
function contents.repeated(db, source, encoded)
  local id = ids.rising()
  db:run(
    [[INSERT INTO contents (id, size, etag, segments, checksums, parts)
    SELECT ?, size, etag, segments, ?, parts FROM contents WHERE id = ?]],
    id,
    encoded,
    source.content_id
  )
  return id
end

--- @param digests table of one segment
--- @return string etag
function contents.etag(digests) return checksums.hex(digests.md5) end

--- @param md5s string[] of the parts, in order
--- @return string etag as S3 makes it for an upload in parts
function contents.etag_of_parts(md5s) return checksums.hex(checksums.of("md5", table.concat(md5s))) .. "-" .. #md5s end

-- What a range touches of files and rows: {name, offset, length} each.
local function spans(segments, first, last)
  local found, start = {}, 0
  for _, segment in ipairs(segments) do
    local from, to = math.max(first, start), math.min(last, start + segment.size - 1)
    if from <= to then
      local offset = (segment.offset or 0) + from - start
      found[#found + 1] = { name = segment.name, offset = offset, length = to - from + 1 }
    end
    start = start + segment.size
  end
  return found
end

--- The file that a content is, where it is one and no more.
--- @param state table
--- @param segments_json string
--- @return string|nil path
function contents.single_file(state, segments_json)
  local segments = cjson.decode(segments_json)
  local only = #segments == 1 and segments[1]
  if not only or only.name:find("^row/") then return nil end
  local path = path_of(state, only.name)
  local stat = sys.stat(path)
  -- A file of parts may hold more than an object has of it.
  return (not stat or stat.size == only.size) and path or nil
end

--- Remembers a file of the lake as a content; call it in a transaction. Its bytes are not read for an ETag, which says
--- so as S3's does for an upload in parts: it is no digest of the object, and like no other one.
--- @param db table
--- @param path string below the data folder, beginning in lake/
--- @param size integer
--- @param pieces? table[] {offset=, size=} of the file, where the content is not all of it
--- @return string content_id
function contents.insert_lake_file(db, path, size, pieces)
  local segments = {}
  for i, piece in ipairs(pieces or { { offset = 0, size = size } }) do
    segments[i] = { name = path, offset = piece.offset, size = piece.size }
  end
  return contents.insert(db, segments, checksums.hex(sys.random_bytes(16)) .. "-1")
end

local function nothing() end

local function once(bytes)
  return function()
    local run = bytes
    bytes = nil
    return run, run and #run
  end
end

local function row_runs(state, span, number)
  local row = state.db:row(
    "SELECT substr(bytes, ?, ?) AS bytes FROM small_segments WHERE number = ?",
    span.offset + 1,
    span.length,
    number
  ) or error("a segment is missing: " .. span.name, 0)
  return once(row.bytes), nothing
end

local function file_runs(path, offset, left)
  local source = file.open(path) or error("a segment is missing: " .. path, 0)
  local buffer = ffi.new("char[?]", math.min(PIECE, left))
  source:seek(offset)
  local function next_run()
    if left == 0 then return nil end
    local got = source:read_into(buffer, math.min(PIECE, left))
    if got == 0 then error("a segment is shorter than it was: " .. path, 0) end
    left = left - got
    return buffer, got
  end
  return next_run, function() source:close() end
end

local function open_span(state, span)
  local number = tonumber(span.name:match("^row/(%d+)$"))
  if number then return row_runs(state, span, number) end
  return file_runs(path_of(state, span.name), span.offset, span.length)
end

--- Reads a file that is no segment, as contents.runs reads.
--- @param path string
--- @param size integer bytes that it has
--- @return fun(): ffi.cdata*|nil, integer next_run
function contents.runs_of_file(path, size) return (file_runs(path, 0, size)) end

--- Reads bytes first..last (0-based, inclusive) run by run, without making strings of them.
--- @param state table
--- @param segments_json string
--- @param first integer
--- @param last integer
--- @return fun(): ffi.cdata*|string|nil, integer next_run  bytes that are there until it is called again, and how many
--- @return fun() close for who stops before the end
function contents.runs(state, segments_json, first, last)
  local wanted, at = spans(cjson.decode(segments_json), first, last), 0
  local next_of_span, close_span = nothing, nothing
  local function next_run()
    local bytes, size = next_of_span()
    while not bytes do
      close_span()
      at = at + 1
      if not wanted[at] then return nil end
      next_of_span, close_span = open_span(state, wanted[at])
      bytes, size = next_of_span()
    end
    return bytes, size
  end
  return next_run, function() close_span() end
end

--- Reads bytes first..last (0-based, inclusive) piece by piece.
--- @param state table
--- @param segments_json string
--- @param first integer
--- @param last integer
--- @return fun(): string|nil next_piece
--- @return fun() close for who stops before the end
function contents.pieces(state, segments_json, first, last)
  local next_run, close = contents.runs(state, segments_json, first, last)
  local function next_piece()
    local bytes, size = next_run()
    return bytes and ffi.string(bytes, size)
  end
  return next_piece, close
end

return contents
