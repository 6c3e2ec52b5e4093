--- The store as our own client sees it: S3 for bytes, and STS for keys of one prefix. The client's own keys come from the usual
--- chain. It runs in nginx and, for the check at the start, in plain Lua.

local credentials = require("finspace.credentials")
local host = require("finspace.host")
local policy = require("finspace.service.store.policy")
local session = require("finspace.session")

local client = {}

local MOST_ATTEMPTS = 5 -- a store that restarts is back after some seconds
local LEAST_SECONDS = 900 -- that STS gives keys for
local AT_A_TIME = 8 -- files on their way

local Client = {}
Client.__index = Client

--- @param place table {bucket=, prefix=, endpoint=?, sts_endpoint=?, role=, usual_region=}
--- @param more? table further options of a session, or others than it has here
--- @return table client with `s3`, the client's S3
function client.new(place, more)
  local options = {
    s3_endpoint_url = place.endpoint,
    sts_endpoint_url = place.sts_endpoint or place.endpoint,
    max_attempts = MOST_ATTEMPTS,
  }
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  local own = session.new(options)
  if not own:region() then
    options.region = place.usual_region
    own = session.new(options)
  end
  return setmetatable({ place = place, session = own, s3 = own:s3() }, Client)
end

--- Keys of the store's own for one prefix and nothing beside it.
--- @param wanted table {name=of the session, prefix=, seconds=, is_read_only=}
--- @return table|nil keys {access_key_id=, secret_access_key=, session_token=, expires_at=epoch seconds}
--- @return table|nil err
function Client:keys(wanted)
  local opened, err = self.session:exchange()
  if not opened then return nil, err end
  local assume = credentials.assume_role {
    base = function(_, refused) return self.session:credentials(refused) end,
    role_arn = self.place.role,
    role_session_name = wanted.name,
    duration_seconds = math.max(LEAST_SECONDS, wanted.seconds),
    policy = policy.of(self.place.bucket, wanted.prefix, wanted.is_read_only),
    source = "the store's STS",
  }
  local keys
  keys, err = assume(self.session:context())
  if not keys then return nil, err end
  keys.expires_at = keys.expires_at - opened.clock_offset -- which the store told by its own clock
  return keys
end

--- The store's S3 with other keys than the client's own.
--- @param keys table of Client:keys
--- @return table s3
function Client:s3_with(keys)
  return self.session:s3(function() return keys end)
end

--- Does the same for each of a list, several at a time. What is raised is raised here as it was: tasks would make text of
--- it, and whether the database may be asked again could not be told any more.
--- @param list table[]
--- @param work fun(item: any): any|nil, table|nil
--- @return true|nil
--- @return table|nil err
function client.each(list, work)
  local raised
  local function guarded(item)
    local ok, done, err = pcall(work, item)
    if ok then return done, err end
    raised = raised or { problem = done }
    return nil, done
  end
  local at = 0
  local function next_item()
    at = at + 1
    return list[at]
  end
  local done, err = host.each { limit = AT_A_TIME, items = next_item, work = guarded }
  if raised then error(raised.problem, 0) end
  return done, err
end

--- Removes all objects below a prefix, and ends uploads that were begun there.
--- @param prefix string
--- @return integer|nil count
--- @return table|nil err
function Client:remove_below(prefix)
  local bucket, listed = self.place.bucket, {}
  for object, err in self.s3:each_object { bucket = bucket, prefix = prefix } do
    if not object then return nil, err end
    listed[#listed + 1] = object.key
  end
  local done, err = client.each(listed, function(key) return self.s3:delete_object { bucket = bucket, key = key } end)
  if not done then return nil, err end
  local aborted
  aborted, err = self.s3:abort_uploads { bucket = bucket, prefix = prefix }
  if not aborted then return nil, err end
  return #listed + aborted
end

return client
