--- What a handler raises when a request must be refused: an AWS code, its HTTP status, a message.

local fault = {}
fault.__index = fault

local STATUS = {
  AccessDeniedException = 403,
  ConflictException = 409,
  InternalServerException = 500,
  LimitExceededException = 400,
  ResourceNotFoundException = 404,
  ThrottlingException = 429,
  ValidationException = 400,
  SerializationException = 400,
  UnsupportedMediaTypeException = 415,
  RequestEntityTooLargeException = 413,
  ExpiredTokenException = 403,
  InvalidSignatureException = 403,
  IncompleteSignature = 400,
  InvalidAction = 400,
  InvalidClientTokenId = 403,
  MissingAuthenticationToken = 403,
  RequestExpired = 400,
  ServiceUnavailable = 503,
}

--- @param code string AWS error code
--- @param message? string
--- @param status? integer needed for codes that are not FinSpace's own
--- @return table
function fault.new(code, message, status)
  return setmetatable({ code = code, message = message, status = status or STATUS[code] or 400 }, fault)
end

--- @param code string
--- @param message? string may hold string.format directives for the values that follow
function fault.raise(code, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  error(fault.new(code, message), 0)
end

--- @param value any
--- @return boolean
function fault.is(value) return getmetatable(value) == fault end

return fault
