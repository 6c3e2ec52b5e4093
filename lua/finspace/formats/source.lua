--- A file's bytes piece by piece, unpacked where they are gzip: that is told by the bytes, whatever the name says.
local source = {}

local PIECE = 64 * 1024
local GZIP = "\31\139"

-- A NUL at the end tells that gzip failed: Lua 5.1 does not tell how a program ended.
local UNPACK = "gzip -dcq < %s 2>/dev/null || printf '\\000'"

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- @class finspace.formats.Source
--- @field compressed boolean  the file is gzip
--- @field read fun(): string|nil, string|nil  the next piece; nil at the end; nil and a message when it cannot go on
--- @field close fun()

local function unpacked(path)
  local handle = io.popen(UNPACK:format(quote(path)), "r")
  local held
  local function read()
    local piece = held or handle:read(PIECE)
    held = piece and handle:read(PIECE)
    if piece and not held and piece:sub(-1) == "\0" then
      return nil, "cannot be unpacked to its end: it is cut or damaged, or gzip is not installed (apt-get install gzip)"
    end
    return piece
  end
  return { compressed = true, read = read, close = function() handle:close() end }
end

--- @param path string
--- @return finspace.formats.Source|nil, string|nil message
function source.open(path)
  local handle, message = io.open(path, "rb")
  if not handle then return nil, message end
  local first = handle:read(PIECE)
  if first and first:sub(1, 2) == GZIP then
    handle:close()
    return unpacked(path)
  end
  local function read()
    local piece = first or handle:read(PIECE)
    first = nil
    return piece
  end
  return { compressed = false, read = read, close = function() handle:close() end }
end

return source
