--- The SHA-256 of a slice of a file, which S3 wants to know before the slice is sent.
---
--- Where `finspace.hashing` is there, a thread of its own reads and hashes, so that other transfers
--- go on meanwhile; elsewhere it is done here, a piece at a time.
local core = require("finspace.core")
local errors = require("finspace.errors")

local checksum = {}

local PIECE = 1024 * 1024
-- Seconds between two looks at a thread: hashing a part takes some milliseconds.
local GLANCE = 0.001

local function shrunk(file)
  return nil,
    errors.new {
      kind = "integrity",
      code = "FileChanged",
      outcome = "not_sent",
      message = ("%s became shorter while it was read. Load it again when nothing writes to it."):format(file),
    }
end

local function unreadable(message) return nil, errors.not_sent("io", "FileUnreadable", message) end

local function hash_here(file, offset, length)
  local handle, message = io.open(file, "rb")
  if not handle then return unreadable(message) end
  local stream, left = core.sha256_stream(), length
  handle:seek("set", offset)
  while left > 0 do
    local piece = handle:read(math.min(left, PIECE))
    if not piece then break end
    stream:update(piece)
    left = left - #piece
  end
  handle:close()
  local hex = stream:hex()
  stream:close()
  if left > 0 then return shrunk(file) end
  return hex
end

local function hash_in_thread(hashing, runtime, file, offset, length)
  local job, message = hashing.start(file, offset, length)
  if not job then return unreadable(message) end
  local hex, failure, code = job:poll()
  while not hex and not failure do
    runtime.sleep(GLANCE)
    hex, failure, code = job:poll()
  end
  job:close()
  if hex then return hex end
  if code == "Truncated" then return shrunk(file) end
  return unreadable(failure)
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Three bytes, or the one or two that are left, as four characters.
local function four_characters(a, b, c)
  local number, word = a * 65536 + (b or 0) * 256 + (c or 0), ""
  for _ = 1, 4 do
    local at = number % 64 + 1
    number, word = math.floor(number / 64), ALPHABET:sub(at, at) .. word
  end
  return word:sub(1, c and 4 or b and 3 or 2) .. (c and "" or b and "=" or "==")
end

--- The SHA-256 of a short text, as headers have it.
--- @param text string
--- @return string base64
function checksum.in_base64(text)
  local words, hex = {}, core.sha256(text)
  local function byte(at) return tonumber(hex:sub(2 * at + 1, 2 * at + 2), 16) end
  for at = 0, #hex / 2 - 1, 3 do
    words[#words + 1] = four_characters(byte(at), byte(at + 1), byte(at + 2))
  end
  return table.concat(words)
end

--- @param runtime finspace.Runtime
--- @param file string
--- @param offset integer
--- @param length integer
--- @return string|nil hex, finspace.Error|nil err
function checksum.of_slice(runtime, file, offset, length)
  local found, hashing = pcall(require, "finspace.hashing")
  if found and length > PIECE then return hash_in_thread(hashing, runtime, file, offset, length) end
  return hash_here(file, offset, length)
end

return checksum
