--- What S3's answers and refusals look like on the wire.

local fault = require("finspace.service.fault")
local xml = require("finspace.service.s3.xml")

local wire = {}

local NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

local STATUS = {
  AccessDenied = 403,
  BadDigest = 400,
  BucketAlreadyExists = 409,
  BucketNotEmpty = 409,
  EntityTooLarge = 400,
  EntityTooSmall = 400,
  IncompleteBody = 400,
  InvalidArgument = 400,
  InvalidBucketName = 400,
  InvalidDigest = 400,
  InvalidPart = 400,
  InvalidPartOrder = 400,
  InvalidRange = 416,
  InvalidRequest = 400,
  InvalidURI = 400,
  KeyTooLongError = 400,
  MalformedXML = 400,
  MethodNotAllowed = 405,
  MissingContentLength = 411,
  NoSuchBucket = 404,
  NoSuchKey = 404,
  NoSuchUpload = 404,
  NotImplemented = 501,
  NotModified = 304,
  PreconditionFailed = 412,
  XAmzContentSHA256Mismatch = 400,
}

--- @param code string one of S3's
--- @param message string
function wire.refuse(code, message) error(fault.new(code, message, STATUS[code]), 0) end

--- Answers the request at hand.
--- @param status integer
--- @param headers? table<string, string>
--- @param body? string
function wire.answer(status, headers, body)
  ngx.status = status
  for name, value in pairs(headers or {}) do
    ngx.header[name] = value
  end
  ngx.header["Content-Length"] = #(body or "")
  if body then ngx.print(body) end
end

--- @param root string
--- @param content table[] for xml.elements
function wire.answer_document(root, content)
  wire.answer(200, { ["Content-Type"] = "application/xml" }, xml.document(root, NAMESPACE, content))
end

--- @param etag string
--- @return string as headers and documents hold it
function wire.quoted(etag) return '"' .. etag .. '"' end

return wire
