--- The bodies of requests: read into memory where they are small, streamed to the disk where they are
-- not, and nothing before their digests are the declared ones.

local core = require("finspace.core")
local checksums = require("finspace.service.s3.checksums")
local contents = require("finspace.service.s3.contents")
local wire = require("finspace.service.s3.wire")

local bodies = {}

local PIECE = 256 * 1024
local LARGEST_PUT = 5 * 1024 * 1024 * 1024
local LARGEST_DOCUMENT = 4 * 1024 * 1024

local function declared_length(call)
  local length = call.request.header["content-length"]
  if not length or not length:match("^%d+$") then
    wire.refuse("MissingContentLength", "the request needs a Content-Length")
  end
  length = tonumber(length)
  if length > LARGEST_PUT then wire.refuse("EntityTooLarge", "one request holds at most 5 GiB: upload it in parts") end
  return length
end

local function body_pieces(length)
  if length == 0 then
    return function() return nil end
  end
  local socket = ngx.req.socket()
  local left = length
  return function()
    if left == 0 then return nil end
    local piece = socket:receive(math.min(PIECE, left))
    if not piece then wire.refuse("IncompleteBody", "the body ended before its Content-Length") end
    left = left - #piece
    return piece
  end
end

local CHECKSUMS = {
  crc32 = function(digests) return digests.crc32 end,
  sha256 = function(digests) return checksums.from_hex(digests.sha256) end,
}

-- A checksum that cannot be checked is refused: accepting it would be a promise that is not kept.
local function check_declared_checksums(header, digests)
  for name, value in pairs(header) do
    local kind = name:match("^x%-amz%-checksum%-(%w+)$")
    if kind and kind ~= "type" and kind ~= "algorithm" then
      local digest_of = CHECKSUMS[kind]
      if not digest_of then wire.refuse("NotImplemented", "checksums here are crc32 or sha256, not " .. kind) end
      if ngx.encode_base64(digest_of(digests)) ~= value then
        wire.refuse("BadDigest", name .. " does not match the body")
      end
    end
  end
end

local function approve_for(call)
  local header = call.request.header
  return function(digests)
    local declared = call.request.payload_hash
    if declared ~= "UNSIGNED-PAYLOAD" and declared ~= digests.sha256 then
      wire.refuse("XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match the body")
    end
    local md5 = header["content-md5"]
    if md5 and md5 ~= ngx.encode_base64(digests.md5) then
      wire.refuse("BadDigest", "Content-MD5 does not match the body")
    end
    check_declared_checksums(header, digests)
  end
end

--- Receives an object's body.
--- @param call table
--- @return table segment whose digests are the declared ones
function bodies.receive(call)
  local length = declared_length(call)
  return contents.take_segment(call.state, body_pieces(length), approve_for(call))
end

--- Receives a body that is a document: small, and read at once.
--- @param call table
--- @return string document
function bodies.receive_document(call)
  local length = declared_length(call)
  if length > LARGEST_DOCUMENT then wire.refuse("MalformedXML", "the document is too large") end
  local pieces = {}
  for piece in body_pieces(length) do
    pieces[#pieces + 1] = piece
  end
  local document = table.concat(pieces)
  local declared = call.request.payload_hash
  if declared ~= "UNSIGNED-PAYLOAD" and declared ~= core.sha256(document) then
    wire.refuse("XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match the body")
  end
  return document
end

return bodies
