--- The operations on objects: put, head, get, delete, list.
local answers = require("finspace.s3.answers")
local call = require("finspace.s3.call")
local errors = require("finspace.errors")
local metadata = require("finspace.s3.metadata")
local options = require("finspace.options")
local page_guard = require("finspace.call.page_guard")
local xml = require("finspace.formats.xml")

local objects = {}

--- @class finspace.s3.Object
--- @field etag? string
--- @field version_id? string
--- @field size? integer           bytes
--- @field content_type? string
--- @field content_range? string   of what came, when a range was asked for
--- @field last_modified? string   as S3 writes it
--- @field metadata table<string, string>
--- @field status integer
--- @field body? string            what get_object read

--- @class finspace.s3.Listed
--- @field key string
--- @field size integer            bytes
--- @field etag? string
--- @field last_modified? string

--- @class finspace.s3.Page
--- @field objects finspace.s3.Listed[]
--- @field prefixes string[]       with a delimiter: what keys have in common up to it
--- @field next_token? string      absent: this was the last page

local PUT = options.declare {
  what = "put_object",
  class = "finspace.s3.PutObject",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "body", "string|finspace.FileSlice", "the bytes: a string, or `{ file, offset, length }`" },
  { "sha256", "string", "of the body, as 64 hexadecimal digits; a slice of a file needs it" },
  { "content_type", "string", "its media type" },
  { "metadata", "table<string, string>", "names and values that stay with the object" },
}

--- Writes an object, from a string or from a slice of a file. A slice needs its `sha256`.
--- @param given finspace.s3.PutObject
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function objects.put_object(self, given)
  PUT:check(given)
  return call.send(self, {
    operation = "PutObject",
    method = "PUT",
    bucket = given.bucket,
    key = given.key,
    headers = metadata.headers(given),
    body = given.body or "",
    payload_hash = given.sha256,
    read = answers.written,
  })
end

local HEAD = options.declare {
  what = "head_object",
  class = "finspace.s3.HeadObject",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
}

--- Describes an object.
--- @param given finspace.s3.HeadObject
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function objects.head_object(self, given)
  HEAD:check(given)
  return call.send(self, {
    operation = "HeadObject",
    method = "HEAD",
    bucket = given.bucket,
    key = given.key,
    read = answers.headers,
  })
end

local GET = options.declare {
  what = "get_object",
  class = "finspace.s3.GetObject",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
  { "first", "integer", "the first byte to read, counted from 0" },
  { "last", "integer", "the last byte to read, included" },
  { "if_match", "string", "an ETag: another version of the object is an err" },
  { "sink", "table", "`{ file, offset }`: the file that the bytes go to" },
  { "max_body", "count", "bytes that may be held in memory", otherwise = "16 MiB" },
}

--- Reads an object, or the bytes `first` to `last` of it (both counted from 0, both included). With
--- a `sink` the bytes go to that file.
--- @param given finspace.s3.GetObject
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function objects.get_object(self, given)
  GET:check(given)
  local range = given.first and ("bytes=%d-%s"):format(given.first, given.last and ("%d"):format(given.last) or "")
  return call.send(self, {
    operation = "GetObject",
    method = "GET",
    bucket = given.bucket,
    key = given.key,
    headers = { range = range, ["if-match"] = given.if_match },
    sink = given.sink,
    max_body = given.max_body,
    expected = given.last and given.last - given.first + 1,
    read = answers.object,
  })
end

local DELETE = options.declare {
  what = "delete_object",
  class = "finspace.s3.DeleteObject",
  { "bucket", "name", "the bucket's name", required = true },
  { "key", "name", "the object's key, as its bytes are", required = true },
}

--- Removes an object; one that is not there is as good as removed.
--- @param given finspace.s3.DeleteObject
--- @return table|nil result
--- @return finspace.Error|nil err
function objects.delete_object(self, given)
  DELETE:check(given)
  return call.send(self, {
    operation = "DeleteObject",
    method = "DELETE",
    bucket = given.bucket,
    key = given.key,
    read = answers.headers,
  })
end

local function read_list(root, response)
  local decode = answers.name_reader(root)
  local next_token, err = answers.next_page(root, response, "NextContinuationToken")
  if err then return nil, err end
  local list = { objects = {}, prefixes = {}, next_token = next_token }
  for _, item in ipairs(xml.children(root, "Contents")) do
    local object = {
      key = decode(xml.text(item, "Key")),
      size = answers.whole_number(xml.text(item, "Size")),
      etag = xml.text(item, "ETag"),
      last_modified = xml.text(item, "LastModified"),
    }
    local whole, fault = answers.whole(response, object, "a list of objects, one", "key", "size")
    if not whole then return nil, fault end
    table.insert(list.objects, whole)
  end
  for _, item in ipairs(xml.children(root, "CommonPrefixes")) do
    table.insert(list.prefixes, decode(xml.text(item, "Prefix")))
  end
  return list
end

local LIST = options.declare {
  what = "list_objects",
  class = "finspace.s3.ListObjects",
  { "bucket", "name", "the bucket's name", required = true },
  { "prefix", "string", "what their keys begin with" },
  { "delimiter", "string", "keys that agree up to it are told as one prefix" },
  { "max_keys", "count", "objects a page", otherwise = 1000 },
  { "token", "string", "a page's `next_token`" },
  { "start_after", "string", "a key: the list begins after it" },
}

--- One page of a bucket's objects: `objects`, `prefixes` (with a `delimiter`), `next_token`.
--- @param given finspace.s3.ListObjects
--- @return finspace.s3.Page|nil page
--- @return finspace.Error|nil err
function objects.list_objects(self, given)
  LIST:check(given)
  return call.send(self, {
    operation = "ListObjectsV2",
    method = "GET",
    bucket = given.bucket,
    query = {
      { "list-type", "2" },
      { "encoding-type", "url" },
      { "prefix", given.prefix },
      { "delimiter", given.delimiter },
      { "max-keys", given.max_keys },
      { "continuation-token", given.token },
      { "start-after", given.start_after },
    },
    read = answers.document_reader("ListBucketResult", read_list),
  })
end

local FIRST_PAGE = {}

local function endless(why)
  return errors.new {
    kind = "protocol",
    code = "EndlessList",
    operation = "ListObjectsV2",
    message = "the list is not complete: "
      .. why
      .. "; check that the endpoint is S3 and that no cache stands before it",
  }
end

local EACH = options.declare {
  what = "each_object",
  class = "finspace.s3.EachObject",
  { "bucket", "name", "the bucket's name", required = true },
  { "prefix", "string", "what their keys begin with" },
}

--- All objects below a prefix, page by page as they are asked for. An err ends the walk and comes as
--- the second value: `for object, err in s3:each_object{…} do`, where `object` is then false.
--- @param given finspace.s3.EachObject
--- @return fun(): finspace.s3.Listed|false|nil, finspace.Error|nil next
function objects.each_object(self, given)
  EACH:check(given)
  local listed, at, token = {}, 0, FIRST_PAGE
  local guard = page_guard.new()
  return function()
    while at >= #listed do
      if not token then return nil end
      local page, err = self:list_objects {
        bucket = given.bucket,
        prefix = given.prefix,
        token = token ~= FIRST_PAGE and token or nil,
      }
      local why = page and page.next_token and guard:check(page.next_token, #page.objects)
      if why then
        page, err = nil, endless(why)
      end
      if not page then
        listed, at, token = {}, 0, nil
        return false, err
      end
      listed, at, token = page.objects, 0, page.next_token
    end
    at = at + 1
    return listed[at]
  end
end

return objects
