--- What a file is, by its first bytes, so that one which is something else is refused by name.

local failure = require("finspace.service.ingest.failure")

local sniff = {}

-- What no format here begins with.
local FOREIGN = {
  { "PK\3\4", "a zip archive: unpack it, or pack it with gzip" },
  { "BZh", "packed with bzip2: unpack it, or pack it with gzip" },
  { "\253" .. "7zXZ", "packed with xz: unpack it, or pack it with gzip" },
  { "\40\181\47\253", "packed with zstd: unpack it, or pack it with gzip" },
  { '\4"M\24', "packed with lz4: unpack it, or pack it with gzip" },
  { "\255\254", "UTF-16: write it as UTF-8" },
  { "\254\255", "UTF-16: write it as UTF-8" },
  { "\0\0\254\255", "UTF-32: write it as UTF-8" },
  { "%PDF-", "a PDF" },
  { "\208\207\17\224", "an Excel workbook: save it as CSV" },
  { "Obj\1", "an Avro file: write it as PARQUET, CSV or JSON" },
  { "ORC", "an ORC file: write it as PARQUET, CSV or JSON" },
  { "ARROW1\0\0", "an Arrow file: write it as PARQUET, CSV or JSON" },
  { "SQLite format 3\0", "an SQLite database: write its table as CSV" },
}

local function starts_with(text, start) return text:sub(1, #start) == start end

local function is_html(start)
  local text = start:gsub("^\239\187\191", ""):lower():match("^%s*(.*)$")
  return starts_with(text, "<!doctype html") or starts_with(text, "<html")
end

-- Every other byte of UTF-16 without a mark is NUL where the text is Latin.
local function is_unmarked_utf16(start)
  local odd = start:sub(1, 64):gsub("(.)(.?)", "%1")
  local even = start:sub(1, 64):gsub("(.)(.?)", "%2")
  return #start >= 8 and (odd:find("^%z+$") ~= nil or even:find("^%z+$") ~= nil)
end

local function foreign(start, kind)
  for _, known in ipairs(FOREIGN) do
    if starts_with(start, known[1]) and not (known[1] == "ORC" and kind == "CSV") then return known[2] end
  end
  if kind == "PARQUET" then return nil end
  if starts_with(start, "PAR1") then return "a Parquet file: say formatType PARQUET" end
  if is_html(start) then return "an HTML page, not data" end
  if is_unmarked_utf16(start) then return "UTF-16: write it as UTF-8" end
end

--- Refuses a file that begins as something else than its format.
--- @param start string first bytes, unpacked
--- @param kind string formatType
--- @param name string for the message
function sniff.check(start, kind, name)
  local is = foreign(start, kind)
  if is then failure.raise("VALIDATION", "%s is %s", name, is) end
end

return sniff
