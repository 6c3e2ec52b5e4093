--- Lets the console's pages call a store. A browser keeps the answers of another origin from a page, unless the bucket has a rule
--- (CORS) for the page's origin; this module looks whether it has one as browsers look, and sets it where it is missing. Rules
--- of others stay. It opens nothing: every request is signed all the same.

local cjson = require("cjson.safe")
local clients = require("finspace.service.store.client")
local sys = require("finspace.sys")

local browsers = {}

local ID = "finspace-console"
local METHODS = { "GET", "PUT", "POST", "HEAD", "DELETE" }
local HEADERS = { "authorization", "content-type", "range", "x-amz-*" }
local READABLE = { "ETag", "Content-Range", "x-amz-request-id", "x-amz-id-2" }
local KEPT_SECONDS = 3600 -- of an answer, by browsers

local LOOKS, PAUSE = 10, 0.3 -- a store may take a moment to heed a rule, and another node may write at the same time

-- --- as browsers look -------------------------------------------------------------------------------

local SENT = "authorization,content-type,range,x-amz-content-sha256,x-amz-date,x-amz-security-token"

-- An answer without keys; nil where none came.
local function ask(store, method, headers)
  return store.exchange:send {
    operation = "Preflight",
    request = { method = method, url = store.url, headers = headers },
    finish = function(response) return response end,
    repeatable = true,
  }
end

local function allows(answer, origin)
  local allowed = answer and answer.headers["access-control-allow-origin"]
  return allowed == "*" or allowed == origin
end

local function may_send(store, origin, method)
  local answer = ask(store, "OPTIONS", {
    origin = origin,
    ["access-control-request-method"] = method,
    ["access-control-request-headers"] = SENT,
  })
  return answer and answer.status < 300 and allows(answer, origin)
end

-- Without an upload's ETags its parts cannot be put together.
local function may_read(store, origin)
  local answer = ask(store, "GET", { origin = origin })
  local exposed = answer and (answer.headers["access-control-expose-headers"] or ""):lower()
  return allows(answer, origin) and (exposed:find("etag", 1, true) ~= nil or exposed == "*")
end

local function is_let_in(store, origin)
  for _, method in ipairs(METHODS) do
    if method ~= "HEAD" and not may_send(store, origin, method) then return false end
  end
  return may_read(store, origin)
end

local function shut_out(store, origins)
  local list = {}
  for _, origin in ipairs(origins) do
    if not is_let_in(store, origin) then list[#list + 1] = origin end
  end
  return list
end

-- --- the rule ---------------------------------------------------------------------------------------

local function rule_for(origins)
  return {
    id = ID,
    allowed_origins = origins,
    allowed_methods = METHODS,
    allowed_headers = HEADERS,
    expose_headers = READABLE,
    max_age_seconds = KEPT_SECONDS,
  }
end

local function with_all(list, more)
  local seen, all = {}, {}
  for _, one in ipairs { list or {}, more } do
    for _, origin in ipairs(one) do
      if not seen[origin] then all[#all + 1] = origin end
      seen[origin] = true
    end
  end
  return all
end

-- Ours comes first: radosgw heeds the first rule that fits a page's origin, whatever it says of methods.
local function merged(rules, origins)
  local others, own = {}, nil
  for _, rule in ipairs(rules) do
    if rule.id == ID then
      own = rule
    else
      others[#others + 1] = rule
    end
  end
  table.insert(others, 1, rule_for(with_all(own and own.allowed_origins, origins)))
  return others
end

-- What is there and cannot be read is not overwritten.
local function add_rule(store, origins)
  local bucket = store.place.bucket
  local rules, err = store.s3:get_bucket_cors { bucket = bucket }
  if not rules and err.code ~= "NoSuchCORSConfiguration" then return nil, err end
  return store.s3:put_bucket_cors { bucket = bucket, rules = merged(rules or {}, origins) }
end

-- --- what is said -----------------------------------------------------------------------------------

local SET = "The bucket %s lets pages of %s call it now: its CORS rule %s is set, and the rules of others stay.\n"

local MISSING = [[
Browsers get no files: the bucket %s has no CORS rule for pages of %s, and it could not be set (%s).
Without it the console stages no file, and downloads and draws none. Set it by hand (this takes the place of all its rules):
  %s
]]

local COMMAND = "aws s3api put-bucket-cors%s --bucket %s --cors-configuration '%s'"

--- What the rule says beside its origins, in the form of Amazon's tools.
--- @return table
function browsers.rule()
  return {
    ID = ID,
    AllowedMethods = METHODS,
    AllowedHeaders = HEADERS,
    ExposeHeaders = READABLE,
    MaxAgeSeconds = KEPT_SECONDS,
  }
end

local function command(place, origins)
  local rule = browsers.rule()
  rule.AllowedOrigins = origins
  local endpoint = place.endpoint and " --endpoint-url " .. place.endpoint or ""
  return COMMAND:format(endpoint, place.bucket, (cjson.encode({ CORSRules = { rule } }):gsub("\\/", "/")))
end

local function missing(place, origins, reason)
  return MISSING:format(place.bucket, table.concat(origins, " and "), reason, command(place, origins))
end

-- --- seeing to it -----------------------------------------------------------------------------------

local MIXED =
  "Browsers get no files: they let pages of %s, which come by https, call no store by http (%s): give it TLS.\n"

-- Loopback counts as safe (W3C, Mixed Content, section 3.1).
local function mixed_word(url, origins)
  if url:find("^https:") or url:find("^http://127%.") or url:find("^http://localhost[:/]") then return nil end
  for _, origin in ipairs(origins) do
    if origin:find("^https:") then return MIXED:format(origin, url) end
  end
end

local IGNORED = "the store took it, and does not heed it"

-- Two nodes that start together wait unequally long before they look whether the other one wrote over theirs.
local function wait() sys.sleep(PAUSE * (1 + sys.random_bytes(1):byte() / 256)) end

-- What was set, or what is missing and what to do about it; nil where all was right.
local function see_to(store, origins)
  local outside = shut_out(store, origins)
  if #outside == 0 then return nil end
  local all = table.concat(outside, " and ")
  for _ = 1, LOOKS do
    local set, err = add_rule(store, outside)
    if not set then return missing(store.place, outside, (tostring(err):gsub("%s+", " "))) end
    wait()
    outside = shut_out(store, outside)
    if #outside == 0 then return SET:format(store.place.bucket, all, ID) end
  end
  return missing(store.place, outside, IGNORED)
end

local function word_of(client, place, origins)
  local asked = { bucket = place.bucket, prefix = place.prefix, max_keys = 1 }
  local _, err = client.s3:list_objects(asked) -- which tells where the bucket is
  local found = assert(client.s3:bucket_place { bucket = place.bucket })
  place.url, place.region = found.url, found.region
  if err then return missing(place, origins, tostring(err)) end
  local exchange = assert(client.session:exchange())
  local store = { s3 = client.s3, place = place, url = found.url, exchange = exchange }
  local words = (see_to(store, origins) or "") .. (mixed_word(found.url, origins) or "")
  return words ~= "" and words or nil
end

--- Sees that the console's pages may call a store that can be used.
--- @param place table {bucket=, …}, which gets the `url` and the `region` of the bucket, for browsers
--- @param origins string[] that pages are opened at
--- @return string|nil word for people
function browsers.let_in(place, origins)
  local client = clients.new(place)
  local word = word_of(client, place, origins)
  client.session:close()
  return word
end

return browsers
