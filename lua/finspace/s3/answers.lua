--- Reading what S3 answers: headers, documents, and where a list goes on.
local core = require("finspace.core")
local metadata = require("finspace.s3.metadata")
local s3_errors = require("finspace.s3.errors")
local xml = require("finspace.formats.xml")

local answers = {}

--- A number without a fraction, an integer where this Lua has those.
--- @param text string|nil
--- @return integer|nil
function answers.whole_number(text)
  local number = tonumber(text)
  return number and (math.tointeger and math.tointeger(number) or number)
end

--- What the headers of an answer tell of an object.
--- @param response finspace.Response
--- @return table
function answers.headers(response)
  local headers = response.headers
  return {
    etag = headers.etag,
    version_id = headers["x-amz-version-id"],
    size = answers.whole_number(headers["content-length"]),
    content_type = headers["content-type"],
    content_range = headers["content-range"],
    last_modified = headers["last-modified"],
    metadata = metadata.of(headers),
    status = response.status,
  }
end

--- The same, with the object's bytes.
--- @param response finspace.Response
--- @return table
function answers.object(response)
  local object = answers.headers(response)
  object.body = response.body
  return object
end

local function broken_answer(response, message)
  return {
    kind = "protocol",
    code = "InvalidResponse",
    status = response.status,
    message = message,
    request_id = response.headers["x-amz-request-id"],
  }
end

--- A table that an answer was read into, when it has all that such an answer must have.
--- @param response finspace.Response
--- @param read table
--- @param what string  what it is, for the message
--- @param ... string  the names that must be in it
--- @return table|nil read, table|nil fault
function answers.whole(response, read, what, ...)
  for _, name in ipairs { ... } do
    if read[name] == nil or read[name] == "" then
      return nil, broken_answer(response, ("S3 answered %s without its %s"):format(what, name))
    end
  end
  return read
end

--- What the headers of an answer tell of an object that has been written.
--- @param response finspace.Response
--- @return table|nil object, table|nil fault
function answers.written(response) return answers.whole(response, answers.headers(response), "a write", "etag") end

--- A reader of one kind of document; an error that came with a success's status is still an error.
--- @param name string  of its root
--- @param read fun(root: finspace.xml.Element, response: finspace.Response): any, table|nil
--- @return fun(response: finspace.Response): any, table|nil
function answers.document_reader(name, read)
  return function(response)
    local root, message = xml.parse(((response.body or ""):gsub("^%s+", "")))
    if not root then return nil, broken_answer(response, "S3 answered no XML: " .. message) end
    if root.name == "Error" then
      local fields = s3_errors.fields(response)
      fields.retryable, fields.kind = true, fields.throttle and "throttle" or "service"
      return nil, fields
    end
    if root.name ~= name then
      return nil, broken_answer(response, ("S3 answered a %s instead of a %s"):format(root.name, name))
    end
    return read(root, response)
  end
end

--- Where a list goes on, or nil when it ends. One that says that it does, and not where, would pass for the whole.
--- @param root finspace.xml.Element
--- @param response finspace.Response
--- @param name string  of the element that says where
--- @return string|nil marker, table|nil fault
function answers.next_page(root, response, name)
  if xml.text(root, "IsTruncated") ~= "true" then return nil end
  local marker = xml.text(root, name) or ""
  if marker ~= "" then return marker end
  return nil, broken_answer(response, "S3 says that its list goes on, and does not say where")
end

--- The decoder of a list's names: they are form-encoded on demand, because XML cannot carry every byte of a key.
--- @param root finspace.xml.Element
--- @return fun(name: string|nil): string|nil
function answers.name_reader(root)
  if xml.text(root, "EncodingType") ~= "url" then
    return function(name) return name end
  end
  return function(name) return name and core.uri_decode((name:gsub("+", "%%20"))) end
end

return answers
