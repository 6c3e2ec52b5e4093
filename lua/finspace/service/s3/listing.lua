--- Lists in the order of bytes, folded at a delimiter, page by page: objects in both versions of the listing,
--- objects as their only versions, and uploads.

local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local listing = {}

local LARGEST_PAGE = 1000
local SKIPPED = 8 -- rows below one folded prefix that are read before the list is asked to go on behind it

local LAST, BEFORE_SURROGATES, AFTER_SURROGATES = 0x10FFFF, 0xD7FF, 0xE000

-- A character's number (RFC 3629, section 3).
local function number_of(character)
  local lead = character:byte()
  local number = #character == 1 and lead or lead % 2 ^ (7 - #character)
  for i = 2, #character do
    number = number * 64 + character:byte(i) % 64
  end
  return number
end

local function character_of(number)
  if number < 0x80 then return string.char(number) end
  local tail, most = "", 0x40 -- what the lead byte has room for
  repeat
    tail, number = string.char(0x80 + number % 64) .. tail, math.floor(number / 64)
    most = most / 2
  until number < most
  return string.char(0x100 - 2 * most + number) .. tail
end

--- The smallest text above every text that starts with `prefix`, by bytes as by characters; nil when there is none. It is
--- UTF-8, as PostgreSQL wants it.
--- @param prefix string UTF-8
--- @return string|nil
function listing.after_all(prefix)
  local before, character = prefix:match("^(.-)([^\128-\191][\128-\191]*)$")
  if not character then return nil end
  local number = number_of(character)
  if number == LAST then return listing.after_all(before) end
  return before .. character_of(number == BEFORE_SURROGATES and AFTER_SURROGATES or number + 1)
end

