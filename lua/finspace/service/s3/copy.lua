--- Copies: of an object, which gives its content a second name, and into a part of an upload, which reads the
--- source's bytes.

local core = require("finspace.core")
local access = require("finspace.service.s3.access")
local conditions = require("finspace.service.s3.conditions")
local contents = require("finspace.service.s3.contents")
local commit = require("finspace.service.db.commit")
local headers = require("finspace.service.s3.headers")
local object = require("finspace.service.s3.object")
local ranges = require("finspace.service.s3.ranges")
local checksums = require("finspace.service.s3.checksums")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local copy = {}

local LARGEST = 5 * 1024 * 1024 * 1024

local function parse_source(text)
  local path, version = text:match("^/?([^?]*)%??(.*)$")
  local id = version:match("^versionId=(.*)$")
  if version ~= "" and not id then wire.refuse("InvalidArgument", "x-amz-copy-source must be BUCKET/KEY") end
  if id and id ~= "null" then wire.refuse("NoSuchVersion", "objects here have one version, null") end
  local bucket, key = core.uri_decode(path):match("^([^/]+)/(.+)$")
  if not bucket then wire.refuse("InvalidArgument", "x-amz-copy-source must be BUCKET/KEY") end
  return bucket, key
end

--- The object that a request copies from, once its caller may read it and its conditions hold.
--- @param call table
--- @return table row
--- @return boolean is_itself whether it is what the request writes, too
function copy.source(call)
  local bucket, key = parse_source(call.request.header["x-amz-copy-source"])
  local is_readable = access.allows(call.state, call.caller, "read", bucket, key)
  if not is_readable or not access.is_in_policy(call.caller, "s3:GetObject", bucket, key) then
    wire.refuse("AccessDenied", "these keys do not open the copy's source")
  end
  if not call.state.db:row("SELECT 1 AS found FROM buckets WHERE name = ?", bucket) then
    wire.refuse("NoSuchBucket", "there is no bucket of the copy source's name")
  end
  local found = object.find { state = call.state, bucket = bucket, key = key }
  conditions.check_source(call.request.header, found)
  return found, bucket == call.bucket and key == call.key
end

local function is_replaced(header)
  local directive = (header["x-amz-metadata-directive"] or "COPY"):upper()
  if directive ~= "COPY" and directive ~= "REPLACE" then
    wire.refuse("InvalidArgument", "x-amz-metadata-directive must be COPY or REPLACE")
  end
  return directive == "REPLACE"
end

-- The checksum of all the source's bytes, where another kind is wanted than is kept.
local function digest(call, source, name)
  local running = checksums.start { [name] = true }
  for piece in contents.pieces(call.state, source.segments, 0, source.size - 1) do
    running:update(piece)
    ngx.sleep(0) -- others' turn
  end
  return { name = name, value = ngx.encode_base64(running:finish()[name]), type = "FULL_OBJECT" }
end

local function wanted_checksum(call, source)
  local wanted, kept = call.request.header["x-amz-checksum-algorithm"], object.checksum_of(source)
  if not wanted then return kept end
  local kind = checksums.kind(wanted)
  if not kind then wire.refuse("InvalidRequest", "x-amz-checksum-algorithm is none of S3's") end
  if kept and kept.name == kind.name and kept.type == "FULL_OBJECT" then return kept end
  return digest(call, source, kind.name)
end

-- With another checksum it is another content, of the same segments.
local function content_of(call, source, checksum)
  local encoded = object.encode_checksum(checksum)
  if encoded == nil or (source.checksums and object.checksum_of(source).value == checksum.value) then
    return source.content_id
  end
  return contents.repeated(call.state.db, source, encoded)
end

-- What was read may have been replaced while a checksum was made of it; its content may have been swept.
local function check_is_there(call, source)
  if call.state.db:row("SELECT 1 AS found FROM contents WHERE id = ?", source.content_id) then return end
  wire.refuse("ServiceUnavailable", "the copy's source was replaced meanwhile; try again")
end

--- @param call table
function copy.object(call)
  object.check_conditions(call)
  local source, is_itself = copy.source(call)
  local header = call.request.header
  local replaced = is_replaced(header)
  if is_itself and not replaced and not header["x-amz-checksum-algorithm"] then
    wire.refuse("InvalidRequest", "an object is copied to itself to change it: use x-amz-metadata-directive: REPLACE")
  end
  if source.size > LARGEST then wire.refuse("InvalidRequest", "more than 5 GiB are copied in parts") end
  if header["x-amz-copy-source-range"] then
    wire.refuse("InvalidRequest", "a range is copied to a part, not to an object")
  end
  local about = replaced and headers.described(header) or source
  local checksum = wanted_checksum(call, source)
  commit.together(call.state.db, function()
    object.check_conditions(call)
    check_is_there(call, source)
    object.name(call, content_of(call, source, checksum), about)
  end)
  local content = { { "LastModified", xml.time(call.now) }, { "ETag", wire.quoted(source.etag) } }
  for _, element in ipairs(object.checksum_elements(checksum)) do
    content[#content + 1] = element
  end
  wire.answer_document("CopyObjectResult", content)
end

-- Each piece is another turn: a long copy does not hold who else asks.
local function patient_pieces(call, source, first, last)
  if last < first then
    return function() return nil end
  end
  local next_piece = contents.pieces(call.state, source.segments, first, last)
  return function()
    ngx.sleep(0)
    return next_piece()
  end
end

--- Reads the source of UploadPartCopy into a segment of its own.
--- @param call table
--- @param kept table|nil kind of checksum that the upload keeps
--- @param place_for fun(size: integer): table|nil the part's place among the others (contents.take_segment)
--- @return table segment
--- @return table|nil checksum {name=, value=}
function copy.segment(call, kept, place_for)
  local source = copy.source(call)
  local first, last = ranges.of_copy(call.request.header["x-amz-copy-source-range"], source.size)
  if last - first + 1 > LARGEST then wire.refuse("EntityTooLarge", "a part has at most 5 GiB") end
  local segment = contents.take_segment(call.state, {
    next_piece = patient_pieces(call, source, first, last),
    size = last - first + 1,
    wanted = kept and { [kept.name] = true },
    place = place_for(last - first + 1),
  }, function() end)
  return segment, kept and { name = kept.name, value = ngx.encode_base64(segment.digests[kept.name]) }
end

return copy
