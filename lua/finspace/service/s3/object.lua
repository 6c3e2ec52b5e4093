--- Objects: put, read, described, deleted. What an object is called and what it holds are two rows, so a
--- copy copies no bytes.

local cjson = require("cjson.safe")
local bodies = require("finspace.service.s3.bodies")
local checksums = require("finspace.service.s3.checksums")
local conditions = require("finspace.service.s3.conditions")
local contents = require("finspace.service.s3.contents")
local commit = require("finspace.service.db.commit")
local headers = require("finspace.service.s3.headers")
local ranges = require("finspace.service.s3.ranges")
local reserve = require("finspace.service.s3.reserve")
local wire = require("finspace.service.s3.wire")

local object = {}

-- --- rows -----------------------------------------------------------------------------------------

-- The bucket may have gone while the body arrived.
local NAME = [[INSERT INTO objects (bucket, key, content_id, modified, content_type, metadata, headers)
  SELECT name, ?, ?, ?, ?, ?, ? FROM buckets WHERE name = ?
  ON CONFLICT (bucket, key) DO UPDATE SET content_id = excluded.content_id, modified = excluded.modified,
  content_type = excluded.content_type, metadata = excluded.metadata, headers = excluded.headers]]

--- Gives a content the request's name, in place of what had it. Call it in a transaction.
--- @param call table
--- @param content_id string
--- @param about table from headers.described, or a row that has its columns
function object.name(call, content_id, about)
  local kind, metadata, kept = about.content_type, about.metadata, about.headers
  local named = call.state.db:run(NAME, call.key, content_id, call.now, kind, metadata, kept, call.bucket)
  if named == 0 then wire.refuse("NoSuchBucket", "there is no bucket of that name") end
end

local FIND = [[SELECT o.*, c.size, c.etag, c.segments, c.checksums, c.parts
  FROM objects o JOIN contents c ON c.id = o.content_id WHERE bucket = ? AND key = ?]]

--- @param call table {state=, bucket=, key=}
--- @return table row with its content's columns; refuses when there is none
function object.find(call)
  return call.state.db:row(FIND, call.bucket, call.key) or wire.refuse("NoSuchKey", "there is no object under this key")
end

--- Refuses a request whose conditions on what it overwrites do not hold.
--- @param call table
function object.check_conditions(call)
  local header = call.request.header
  if not conditions.of_write(header) then return end
  conditions.check_write(header, call.state.db:row(FIND, call.bucket, call.key))
end

-- --- checksums ------------------------------------------------------------------------------------

--- How a content's checksum is kept.
--- @param checksum table|nil {name=, value=, type=}
--- @return string|nil json
function object.encode_checksum(checksum)
  if not checksum then return nil end
  return cjson.encode { name = checksum.name, value = checksum.value, type = checksum.type or "FULL_OBJECT" }
end

--- @param checksum table|nil {name=, value=, type=}
--- @return table<string, string> headers
function object.checksum_headers(checksum)
  if not checksum then return {} end
  return {
    ["x-amz-checksum-" .. checksum.name] = checksum.value,
    ["x-amz-checksum-type"] = checksum.type or "FULL_OBJECT",
  }
end

--- @param checksum table|nil {name=, value=, type=}
--- @return table[] elements
function object.checksum_elements(checksum)
  if not checksum then return {} end
  return {
    { checksums.kind(checksum.name).element, checksum.value },
    { "ChecksumType", checksum.type or "FULL_OBJECT" },
  }
end

--- @param found table row
--- @return table|nil checksum {name=, value=, type=}
function object.checksum_of(found) return found.checksums and cjson.decode(found.checksums) end

-- --- put ------------------------------------------------------------------------------------------

--- @param call table
function object.put(call)
  local about = headers.described(call.request.header)
  object.check_conditions(call)
  local segment, checksum = bodies.receive(call)
  local db, etag = call.state.db, contents.etag(segment)
  commit.together(db, function()
    object.check_conditions(call)
    local content = contents.insert(db, { segment }, etag, { checksums = object.encode_checksum(checksum) })
    object.name(call, content, about)
  end)
  local answer = object.checksum_headers(checksum)
  answer.ETag = wire.quoted(etag)
  wire.answer(200, answer)
end

-- --- get ------------------------------------------------------------------------------------------

local function set_headers(found)
  local header = ngx.header
  header["ETag"] = wire.quoted(found.etag)
  header["Last-Modified"] = ngx.http_time(math.floor(found.modified / 1000))
  header["Accept-Ranges"] = "bytes"
end

local function set_checksum(call, checksum)
  if (call.request.header["x-amz-checksum-mode"] or ""):upper() ~= "ENABLED" then return end
  for name, value in pairs(object.checksum_headers(checksum)) do
    ngx.header[name] = value
  end
end

local function set_range(first, last, size)
  ngx.status = 206
  ngx.header["Content-Range"] = ("bytes %d-%d/%d"):format(first, last, size)
end

