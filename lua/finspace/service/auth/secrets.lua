--- Secrets as the database keeps them: the secrets of access keys, and the key that signs page tokens. With a seal key, which
--- all nodes read from a file that is no part of the database, a dump of it signs nothing. Without one they are kept as they
--- are: then whoever reads the database reads the data folder, where all else is.

local seal = require("finspace.service.auth.seal")

local secrets = {}

local MARK = "sealed:1:"
local CHECK = "finspace"

local key -- of this process

--- Seals and opens with this key from now on, in this process.
--- @param text string|nil of seal_key.read
function secrets.use(text) key = text and seal.key(text, "finspace secrets at rest") end

--- @param text string
--- @return string as the database keeps it
function secrets.seal(text) return key and MARK .. ngx.encode_base64(seal.close(key, text)) or text end

local function is_sealed(text) return text:sub(1, #MARK) == MARK end

local function try_to_open(text)
  if not is_sealed(text) then return text end
  return key and seal.open(key, ngx.decode_base64(text:sub(#MARK + 1)) or "")
end

--- @param text string as the database keeps it
--- @return string
function secrets.open(text)
  return try_to_open(text) or error("a secret of the database does not open with the seal key", 0)
end

local NO_KEY = "its secrets are sealed: name the file that all nodes share with --seal-key"
local OTHER_KEY = "its secrets are sealed with another key: all nodes need the same file as --seal-key"

--- Refuses a seal key that is not the database's; seals what was kept as it is. Call it in a transaction.
--- @param db table
function secrets.prepare(db)
  local known = db:row("SELECT value FROM settings WHERE name = 'seal_check'")
  if known and not try_to_open(known.value) then error({ message = key and OTHER_KEY or NO_KEY }, 0) end
  if not key then return end
  db:run("INSERT INTO settings VALUES ('seal_check', ?) ON CONFLICT DO NOTHING", secrets.seal(CHECK))
  for _, row in ipairs(db:rows("SELECT id, secret FROM access_keys")) do
    if not is_sealed(row.secret) then
      db:run("UPDATE access_keys SET secret = ? WHERE id = ?", secrets.seal(row.secret), row.id)
    end
  end
  local page_key = db:row("SELECT value FROM settings WHERE name = 'page_key'")
  if page_key and not is_sealed(page_key.value) then
    db:run("UPDATE settings SET value = ? WHERE name = 'page_key'", secrets.seal(page_key.value))
  end
end

return secrets
