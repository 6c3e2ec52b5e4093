--- ListObjectsV2 (and its elder): keys in byte order, folded at a delimiter, page by page.

local core = require("finspace.core")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.s3.xml")

local listing = {}

local LARGEST_PAGE = 1000

-- The smallest text above every text that starts with `prefix`.
local function after_all(prefix)
  local cut = prefix:gsub("\255+$", "")
  if cut == "" then return nil end
  return cut:sub(1, -2) .. string.char(cut:byte(-1) + 1)
end

local function folded(key, prefix, delimiter)
  if not delimiter then return nil end
  local _, stop = key:find(delimiter, #prefix + 1, true)
  return stop and key:sub(1, stop)
end

local NEXT = [[SELECT key, modified, etag, size FROM objects JOIN contents ON contents.id = content_id
  WHERE bucket = ? AND key >= ? ORDER BY key LIMIT 1]]

--- Walks the keys from `from` on.
--- @param db table
--- @param wanted table {bucket=, prefix=, delimiter=, from=, limit=}
--- @return table page {entries={ {row=}|{prefix=} }, next=from of the next page or nil}
function listing.walk(db, wanted)
  local page, from = { entries = {} }, wanted.from
  if from < wanted.prefix then from = wanted.prefix end
  while from do
    local row = db:row(NEXT, wanted.bucket, from)
    if not row or row.key:sub(1, #wanted.prefix) ~= wanted.prefix then return page end
    if #page.entries == wanted.limit then
      page.next = from
      return page
    end
    local common = folded(row.key, wanted.prefix, wanted.delimiter)
    page.entries[#page.entries + 1] = common and { prefix = common } or { row = row }
    from = common and after_all(common) or row.key .. "\0"
    if common and not after_all(common) then return page end
  end
  return page
end

local function encoder(query)
  if query["encoding-type"] ~= "url" then
    return function(text) return text end
  end
  return function(text) return text and core.uri_encode(text, true) end
end

local function element(entry, encode)
  if entry.prefix then return { "CommonPrefixes", { { "Prefix", encode(entry.prefix) } } } end
  return {
    "Contents",
    {
      { "Key", encode(entry.row.key) },
      { "LastModified", xml.time(entry.row.modified) },
      { "ETag", '"' .. entry.row.etag .. '"' },
      { "Size", ("%d"):format(entry.row.size) },
      { "StorageClass", "STANDARD" },
    },
  }
end

local function page_size(query)
  local text = query["max-keys"]
  if not text then return LARGEST_PAGE end
  local wanted = text:match("^%d+$") and tonumber(text)
  if not wanted then wire.refuse("InvalidArgument", "max-keys must be a whole number") end
  return math.min(wanted, LARGEST_PAGE)
end

-- Where a page of the second version starts: at a token, or just above a key.
local function start_of_second(query)
  local token = query["continuation-token"]
  if not token then return query["start-after"] and query["start-after"] .. "\0" or "" end
  return ngx.decode_base64(token)
    or wire.refuse("InvalidArgument", "continuation-token is not one that a listing gave out")
end

-- In the first version a marker may be a folded prefix: then all that it stands for has been shown.
local function start_of_first(query, delimiter)
  local marker = query.marker or ""
  if marker == "" then return "" end
  if delimiter and marker:sub(-#delimiter) == delimiter then return after_all(marker) or marker end
  return marker .. "\0"
end

local function second_version(query, encode, page)
  return {
    { "KeyCount", #page.entries },
    { "StartAfter", encode(query["start-after"]) },
    { "ContinuationToken", query["continuation-token"] },
    { "NextContinuationToken", page.next and ngx.encode_base64(page.next) },
  }
end

local function first_version(query, encode, page)
  local last = page.entries[#page.entries]
  return {
    { "Marker", encode(query.marker or "") },
    { "NextMarker", page.next and encode(last.prefix or last.row.key) },
  }
end

local function add_all(content, more)
  for _, pair in ipairs(more) do
    content[#content + 1] = pair
  end
end

local function described(call, wanted, page)
  local query, encode = call.query, encoder(call.query)
  local version = query["list-type"] == "2" and second_version or first_version
  local content = {
    { "Name", call.bucket },
    { "Prefix", encode(wanted.prefix) },
    { "Delimiter", encode(wanted.delimiter) },
    { "MaxKeys", wanted.limit },
    { "EncodingType", query["encoding-type"] },
    { "IsTruncated", tostring(page.next ~= nil) },
  }
  add_all(content, version(query, encode, page))
  for _, entry in ipairs(page.entries) do
    content[#content + 1] = element(entry, encode)
  end
  return content
end

--- Answers both versions of the listing.
--- @param call table
function listing.answer(call)
  local query = call.query
  local delimiter = query.delimiter ~= "" and query.delimiter or nil
  local is_second = query["list-type"] == "2"
  local wanted = {
    bucket = call.bucket,
    prefix = query.prefix or "",
    delimiter = delimiter,
    from = is_second and start_of_second(query) or start_of_first(query, delimiter),
    limit = page_size(query),
  }
  local page = wanted.limit > 0 and listing.walk(call.state.db, wanted) or { entries = {} }
  wire.answer_document("ListBucketResult", described(call, wanted, page))
end

return listing
