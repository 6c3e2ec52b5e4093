--- ListObjectsV2 (and its elder): keys in byte order, folded at a delimiter, page by page.

local core = require("finspace.core")
local xml = require("finspace.service.objects.xml")

local listing = {}

local NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
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
    return function(text)
      return text
    end
  end
  return function(text)
    return text and core.uri_encode(text, true)
  end
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

local function page_size(query, refuse)
  local text = query["max-keys"]
  if not text then return LARGEST_PAGE end
  local wanted = text:match("^%d+$") and tonumber(text)
  if not wanted then refuse("InvalidArgument", "max-keys must be a whole number") end
  return math.min(wanted, LARGEST_PAGE)
end

local function non_empty(text)
  return text ~= "" and text or nil
end

-- Where a page starts: at a token, or just above a key.
local function start_of(query, refuse)
  if query["list-type"] ~= "2" then return query.marker and query.marker .. "\0" or "" end
  local token = query["continuation-token"]
  if token then
    local from = ngx.decode_base64(token)
    if not from then refuse("InvalidArgument", "continuation-token is not one that a listing gave out") end
    return from
  end
  return query["start-after"] and query["start-after"] .. "\0" or ""
end

--- @param db table
--- @param bucket string
--- @param query table<string, string>
--- @param refuse fun(code: string, message: string)
--- @return string document
function listing.answer(db, bucket, query, refuse)
  local encode, limit, second = encoder(query), page_size(query, refuse), query["list-type"] == "2"
  local wanted = {
    bucket = bucket,
    prefix = query.prefix or "",
    delimiter = non_empty(query.delimiter or ""),
    from = start_of(query, refuse),
    limit = limit,
  }
  local page = limit > 0 and listing.walk(db, wanted) or { entries = {} }
  local content = {
    { "Name", bucket },
    { "Prefix", encode(wanted.prefix) },
    { "Delimiter", encode(wanted.delimiter) },
    { "MaxKeys", limit },
    { "EncodingType", query["encoding-type"] },
    { "IsTruncated", tostring(page.next ~= nil) },
  }
  local function add(name, value)
    content[#content + 1] = { name, value }
  end
  if second then
    add("KeyCount", #page.entries)
    add("StartAfter", encode(query["start-after"]))
    add("ContinuationToken", query["continuation-token"])
    add("NextContinuationToken", page.next and ngx.encode_base64(page.next))
  else
    add("Marker", encode(query.marker or ""))
    local last = page.entries[#page.entries]
    add("NextMarker", page.next and encode(last.prefix and last.prefix .. "\255" or last.row.key))
  end
  for _, entry in ipairs(page.entries) do
    content[#content + 1] = element(entry, encode)
  end
  return xml.document("ListBucketResult", NAMESPACE, content)
end

return listing
