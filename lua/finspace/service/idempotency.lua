--- What a clientToken guarantees: within ten minutes the same request gives the same answer and changes
--- nothing, and another request under the same token is refused. Runs inside the operation's own
--- transaction, so of many at once exactly one does the work.
---
--- An answer may hold a password, so the database knows neither the answer nor the token: what is kept is
--- sealed with a key that the token gives, and found by another one.

local core = require("finspace.core")
local cjson = require("cjson.safe")
local fault = require("finspace.service.fault")

local seal = require("finspace.service.auth.seal")
local blob = require("finspace.service.db.blob")

local idempotency = {}

local LIFE_MS = 10 * 60 * 1000

local function append(out, value)
  if type(value) ~= "table" then
    out[#out + 1] = type(value) .. ":" .. #tostring(value) .. ":" .. tostring(value)
    return
  end
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  out[#out + 1] = "{" .. #keys
  for _, key in ipairs(keys) do
    append(out, key)
    append(out, value[key])
  end
end

-- Two requests are the same when their members are, however their JSON was written.
local function digest(key, params)
  local out = {}
  append(out, params)
  return core.sha256(core.hmac_sha256(key, table.concat(out, "\n")))
end

local function earlier_answer(call, keys, wanted)
  local row = call.db:row(
    [[SELECT digest, sealed FROM token_answers
    WHERE principal = ? AND operation = ? AND token = ? AND created > ?]],
    call.caller.user_id,
    call.operation.name,
    keys.place,
    call.now - LIFE_MS
  )
  if not row then return nil end
  if row.digest ~= wanted then
    fault.raise("ConflictException", "clientToken was used for a different request less than 10 minutes ago")
  end
  return cjson.decode(assert(seal.open(keys.seal, row.sealed)))
end

-- In place of an answer whose time is over.
local REMEMBER =
  [[INSERT INTO token_answers (principal, operation, token, digest, sealed, created) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (principal, operation, token) DO UPDATE
  SET digest = excluded.digest, sealed = excluded.sealed, created = excluded.created]]

local function remember(call, keys, wanted, result)
  call.db:run(
    REMEMBER,
    call.caller.user_id,
    call.operation.name,
    keys.place,
    wanted,
    blob.new(seal.close(keys.seal, cjson.encode(result))),
    call.now
  )
end

local function keys_of(token)
  return {
    place = core.sha256(seal.key(token, "place")),
    seal = seal.key(token, "answer"),
    digest = seal.key(token, "request"),
  }
end

--- @param call table
--- @param work fun(): table the operation's result
--- @return table result of this call, or of the first one with the same token
function idempotency.once(call, work)
  local token = call.params.clientToken
  if not token then return work() end
  local keys = keys_of(token)
  local wanted = digest(keys.digest, call.params)
  local result = earlier_answer(call, keys, wanted)
  if result then return result end
  result = work()
  remember(call, keys, wanted, result)
  return result
end

--- Forgets answers whose time is over.
--- @param db table
--- @param now integer epoch milliseconds
function idempotency.clean_up(db, now) db:run("DELETE FROM token_answers WHERE created <= ?", now - LIFE_MS) end

return idempotency
