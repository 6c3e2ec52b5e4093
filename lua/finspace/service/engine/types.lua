--- The twelve types of a FinSpace schema: what DuckDB and Hive call them, how text becomes a value of each, and how a
--- value becomes text. An expression here is SQL over a column; none of them raises.
---
--- Text is refused where it would have to be changed to fit: no rounding, no hexadecimal, no digits in groups, no
--- infinities. DuckDB's own casts take all of these, so each value is checked against its text. What almost all data looks
--- like is recognised by a cheap comparison first; the pattern beside it is for the rest.

local types = {}

-- SQL over a text, $t, and the value that was made of it, $v.
local function over(template)
  return function(text, value) return (template:gsub("%$([tv])", { t = text, v = value })) end
end

local function cast_to(sql_type) return over("TRY_CAST($t AS " .. sql_type .. ")") end

local HAS_NO_VALUE = "($v IS NULL AND $t <> '')"

-- What is written back as it stood is right; the pattern is for the rest. Blanks around it are no fault.
local function is_not_written_as(pattern)
  return over(
    ("(%s OR (CAST($v AS VARCHAR) <> $t AND NOT regexp_full_match($t, '\\s*%s\\s*')))"):format(HAS_NO_VALUE, pattern)
  )
end

local is_no_whole_number = is_not_written_as("[+-]?[0-9]+")
local is_no_date = is_not_written_as("[0-9]{4}-[0-9]{2}-[0-9]{2}")
local is_no_real_number = over("(" .. HAS_NO_VALUE .. " OR NOT isfinite($v) OR contains($t, '_'))")

local boolean = over([[CASE WHEN $t IN ('true', 'True', 'TRUE', '1', 't', 'T') THEN true
  WHEN $t IN ('false', 'False', 'FALSE', '0', 'f', 'F') THEN false END]])

-- A cast to TIMESTAMP forgets an offset, and one to TIMESTAMPTZ is slow where there is none: what almost all times look
-- like is told apart by cheap comparisons. With these lengths nothing but a fraction, and Z, can follow the seconds; a
-- cast would take years with a sign, and hours with a blank.
local IS_PLAIN = [[$t LIKE '____-__-_____:__:__%' AND $t >= '0' AND NOT contains($t, ',')
  AND (NOT contains($t, ' ') OR NOT contains(substring($t, 12), ' '))]]
