--- Signing in to the console: an e-mail address and a password, or the owner's link, become that user's
--- temporary keys. From there on the page is a client like any other.

local cjson = require("cjson.safe")
local clock = require("finspace.service.clock")
local fault = require("finspace.service.fault")
local keys = require("finspace.service.auth.keys")
local link = require("finspace.service.auth.sign_in_link")
local secrets = require("finspace.service.auth.secrets")
local passwords = require("finspace.service.auth.passwords")
local tries = require("finspace.service.auth.sign_in_tries")

local sign_in = {}

local KEYS_SECONDS = 3600
local LONGEST_TOKEN = 8192 -- of a store's STS: Amazon states no bound, and gives some hundred bytes

local function refuse(code, message) error(fault.new(code, message, 403), 0) end

local function text_of(asked, name, most)
  local value = asked[name]
  most = most or 1024
  if type(value) == "string" and value ~= "" and #value <= most then return value end
  return fault.raise("ValidationException", "%s must be a text of 1 to %d bytes", name, most)
end

local function wanted_for(user) return { user_id = user.id, seconds = KEYS_SECONDS, is_console = true } end

-- Where bytes lie in a store, its keys open the user's folder there, and the API knows them, too.
local function issue(state, user, of_store)
  local made = keys.issue(state.db, wanted_for(user), of_store)
  state.db:run("UPDATE users SET last_login = ? WHERE id = ?", clock.milliseconds(), user.id)
  return {
    credentials = keys.described_with_end(made),
    userId = user.id,
    region = state.settings.region,
    environmentId = state.settings.environment,
    store = state.store:for_browsers(),
    serverTime = clock.milliseconds(), -- a browser's clock may be wrong, and signatures carry the time
  }
end

-- --- with a password ------------------------------------------------------------------------------

local FIND = [[SELECT u.id, u.status, u.email, p.hash, p.is_temporary FROM users u
  LEFT JOIN passwords p ON p.user_id = u.id WHERE lower(u.email) = lower(?)]]

-- What is said of the account is said only to who has its password.
local function proven(state, email, password)
  local user = state.db:row(FIND, email)
  local is_right = passwords.matches(password, user and user.hash)
  if not user or not is_right then refuse("NotAuthorizedException", "the e-mail address or the password is wrong") end
  if user.status ~= "ENABLED" then
    refuse("UserDisabledException", "this user is disabled: ask who manages users to enable it")
  end
  return user
end

local function check_new(new_password, old_password, email)
  local problem = passwords.problem(new_password)
  if not problem and new_password == old_password then problem = "the new password is the old one: choose another" end
  if not problem and new_password:lower() == email:lower() then
    problem = "the new password is the e-mail address: choose another"
  end
  if problem then fault.raise("ValidationException", "newPassword: %s", problem) end
end

-- Two who change it at once: the second one's old password is no longer the one that was proven.
local function change(state, user, hash)
  state.db:transaction(function()
    local now = state.db:row(FIND, user.email)
    if not now or now.hash ~= user.hash then
      fault.raise("ConflictException", "the password has been changed meanwhile: sign in again")
    end
    passwords.keep(state.db, user.id, hash, false)
  end)
end

local function with_password(state, asked)
  local email, password = text_of(asked, "emailAddress"), text_of(asked, "password")
  local address = ngx.var.binary_remote_addr
  tries.begin(state.db, email, address, clock.milliseconds())
  local user = proven(state, email, password)
  tries.succeed(state.db, email, address)
  if asked.newPassword ~= nil then
    local new_password = text_of(asked, "newPassword")
    check_new(new_password, password, user.email)
    change(state, user, passwords.hash(new_password))
  elseif user.is_temporary == 1 then
    refuse("PasswordChangeRequired", "this password is a temporary one: choose your own")
  end
  return issue(state, user, state.store:keys(wanted_for(user)))
end

-- --- with the owner's link ------------------------------------------------------------------------

local OWNER = [[SELECT u.id, k.secret FROM settings s JOIN users u ON u.id = s.value
  JOIN access_keys k ON k.user_id = u.id AND k.expires_seconds IS NULL WHERE s.name = 'owner' LIMIT 1]]

local function use_once(db, number, expires)
  return db:transaction(function()
    if db:row("SELECT 1 AS found FROM used_links WHERE number = ?", number) then return false end
    db:insert("used_links", { number = number, expires_seconds = expires })
    return true
  end)
end

local function with_link(state, asked)
  local owner, now = state.db:row(OWNER), clock.seconds()
  local number, expires = link.read(text_of(asked, "link"), secrets.open(owner.secret), now)
  local of_store = number and state.store:keys(wanted_for(owner)) -- first: a store that is away uses up no link
  if not number or not use_once(state.db, number, expires) then
    refuse(
      "NotAuthorizedException",
      "this link has been used, or is older than ten minutes: `finspace console` makes a new one"
    )
  end
  return issue(state, owner, of_store)
end

-- --- the two requests -----------------------------------------------------------------------------

--- @param state table
--- @param asked table {emailAddress=, password=, newPassword=?} or {link=}
--- @return string json
function sign_in.begin(state, asked) return cjson.encode((asked.link and with_link or with_password)(state, asked)) end

--- Ends a session's keys before their time. Who has the token could use them, so nobody is harmed.
--- @param state table
--- @param asked table {accessKeyId=, sessionToken=}
--- @return string json
function sign_in.finish(state, asked)
  state.db:run(
    "DELETE FROM access_keys WHERE id = ? AND session_token = ?",
    text_of(asked, "accessKeyId"),
    text_of(asked, "sessionToken", LONGEST_TOKEN)
  )
  return "{}"
end

--- Forgets links that would not be good any more, used or not.
--- @param db table
--- @param now integer epoch milliseconds
function sign_in.clean_up(db, now) db:run("DELETE FROM used_links WHERE expires_seconds < ?", math.floor(now / 1000)) end

return sign_in
