--- Objects: put, copied, read, deleted. What an object is called and what it holds are two rows, so
--- a copy copies no bytes.

local cjson = require("cjson.safe")
local core = require("finspace.core")
local access = require("finspace.service.s3.access")
local bodies = require("finspace.service.s3.bodies")
local contents = require("finspace.service.s3.contents")
local group_commit = require("finspace.service.db.group_commit")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.s3.xml")

local object = {}

--- What a request's headers say about the object that it brings.
--- @param header table<string, string>
--- @return table {content_type=, metadata=json or nil}
function object.described(header)
  local metadata = {}
  for name, value in pairs(header) do
    local key = name:match("^x%-amz%-meta%-(.+)$")
    if key then metadata[key] = value end
  end
  return {
    content_type = header["content-type"] or "binary/octet-stream",
    metadata = next(metadata) and cjson.encode(metadata) or nil,
  }
end

-- The bucket may have gone while the body arrived.
local NAME = [[INSERT OR REPLACE INTO objects (bucket, key, content_id, modified, content_type, metadata)
  SELECT name, ?2, ?3, ?4, ?5, ?6 FROM buckets WHERE name = ?1]]

--- Gives a content the request's name, in place of what had it.
--- @param call table
--- @param content_id string
--- @param about table from object.described, or a row that has its columns
function object.name(call, content_id, about)
  local db = call.state.db
  if db:run(NAME, call.bucket, call.key, content_id, call.now, about.content_type, about.metadata) == 0 then
    wire.refuse("NoSuchBucket", "there is no bucket of that name")
  end
end

local FIND = [[SELECT o.*, c.size, c.etag, c.segments FROM objects o JOIN contents c ON c.id = o.content_id
  WHERE bucket = ? AND key = ?]]

local function find(call)
  return call.state.db:row(FIND, call.bucket, call.key) or wire.refuse("NoSuchKey", "there is no object under this key")
end

local function matches(condition, etag) return condition == "*" or condition:find(etag, 1, true) ~= nil end

local function check_if_match(header, found)
  local wanted = header["if-match"]
  if wanted and not (found and matches(wanted, found.etag)) then
    wire.refuse("PreconditionFailed", "the object is not the one that If-Match names")
  end
end

local function is_excluded(header, found)
  local unwanted = header["if-none-match"]
  return unwanted and found and matches(unwanted, found.etag)
end

local function check_conditions(call)
  local header = call.request.header
  if not header["if-match"] and not header["if-none-match"] then return end
  local earlier = call.state.db:row(FIND, call.bucket, call.key)
  check_if_match(header, earlier)
  if is_excluded(header, earlier) then wire.refuse("PreconditionFailed", "there is an object already") end
end

--- @param call table
function object.put(call)
  local segment = bodies.receive(call)
  local db, about, etag = call.state.db, object.described(call.request.header), contents.etag(segment)
  group_commit.transaction(db, function()
    check_conditions(call)
    object.name(call, contents.insert(db, { segment }, etag), about)
  end)
  wire.answer(200, { ETag = wire.quoted(etag) })
end

local function copy_source(call)
  local path = call.request.header["x-amz-copy-source"]:match("^/?([^?]*)")
  local bucket, key = core.uri_decode(path):match("^([^/]+)/(.+)$")
  if not bucket then wire.refuse("InvalidArgument", "x-amz-copy-source must be BUCKET/KEY") end
  if not access.allows(call.state, call.caller, "read", bucket, key) then
    wire.refuse("AccessDenied", "these keys do not open the copy's source")
  end
  return find { state = call.state, bucket = bucket, key = key }
end

--- @param call table
function object.copy(call)
  local source, header = copy_source(call), call.request.header
  local is_described_anew = (header["x-amz-metadata-directive"] or ""):upper() == "REPLACE"
  local about = is_described_anew and object.described(header) or source
  group_commit.transaction(call.state.db, function() object.name(call, source.content_id, about) end)
  wire.answer_document("CopyObjectResult", {
    { "LastModified", xml.time(call.now) },
    { "ETag", wire.quoted(source.etag) },
  })
end

local function whole_number(text) return text ~= "" and tonumber(text) or nil end

-- bytes=a-b, bytes=a-, bytes=-n; anything else is the whole object, as RFC 9110 lets a server do.
local function wanted_range(header, size)
  local from, to = (header.range or ""):match("^bytes=(%d*)%-(%d*)$")
  local first, last = whole_number(from or ""), whole_number(to or "")
  if not first and not last then return nil end
  if not first then
    first, last = math.max(0, size - last), size - 1
  end
  last = math.min(last or size - 1, size - 1)
  if first > last then wire.refuse("InvalidRange", "the range is outside of the object") end
  return first, last
end

local function set_headers(found)
  local header = ngx.header
  header["ETag"] = wire.quoted(found.etag)
  header["Last-Modified"] = ngx.http_time(math.floor(found.modified / 1000))
  header["Content-Type"] = found.content_type
  header["Accept-Ranges"] = "bytes"
  for name, value in pairs(found.metadata and cjson.decode(found.metadata) or {}) do
    header["x-amz-meta-" .. name] = value
  end
end

local function send(call, found, first, last)
  ngx.header["Content-Length"] = ("%d"):format(last - first + 1)
  if call.request.method == "HEAD" then
    ngx.send_headers()
    return
  end
  local next_piece, close = contents.pieces(call.state, found.segments, first, last)
  for piece in next_piece do
    if not ngx.print(piece) or not ngx.flush(true) then break end -- the reader went away
  end
  close()
end

--- Answers GET and HEAD.
--- @param call table
function object.get(call)
  local found, header = find(call), call.request.header
  check_if_match(header, found)
  if is_excluded(header, found) then return wire.answer(304, { ETag = wire.quoted(found.etag) }) end
  local first, last = wanted_range(header, found.size)
  set_headers(found)
  if first then
    ngx.status = 206
    ngx.header["Content-Range"] = ("bytes %d-%d/%d"):format(first, last, found.size)
  end
  send(call, found, first or 0, last or found.size - 1)
end

--- @param call table
function object.delete(call)
  local db = call.state.db
  group_commit.transaction(
    db,
    function() db:run("DELETE FROM objects WHERE bucket = ? AND key = ?", call.bucket, call.key) end
  )
  wire.answer(204)
end

return object
