--- One call of S3 over the shared exchange: addressed, sent, and followed to the bucket's region.
local address = require("finspace.s3.address")
local endpoint = require("finspace.endpoint")
local s3_errors = require("finspace.s3.errors")

local call = {}

-- Seconds that a body may take: the slowest line that is still worth waiting for carries 8 KiB/s.
local SLOWEST = 8 * 1024

local function body_length(body)
  if type(body) == "table" then return body.length end
  return body and #body or 0
end

local function finisher(given)
  return function(response)
    local result, fields
    if response.status >= 200 and response.status <= 299 then
      result, fields = given.read(response)
    else
      fields = s3_errors.fields(response)
    end
    if fields then s3_errors.name_place(fields, given.bucket, given.key) end
    return result, fields
  end
end

local function send(self, given, region)
  local found, err = self.endpoint(region)
  if not found then return nil, err end
  local target, path = address.of(found, given.bucket, given.key)
  local result
  result, err = self.exchange:send {
    operation = given.operation,
    service = "s3",
    region = region,
    endpoint = target,
    credentials = self.credentials,
    finish = finisher(given),
    repeatable = true, -- every call here may be made twice, and end the same
    timeout = 60 + math.ceil((body_length(given.body) + (given.expected or 0)) / SLOWEST),
    request = {
      method = given.method,
      path = path,
      query = address.query(given.query),
      headers = given.headers or {},
      body = given.body,
      payload_hash = given.payload_hash,
      sink = given.sink,
      max_body = given.max_body,
    },
  }
  if err then endpoint.explain(err, found) end
  return result, err
end

-- S3 says where a bucket is in a header. It is believed only about the region's name: the host is
-- made from it by our own rule, and a custom endpoint is never left.
local function moved_to(self, err, region)
  local found = self.endpoint(region)
  if not err.region or err.region == region or not found or found.custom then return nil end
  return err.region:match("^[a-z0-9][a-z0-9%-]*[a-z0-9]$")
end

local function region_of(self, bucket)
  if self.regions[bucket] then return self.regions[bucket] end
  return self.region()
end

--- @class finspace.s3.Call
--- @field operation string  its name at S3, for errors and the logger
--- @field method string
--- @field bucket string
--- @field key? string
--- @field query? { [1]: string, [2]: any }[]
--- @field headers? table<string, string>
--- @field body? string|finspace.FileSlice
--- @field payload_hash? string  SHA-256 of the body, in hexadecimal digits
--- @field sink? table
--- @field expected? integer     bytes that the answer may have, for its timeout
--- @field max_body? integer
--- @field read fun(response: finspace.Response): any, table|nil  reads an answer of success

--- Sends it; once more where S3 says that the bucket is in another region.
--- @param self finspace.S3
--- @param given finspace.s3.Call
--- @return any result, finspace.Error|nil err
function call.send(self, given)
  local region, missing = region_of(self, given.bucket)
  if not region then return nil, missing end
  local result, err = send(self, given, region)
  local elsewhere = err and moved_to(self, err, region)
  if not elsewhere then return result, err end
  self.regions[given.bucket] = elsewhere
  return send(self, given, elsewhere)
end

return call
