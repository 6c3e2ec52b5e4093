--- The owner's link into the console. Who can read DIR/credentials can make one, without asking the
--- service: the link holds its end and a number, sealed with the owner's secret key. What makes it good
--- only once is the service, which remembers the numbers that were used.

local core = require("finspace.core")
local ids = require("finspace.service.ids")

local link = {}

link.SECONDS = 600

local function seal(secret, subject)
  return core.sha256(core.hmac_sha256(secret, "finspace sign-in link:" .. subject)) -- for its hex alone
end

--- @param secret string the owner's secret access key
--- @param now number epoch seconds
--- @return string token
function link.token(secret, now)
  local subject = ("%x.%s"):format(math.floor(now) + link.SECONDS, ids.resource())
  return subject .. "." .. seal(secret, subject)
end

--- The token stands behind `#`, which browsers keep to themselves: no server and no log sees it.
--- @param endpoint string
--- @param secret string
--- @param now number
--- @return string url
function link.url(endpoint, secret, now) return endpoint .. "/#sign-in=" .. link.token(secret, now) end

--- @param token string
--- @param secret string
--- @param now number epoch seconds
--- @return string|nil number what to remember as used; nil for a link that is not good
--- @return integer|nil expires epoch seconds
function link.read(token, secret, now)
  local expires, number, sealed = token:match("^(%x+)%.(%w+)%.(%x+)$")
  if not expires or #expires > 12 then return nil end
  if core.sha256(sealed) ~= core.sha256(seal(secret, expires .. "." .. number)) then return nil end
  expires = tonumber(expires, 16)
  if expires <= now or expires > now + link.SECONDS then return nil end
  return number, expires
end

return link
