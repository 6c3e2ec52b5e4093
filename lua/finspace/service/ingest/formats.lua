--- What formatParams may say, and what they mean.

local formats = {}

local TYPES = { CSV = true, JSON = true, PARQUET = true, XML = true }
local COMPRESSIONS = { NONE = true, GZIP = true }
local SEPARATORS = { ["\\t"] = "\t", TAB = "\t" }
local KNOWN =
  { formatType = true, withHeader = true, separator = true, delimiter = true, compression = true, charset = true }

--- @param text string|nil as people spell a separator
--- @return string
function formats.separator(text)
  text = text or ","
  return SEPARATORS[text] or SEPARATORS[text:upper()] or text
end

--- @param separator string
--- @return string|nil problem
function formats.separator_problem(separator)
  if #separator ~= 1 or separator:find('["\r\n%z]') then return "must be one character, and no quote or line end" end
end

local function unknown_param(params)
  local names = {}
  for name in pairs(params) do
    if not KNOWN[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return names[1]
end

local function problem_of_csv(params)
  local header = params.withHeader
  if header and header ~= "true" and header ~= "false" then return 'withHeader must be "true" or "false"' end
  local problem = formats.separator_problem(formats.separator(params.separator or params.delimiter))
  return problem and "separator " .. problem
end

--- @param params table<string, string>
--- @return string|nil problem that begins with the param's name
function formats.problem(params)
  local unknown = unknown_param(params)
  if unknown then
    return unknown .. " is not known: there are formatType, withHeader, separator, compression and charset"
  end
  local kind = params.formatType
  if kind and not TYPES[kind] then return "formatType must be CSV, JSON, PARQUET or XML" end
  if params.compression and not COMPRESSIONS[params.compression:upper()] then
    return "compression must be None or GZIP; a gzip file is also known by its first bytes"
  end
  local charset = params.charset and params.charset:upper():gsub("[^%w]", "")
  if charset and charset ~= "UTF8" then return "charset must be UTF-8" end
  return problem_of_csv(params)
end

--- @param params table<string, string> without problems
--- @return table {type=, has_header=, separator=, is_separator_given=}
function formats.read(params)
  return {
    type = params.formatType or "CSV",
    has_header = params.withHeader ~= "false",
    separator = formats.separator(params.separator or params.delimiter),
    is_separator_given = (params.separator or params.delimiter) ~= nil,
  }
end

return formats
