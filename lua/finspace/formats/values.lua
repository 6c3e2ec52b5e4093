--- What a value in a text file looks like.
local values = {}

local DAYS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(text)
  local month, day = text:match("^%d%d%d%d%-(%d%d)%-(%d%d)$")
  month, day = tonumber(month), tonumber(day)
  return month ~= nil and DAYS[month] ~= nil and day >= 1 and day <= DAYS[month]
end

local function is_datetime(text)
  local date, rest = text:match("^(%d%d%d%d%-%d%d%-%d%d)[T ](.+)$")
  if not date or not is_date(date) then return false end
  local hour, minute, zone = rest:match("^(%d%d):(%d%d)(.*)$")
  if not hour or tonumber(hour) > 23 or tonumber(minute) > 59 then return false end
  zone = zone:gsub("^:[0-5]%d", ""):gsub("^%.%d+", "")
  return zone == "" or zone == "Z" or zone:find("^[+-]%d%d:?%d%d$") ~= nil
end

-- A number that begins with a zero is a name: a postcode, a CUSIP, an account.
local function is_integer(text) return text:find("^[+-]?[1-9]%d*$") ~= nil or text:find("^[+-]?0$") ~= nil end

local UNUSUAL_NUMBERS = { NaN = true, nan = true, Infinity = true, ["-Infinity"] = true, inf = true, ["-inf"] = true }

local function is_decimal(text)
  if UNUSUAL_NUMBERS[text] then return true end
  local whole, fraction = text:match("^[+-]?(%d*)%.?(%d*)[eE]?[+-]?%d*$")
  if not whole or (whole == "" and fraction == "") or whole:find("^0%d") then return false end
  return tonumber(text) ~= nil
end

local function is_boolean(text)
  local lower = text:lower()
  return lower == "true" or lower == "false"
end

--- @param text string  not empty
--- @return "integer"|"decimal"|"date"|"datetime"|"boolean"|"binary"|"text" kind
function values.kind(text)
  local first = text:byte()
  if (first >= 48 and first <= 57) or first == 45 or first == 43 or first == 46 then
    if is_integer(text) then return "integer" end
    if is_decimal(text) then return "decimal" end
    if is_date(text) then return "date" end
    if is_datetime(text) then return "datetime" end
    if text:find("^0[xX]%x+$") then return "binary" end
    return "text"
  end
  if is_boolean(text) then return "boolean" end
  return UNUSUAL_NUMBERS[text] and "decimal" or "text"
end

-- As people write dates that are no names: 31/12/2019, 31.12.19, 2019/12/31.
local function is_written_date(text)
  return text:find("^%d%d?[/.]%d%d?[/.]%d%d%d?%d?$") ~= nil or text:find("^%d%d%d%d/%d%d?/%d%d?$") ~= nil
end

--- Whether a line that names columns would hardly have this in it.
--- @param text string
--- @return boolean
function values.looks_like_data(text)
  if text == "" then return true end
  return values.kind(text) ~= "text" or is_written_date(text) or tonumber(text) ~= nil
end

-- The kinds of values that a column's type takes; a type that is not here takes any text.
local KINDS = {
  TINYINT = { integer = true },
  SMALLINT = { integer = true },
  INTEGER = { integer = true },
  BIGINT = { integer = true },
  FLOAT = { integer = true, decimal = true },
  DOUBLE = { integer = true, decimal = true },
  BOOLEAN = { boolean = true },
  DATE = { date = true },
  DATETIME = { date = true, datetime = true, integer = true },
}

--- Whether a column of this type takes any text.
--- @param data_type string
--- @return boolean
function values.takes_text(data_type) return KINDS[data_type] == nil end

--- Whether a value can be one of a column of this type. An empty one can be of any.
--- @param text string
--- @param data_type string  a column's dataType
--- @return boolean
function values.reads_as(text, data_type)
  local kinds = KINDS[data_type]
  if text == "" or not kinds then return true end
  return kinds[values.kind(text)] or data_type == "DATE" and is_written_date(text) or false
end

return values
