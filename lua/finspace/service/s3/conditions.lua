--- Conditions on requests: If-Match and its kin, in the order of RFC 9110, section 13.2.2. A date counts to
--- the second; one that is none is no condition. Each function raises a refusal, or returns.

local wire = require("finspace.service.s3.wire")

local conditions = {}

local MESSAGE = "at least one of the pre-conditions that you specified did not hold"

local function fail(name) wire.refuse("PreconditionFailed", MESSAGE, { { "Condition", name } }) end

--- Whether a list of ETags names this one. S3 takes them with quotes and without.
--- @param list string value of a header
--- @param etag string without quotes
--- @return boolean
function conditions.names(list, etag)
  for candidate in list:gmatch("[^,]+") do
    local text = candidate:match("^%s*(.-)%s*$"):gsub("^W/", ""):gsub('"', "")
    if text == "*" or text == etag then return true end
  end
  return false
end

local function seconds(found) return math.floor(found.modified / 1000) end

local function is_changed_since(found, date)
  local limit = date and ngx.parse_http_time(date)
  return limit and seconds(found) > limit
end

local function is_unchanged_since(found, date)
  local limit = date and ngx.parse_http_time(date)
  return limit and seconds(found) <= limit
end

-- Whether the object is one that the reader has already: by its ETag, or else by its date.
local function is_known(found, unless_etag, unless_since)
  if unless_etag then return conditions.names(unless_etag, found.etag), "If-None-Match" end
  return is_unchanged_since(found, unless_since), "If-Modified-Since"
end

local function check_is_wanted(found, etag, since)
  if etag then
    if not conditions.names(etag, found.etag) then fail("If-Match") end
  elseif is_changed_since(found, since) then
    fail("If-Unmodified-Since")
  end
end

--- For GET and HEAD.
--- @param header table<string, string>
--- @param found table row of an object
--- @return boolean is_known: the answer is 304
function conditions.check_read(header, found)
  check_is_wanted(found, header["if-match"], header["if-unmodified-since"])
  return (is_known(found, header["if-none-match"], header["if-modified-since"])) and true or false
end

--- For what takes an object's place.
--- @param header table<string, string>
--- @param earlier table|nil row of the object that is there
function conditions.check_write(header, earlier)
  local wanted, unwanted = header["if-match"], header["if-none-match"]
  if wanted and not earlier then wire.refuse("NoSuchKey", "there is no object under this key, as If-Match wants it") end
  if wanted and not conditions.names(wanted, earlier.etag) then fail("If-Match") end
  if unwanted and earlier and conditions.names(unwanted, earlier.etag) then fail("If-None-Match") end
end

--- Whether a request has conditions on what it writes.
--- @param header table<string, string>
--- @return boolean
function conditions.of_write(header) return header["if-match"] ~= nil or header["if-none-match"] ~= nil end

-- ISO 8601 in a document, or HTTP's form in a header.
local function time_of(text)
  local year, month, day, hour, minute, second = text:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)")
  if not year then return ngx.parse_http_time(text) end
  local months = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }
  local name = months[tonumber(month)] or ""
  return ngx.parse_http_time(("Mon, %s %s %s %s:%s:%s GMT"):format(day, name, year, hour, minute, second))
end

--- For what deletes an object. What is gone already meets every condition, so that a delete may be repeated
--- when its answer was lost.
--- @param found table|nil row of the object that is there
--- @param wanted table {etag=, modified=, size=} texts, each may be nil
function conditions.check_delete(found, wanted)
  if not found then return end
  if wanted.etag and not conditions.names(wanted.etag, found.etag) then fail("If-Match") end
  if wanted.modified and time_of(wanted.modified) ~= seconds(found) then fail("x-amz-if-match-last-modified-time") end
  if wanted.size and tonumber(wanted.size) ~= found.size then fail("x-amz-if-match-size") end
end

--- For the source of a copy; here the reader's having it already is a failure, too.
--- @param header table<string, string>
--- @param found table row of the source
function conditions.check_source(header, found)
  local prefix = "x-amz-copy-source-"
  check_is_wanted(found, header[prefix .. "if-match"], header[prefix .. "if-unmodified-since"])
  local known, name = is_known(found, header[prefix .. "if-none-match"], header[prefix .. "if-modified-since"])
  if known then fail(name) end
end

return conditions
