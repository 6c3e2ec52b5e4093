--- What kind of data a file holds, told by its name and its first bytes, and the `formatParams` that
--- describe it to FinSpace.
---
--- A guess is shown before it is used, and can be overridden: it is made from 64 KiB, and a wrong one
--- costs an ingestion that fails.
local csv = require("finspace.formats.csv")
local errors = require("finspace.errors")

local formats = {}

--- Bytes of a file that are looked at.
formats.SAMPLE = 64 * 1024

local BY_EXTENSION = {
  csv = "CSV",
  tsv = "CSV",
  psv = "CSV",
  txt = "CSV",
  json = "JSON",
  jsonl = "JSON",
  ndjson = "JSON",
  parquet = "PARQUET",
  pq = "PARQUET",
  xml = "XML",
}
local SEPARATORS = { ",", ";", "\t", "|" }

local function extension_of(name)
  local lower = name:lower():gsub("%.gz$", "")
  return lower:match("%.([%w]+)$")
end

local function format_of_bytes(sample)
  if sample:sub(1, 4) == "PAR1" then return "PARQUET" end
  local text = sample:gsub("^\239\187\191", ""):gsub("^%s+", "")
  local first = text:sub(1, 1)
  if first == "{" or first == "[" then return "JSON" end
  if first == "<" then return "XML" end
  if not sample:find("%z") then return "CSV" end
  return nil
end

local LOOK_AT_RECORDS = 50

-- The first records of a sample, and what is wrong after them; the last is dropped when the sample may have cut it.
local function read_records(sample, separator, whole)
  local records, fault = {}, nil
  local reader = csv.text_reader(sample, separator)
  while #records < LOOK_AT_RECORDS do
    local fields
    fields, fault = reader:next()
    if not fields then
      if not whole and #records > 1 then table.remove(records) end
      break
    end
    table.insert(records, fields)
  end
  return records, fault
end

-- How well a separator explains a sample: records of one width, and the wider the better.
local function separator_score(records)
  local width = #records[1]
  if width < 2 then return 0 end
  local alike = 0
  for _, fields in ipairs(records) do
    if #fields == width then alike = alike + 1 end
  end
  return alike / #records + math.min(width, 100) / 10000
end

local function first_line(sample) return sample:gsub("^\239\187\191", ""):match("^[^\r\n]*") end

local function find_separator(sample, whole)
  local named = csv.named_separator(first_line(sample))
  if named then return named, read_records(sample, named, whole) end
  local best, best_score, best_records = ",", 0, nil
  for _, separator in ipairs(SEPARATORS) do
    local records = read_records(sample, separator, whole)
    local score = #records > 0 and separator_score(records) or 0
    if score > best_score then
      best, best_score, best_records = separator, score, records
    end
  end
  if best_records then return best, best_records end
  return best, read_records(sample, best, whole)
end

local function unknown_format(name)
  local message =
    "%s: neither the name nor the first bytes tell what it holds. Give the format: CSV, JSON, PARQUET or XML."
  return nil, errors.not_sent("config", "UnknownFormat", message:format(name))
end

local function malformed(name, fault)
  return nil,
    errors.new {
      kind = "validation",
      code = "MalformedFile",
      outcome = "not_sent",
      message = ("%s, %s; correct the file, or give the separator if it is no comma, semicolon, tab or bar"):format(
        name,
        fault
      ),
    }
end

-- FinSpace's rule is that a CSV has a header; whoever knows the dataset's schema may know better. A sample that is not
-- whole may end within the first record.
local function csv_params(name, sample, separator)
  local whole = #sample < formats.SAMPLE
  local records, fault
  if separator then
    records, fault = read_records(sample, separator, whole)
  else
    separator, records, fault = find_separator(sample, whole)
  end
  if fault and not records[1] and whole then return malformed(name, fault) end
  local params = { formatType = "CSV", separator = separator, compression = "None", withHeader = "true" }
  return params, records[1] or {}
end

local UTF_16 = { ["\255\254"] = true, ["\254\255"] = true }

local function refuse_utf16(name)
  local message = name .. " is written in UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"
  return nil, errors.not_sent("validation", "NotUtf8", message)
end

-- What is inside gzip cannot be seen without unpacking it, so the usual is assumed.
local function packed_params(format, extension)
  if format ~= "CSV" then return { formatType = format, compression = "GZIP" } end
  local separator = ({ tsv = "\t", psv = "|" })[extension] or ","
  return { formatType = "CSV", withHeader = "true", separator = separator, compression = "GZIP" }
end

--- The `formatParams` for a file of this name that begins with these bytes.
--- @param name string
--- @param sample string      its first SAMPLE bytes, or all of it
--- @param wanted? string     the format, when the caller knows it
--- @param separator? string  the separator, when the caller knows it
--- @return table|nil params, string[]|finspace.Error|nil first  a CSV's first record; or an err
function formats.detect(name, sample, wanted, separator)
  local extension = extension_of(name)
  local packed = sample:sub(1, 2) == "\31\139"
  local format = wanted or BY_EXTENSION[extension] or (not packed and format_of_bytes(sample))
  if not format then return unknown_format(name) end
  if packed then return packed_params(format, extension) end
  if format ~= "CSV" then return { formatType = format, compression = "None" } end
  if UTF_16[sample:sub(1, 2)] then return refuse_utf16(name) end
  return csv_params(name, sample, separator)
end

local SEPARATOR_NAMES = { ["\t"] = "tabs", [","] = "commas", [";"] = "semicolons", ["|"] = "bars" }

--- One line for people: `CSV with a header, separated by commas, gzip`.
--- @param params table
--- @return string
function formats.describe(params)
  local words = { params.formatType }
  if params.formatType == "CSV" then
    local by = SEPARATOR_NAMES[params.separator] or ("%q"):format(params.separator or ",")
    local header = params.withHeader == "false" and "without" or "with"
    words[1] = ("CSV %s a header, separated by %s"):format(header, by)
  end
  if params.compression and params.compression ~= "None" then table.insert(words, params.compression:lower()) end
  return table.concat(words, ", ")
end

return formats
