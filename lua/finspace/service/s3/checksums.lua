--- The digests of a body that arrives in pieces: SHA-256 always, MD5 for the ETag, CRC-32 when the
-- sender declared one. MD5 comes from the libcrypto that nginx is linked with, CRC-32 from zlib.

local core = require("finspace.core")
local ffi = require("ffi")

ffi.cdef([[
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *context);
const EVP_MD *EVP_get_digestbyname(const char *name);
int EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *kind, void *engine);
int EVP_DigestUpdate(EVP_MD_CTX *context, const char *bytes, size_t count);
int EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *digest, unsigned int *length);
unsigned long crc32(unsigned long crc, const char *bytes, unsigned int length);
]])

local crypto = ffi.load("libcrypto.so.3")
local zlib = ffi.load("libz.so.1")
local MD5 = crypto.EVP_get_digestbyname("MD5")

local Md5 = {}
Md5.__index = Md5

function Md5:update(bytes) crypto.EVP_DigestUpdate(self.context, bytes, #bytes) end

function Md5:bytes()
  local digest = ffi.new("unsigned char[64]")
  crypto.EVP_DigestFinal_ex(self.context, digest, nil)
  return ffi.string(digest, 16)
end

local checksums = {}

--- @return table md5 {update(bytes), bytes()}
function checksums.md5()
  local context = ffi.gc(crypto.EVP_MD_CTX_new(), crypto.EVP_MD_CTX_free)
  crypto.EVP_DigestInit_ex(context, MD5, nil)
  return setmetatable({ context = context }, Md5)
end

local HEX = {}
for byte = 0, 255 do
  HEX[string.char(byte)] = ("%02x"):format(byte)
end

--- @param bytes string
--- @return string hex
function checksums.hex(bytes) return (bytes:gsub(".", HEX)) end

--- @param text string hex
--- @return string bytes
function checksums.from_hex(text)
  return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function crc32_bytes(value)
  value = tonumber(value)
  local bytes = {}
  for i = 4, 1, -1 do
    bytes[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(bytes)
end

--- @return table running {update(bytes), finish() -> {sha256=hex, md5=bytes, crc32=bytes}}
function checksums.start()
  local sha256, md5, crc = core.sha256_stream(), checksums.md5(), zlib.crc32(0, nil, 0)
  return {
    update = function(bytes)
      sha256:update(bytes)
      md5:update(bytes)
      crc = zlib.crc32(crc, bytes, #bytes)
    end,
    finish = function()
      local digests = { sha256 = sha256:hex(), md5 = md5:bytes(), crc32 = crc32_bytes(crc) }
      sha256:close()
      return digests
    end,
  }
end

return checksums
