--- Text that only who knows a key can read: ChaCha20 and Poly1305 (RFC 8439), by BearSSL, which the core is
--- linked with.
local ffi = require("ffi")
local core = require("finspace.core")
local sys = require("finspace.sys")

ffi.cdef([[
void br_chacha20_ct_run(void);
void br_poly1305_ctmul_run(const void *key, const void *nonce, void *data, size_t length,
  const void *associated, size_t associated_length, void *tag, void *cipher, int encrypt);
]])

local C = ffi.load("libbearssl.so.0")
local CIPHER = ffi.cast("void *", C.br_chacha20_ct_run)

local seal = {}

local NONCE, TAG = 12, 16

local function run(key, nonce, text, encrypt)
  local data, tag = ffi.new("uint8_t[?]", #text + 1, text), ffi.new("uint8_t[?]", TAG)
  C.br_poly1305_ctmul_run(key, nonce, data, #text, nil, 0, tag, CIPHER, encrypt)
  return ffi.string(data, #text), ffi.string(tag, TAG)
end

--- @param secret string of any length, hard to guess
--- @param purpose string what the key is for: one secret gives other keys for other purposes
--- @return string key of 32 bytes, from which the secret cannot be had
function seal.key(secret, purpose) return core.hmac_sha256(secret, purpose) end

--- @param key string from seal.key
--- @param text string
--- @return string sealed bytes; other ones each time
function seal.close(key, text)
  local nonce = sys.random_bytes(NONCE)
  local hidden, tag = run(key, nonce, text, 1)
  return nonce .. tag .. hidden
end

--- @param key string from seal.key
--- @param sealed string
--- @return string|nil text nil under another key, or when a bit of it was changed
function seal.open(key, sealed)
  if #sealed < NONCE + TAG then return nil end
  local text, tag = run(key, sealed:sub(1, NONCE), sealed:sub(NONCE + TAG + 1), 0)
  return core.sha256(tag) == core.sha256(sealed:sub(NONCE + 1, NONCE + TAG)) and text or nil
end

return seal
