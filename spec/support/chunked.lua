--- Requests whose bodies go in aws-chunked form, signed chunk by chunk: made from the published rules, apart
--- from the service's own reader.
local core = require("finspace.core")

local chunked = {}

local EMPTY = core.sha256("")

local function hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function signing_key(secret, auth)
  local key = "AWS4" .. secret
  for _, part in ipairs { auth.date, auth.region, auth.service, "aws4_request" } do
    key = core.hmac_sha256(key, part)
  end
  return key
end

local function header_of(request, wanted)
  for _, header in ipairs(request.headers) do
    if header[1]:lower() == wanted then return header[2] end
  end
end

--- What signs a request's chunks, from the request's own signature on.
--- @param request table from service.sign
--- @param secret string
--- @return table signer {chunk(data), trailer(text)} each gives the next signature
function chunked.signer(request, secret)
  local auth = assert(core.authorization(request, "s3"))
  local key, previous = signing_key(secret, auth), auth.signature
  local scope = table.concat({ auth.date, auth.region, auth.service, "aws4_request" }, "/")
  local function sign(algorithm, ...)
    local text = table.concat({ algorithm, header_of(request, "x-amz-date"), scope, previous, ... }, "\n")
    previous = hex(core.hmac_sha256(key, text))
    return previous
  end
  return {
    chunk = function(data) return sign("AWS4-HMAC-SHA256-PAYLOAD", EMPTY, core.sha256(data)) end,
    trailer = function(text) return sign("AWS4-HMAC-SHA256-TRAILER", core.sha256(text)) end,
  }
end

--- Frames chunks.
--- @param chunks string[] without the last, empty one
--- @param signer? table
--- @param trailer? table {name, value}
--- @return string body
function chunked.body(chunks, signer, trailer)
  local out = {}
  for i = 1, #chunks + 1 do
    local data = chunks[i] or ""
    local extension = signer and ";chunk-signature=" .. signer.chunk(data) or ""
    out[#out + 1] = ("%x%s\r\n"):format(#data, extension)
    if data ~= "" then out[#out + 1] = data .. "\r\n" end
  end
  if trailer then out[#out + 1] = ("%s:%s\r\n"):format(trailer[1], trailer[2]) end
  if trailer and signer then
    local text = ("%s:%s\n"):format(trailer[1], trailer[2])
    out[#out + 1] = "x-amz-trailer-signature:" .. signer.trailer(text) .. "\r\n"
  end
  return table.concat(out) .. "\r\n"
end

return chunked
