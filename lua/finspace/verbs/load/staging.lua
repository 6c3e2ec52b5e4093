--- The files of a load, on their way to S3 and, where the load fails, out of it again.
---
--- All of a load lies below a prefix of its own, so what is there of it, whole objects and uploads
--- that were never completed, can be asked of S3 and needs no bookkeeping.
local errors = require("finspace.errors")
local host = require("finspace.host")

local staging = {}

--- @class finspace.load.Place
--- @field bucket string
--- @field prefix string  ends with "/"

--- @class finspace.load.Stage
--- @field client finspace.Client
--- @field place finspace.load.Place
--- @field entries finspace.load.Entry[]
--- @field content_type? string
--- @field resume? boolean                       an earlier run may have sent some of it
--- @field on_bytes fun(count: integer)
--- @field on_file fun(entry: finspace.load.Entry)
--- @field cancel? fun(): boolean
--- @field keep fun(err: finspace.Error): boolean

-- The sizes of the objects that an earlier run left below the prefix, by key.
local function arrived_sizes(stage)
  local sizes = {}
  if not stage.resume then return sizes end
  for object, err in stage.client.s3:each_object { bucket = stage.place.bucket, prefix = stage.place.prefix } do
    if not object then return nil, err end
    sizes[object.key] = object.size
  end
  return sizes
end

local function send(stage, entry)
  local object, err = stage.client.s3:upload_file {
    source = entry,
    bucket = stage.place.bucket,
    key = stage.place.prefix .. entry.name,
    content_type = stage.content_type,
    on_bytes = stage.on_bytes,
    cancel = stage.cancel,
    resume = stage.resume,
    keep = stage.keep,
  }
  if not object then return nil, err end
  stage.on_file(entry)
  return true
end

-- What is still to be sent: files that go in one PUT, and those that go in parts.
local function missing(stage, sizes)
  local small, large = {}, {}
  for _, entry in ipairs(stage.entries) do
    if sizes[stage.place.prefix .. entry.name] == entry.size then
      stage.on_bytes(entry.size)
      stage.on_file(entry)
    else
      table.insert(entry.size <= stage.client.s3.SINGLE and small or large, entry)
    end
  end
  return small, large
end

local function in_turn(list)
  local at = 0
  return function()
    at = at + 1
    return list[at]
  end
end

-- Small files go side by side; a large one after the other, because its parts do.
local function send_all(stage, small, large)
  local function each(list, limit)
    return host.each {
      limit = limit,
      cancel = stage.cancel,
      items = in_turn(list),
      work = function(entry) return send(stage, entry) end,
    }
  end
  local sent, err = each(small, stage.client.s3.IN_FLIGHT)
  if sent then
    sent, err = each(large, 1)
  end
  return sent, err
end

-- Servers that cannot list uploads, and keys of one prefix, which may not.
local CANNOT_LIST = { NotImplemented = true, MethodNotAllowed = true, AccessDenied = true }

-- A create whose answer was lost leaves an upload that nobody knows of. Servers that cannot list
-- uploads cannot be swept; what we knew of was ended in its place.
local function sweep(stage)
  local swept, err = stage.client.s3:abort_uploads { bucket = stage.place.bucket, prefix = stage.place.prefix }
  if swept or CANNOT_LIST[err.code] then return true end
  return nil, err
end

--- Sends what is missing below the prefix.
--- @param stage finspace.load.Stage
--- @return true|nil, finspace.Error|nil err
function staging.send(stage)
  local sizes, err = arrived_sizes(stage)
  if not sizes then return nil, err end
  local small, large = missing(stage, sizes)
  local sent
  sent, err = send_all(stage, small, large)
  if not sent then return nil, err end
  if #large > 0 or stage.resume then return sweep(stage) end
  return true
end

-- The keys of a load of one small file are known; to list them would need XML for nothing.
local function keys_below(s3, place)
  if place.key then return in_turn { { key = place.key } } end
  return s3:each_object { bucket = place.bucket, prefix = place.prefix }
end

--- Removes everything of a load: uploads first, because one that completes late makes an object.
--- @param client finspace.Client
--- @param place finspace.load.Place
--- @return true|nil, finspace.Error|nil err
function staging.remove(client, place)
  local s3 = client.s3
  if not place.key then
    local swept, err = sweep { client = client, place = place }
    if not swept then return nil, err end
  end
  local objects, listing = keys_below(s3, place), nil
  local function next_object()
    local object, err = objects()
    if object == false then listing = err end
    return object or nil
  end
  local removed, err = host.each {
    limit = s3.IN_FLIGHT,
    items = next_object,
    work = function(object) return s3:delete_object { bucket = place.bucket, key = object.key } end,
  }
  if listing or not removed then return nil, listing or err end
  return true
end

--- Where a load of ours may stage: a prefix of its own in the working location.
--- @param client finspace.Client
--- @param id string
--- @return finspace.load.Place|nil, finspace.Error|nil err
function staging.place(client, id)
  local location, err = client:call("GetWorkingLocation", { locationType = "INGESTION" })
  if not location then return nil, err end
  local bucket, path = (location.s3Uri or ""):match("^s3://([^/]+)/?(.*)$")
  if not bucket then
    return nil,
      errors.new {
        kind = "protocol",
        code = "InvalidResponse",
        operation = "GetWorkingLocation",
        message = "the working location has no usable s3Uri",
      }
  end
  if path ~= "" and path:sub(-1) ~= "/" then path = path .. "/" end
  return { bucket = bucket, prefix = path .. id .. "/" }
end

return staging
