--- The twelve types of a FinSpace schema: what DuckDB and Hive call them, how text becomes a value of each, and how a
--- value becomes text. An expression here is SQL over a column; none of them raises.
---
--- Text is refused where it would have to be changed to fit: no rounding, no hexadecimal, no digits in groups, no
--- infinities (see engine/typed).

local typed = require("finspace.service.engine.typed")

local types = {}

-- A text's value; what the text is not of the type for is NULL.
local function read_as(name)
  return function(text) return ("%s(%s)"):format(typed.name(name), text) end
end

local function as_it_is(text) return text end

local function own_cast(value) return ("CAST(%s AS VARCHAR)"):format(value) end

-- Bytes are text where they are UTF-8; others are written as DuckDB writes them, \xHH.
local function text_of_bytes(value) return ("coalesce(TRY(decode(%s)), CAST(%s AS VARCHAR))"):format(value, value) end

local function text_of_instant(value)
  return ("replace(CAST(make_timestamp(epoch_us(%s)) AS VARCHAR), ' ', 'T') || 'Z'"):format(value)
end

local function text_of_wall_clock(value) return ("replace(CAST(%s AS VARCHAR), ' ', 'T')"):format(value) end

local function text_of_nested(value) return ("CAST(to_json(%s) AS VARCHAR)"):format(value) end

-- sql: DuckDB's type; hive: Hive's; from: value of text; text: text of value; is_text: "" is a value, not NULL;
-- has_range: it has a smallest and a largest.
local KNOWN = {
  STRING = { sql = "VARCHAR", hive = "string", from = as_it_is, text = as_it_is, is_text = true },
  CHAR = { sql = "VARCHAR", hive = "string", from = as_it_is, text = as_it_is, is_text = true },
  TINYINT = {
    sql = "TINYINT",
    hive = "tinyint",
    has_range = true,
  },
  SMALLINT = {
    sql = "SMALLINT",
    hive = "smallint",
    has_range = true,
  },
  INTEGER = { sql = "INTEGER", hive = "int", has_range = true },
  BIGINT = { sql = "BIGINT", hive = "bigint", has_range = true },
  FLOAT = { sql = "FLOAT", hive = "float", has_range = true },
  DOUBLE = { sql = "DOUBLE", hive = "double", has_range = true },
  BOOLEAN = { sql = "BOOLEAN", hive = "boolean" },
  DATE = { sql = "DATE", hive = "date", has_range = true },
  DATETIME = {
    sql = "TIMESTAMP WITH TIME ZONE",
    hive = "timestamp",
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
  kind.name, kind.text, kind.from = name, kind.text or own_cast, kind.from or read_as(name)
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
--- @return table|nil type {name, sql, hive, from(text) -> SQL, text(value) -> SQL, is_text, has_range}
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

--- The value that a text has as a type; NULL where it is not of the type, and where there is none.
--- @param kind table of types.named
--- @param text string SQL of a VARCHAR
--- @return string sql
function types.value(kind, text) return kind.from(text) end

--- Whether a text is there and is not of the type, given SQL of its value.
--- @param kind table
--- @param text string
--- @param value string
--- @return string sql
function types.is_wrong(kind, text, value)
  if kind.is_text then return "false" end
  return ("(%s IS NULL AND %s <> '')"):format(value, text)
end

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
