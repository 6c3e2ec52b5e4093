--- The bodies of requests: plain or in chunks, held in memory where they are small, streamed to the disk
--- where they are not. Nothing is kept of one before its signatures, its length and its checksums are right.

local checksums = require("finspace.service.s3.checksums")
local contents = require("finspace.service.s3.contents")
local core = require("finspace.core")
local wire = require("finspace.service.s3.wire")

local bodies = {}

local PIECE = 256 * 1024
local SMALLEST_PIECE = 8 * 1024
local LARGEST_PUT = 5 * 1024 * 1024 * 1024
local LARGEST_DOCUMENT = 4 * 1024 * 1024

-- --- bytes as they are on the wire ----------------------------------------------------------------

local function length_header(call, name)
  local text = call.request.header[name]
  local length = text and text:match("^%d+$") and tonumber(text)
  if not length then wire.refuse("MissingContentLength", "the request needs the header " .. name) end
  if length > LARGEST_PUT then wire.refuse("EntityTooLarge", "one request holds at most 5 GiB: upload it in parts") end
  return length
end

local receiving = 0 -- bodies of this process that are on their way

-- Bodies that arrive at once share what one turn of the event loop hashes and writes.
local function piece_size() return math.max(SMALLEST_PIECE, math.floor(PIECE / receiving)) end

local function socket_pieces(length)
  if length == 0 then
    return function() return nil end
  end
  local socket, left = ngx.req.socket(), length
  return function()
    if left == 0 then return nil end
    local piece, problem = socket:receive(math.min(piece_size(), left))
    if not piece then wire.refuse("IncompleteBody", "the body ended before its Content-Length: " .. problem) end
    left = left - #piece
    ngx.sleep(0) -- others' turn, even where more bytes are there already
    return piece
  end
end

-- A body whose length the client did not know is on nginx's disk before it is read: its socket is not ours.
local function spooled_pieces()
  ngx.req.read_body()
  local path, text = ngx.req.get_body_file(), ngx.req.get_body_data()
  if not path then
    return function()
      local piece = text
      text = nil
      return piece ~= "" and piece or nil
    end
  end
  local file = assert(io.open(path, "rb"))
  return function()
    local piece = file:read(PIECE)
    if not piece then file:close() end
    return piece
  end
end

-- --- chunks ---------------------------------------------------------------------------------------

local function is_in_chunks(call) return call.request.payload_hash:sub(1, 10) == "STREAMING-" end

local function announced_trailer(call)
  local names = {}
  for name in (call.request.header["x-amz-trailer"] or ""):gmatch("[^,%s]+") do
    names[name:lower()] = true
  end
  return names
end

local function check_trailer(call, trailer)
  local announced = announced_trailer(call)
  for name in pairs(trailer) do
    if not announced[name] then wire.refuse("MalformedTrailerError", "x-amz-trailer does not announce " .. name) end
  end
  for name in pairs(announced) do
    if not trailer[name] then wire.refuse("MalformedTrailerError", "the trailer lacks " .. name) end
  end
end

local function open_reader(call, length)
  local auth = call.request.auth
  return core.chunked {
    payload_hash = call.request.payload_hash,
    decoded_length = length,
    secret_access_key = call.caller.secret,
    signature = auth.signature,
    time = auth.time,
    region = auth.region,
    service = auth.service,
  }
end

local function read_chunks(reader, piece)
  local bytes, code, message, status = reader:read(piece)
  if bytes then return bytes end
  reader:close()
  local problem = require("finspace.service.fault").new(code, message, status)
  return error(problem, 0)
end

-- What the chunks hold; at their end the trailer's headers join the request's.
local function unframed(call, pieces, length)
  local reader = open_reader(call, length)
  return function()
    for piece in pieces do
      local bytes = read_chunks(reader, piece)
      if bytes ~= "" then return bytes end
    end
    if not reader then return nil end
    if not reader:is_done() then wire.refuse("IncompleteBody", "the body ended before its last chunk") end
    call.trailer = reader:trailer()
    check_trailer(call, call.trailer)
    reader:close()
    reader, pieces = nil, function() return nil end
    return nil
  end
end

-- --- checksums ------------------------------------------------------------------------------------

local function checksum_name(header) return header:match("^x%-amz%-checksum%-(%w+)$") end

local NOT_A_CHECKSUM = { type = true, algorithm = true, mode = true }

-- The one kind that headers declare.
local function declared_kind(headers)
  local found
  for header in pairs(headers) do
    local name = checksum_name(header)
    if name and not NOT_A_CHECKSUM[name] then
      local kind = checksums.kind(name)
      if not kind then wire.refuse("InvalidRequest", header .. " is no checksum of S3's") end
      if found then wire.refuse("InvalidRequest", "a request has one x-amz-checksum- header, not two") end
      found = kind
    end
  end
  return found
end

local function check_algorithm(call, kind)
  local wanted = call.request.header["x-amz-sdk-checksum-algorithm"]
  if not wanted or (kind and wanted:lower() == kind.name) then return end
  wire.refuse("InvalidRequest", "x-amz-sdk-checksum-algorithm is given, and no x-amz-checksum- header or trailer of it")
