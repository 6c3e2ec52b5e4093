--- Where an object is addressed, by S3's two styles: the bucket in the host name, or in the path.
local core = require("finspace.core")

local address = {}

-- A bucket may stand in the host name where it is one host label: a dot would break the
-- certificate's wildcard, and upper case or `_` is no host name at all.
local function is_host_label(bucket) return #bucket <= 63 and bucket:match("^[a-z0-9][a-z0-9%-]*[a-z0-9]$") ~= nil end

local function virtual_host(endpoint, bucket)
  local copy = {}
  for name, value in pairs(endpoint) do
    copy[name] = value
  end
  copy.host = bucket .. "." .. endpoint.host
  copy.url = ("%s://%s%s"):format(copy.scheme, copy.host, copy.path or "")
  return copy
end

--- Where an object is addressed: the endpoint to call and the encoded path on it.
--- @param endpoint table
--- @param bucket string
--- @param key string|nil  nil for the bucket itself
--- @return table endpoint, string path
function address.of(endpoint, bucket, key)
  local path = key and core.uri_encode(key, true) or ""
  if endpoint.custom or not is_host_label(bucket) then
    return endpoint, "/" .. core.uri_encode(bucket) .. (key and "/" or "") .. path
  end
  return virtual_host(endpoint, bucket), "/" .. path
end

--- A query string of pairs, those without a value left out.
--- @param pairs_list? { [1]: string, [2]: any }[]
--- @return string
function address.query(pairs_list)
  local words = {}
  for _, pair in ipairs(pairs_list or {}) do
    if pair[2] ~= nil then
      table.insert(words, core.uri_encode(pair[1]) .. "=" .. core.uri_encode(tostring(pair[2])))
    end
  end
  return table.concat(words, "&")
end

return address
