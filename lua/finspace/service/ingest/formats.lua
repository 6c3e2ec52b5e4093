--- What formatParams may say, and what they mean.

local formats = {}

local TYPES = { CSV = true, JSON = true, PARQUET = true, XML = true }
local COMPRESSIONS = { NONE = true, GZIP = true }
local SEPARATORS = { ["\\t"] = "\t", TAB = "\t" }

local function separator_of(params)
  local text = params.separator or params.delimiter or ","
  return SEPARATORS[text] or text
end

--- @param params table<string, string>
--- @return string|nil problem that begins with the param's name
function formats.problem(params)
  local kind = params.formatType
  if kind and not TYPES[kind] then return "formatType must be CSV, JSON, PARQUET or XML" end
  local header = params.withHeader
  if header and header ~= "true" and header ~= "false" then return 'withHeader must be "true" or "false"' end
  local separator = separator_of(params)
  if #separator ~= 1 or separator:find('["\r\n]') then
    return "separator must be one character, and no quote or line end"
  end
  if params.compression and not COMPRESSIONS[params.compression:upper()] then
    return "compression must be None or GZIP; a gzip file is also known by its first bytes"
  end
  return nil
end

--- @param params table<string, string> without problems
--- @return table {type=, has_header=, separator=}
function formats.read(params)
  return {
    type = params.formatType or "CSV",
    has_header = params.withHeader ~= "false",
    separator = separator_of(params),
  }
end

return formats
