--- What stays with an object beside its bytes: names and values, in headers of their own.
local metadata = {}

local PREFIX = "x-amz-meta-"

--- What an answer's headers carry of it.
--- @param headers table<string, string>
--- @return table<string, string>
function metadata.of(headers)
  local found = {}
  for name, value in pairs(headers) do
    if name:sub(1, #PREFIX) == PREFIX then found[name:sub(#PREFIX + 1)] = value end
  end
  return found
end

--- The headers that an object is made with.
--- @param given { content_type?: string, metadata?: table<string, string> }
--- @return table<string, string>
function metadata.headers(given)
  local headers = { ["content-type"] = given.content_type }
  for name, value in pairs(given.metadata or {}) do
    headers[PREFIX .. name:lower()] = value
  end
  return headers
end

return metadata