local function folded(key, wanted)
  if not wanted.delimiter then return nil end
  local _, stop = key:find(wanted.delimiter, #wanted.prefix + 1, true)
  return stop and key:sub(1, stop)
end

local function starts_with(text, prefix) return text:sub(1, #prefix) == prefix end

-- Adds rows to the page. Returns where to go on, or nil at the page's or the list's end; and whether it is
-- behind a prefix that is folded.
local function add_rows(page, wanted, rows, chunk)
  local entries, skipped = page.entries, 0
  for _, row in ipairs(rows) do
    local key = row.key
    if not starts_with(key, wanted.prefix) then return nil end
    local common, last = folded(key, wanted), entries[#entries]
    if common and last and last.prefix == common then
      skipped = skipped + 1
      if skipped == SKIPPED then return listing.after_all(common), true end
    elseif #entries == wanted.limit then
      page.is_truncated = true
      return nil
    else
      entries[#entries + 1] = common and { prefix = common } or row
      skipped = 0
    end
  end
  if #rows < chunk then return nil end
  return rows[#rows].key .. "\0"
end

--- Takes a page: with one query where nothing is folded. Where something may be, few rows are asked for, and
--- more as long as nothing is, since those below a prefix that is folded are read in vain.
--- @param find fun(from: string, limit: integer): table[] rows with a `key` from `from` on, in order
--- @param wanted table {prefix=, delimiter=?, from=, limit=, has_equal_keys=: several rows may have one key}
--- @return table page {entries={ row | {prefix=} }, is_truncated=}
function listing.page(find, wanted)
  local page, from = { entries = {}, is_truncated = false }, wanted.from
  if from and from < wanted.prefix then from = wanted.prefix end
  local most, is_behind = wanted.limit + 1, wanted.delimiter ~= nil and not wanted.has_equal_keys
  local chunk = most
  while from and wanted.limit > 0 do
    chunk = math.min(most, is_behind and SKIPPED + 1 or chunk * 4)
    from, is_behind = add_rows(page, wanted, find(from, chunk), chunk)
  end
  return page
end

--- What follows an entry: a row's key, or all that a folded prefix stands for.
--- @param entry table
--- @return string|nil
function listing.behind(entry)
  if entry.prefix then return listing.after_all(entry.prefix) end
  return entry.key .. "\0"
end

--- Where a list goes on behind a marker, which may be a folded prefix: then all that it stands for was shown.
--- @param marker string
--- @param delimiter string|nil
--- @return string|nil from nil: behind it there is nothing
function listing.behind_marker(marker, delimiter)
  if marker == "" then return "" end
  if delimiter and marker:sub(-#delimiter) == delimiter then return listing.after_all(marker) end
  return marker .. "\0"
end

--- Where a list goes on, as the database can compare it with keys.
--- @param db table
--- @param from string of what a page's `find` is asked for
--- @return string
function listing.bound(db, from) return (from:gsub("%z$", db.dialect.least)) end

--- What a listing's query wants, but for where it starts.
--- @param query table<string, string>
--- @param size_name string of the parameter that bounds a page
--- @return table wanted
function listing.wanted(query, size_name)
  return {
    prefix = query.prefix or "",
    delimiter = query.delimiter ~= "" and query.delimiter or nil,
    limit = wire.count(query, size_name, 0, LARGEST_PAGE),
    encode = wire.key_encoder(query),
  }
end

local FIND = [[SELECT key, modified, etag, size, checksums FROM objects JOIN contents ON contents.id = content_id
  WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?]]

local function objects_page(call, wanted)
  local db = call.state.db
  return listing.page(
    function(from, limit) return db:rows(FIND, call.bucket, listing.bound(db, from), limit) end,
    wanted
  )
end

-- --- rows, each written once ----------------------------------------------------------------------

local CONTENTS = "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size>"
  .. "%s<StorageClass>STANDARD</StorageClass></Contents>"
local COMMON = "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>"
local VERSION = "<Version><Key>%s</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>%s</LastModified>"
  .. "<ETag>&quot;%s&quot;</ETag><Size>%d</Size>%s<StorageClass>STANDARD</StorageClass></Version>"

local function owner_xml(call) return xml.elements { { "Owner", wire.owner(call.state.settings.owner) } } end

--- Adds a page's entries to a document's elements.
--- @param content table[]
--- @param page table
--- @param encode fun(text: string): string
--- @param write fun(row: table): string
function listing.add_entries(content, page, encode, write)
  for _, entry in ipairs(page.entries) do
    content[#content + 1] = entry.prefix and COMMON:format(xml.escape(encode(entry.prefix))) or write(entry)
  end
end

local function row_writer(template, encode, owner)
  return function(row)
    return template:format(xml.escape(encode(row.key)), xml.time(row.modified), row.etag, row.size, owner)
  end
end

local function head_of(call, wanted, page)
  return {
    { "Name", call.bucket },
    { "Prefix", wanted.encode(wanted.prefix) },
    { "Delimiter", wanted.encode(wanted.delimiter) },
    { "MaxKeys", wanted.limit },
    { "EncodingType", call.query["encoding-type"] },
    { "IsTruncated", tostring(page.is_truncated) },
  }
end

-- --- objects --------------------------------------------------------------------------------------

local function last_of(page) return page.is_truncated and page.entries[#page.entries] or nil end

local function add_all(content, more)
  for _, element in ipairs(more) do
    content[#content + 1] = element
  end
end

local TOKEN = "from " -- tells a token from any other text in base64

local function token_of(start) return ngx.encode_base64(TOKEN .. start) end

-- A token says where to go on; an empty one is none.
local function start_of_second(query)
  local token = query["continuation-token"]
  if not token or token == "" then return query["start-after"] and query["start-after"] .. "\0" or "" end
  local start = (ngx.decode_base64(token) or ""):match("^" .. TOKEN .. "(.+)$")
  if start and token_of(start) == token then return start end
  return wire.refuse("InvalidArgument", "continuation-token is not one that a listing gave out")
end

local function second_version(call)
  local query, wanted = call.query, listing.wanted(call.query, "max-keys")
  wanted.from = start_of_second(query)
  local page = objects_page(call, wanted)
  local behind = last_of(page) and listing.behind(last_of(page))
  local content = head_of(call, wanted, page)
  add_all(content, {
    { "KeyCount", #page.entries },
    { "StartAfter", wanted.encode(query["start-after"]) },
    { "ContinuationToken", query["continuation-token"] },
    { "NextContinuationToken", behind and token_of(behind) },
  })
  local owner = query["fetch-owner"] == "true" and owner_xml(call) or ""
  listing.add_entries(content, page, wanted.encode, row_writer(CONTENTS, wanted.encode, owner))
  wire.answer_document("ListBucketResult", content)
end

local function first_version(call)
  local query, wanted = call.query, listing.wanted(call.query, "max-keys")
  wanted.from = listing.behind_marker(query.marker or "", wanted.delimiter)
  local page = objects_page(call, wanted)
  local last = last_of(page)
  local content = head_of(call, wanted, page)
  add_all(content, {
    { "Marker", wanted.encode(query.marker or "") },
    { "NextMarker", last and wanted.delimiter and wanted.encode(last.prefix or last.key) }, -- else it is the last key
  })
  listing.add_entries(content, page, wanted.encode, row_writer(CONTENTS, wanted.encode, owner_xml(call)))
  wire.answer_document("ListBucketResult", content)
end

--- Lists objects, in either version.
--- @param call table
function listing.objects(call)
  local version = call.query["list-type"]
  if version and version ~= "2" then wire.refuse("InvalidArgument", "list-type must be 2") end
  return (version and second_version or first_version)(call)
end

--- Lists each object as its one version, so that who deletes all versions finds them.
--- @param call table
function listing.versions(call)
  local query, wanted = call.query, listing.wanted(call.query, "max-keys")
  wanted.from = listing.behind_marker(query["key-marker"] or "", wanted.delimiter)
  local page = objects_page(call, wanted)
  local last = last_of(page)
  local content = head_of(call, wanted, page)
  add_all(content, {
    { "KeyMarker", wanted.encode(query["key-marker"] or "") },
    { "VersionIdMarker", query["version-id-marker"] or "" },
    { "NextKeyMarker", last and wanted.encode(last.prefix or last.key) },
    { "NextVersionIdMarker", last and not last.prefix and "null" or nil },
  })
  listing.add_entries(content, page, wanted.encode, row_writer(VERSION, wanted.encode, owner_xml(call)))
  wire.answer_document("ListVersionsResult", content)
end

return listing