local IS_UTC = "strlen($t) IN (20, 24, 27) AND suffix($t, 'Z') AND " .. IS_PLAIN
local IS_WITHOUT_ZONE = "strlen($t) IN (19, 23) AND (strlen($t) = 19 OR substring($t, 21) >= '0') AND " .. IS_PLAIN
local IS_TIME = [[regexp_full_match($t, '\s*[0-9]{4}-[0-9]{2}-[0-9]{2}]]
  .. [[([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6}0*)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?\s*')]]
local WITH_SECONDS =
  [[regexp_replace(replace(trim($t), ',', '.'), '^([0-9-]{10}[T ][0-9]{2}:[0-9]{2})(Z|[+-].*)?$', '\1:00\2')]]

local datetime = over(table.concat({
  "CASE WHEN",
  IS_UTC,
  "THEN TRY_CAST($t AS TIMESTAMPTZ) WHEN",
  IS_WITHOUT_ZONE,
  "THEN make_timestamptz(epoch_us(TRY_CAST($t AS TIMESTAMP))) WHEN",
  IS_TIME,
  "THEN TRY_CAST(" .. WITH_SECONDS .. " AS TIMESTAMPTZ) END",
}, " "))

local function as_it_is(text) return text end

local function own_cast(value) return ("CAST(%s AS VARCHAR)"):format(value) end

-- Bytes are text where they are UTF-8; others are written as DuckDB writes them, \xHH.
local function text_of_bytes(value) return ("coalesce(TRY(decode(%s)), CAST(%s AS VARCHAR))"):format(value, value) end

local function text_of_instant(value)
  return ("replace(CAST(make_timestamp(epoch_us(%s)) AS VARCHAR), ' ', 'T') || 'Z'"):format(value)
end

local function text_of_wall_clock(value) return ("replace(CAST(%s AS VARCHAR), ' ', 'T')"):format(value) end

local function text_of_nested(value) return ("CAST(to_json(%s) AS VARCHAR)"):format(value) end

-- sql: DuckDB's type; hive: Hive's; from: value of text; wrong: whether that text is not of the type; text: text of value;
-- is_text: "" is a value, not NULL; has_range: it has a smallest and a largest.
local KNOWN = {
  STRING = { sql = "VARCHAR", hive = "string", from = as_it_is, text = as_it_is, is_text = true },
  CHAR = { sql = "VARCHAR", hive = "string", from = as_it_is, text = as_it_is, is_text = true },
  TINYINT = {
    sql = "TINYINT",
    hive = "tinyint",
    from = cast_to("TINYINT"),
    wrong = is_no_whole_number,
    has_range = true,
  },
  SMALLINT = {
    sql = "SMALLINT",
    hive = "smallint",
    from = cast_to("SMALLINT"),
    wrong = is_no_whole_number,
    has_range = true,
  },
  INTEGER = { sql = "INTEGER", hive = "int", from = cast_to("INTEGER"), wrong = is_no_whole_number, has_range = true },
  BIGINT = { sql = "BIGINT", hive = "bigint", from = cast_to("BIGINT"), wrong = is_no_whole_number, has_range = true },
  FLOAT = { sql = "FLOAT", hive = "float", from = cast_to("FLOAT"), wrong = is_no_real_number, has_range = true },
  DOUBLE = { sql = "DOUBLE", hive = "double", from = cast_to("DOUBLE"), wrong = is_no_real_number, has_range = true },
  BOOLEAN = { sql = "BOOLEAN", hive = "boolean", from = boolean },
  DATE = { sql = "DATE", hive = "date", from = cast_to("DATE"), wrong = is_no_date, has_range = true },
  DATETIME = {
    sql = "TIMESTAMP WITH TIME ZONE",
    hive = "timestamp",
    from = datetime,
    text = text_of_instant,
    has_range = true,
  },
  BINARY = {
    sql = "BLOB",
    hive = "binary",
    from = function(text) return ("encode(%s)"):format(text) end,
    text = text_of_bytes,
  },
}

for name, kind in pairs(KNOWN) do
  kind.name, kind.text, kind.wrong = name, kind.text or own_cast, kind.wrong or over(HAS_NO_VALUE)
end

-- What DuckDB calls a type, where it has a FinSpace name. A time without a zone is taken for UTC.
local OF_SQL = {
  VARCHAR = KNOWN.STRING,
  JSON = KNOWN.STRING,
  UUID = { name = "STRING", sql = "UUID", hive = "string", text = own_cast },
}
for _, name in ipairs {
  "TINYINT",
  "SMALLINT",
  "INTEGER",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "BOOLEAN",
  "DATE",
  "DATETIME",
  "BINARY",
} do
  OF_SQL[KNOWN[name].sql] = KNOWN[name]
end
for _, sql in ipairs { "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS" } do
  OF_SQL[sql] = { name = "DATETIME", sql = sql, hive = "timestamp", text = text_of_wall_clock, has_range = true }
end
for sql, hive in pairs {
  UTINYINT = "smallint",
  USMALLINT = "int",
  UINTEGER = "bigint",
  UBIGINT = "decimal(20,0)",
  HUGEINT = "decimal(38,0)",
} do
  OF_SQL[sql] = { name = sql, sql = sql, hive = hive, text = own_cast, has_range = true }
end

local function hive_of_nested(sql) return sql:find("[%(%[]") and "string" or sql:lower() end

--- @param name string one of the twelve
--- @return table|nil type {name, sql, hive, from(text) -> SQL, wrong(text, value) -> SQL, text(value) -> SQL, is_text, has_range}
function types.named(name) return KNOWN[name] end

--- @param sql string a type as DuckDB describes it
--- @return table type; `name` is FinSpace's where there is one, else DuckDB's; there may be no `from`
function types.of_sql(sql)
  if OF_SQL[sql] then return OF_SQL[sql] end
  if sql:find("^DECIMAL%(") then
    return { name = sql, sql = sql, hive = sql:lower(), text = own_cast, has_range = true }
  end
  local is_nested = sql:find("[%[%(]") ~= nil and not sql:find("^ENUM")
  return { name = sql, sql = sql, hive = hive_of_nested(sql), text = is_nested and text_of_nested or own_cast }
end

--- The value that a text has as a type; NULL where there is none. Whether it may be taken says types.is_wrong.
--- @param kind table of types.named
--- @param text string SQL of a VARCHAR
--- @return string sql
function types.value(kind, text) return kind.from(text) end

--- Whether a text is there and is not of the type, given SQL of its value.
--- @param kind table
--- @param text string
--- @param value string
--- @return string sql
function types.is_wrong(kind, text, value) return kind.is_text and "false" or kind.wrong(text, value) end

--- The value of another type that a stored value has, if it has it exactly; NULL where it does not.
--- @param kind table wanted
--- @param value string SQL
--- @param sql_type string what DuckDB says it is
--- @return string sql
function types.converted(kind, value, sql_type)
  if sql_type == kind.sql then
    return kind.sql:find("^[FD][LO][OU][AB]") and ("CASE WHEN NOT isinf(%s) THEN %s END"):format(value, value) or value
  end
  if kind.is_text then return types.of_sql(sql_type).text(value) end
  return ("CASE WHEN TRY_CAST(TRY_CAST(%s AS %s) AS %s) = %s THEN TRY_CAST(%s AS %s) END"):format(
    value,
    kind.sql,
    sql_type,
    value,
    value,
    kind.sql
  )
end

return types
