--- The operations on buckets that a service needs whose pages call them: where a bucket is, and its rules for pages of other
--- origins (CORS).
local address = require("finspace.s3.address")
local answers = require("finspace.s3.answers")
local call = require("finspace.s3.call")
local checksum = require("finspace.s3.checksum")
local options = require("finspace.options")
local xml = require("finspace.formats.xml")

local buckets = {}

--- @class finspace.s3.CorsRule
--- @field id? string
--- @field allowed_origins string[]   for example `https://example.com`; one `*` stands for any text
--- @field allowed_methods string[]
--- @field allowed_headers? string[]  that a request may have; one `*` stands for any text
--- @field expose_headers? string[]   of answers, that pages may read
--- @field max_age_seconds? integer   for which a browser need not ask again

-- By the document's elements, in its order; of those that are lists there may be more than one.
local ELEMENTS = {
  { "ID", "id" },
  { "AllowedOrigin", "allowed_origins", is_list = true },
  { "AllowedMethod", "allowed_methods", is_list = true },
  { "AllowedHeader", "allowed_headers", is_list = true },
  { "ExposeHeader", "expose_headers", is_list = true },
  { "MaxAgeSeconds", "max_age_seconds", is_number = true },
}

local function texts(rule, name)
  local found = {}
  for i, element in ipairs(xml.children(rule, name)) do
    found[i] = element.text
  end
  return found
end

local function read_rule(element)
  local rule = {}
  for _, known in ipairs(ELEMENTS) do
    local found = texts(element, known[1])
    local value = found[1]
    if known.is_list and value then value = found end
    if known.is_number then value = answers.whole_number(value) end
    rule[known[2]] = value
  end
  return rule
end

local function read_rules(root)
  local rules = {}
  for i, element in ipairs(xml.children(root, "CORSRule")) do
    rules[i] = read_rule(element)
  end
  return rules
end

local function rule_lines(rule)
  local lines = {}
  for _, known in ipairs(ELEMENTS) do
    local value = rule[known[2]]
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = ("<%s>%s</%s>"):format(known[1], xml.escape(tostring(one)), known[1])
    end
  end
  return table.concat(lines)
end

local function document_of(rules)
  local lines = { '<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' }
  for _, rule in ipairs(rules) do
    lines[#lines + 1] = "<CORSRule>" .. rule_lines(rule) .. "</CORSRule>"
  end
  lines[#lines + 1] = "</CORSConfiguration>"
  return table.concat(lines)
end

local GET = options.declare {
  what = "get_bucket_cors",
  class = "finspace.s3.GetBucketCors",
  { "bucket", "name", "the bucket's name", required = true },
}

--- Reads a bucket's rules for pages of other origins. Where there are none, S3's err has the code
--- `NoSuchCORSConfiguration`.
--- @param given finspace.s3.GetBucketCors
--- @return finspace.s3.CorsRule[]|nil rules
--- @return finspace.Error|nil err
function buckets.get_bucket_cors(self, given)
  GET:check(given)
  return call.send(self, {
    operation = "GetBucketCors",
    method = "GET",
    bucket = given.bucket,
    query = { { "cors", "" } },
    read = answers.document_reader("CORSConfiguration", read_rules),
  })
end

local PUT = options.declare {
  what = "put_bucket_cors",
  class = "finspace.s3.PutBucketCors",
  { "bucket", "name", "the bucket's name", required = true },
  { "rules", "finspace.s3.CorsRule[]", "all that it shall have", required = true },
}

--- Gives a bucket rules for pages of other origins, which take the place of those that it had.
--- @param given finspace.s3.PutBucketCors
--- @return table|nil result
--- @return finspace.Error|nil err
function buckets.put_bucket_cors(self, given)
  PUT:check(given)
  local document = document_of(given.rules)
  return call.send(self, {
    operation = "PutBucketCors",
    method = "PUT",
    bucket = given.bucket,
    query = { { "cors", "" } },
    headers = {
      ["content-type"] = "application/xml",
      ["x-amz-checksum-sha256"] = checksum.in_base64(document), -- Amazon wants one with this operation
    },
    body = document,
    read = answers.headers,
  })
end

local WHERE = options.declare {
  what = "bucket_place",
  class = "finspace.s3.BucketPlace",
  { "bucket", "name", "the bucket's name", required = true },
}

--- Where a bucket is called: its `url`, after which a key goes, and the `region` to sign for. A bucket in another region than
--- the client's is known to be there after the first call of it.
--- @param given finspace.s3.BucketPlace
--- @return { url: string, region: string }|nil place
--- @return finspace.Error|nil err
function buckets.bucket_place(self, given)
  WHERE:check(given)
  local region, missing = self.regions[given.bucket], nil
  if not region then
    region, missing = self.region()
  end
  if not region then return nil, missing end
  local endpoint, err = self.endpoint(region)
  if not endpoint then return nil, err end
  local target, path = address.of(endpoint, given.bucket)
  local base = (target.path or ""):gsub("/$", "")
  return { url = target.scheme .. "://" .. target.host .. base .. path:gsub("/$", ""), region = region }
end

return buckets
