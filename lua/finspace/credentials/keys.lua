--- What every credential provider hands out, and the two ways in which it can have nothing to hand out.
local errors = require("finspace.errors")
local http_date = require("finspace.call.http_date")

local keys = {}

--- @class finspace.Credentials
--- @field access_key_id string
--- @field secret_access_key string
--- @field session_token? string
--- @field expires_at? integer   epoch seconds; nil: they do not end
--- @field obtained_at? integer epoch seconds; nil: when they are first used
--- @field source string         which provider, for people
--- @field outlives? boolean     they stay in use past their end while their source is down
--- @field changed? fun(): boolean  whether the files they came from are different now

local Keys = { __name = "finspace.Credentials" }

--- @param seconds integer
--- @return string ISO 8601
function keys.time_text(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds)) end

--- Names the key, its source and its end; never the secret.
function Keys:__tostring()
  local text = "credentials " .. tostring(self.access_key_id) .. " from " .. tostring(self.source)
  return self.expires_at and text .. ", until " .. keys.time_text(self.expires_at) or text
end

-- Keys travel in HTTP headers: what could end a header there is refused here, by name.
local function member_fault(name, value)
  if value == nil or value == "" then return name .. " is missing" end
  if type(value) ~= "string" then return name .. " is no text" end
  if value:find("[%c\127]") then return name .. " holds a line break or another control character" end
  if name ~= "session_token" and value:find("%s") then return name .. " holds a space" end
end

-- The last second of the year 9999: what is later can neither be written as a date nor be meant.
local LAST_SECOND = 253402300799

local function end_fault(seconds)
  if seconds == nil then return nil end
  if type(seconds) == "number" and seconds >= 0 and seconds <= LAST_SECOND then return nil end
  return "their end is no time between the years 1970 and 9999"
end

--- Makes credentials of a table.
--- @param fields table as finspace.Credentials
--- @return finspace.Credentials|nil, string|nil message which member is missing or broken; shows no value
function keys.new(fields)
  local message = member_fault("access_key_id", fields.access_key_id)
    or member_fault("secret_access_key", fields.secret_access_key)
    or (fields.session_token ~= nil and member_fault("session_token", fields.session_token))
    or end_fault(fields.expires_at)
  if message then return nil, message end
  fields.expires_at = fields.expires_at and math.floor(fields.expires_at)
  return setmetatable(fields, Keys)
end

--- Credentials out of a service's answer.
--- @param source string
--- @param fields table    as finspace.Credentials
--- @param subject string  who answered what, for the message
--- @return finspace.Credentials|nil, finspace.Error|nil err
function keys.answered(source, fields, subject)
  fields.source = source
  local found, message = keys.new(fields)
  if found then return found end
  return keys.broken(source, "InvalidAnswer", subject .. " without usable keys: " .. message)
end

local OWN_PROVIDER = "the credentials provider"

-- An end that cannot be read is not "never": false is what `keys.new` refuses.
local function adopted_end(given)
  if given == nil then return nil end
  return tonumber(given) or keys.time(given) or false
end

local function text_or(value, default) return type(value) == "string" and value or default end

local function adopted_err(given)
  if errors.is(given) then return given end
  local fields = type(given) == "table" and given
    or { message = given and OWN_PROVIDER .. " gave no keys: " .. tostring(given) }
  fields.kind = text_or(fields.kind, "credentials")
  fields.code = text_or(fields.code, "NoCredentials")
  fields.source = text_or(fields.source, OWN_PROVIDER)
  fields.message = text_or(fields.message, fields.source .. " gave no keys")
  return errors.new(fields)
end

--- What somebody's own provider gave, made what ours give: it may be any table with the members, and its
--- failure any text.
--- @param found any
--- @param err any
--- @return finspace.Credentials|nil, finspace.Error|nil
function keys.adopt(found, err)
  if getmetatable(found) == Keys then return found end
  if type(found) ~= "table" then return nil, adopted_err(err) end
  local adopted, message = keys.new {
    access_key_id = found.access_key_id,
    secret_access_key = found.secret_access_key,
    session_token = found.session_token,
    source = text_or(found.source, OWN_PROVIDER),
    expires_at = adopted_end(found.expires_at),
  }
  if adopted then return adopted end
  return keys.broken(OWN_PROVIDER, "InvalidCredentials", OWN_PROVIDER .. " gave unusable keys: " .. message)
end

--- The source is not configured: a chain goes on to the next one.
--- @param source string
--- @param why string one clause, for the list of sources looked at
--- @return nil, finspace.Error
function keys.none(source, why)
  return nil,
    errors.new {
      kind = "credentials",
      code = "NotConfigured",
      source = source,
      message = source .. ": " .. why,
      why = why,
    }
end

--- The source is configured and broken: a chain stops here.
--- @param source string
--- @param code string
--- @param message string what is wrong where, and the cure
--- @param fields table|nil more fields of the error
--- @return nil, finspace.Error
function keys.broken(source, code, message, fields)
  local err = fields or {}
  err.kind, err.code, err.source, err.message = err.kind or "credentials", code, source, message
  return nil, errors.new(err)
end

--- A failed call keeps its kind and code and learns what it was for.
--- @param source string
--- @param err finspace.Error
--- @param purpose string
--- @return nil, finspace.Error
function keys.failed(source, err, purpose)
  local fields = {}
  for name, value in pairs(err) do
    fields[name] = value
  end
  return keys.broken(source, err.code, purpose .. ": " .. (err.message or err.code), fields)
end

--- @return boolean whether an error says "not configured", so that a chain may go on
function keys.is_none(err) return type(err) == "table" and err.code == "NotConfigured" end

-- Time -----------------------------------------------------------------------------------------

local function offset_seconds(zone)
  if zone == "" or zone == "Z" or zone == "UTC" then return 0 end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not sign then return nil end
  return (sign == "-" and -1 or 1) * (tonumber(hours) * 3600 + tonumber(minutes) * 60)
end

local function is_date(month, day, hour, minute, second)
  local function within(text, first, last) return tonumber(text) >= first and tonumber(text) <= last end
  return within(month, 1, 12)
    and within(day, 1, 31)
    and within(hour, 0, 23)
    and within(minute, 0, 59)
    and within(second, 0, 60)
end

--- An ISO 8601 time as epoch seconds: `2026-11-22T17:18:32Z`, with a fraction (cut off), an offset, or
--- the `UTC` that old single sign-on files write.
--- @param text any
--- @return integer|nil seconds nil where it is no such time
function keys.time(text)
  if type(text) ~= "string" then return nil end
  local year, month, day, hour, minute, second, zone =
    text:match("^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)%.?%d*(.*)$")
  local offset = zone and offset_seconds(zone)
  if not offset or not is_date(month, day, hour, minute, second) then return nil end
  local seconds =
    http_date.epoch(tonumber(year), tonumber(month), tonumber(day), tonumber(hour), tonumber(minute), tonumber(second))
  return math.floor(seconds - offset)
end

return keys
