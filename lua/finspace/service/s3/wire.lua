--- What S3's answers and refusals look like on the wire.

local core = require("finspace.core")
local fault = require("finspace.service.fault")
local xml = require("finspace.service.xml")

local wire = {}

local NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

local STATUS = {
  AccessDenied = 403,
  AccessForbidden = 403,
  BadDigest = 400,
  BadRequest = 400,
  BucketAlreadyExists = 409,
  BucketAlreadyOwnedByYou = 409,
  BucketNotEmpty = 409,
  EntityTooLarge = 400,
  EntityTooSmall = 400,
  IncompleteBody = 400,
  InvalidArgument = 400,
  InvalidBucketName = 400,
  InvalidDigest = 400,
  InvalidLocationConstraint = 400,
  InvalidPart = 400,
  InvalidPartOrder = 400,
  InvalidRange = 416,
  InvalidRequest = 400,
  InvalidStorageClass = 400,
  InvalidURI = 400,
  KeyTooLongError = 400,
  MalformedXML = 400,
  MetadataTooLarge = 400,
  MethodNotAllowed = 405,
  MissingContentLength = 411,
  NoSuchBucket = 404,
  NoSuchCORSConfiguration = 404,
  NoSuchKey = 404,
  NoSuchTagSet = 404,
  NoSuchUpload = 404,
  NoSuchVersion = 404,
  NotImplemented = 501,
  PreconditionFailed = 412,
  ServiceUnavailable = 503,
  XAmzContentSHA256Mismatch = 400,
}

--- @param code string one of S3's
--- @param message string
--- @param details? table[] elements that the refusal's document has beside code and message
function wire.refuse(code, message, details)
  local problem = fault.new(code, message, STATUS[code])
  problem.details = details
  error(problem, 0)
end

--- Answers the request at hand.
--- @param status integer
--- @param headers? table<string, string>
--- @param body? string
function wire.answer(status, headers, body)
  ngx.status = status
  for name, value in pairs(headers or {}) do
    ngx.header[name] = value
  end
  if status ~= 204 and status ~= 304 then ngx.header["Content-Length"] = #(body or "") end
  if body then
    ngx.print(body)
  else
    ngx.send_headers()
  end
end

--- @param root string
--- @param content table[] for xml.elements
--- @param headers? table<string, string>
function wire.answer_document(root, content, headers)
  ngx.header["Content-Type"] = "application/xml"
  wire.answer(200, headers, xml.document(root, NAMESPACE, content))
end

--- @param etag string
--- @return string as headers and documents hold it
function wire.quoted(etag) return '"' .. etag .. '"' end

local LARGEST_COUNT = 2 ^ 31 - 1

--- A whole number of the query, or its default.
--- @param query table<string, string>
--- @param name string
--- @param least integer
--- @param most integer what is more is taken as this
--- @return integer
function wire.count(query, name, least, most)
  local text = query[name]
  if not text then return most end
  local number = text:match("^%d+$") and tonumber(text)
  if not number or number < least or number > LARGEST_COUNT then
    wire.refuse("InvalidArgument", ("%s must be a whole number from %d to %d"):format(name, least, LARGEST_COUNT))
  end
  return math.min(number, most)
end

--- How a listing writes keys: as they are, or percent-encoded.
--- @param query table<string, string>
--- @return fun(text: string|nil): string|nil
function wire.key_encoder(query)
  local wanted = query["encoding-type"]
  if not wanted then
    return function(text) return text end
  end
  if wanted ~= "url" then wire.refuse("InvalidArgument", "encoding-type must be url") end
  return function(text) return text and core.uri_encode(text, true) end
end

--- @param user_id string
--- @return table[] elements
function wire.owner(user_id) return { { "ID", user_id }, { "DisplayName", user_id } } end

return wire
