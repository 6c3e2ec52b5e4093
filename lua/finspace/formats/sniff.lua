--- What kind of data a file holds, told by its name and its first bytes, and the `formatParams` that
--- describe it to FinSpace.
--
-- A guess is shown before it is used, and can be overridden: it is made from 64 KiB, and a wrong one
-- costs an ingestion that fails.
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

-- The first records of a sample; the last is dropped when the sample may have cut it.
local function read_records(sample, separator, whole)
  local rest, records = sample, {}
  local reader = csv.reader(function()
    local piece = rest
    rest = nil
    return piece
  end, separator)
  while #records < LOOK_AT_RECORDS do
    local fields = reader:next()
    if fields then
      table.insert(records, fields)
    else
      if not whole and #records > 1 then table.remove(records) end
      break
    end
  end
  return records
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

local function find_separator(sample, whole)
  local best, best_score, best_records = ",", 0, nil
  for _, separator in ipairs(SEPARATORS) do
    local records = read_records(sample, separator, whole)
    local score = #records > 0 and separator_score(records) or 0
    if score > best_score then
      best, best_score, best_records = separator, score, records
    end
  end
  return best, best_records or read_records(sample, best, whole)
end

local function looks_like_data(field)
  return tonumber(field) ~= nil
    or field:match("^%d%d%d%d%-%d%d?%-%d%d?") ~= nil
    or field:match("^%d%d?[/.]%d%d?[/.]%d%d%d?%d?") ~= nil
    or field:lower() == "true"
    or field:lower() == "false"
end

-- A header names every column, each differently, and holds no numbers, dates or booleans.
local function looks_like_header(first, others)
  local seen = {}
  for _, field in ipairs(first) do
    local name = field:match("^%s*(.-)%s*$")
    if name == "" or seen[name] or looks_like_data(name) then return false end
    seen[name] = true
  end
  if #others == 0 then return true end
  for _, fields in ipairs(others) do
    for _, field in ipairs(fields) do
      if looks_like_data(field) then return true end
    end
  end
  return #first > 1 or #others[1] == 0 -- columns of text alone: a file more often has a header
end

local function csv_params(sample, whole)
  local separator, records = find_separator(sample, whole)
  local others = {}
  for i = 2, #records do
    others[#others + 1] = records[i]
  end
  return {
    formatType = "CSV",
    separator = separator,
    compression = "None",
    withHeader = tostring(records[1] == nil or looks_like_header(records[1], others)),
  }
end

-- What is inside gzip cannot be seen without unpacking it, so the usual is assumed.
local function compressed_params(format, extension)
  if format ~= "CSV" then return { formatType = format, compression = "GZIP" } end
  local separator = ({ tsv = "\t", psv = "|" })[extension] or ","
  return { formatType = "CSV", withHeader = "true", separator = separator, compression = "GZIP" }
end

local function unknown_format(name)
  return nil,
    errors.new {
      kind = "config",
      code = "UnknownFormat",
      outcome = "not_sent",
      message = (
        "%s: neither the name nor the first bytes tell what it holds. Give the format: "
        .. "CSV, JSON, PARQUET or XML."
      ):format(name),
    }
end

--- The `formatParams` for a file of this name that begins with these bytes.
--- @param name string
--- @param sample string     its first SAMPLE bytes, or all of it
--- @param wanted? string    the format, when the caller knows it
--- @return table|nil params, finspace.Error|nil err
function formats.detect(name, sample, wanted)
  local extension = extension_of(name)
  local compressed = sample:sub(1, 2) == "\31\139"
  local format = wanted or BY_EXTENSION[extension] or (not compressed and format_of_bytes(sample))
  if not format then return unknown_format(name) end
  if compressed then return compressed_params(format, extension) end
  if format == "CSV" then return csv_params(sample, #sample < formats.SAMPLE) end
  return { formatType = format, compression = "None" }
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
