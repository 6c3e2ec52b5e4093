--- Temporary keys: made, and forgotten some time after they ended.

local sys = require("finspace.sys")
local ids = require("finspace.service.ids")

local keys = {}

local DAY = 24 * 3600 -- so long an ended key is still told from an unknown one

--- @param db table
--- @param wanted table {user_id=, seconds=, bucket=?, prefix=?} a bucket and prefix restrict the keys to it
--- @return table {access_key_id=, secret_access_key=, session_token=, expires_seconds=}
function keys.issue(db, wanted)
  local now = math.floor(sys.now())
  local made = {
    access_key_id = ids.access_key("ASIA"),
    secret_access_key = ids.secret(),
    session_token = ids.session_token(),
    expires_seconds = now + wanted.seconds,
  }
  db:run("DELETE FROM access_keys WHERE expires_seconds < ?", now - DAY)
  db:run("INSERT INTO access_keys VALUES (?, ?, ?, ?, ?, ?, ?)", made.access_key_id, made.secret_access_key,
    made.session_token, wanted.user_id, made.expires_seconds, wanted.bucket, wanted.prefix)
  return made
end

return keys
