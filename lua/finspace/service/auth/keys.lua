--- Temporary keys: made, and forgotten some time after they ended.

local clock = require("finspace.service.clock")
local ids = require("finspace.service.ids")
local secrets = require("finspace.service.auth.secrets")

local keys = {}

local DAY = 24 * 3600 -- so long an ended key is still told from an unknown one

-- Keys of the service's own making.
local function make(seconds)
  return {
    access_key_id = ids.access_key("ASIA"),
    secret_access_key = ids.secret(),
    session_token = ids.session_token(),
    expires_seconds = clock.seconds() + seconds,
  }
end

--- @param db table
--- @param wanted table {user_id=, seconds=, bucket=?, prefix=?, policy=?, is_console=?} a bucket and prefix restrict the
---   keys to it, a session policy to what it says; the console's own keys are no API access, which is the right to have
---   keys for programs
--- @param made? table keys that a store made, which from now on are good here, too
--- @return table {access_key_id=, secret_access_key=, session_token=, expires_seconds=}
function keys.issue(db, wanted, made)
  made = made or make(wanted.seconds)
  db:insert("access_keys", {
    id = made.access_key_id,
    secret = secrets.seal(made.secret_access_key),
    session_token = made.session_token,
    user_id = wanted.user_id,
    expires_seconds = made.expires_seconds,
    bucket = wanted.bucket,
    prefix = wanted.prefix,
  })
  if wanted.is_console then db:insert("console_keys", { id = made.access_key_id }) end
  if wanted.policy then db:insert("session_policies", { id = made.access_key_id, policy = wanted.policy }) end
  return made
end

--- Keys as the API's answers show them.
--- @param made table of keys.issue
--- @return table
function keys.described(made)
  return {
    accessKeyId = made.access_key_id,
    secretAccessKey = made.secret_access_key,
    sessionToken = made.session_token,
  }
end

--- The same with their end.
--- @param made table of keys.issue
--- @return table
function keys.described_with_end(made)
  local shown = keys.described(made)
  shown.expiration = made.expires_seconds * 1000
  return shown
end

--- Forgets keys that ended long ago.
--- @param db table
--- @param now integer epoch milliseconds
function keys.clean_up(db, now)
  db:run("DELETE FROM access_keys WHERE expires_seconds < ?", math.floor(now / 1000) - DAY)
  for _, noted in ipairs { "console_keys", "session_policies" } do
    db:run(("DELETE FROM %s WHERE id NOT IN (SELECT id FROM access_keys)"):format(noted))
  end
end

return keys
