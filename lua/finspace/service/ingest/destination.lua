--- How a view is written: what its destinationTypeParams say, and what is wrong with them.

local formats = require("finspace.service.ingest.formats")

local destination = {}

local TYPES = { S3 = true, GLUE_TABLE = true }
local FORMATS = { DELIMITED_TEXT = true, PARQUET = true }
local TEXT_OPTIONS = { header = true, delimiter = true, compression = true, quote = true }
local PARQUET_OPTIONS = { compression = true }
local TEXT_COMPRESSIONS = { NONE = "none", UNCOMPRESSED = "none", GZIP = "gzip" }
local PARQUET_COMPRESSIONS = { ZSTD = "zstd", SNAPPY = "snappy" }

local function option_problem(name, text) return "s3DestinationExportFileFormatOptions", name .. " " .. text end

local function unknown_option(options, known)
  for name in pairs(options) do
    if not known[name] then return name end
  end
end

local function text_problem(options)
  local problem = formats.separator_problem(formats.separator(options.delimiter))
  if problem then return option_problem("delimiter", problem) end
  local quote = options.quote or '"'
  if #quote ~= 1 or quote:find("[\r\n%z]") or quote == formats.separator(options.delimiter) then
    return option_problem("quote", "must be one character, and not the delimiter")
  end
  if options.header and options.header ~= "true" and options.header ~= "false" then
    return option_problem("header", 'must be "true" or "false"')
  end
  if options.compression and not TEXT_COMPRESSIONS[options.compression:upper()] then
    return option_problem("compression", "must be none or gzip")
  end
end

local function parquet_problem(options)
  if options.compression and not PARQUET_COMPRESSIONS[options.compression:upper()] then
    return option_problem("compression", "must be zstd or snappy")
  end
end

local function format_of(params)
  return params.s3DestinationExportFileFormat
    or (params.destinationType == "GLUE_TABLE" and "PARQUET" or "DELIMITED_TEXT")
end

--- @param params table destinationTypeParams
--- @return string|nil member that is wrong
--- @return string|nil problem
function destination.problem(params)
  if not TYPES[params.destinationType] then return "destinationType", "must be S3 or GLUE_TABLE" end
  local format = format_of(params)
  if not FORMATS[format] then return "s3DestinationExportFileFormat", "must be DELIMITED_TEXT or PARQUET" end
  if params.destinationType == "GLUE_TABLE" and format ~= "PARQUET" then
    return "s3DestinationExportFileFormat", "must be PARQUET for a GLUE_TABLE"
  end
  local options = params.s3DestinationExportFileFormatOptions or {}
  local unknown = unknown_option(options, format == "PARQUET" and PARQUET_OPTIONS or TEXT_OPTIONS)
  if unknown then return option_problem(unknown, "is not known for " .. format) end
  return (format == "PARQUET" and parquet_problem or text_problem)(options)
end

--- @param params table destinationTypeParams without problems
--- @return table {is_text=, has_header=, separator=, quote=, compression="none"|"gzip"|"zstd"|"snappy", is_glue=}
function destination.read(params)
  local options, is_text = params.s3DestinationExportFileFormatOptions or {}, format_of(params) == "DELIMITED_TEXT"
  local compression = (options.compression or (is_text and "none" or "zstd")):upper()
  return {
    is_text = is_text,
    is_glue = params.destinationType == "GLUE_TABLE",
    has_header = options.header ~= "false",
    separator = formats.separator(options.delimiter),
    quote = options.quote or '"',
    compression = (is_text and TEXT_COMPRESSIONS or PARQUET_COMPRESSIONS)[compression],
  }
end

return destination