end

--- The kind of checksum that comes with a body, in a header or in its trailer.
--- @param call table
--- @return table|nil kind
function bodies.declared_kind(call)
  local in_header, in_trailer = declared_kind(call.request.header), declared_kind(announced_trailer(call))
  if in_header and in_trailer then
    wire.refuse("InvalidRequest", "a checksum comes in a header or in the trailer, not in both")
  end
  local kind = in_header or in_trailer
  check_algorithm(call, kind)
  return kind
end

local function check_payload_hash(call, digests)
  local declared = call.request.payload_hash
  if #declared ~= 64 or declared == checksums.hex(digests.sha256) then return end
  wire.refuse("XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match the body")
end

local function check_md5(call, digests)
  local declared = call.request.header["content-md5"]
  if not declared then return end
  local digest = ngx.decode_base64(declared)
  if not digest or #digest ~= 16 then wire.refuse("InvalidDigest", "Content-MD5 must be 16 bytes in base64") end
  if digest ~= digests.md5 then wire.refuse("BadDigest", "Content-MD5 does not match the body") end
end

local function check_checksum(call, kind, digests)
  local name = "x-amz-checksum-" .. kind.name
  local declared = call.request.header[name] or (call.trailer or {})[name]
  local digest = ngx.decode_base64(declared or "")
  if not digest or #digest ~= kind.length then
    wire.refuse("InvalidRequest", ("%s must be %d bytes in base64"):format(name, kind.length))
  end
  if digest ~= digests[kind.name] then wire.refuse("BadDigest", name .. " does not match the body") end
end

local function approval(call, declared)
  return function(digests)
    check_payload_hash(call, digests)
    check_md5(call, digests)
    if declared then check_checksum(call, declared, digests) end
  end
end

local function digests_wanted(call, declared, kept)
  local wanted = {}
  if #call.request.payload_hash == 64 then wanted.sha256 = true end
  if declared then wanted[declared.name] = true end
  if kept then wanted[kept.name] = true end
  return wanted
end

-- --- whole bodies ---------------------------------------------------------------------------------

-- Who tells a decoded length means chunks, which x-amz-content-sha256 has to say.
local function check_is_plain(call, length)
  local decoded = call.request.header["x-amz-decoded-content-length"]
  if not decoded or tonumber(decoded) == length then return end
  wire.refuse("InvalidRequest", "x-amz-decoded-content-length is given, and x-amz-content-sha256 names no chunks")
end

-- The body's bytes, and how many they will be.
local function open(call)
  call.request.awaits_word = false
  local is_spooled = call.request.header["transfer-encoding"] ~= nil
  if not is_in_chunks(call) then
    local length = length_header(call, "content-length")
    check_is_plain(call, length)
    return socket_pieces(length), length
  end
  local length = length_header(call, "x-amz-decoded-content-length")
  local raw = is_spooled and spooled_pieces() or socket_pieces(length_header(call, "content-length"))
  return unframed(call, raw, length), length
end

local function counted(work)
  receiving = receiving + 1
  local ok, result = pcall(work)
  receiving = receiving - 1
  if not ok then error(result, 0) end
  return result
end

--- Receives an object's body, or a part's.
--- @param call table
--- @param kept? table kind of checksum that is kept even where the request declares none
--- @param place_for? fun(size: integer): table|nil of a part: its place among the others (contents.take_segment)
--- @return table segment whose digests are the declared ones
--- @return table|nil checksum {name=, value=base64} that is kept
function bodies.receive(call, kept, place_for)
  local declared = bodies.declared_kind(call)
  local next_piece, length = open(call)
  local segment = counted(
    function()
      return contents.take_segment(call.state, {
        next_piece = next_piece,
        size = length,
        wanted = digests_wanted(call, declared, kept),
        place = place_for and place_for(length),
      }, approval(call, declared))
    end
  )
  local kind = kept or declared
  return segment, kind and { name = kind.name, value = ngx.encode_base64(segment.digests[kind.name]) }
end

local function read_whole(call)
  call.request.awaits_word = false
  local pieces, next_piece = {}, spooled_pieces()
  if is_in_chunks(call) then
    next_piece = unframed(call, next_piece, length_header(call, "x-amz-decoded-content-length"))
  end
  for piece in next_piece do
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

local function check_document_length(call)
  local header = call.request.header
  if header["transfer-encoding"] then length_header(call, "content-length") end
  if tonumber(header["content-length"] or 0) > LARGEST_DOCUMENT then
    wire.refuse("MalformedXML", "the document is larger than 4 MiB")
  end
end

--- Receives a body that is a document: small, and read at once.
--- @param call table
--- @param has_no_checksum? boolean x-amz-checksum- headers say something else than the document's checksum
--- @return string document
function bodies.receive_document(call, has_no_checksum)
  check_document_length(call)
  local declared = not has_no_checksum and bodies.declared_kind(call) or nil
  local document = read_whole(call)
  local running = checksums.start(digests_wanted(call, declared))
  running:update(document)
  approval(call, declared)(running:finish())
  return document
end

return bodies
