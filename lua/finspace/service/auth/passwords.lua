--- Passwords: kept as a slow, salted hash (scrypt, RFC 7914), compared in a time that says nothing.
--- A hash takes a thread's tenth of a second or more and 32 MiB, so it is made in a thread of the
--- worker's, one at a time, while the worker goes on answering.

local core = require("finspace.core")
local ffi = require("ffi")
local fault = require("finspace.service.fault")
local sys = require("finspace.sys")

ffi.cdef([[
int EVP_PBE_scrypt(const char *pass, size_t passlen, const unsigned char *salt, size_t saltlen,
  uint64_t N, uint64_t r, uint64_t p, uint64_t maxmem, unsigned char *key, size_t keylen);
]])

local passwords = {}

-- OWASP's password storage cheat sheet names N=2^15, r=8, p=3 as one of its equal choices.
local COST = { n = 2 ^ 15, r = 8, p = 3 }
local MEMORY = 64 * 1024 * 1024
local KEY_BYTES, SALT_BYTES = 32, 16

passwords.SHORTEST, passwords.LONGEST = 8, 256

local function hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

--- The hash itself. Runs in a thread, in a Lua state of its own.
--- @param password string
--- @param salt string
--- @param n integer
--- @param r integer
--- @param p integer
--- @return string|nil hex nil when libcrypto refuses, for example for want of memory
function passwords.derive(password, salt, n, r, p)
  local key = ffi.new("unsigned char[?]", KEY_BYTES)
  local crypto = ffi.load("libcrypto.so.3")
  if crypto.EVP_PBE_scrypt(password, #password, salt, #salt, n, r, p, MEMORY, key, KEY_BYTES) ~= 1 then return nil end
  return hex(ffi.string(key, KEY_BYTES))
end

-- More sign-ins at once than the thread's queue holds are told to come again.
local function derive_in_thread(password, salt, cost)
  local ok, key = ngx.run_worker_thread(
    "passwords",
    "finspace.service.auth.passwords",
    "derive",
    password,
    salt,
    cost.n,
    cost.r,
    cost.p
  )
  if ok and key then return key end
  error(fault.new("ServiceUnavailable", "too many sign-ins at once: try again in a few seconds", 503), 0)
end

--- @param password string
--- @return string hash holds its salt and its cost, so that a later cost does not end older hashes
function passwords.hash(password)
  local salt = hex(sys.random_bytes(SALT_BYTES))
  return ("scrypt:%d:%d:%d:%s:%s"):format(COST.n, COST.r, COST.p, salt, derive_in_thread(password, salt, COST))
end

local function parsed(hash)
  local n, r, p, salt, key = (hash or ""):match("^scrypt:(%d+):(%d+):(%d+):(%x+):(%x+)$")
  if not n then return nil end
  return { n = tonumber(n), r = tonumber(r), p = tonumber(p), salt = salt, key = key }
end

--- Compares; without a hash it takes as long and says no.
--- @param password string
--- @param hash string|nil
--- @return boolean
function passwords.matches(password, hash)
  local kept = parsed(hash)
  local key = derive_in_thread(password, kept and kept.salt or ("0"):rep(2 * SALT_BYTES), kept or COST)
  return kept ~= nil and core.sha256(key) == core.sha256(kept.key)
end

local function characters(text) return select(2, text:gsub("[^\128-\191]", "")) end

--- @param password string what somebody wants to have
--- @return string|nil problem one sentence, nil when it will do
function passwords.problem(password)
  local length = characters(password)
  if length < passwords.SHORTEST then return ("a password has at least %d characters"):format(passwords.SHORTEST) end
  if #password > passwords.LONGEST then return ("a password has at most %d bytes"):format(passwords.LONGEST) end
end

--- Keeps a user's password in place of an earlier one.
--- @param db table
--- @param user_id string
--- @param hash string
--- @param is_temporary boolean whether it must be changed at the next sign-in
function passwords.keep(db, user_id, hash, is_temporary)
  db:run("DELETE FROM passwords WHERE user_id = ?", user_id)
  db:insert("passwords", { user_id = user_id, hash = hash, is_temporary = is_temporary })
end

return passwords