local function part_number(call)
  local text = call.query.partNumber
  local number = text and text:match("^%d+$") and tonumber(text)
  if text and not (number and number >= 1 and number <= 10000) then
    wire.refuse("InvalidArgument", "partNumber must be a whole number from 1 to 10000")
  end
  if number and call.request.header.range then
    wire.refuse("InvalidRequest", "a request names a Range or a partNumber, not both")
  end
  return number
end

-- One part, with the checksum that it was uploaded with.
local function choose_part(call, found, number)
  local parts = found.parts and cjson.decode(found.parts)
  local first, last = ranges.of_part(parts, number, found.size)
  if parts then
    ngx.header["x-amz-mp-parts-count"] = #parts
    set_checksum(call, parts[number].checksum)
  else
    set_checksum(call, object.checksum_of(found))
  end
  if last >= first then set_range(first, last, found.size) end
  return first, last
end

local function choose_range(call, found)
  local first, last = ranges.wanted(call.request.header, found)
  if first then
    set_range(first, last, found.size)
    return first, last
  end
  set_checksum(call, object.checksum_of(found))
  return 0, found.size - 1
end

local function send(call, found, first, last)
  ngx.header["Content-Length"] = ("%d"):format(last - first + 1)
  if call.request.method == "HEAD" or last < first then
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
  local number = part_number(call)
  local found = object.find(call)
  local is_known = conditions.check_read(call.request.header, found)
  set_headers(found)
  if is_known then return wire.answer(304) end
  headers.set(found, call.query)
  local choose = number and choose_part or choose_range
  local first, last = choose(call, found, number)
  send(call, found, first, last)
end

-- --- attributes -----------------------------------------------------------------------------------

local function whole(number) return ("%d"):format(number) end

local function part_elements(number, part)
  local content = { { "PartNumber", whole(number) }, { "Size", whole(part.size) } }
  if part.checksum then content[#content + 1] = { checksums.kind(part.checksum.name).element, part.checksum.value } end
  return { "Part", content }
end

local function parts_page(call, parts)
  local header = call.request.header
  local after = tonumber(header["x-amz-part-number-marker"]) or 0
  local limit = math.min(tonumber(header["x-amz-max-parts"]) or 1000, 1000)
  local last = math.min(#parts, after + limit)
  local content = {
    { "PartsCount", whole(#parts) },
    { "PartNumberMarker", whole(after) },
    { "NextPartNumberMarker", whole(last) },
    { "MaxParts", whole(limit) },
    { "IsTruncated", tostring(last < #parts) },
  }
  for number = after + 1, last do
    content[#content + 1] = part_elements(number, parts[number])
  end
  return content
end

local ATTRIBUTES = {
  etag = function(_, found) return { "ETag", found.etag } end,
  checksum = function(_, found)
    local elements = object.checksum_elements(object.checksum_of(found))
    return { "Checksum", #elements > 0 and elements or nil }
  end,
  objectparts = function(call, found)
    return { "ObjectParts", found.parts and parts_page(call, cjson.decode(found.parts)) }
  end,
  storageclass = function() return { "StorageClass", "STANDARD" } end,
  objectsize = function(_, found) return { "ObjectSize", whole(found.size) } end,
}

--- GetObjectAttributes: what is known of an object, without its bytes.
--- @param call table
function object.attributes(call)
  local found, content = object.find(call), {}
  for name in (call.request.header["x-amz-object-attributes"] or ""):gmatch("[^,%s]+") do
    local describe = ATTRIBUTES[name:lower()]
    if not describe then wire.refuse("InvalidArgument", "there is no object attribute " .. name) end
    content[#content + 1] = describe(call, found)
  end
  if #content == 0 then wire.refuse("InvalidArgument", "x-amz-object-attributes names what is wanted") end
  ngx.header["Last-Modified"] = ngx.http_time(math.floor(found.modified / 1000))
  wire.answer_document("GetObjectAttributesResponse", content)
end

--- There are no tags, which clients that copy in parts want to know.
--- @param call table
function object.tagging(call)
  object.find(call)
  wire.answer_document("Tagging", { { "TagSet", {} } })
end

-- --- delete ---------------------------------------------------------------------------------------

--- Deletes an object if the conditions hold. Call it in a transaction.
--- @param call table
--- @param key string
--- @param wanted table {etag=, modified=, size=} for conditions.check_delete
function object.remove(call, key, wanted)
  local db = call.state.db
  if wanted.etag or wanted.modified or wanted.size then
    conditions.check_delete(db:row(FIND, call.bucket, key), wanted)
  end
  db:run("DELETE FROM objects WHERE bucket = ? AND key = ?", call.bucket, key)
end

--- @param call table
function object.delete(call)
  local header = call.request.header
  local wanted = {
    etag = header["if-match"],
    modified = header["x-amz-if-match-last-modified-time"],
    size = header["x-amz-if-match-size"],
  }
  reserve.with_room(call.state, function()
    commit.together(call.state.db, function() object.remove(call, call.key, wanted) end)
  end)
  wire.answer(204)
end

return object
