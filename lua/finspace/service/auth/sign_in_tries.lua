--- How fast somebody may try passwords: freely a few times, then after a wait that doubles, counted for
--- each account and for each address. A try counts before its password is looked at, so that many at
--- once gain nothing; an account that does not exist is slowed like one that does.

local core = require("finspace.core")
local fault = require("finspace.service.fault")

local tries = {}

local HOUR_MS = 3600 * 1000
local LONGEST_WAIT_MS = 5 * 60 * 1000
local FREE = { account = 5, address = 30 }

-- Digests, because people type passwords into the wrong field.
local function subject_of(kind, name) return kind .. ":" .. core.sha256(name) end

-- An IPv6 network gives its machines 2^64 addresses: they count as one.
local function network(binary_address) return #binary_address == 16 and binary_address:sub(1, 8) or binary_address end

local function wait_after(failures, free)
  if failures < free then return 0 end
  return math.min(1000 * 2 ^ (failures - free), LONGEST_WAIT_MS)
end

local function refuse(milliseconds)
  local seconds = math.ceil(milliseconds / 1000)
  ngx.header["Retry-After"] = seconds
  fault.raise("ThrottlingException", "too many tries: wait %d s, then try again", seconds)
end

local function count(db, kind, subject, now)
  local row = db:row("SELECT failures, latest FROM sign_in_tries WHERE subject = ?", subject)
  local failures = row and now - row.latest < HOUR_MS and row.failures or 0
  local wait = wait_after(failures, FREE[kind])
  if wait > 0 and row.latest + wait > now then refuse(row.latest + wait - now) end
  db:run("DELETE FROM sign_in_tries WHERE subject = ?", subject)
  db:insert("sign_in_tries", { subject = subject, failures = failures + 1, latest = now })
end

--- Counts a try, or refuses it.
--- @param db table
--- @param account string the e-mail address as it was typed
--- @param address string binary, as nginx has it
--- @param now integer epoch milliseconds
function tries.begin(db, account, address, now)
  db:transaction(function()
    count(db, "address", subject_of("address", network(address)), now)
    count(db, "account", subject_of("account", account:lower()), now)
  end)
end

--- The account's tries are forgiven, and the last one of the address.
--- @param db table
--- @param account string
--- @param address string
function tries.succeed(db, account, address)
  db:run("DELETE FROM sign_in_tries WHERE subject = ?", subject_of("account", account:lower()))
  db:run(
    "UPDATE sign_in_tries SET failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END WHERE subject = ?",
    subject_of("address", network(address))
  )
end

--- Forgets tries that count no more.
--- @param db table
--- @param now integer epoch milliseconds
function tries.clean_up(db, now) db:run("DELETE FROM sign_in_tries WHERE latest < ?", now - HOUR_MS) end

return tries
