--- Unpacks what begins like a gzip file, and packs files, piece by piece, through zlib. What comes out of one piece may
--- be a thousand times as much, so it is handed on in pieces too.

local ffi = require("ffi")
local failure = require("finspace.service.ingest.failure")

ffi.cdef([[
typedef struct finspace_z_stream {
  const unsigned char *next_in; unsigned int avail_in; unsigned long total_in;
  unsigned char *next_out; unsigned int avail_out; unsigned long total_out;
  const char *msg; void *state; void *zalloc; void *zfree; void *opaque;
  int data_type; unsigned long adler; unsigned long reserved;
} finspace_z_stream;
int inflateInit2_(finspace_z_stream *stream, int window_bits, const char *version, int size);
int inflate(finspace_z_stream *stream, int flush);
int inflateReset(finspace_z_stream *stream);
int inflateEnd(finspace_z_stream *stream);
int deflateInit2_(finspace_z_stream *stream, int level, int method, int window_bits, int memory, int strategy,
                  const char *version, int size);
int deflate(finspace_z_stream *stream, int flush);
int deflateReset(finspace_z_stream *stream);
int deflateEnd(finspace_z_stream *stream);
const char *zlibVersion(void);
]])

local zlib = ffi.load("libz.so.1")
local MAGIC = "\31\139"
local ONLY_GZIP = 15 + 16
local DEFLATED, FINISH = 8, 4
local OK, STREAM_END, BUFFER_ERROR = 0, 1, -5
local PIECE = 256 * 1024

local gzip = {}

local function new_stream()
  local stream = ffi.new("finspace_z_stream")
  zlib.inflateInit2_(stream, ONLY_GZIP, zlib.zlibVersion(), ffi.sizeof(stream))
  return ffi.gc(stream, zlib.inflateEnd)
end

local function give_input(self)
  local bytes, size = self.next_run()
  if not bytes then return false end
  self.input = bytes -- anchored: zlib reads from it
  self.stream.next_in, self.stream.avail_in = ffi.cast("const unsigned char *", bytes), size
  return true
end

-- After a member's end there may be another member, or padding of zeros, as tapes and block devices leave it.
local function begin_member(self)
  local stream = self.stream
  while stream.avail_in > 0 and stream.next_in[0] == 0 do
    stream.next_in, stream.avail_in = stream.next_in + 1, stream.avail_in - 1
  end
  if stream.avail_in == 0 then return false end
  if stream.next_in[0] ~= MAGIC:byte() then
    failure.raise("VALIDATION", "%s is a gzip file with bytes after its end that are no gzip", self.name)
  end
  zlib.inflateReset(stream)
  return true
end

-- One step of inflate.
local function inflate(self)
  local stream = self.stream
  if self.is_at_end and not begin_member(self) then return 0 end
  stream.next_out, stream.avail_out = self.out, PIECE
  local code = zlib.inflate(stream, 0)
  if code ~= OK and code ~= STREAM_END and code ~= BUFFER_ERROR then
    failure.raise("VALIDATION", "%s is a gzip file that is damaged", self.name)
  end
  self.is_at_end = code == STREAM_END
  self.has_more = stream.avail_out == 0 and not self.is_at_end
  return PIECE - stream.avail_out
end

local function next_unpacked(self)
  while self.has_more or self.stream.avail_in > 0 or give_input(self) do
    local length = inflate(self)
    if length > 0 then return self.out, length end
  end
  if not self.is_at_end then failure.raise("VALIDATION", "%s is a gzip file that was cut off", self.name) end
  return nil
end

local function unpacked(next_run, name)
  local self = {
    next_run = next_run,
    name = name,
    stream = new_stream(),
    out = ffi.new("unsigned char[?]", PIECE),
    is_at_end = false,
    has_more = false,
  }
  return function() return next_unpacked(self) end
end

--- @param next_run fun(): ffi.cdata*|string|nil, integer bytes that are there until it is called again, and how many
--- @param name string for messages
--- @return fun(): ffi.cdata*|string|nil, integer next_run of the same bytes, or of what they hold when they are gzip
--- @return boolean is_packed
function gzip.runs(next_run, name)
  local first, first_size = next_run()
  local is_packed = first and ffi.string(first, math.min(first_size, #MAGIC)) == MAGIC
  local function from_first()
    local bytes = first
    first = nil
    if bytes then return bytes, first_size end
    return next_run()
  end
  if is_packed then return unpacked(from_first, name), true end
  return from_first, false
end

-- --- packing ----------------------------------------------------------------------------------------

local Packed = {}
Packed.__index = Packed

local function deflate(self, bytes, size, flush)
  local stream = self.stream
  stream.next_in, stream.avail_in = ffi.cast("const unsigned char *", bytes), size
  repeat
    stream.next_out, stream.avail_out = self.room, PIECE
    zlib.deflate(stream, flush)
    self.file:write(self.room, PIECE - stream.avail_out)
  until stream.avail_out > 0
end

--- Packs bytes, yielding afterwards when called in a coroutine.
--- @param bytes ffi.cdata*
--- @param size integer
function Packed:write(bytes, size)
  deflate(self, bytes, size, 0)
  if coroutine.running() then coroutine.yield() end
end

--- Ends the file; its `size` is what it has on disk.
function Packed:close()
  deflate(self, nil, 0, FINISH)
  self.file:close()
  self.size = self.file.size
end

--- What packs one file after the other, and takes its memory but once.
--- @return fun(out: table): table of a file of segment_file makes one {write(bytes, size), close(), size=} that packs
function gzip.packer()
  local stream, room = ffi.new("finspace_z_stream"), ffi.new("unsigned char[?]", PIECE)
  zlib.deflateInit2_(stream, 6, DEFLATED, ONLY_GZIP, 8, 0, zlib.zlibVersion(), ffi.sizeof(stream))
  ffi.gc(stream, zlib.deflateEnd)
  return function(out)
    zlib.deflateReset(stream)
    return setmetatable({ file = out, stream = stream, room = room }, Packed)
  end
end

return gzip
