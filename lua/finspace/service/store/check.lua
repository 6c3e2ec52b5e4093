--- Whether a store can be used, asked once, before the service starts: it must have the bucket, and an STS whose session
--- policies hold. Keys that open more than their prefix would show everybody everything.

local clients = require("finspace.service.store.client")
local sys = require("finspace.sys")

local check = {}

local SECONDS = 900

local function at(place) return place.endpoint and " at " .. place.endpoint or "" end

local function bucket_problem(client)
  local place = client.place
  local page, err = client.s3:list_objects { bucket = place.bucket, prefix = place.prefix, max_keys = 1 }
  if page then return nil end
  if err.code == "NoSuchBucket" then
    return ("there is no bucket %s%s: make it first, for example with aws s3 mb s3://%s"):format(
      place.bucket,
      at(place),
      place.bucket
    )
  end
  return ("the bucket %s%s cannot be listed: %s"):format(place.bucket, at(place), tostring(err))
end

local NO_KEYS = "the store's STS gives no keys of %s: %s. A store without AssumeRole and session policies cannot be used:"
  .. " name its STS with --store-sts-endpoint, or use another store"
local NO_POLICY = "the store does not keep to session policies: keys that should only read below one prefix could %s."
  .. " It cannot be used, because every user could do so"

-- What keys for reading below one prefix can do that they must not.
local function excess(client, s3, prefix)
  local bucket = client.place.bucket
  if s3:list_objects { bucket = bucket, prefix = client.place.prefix, max_keys = 1 } then return "list all others" end
  local key = prefix .. "probe"
  if not s3:put_object { bucket = bucket, key = key, body = "" } then return nil end
  client.s3:delete_object { bucket = bucket, key = key }
  return "write"
end

local function sts_problem(client)
  local place = client.place
  local prefix = place.prefix .. "views/probe-" .. sys.uuid() .. "/"
  local keys, err = client:keys { name = "probe", prefix = prefix, seconds = SECONDS, is_read_only = true }
  if not keys then return NO_KEYS:format(place.role, tostring(err)) end
  local s3 = client:s3_with(keys)
  local page
  page, err = s3:list_objects { bucket = place.bucket, prefix = prefix, max_keys = 1 }
  if not page then return ("keys of %s do not open the bucket: %s"):format(place.role, tostring(err)) end
  local too_much = excess(client, s3, prefix)
  return too_much and NO_POLICY:format(too_much)
end

--- @param place table {bucket=, prefix=, endpoint=?, sts_endpoint=?, role=, usual_region=}
--- @return string|nil problem one line
function check.problem(place)
  local client = clients.new(place)
  local problem = bucket_problem(client) or sts_problem(client)
  client.session:close()
  return problem and "--store: " .. problem:gsub("%s+", " ") or nil
end

return check
