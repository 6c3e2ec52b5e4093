--- When to try again, and how long to wait first. Pure: no clock, no sleep, the random number is
--- given. The figures are those of the AWS SDKs' standard retry mode.
local retry = {}

-- Seconds. The first pause after a transient fault is short, because most of those pass at once;
-- after throttling it is long, because the service asked for it.
local TRANSIENT_SCALE, THROTTLE_SCALE = 0.05, 1
local LONGEST_DELAY = 20
local LONGEST_EXTRA_DELAY = 5

-- Tokens. A full bucket pays for 35 transient retries in a row; then only successes refill it, so a
-- client never multiplies the load on a service that is down.
local BUCKET_CAPACITY = 500
local TRANSIENT_COST, THROTTLE_COST = 14, 5

-- The faults of a transport after which the same bytes may well arrive.
local TRANSIENT_KINDS = { connect = true, timeout = true }
local TRANSIENT_CODES = { ConnectionReset = true, Truncated = true }

--- Whether a fault that a transport reported may pass by itself.
--- @param fault { kind: string, code: string }
--- @return boolean
function retry.is_transient(fault)
  return TRANSIENT_KINDS[fault.kind] or (fault.kind == "protocol" and TRANSIENT_CODES[fault.code]) or false
end

--- What a service asks for in its headers, in seconds, or nil.
--- @param headers table<string, string>
--- @return number|nil
function retry.requested_delay(headers)
  local milliseconds = tonumber(headers["x-amz-retry-after"])
  if milliseconds and milliseconds >= 0 then return milliseconds / 1000 end
  local seconds = tonumber(headers["retry-after"])
  return seconds and seconds >= 0 and seconds or nil
end

--- The pause in seconds before retry `number` (1 is the first). What the service asked for counts,
--- but never shortens the pause and lengthens it by 5 s at most.
--- @param number integer
--- @param throttled boolean
--- @param random number           in [0, 1)
--- @param requested number|nil    seconds
--- @return number
function retry.delay(number, throttled, random, requested)
  local scale = throttled and THROTTLE_SCALE or TRANSIENT_SCALE
  local delay = random * math.min(scale * 2 ^ (number - 1), LONGEST_DELAY)
  if not requested then return delay end
  return math.max(delay, math.min(requested, delay + LONGEST_EXTRA_DELAY))
end

--- @class finspace.Bucket
--- @field tokens integer
local Bucket = {}
Bucket.__index = Bucket

--- The tokens that a client's retries are paid with.
--- @return finspace.Bucket
function retry.bucket() return setmetatable({ tokens = BUCKET_CAPACITY }, Bucket) end

--- Pays for one retry.
--- @param throttled boolean
--- @return integer|nil cost  nil when there are too few tokens left
function Bucket:pay(throttled)
  local cost = throttled and THROTTLE_COST or TRANSIENT_COST
  if self.tokens < cost then return nil end
  self.tokens = self.tokens - cost
  return cost
end

--- A call succeeded: what its last retry cost comes back, or one token where there was no retry.
--- @param cost integer|nil
function Bucket:refill(cost)
  if self.tokens < BUCKET_CAPACITY then self.tokens = math.min(BUCKET_CAPACITY, self.tokens + (cost or 1)) end
end

return retry
