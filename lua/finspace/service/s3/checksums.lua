--- The digests of a body that arrives in pieces, and the checksums that S3 knows. MD5 and SHA-1 come from
--- the libcrypto that nginx is linked with, the others from the core. A digest is bytes; on the wire and in
--- the database a checksum is base64.

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
]])

local crypto = ffi.load("libcrypto.so.3")

local checksums = {}

--- The kinds, in the order in which documents list them; with the name of each in XML, its length in bytes,
--- and how an upload in parts makes one of all: of the parts' checksums, or as if of one text.
checksums.KINDS = {
  { name = "crc32", element = "ChecksumCRC32", length = 4, default = "COMPOSITE", full = true, composite = true },
  { name = "crc32c", element = "ChecksumCRC32C", length = 4, default = "COMPOSITE", full = true, composite = true },
  { name = "crc64nvme", element = "ChecksumCRC64NVME", length = 8, default = "FULL_OBJECT", full = true },
  { name = "sha1", element = "ChecksumSHA1", length = 20, default = "COMPOSITE", composite = true },
  { name = "sha256", element = "ChecksumSHA256", length = 32, default = "COMPOSITE", composite = true },
}

local BY_NAME = {}
for _, kind in ipairs(checksums.KINDS) do
  BY_NAME[kind.name] = kind
end

--- @param name string|nil in any case
--- @return table|nil kind a row of KINDS
function checksums.kind(name) return name and BY_NAME[name:lower()] end

-- --- running digests ------------------------------------------------------------------------------

local Evp = {}
Evp.__index = Evp

local function evp(name, length)
  local context = ffi.gc(crypto.EVP_MD_CTX_new(), crypto.EVP_MD_CTX_free)
  crypto.EVP_DigestInit_ex(context, crypto.EVP_get_digestbyname(name), nil)
  return setmetatable({ context = context, length = length }, Evp)
end

function Evp:update(bytes) crypto.EVP_DigestUpdate(self.context, bytes, #bytes) end

function Evp:finish()
  local digest = ffi.new("unsigned char[64]")
  crypto.EVP_DigestFinal_ex(self.context, digest, nil)
  return ffi.string(digest, self.length)
end

local Crc = {}
Crc.__index = Crc

local function crc(kind) return setmetatable({ kind = kind, value = core.crc(kind, "") }, Crc) end

function Crc:update(bytes) self.value = core.crc(self.kind, bytes, self.value) end

function Crc:finish() return self.value end

local Sha256 = {}
Sha256.__index = Sha256

local function sha256() return setmetatable({ stream = core.sha256_stream() }, Sha256) end

function Sha256:update(bytes) self.stream:update(bytes) end

function Sha256:finish()
  local digest = checksums.from_hex(self.stream:hex())
  self.stream:close()
  return digest
end

local MAKERS = {
  md5 = function() return evp("MD5", 16) end,
  sha1 = function() return evp("SHA1", 20) end,
  sha256 = sha256,
  crc32 = function() return crc("crc32") end,
  crc32c = function() return crc("crc32c") end,
  crc64nvme = function() return crc("crc64nvme") end,
}

local Running = {}
Running.__index = Running

--- @param bytes string
function Running:update(bytes)
  for _, digest in pairs(self.digests) do
    digest:update(bytes)
  end
end

--- @return table<string, string> digests bytes by name; the running ones are used up
function Running:finish()
  local found = {}
  for name, digest in pairs(self.digests) do
    found[name] = digest:finish()
  end
  return found
end

--- @param wanted? table<string, boolean> names beside md5: those of KINDS
--- @return table running {update(bytes), finish() -> digests by name}
function checksums.start(wanted)
  local digests = { md5 = MAKERS.md5() }
  for name in pairs(wanted or {}) do
    digests[name] = MAKERS[name]()
  end
  return setmetatable({ digests = digests }, Running)
end

--- @param name string of KINDS, or md5
--- @param bytes string
--- @return string digest
function checksums.of(name, bytes)
  local digest = MAKERS[name]()
  digest:update(bytes)
  return digest:finish()
end

-- --- uploads in parts -----------------------------------------------------------------------------

local function full_checksum(name, parts)
  local value = core.crc(name, "")
  for _, part in ipairs(parts) do
    value = core.crc_combine(name, value, ngx.decode_base64(part.checksum), part.size)
  end
  return ngx.encode_base64(value)
end

local function composite_checksum(name, parts)
  local digests = {}
  for i, part in ipairs(parts) do
    digests[i] = ngx.decode_base64(part.checksum)
  end
  return ngx.encode_base64(checksums.of(name, table.concat(digests))) .. "-" .. #parts
end

--- The checksum of an object, from those of its parts.
--- @param name string
--- @param type "FULL_OBJECT"|"COMPOSITE"
--- @param parts table[] {checksum=base64, size=}
--- @return string base64, and for a composite one `-N`
function checksums.of_parts(name, type, parts)
  return (type == "FULL_OBJECT" and full_checksum or composite_checksum)(name, parts)
end

-- --- hexadecimal ----------------------------------------------------------------------------------

--- @param bytes string of a digest
--- @return string hex
function checksums.hex(bytes) return ("%02x"):rep(#bytes):format(bytes:byte(1, -1)) end

--- @param text string hex
--- @return string bytes
function checksums.from_hex(text)
  return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

return checksums
