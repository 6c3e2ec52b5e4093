--- How rows are read: for each column of the result its name, SQL of what stands in the source, SQL of the value that
--- this is, and SQL that says whether it is wrong. From it come the query that writes a file, which stops at the first
--- wrong value, and the query that says which ones are wrong.

local duckdb = require("finspace.service.engine.duckdb")
local types = require("finspace.service.engine.types")

local plan = {}

local LONGEST_VALUE = 40 -- characters of it in a message

--- A column of text that becomes a type.
--- @param name string
--- @param kind table from types.named
--- @param text string SQL of a VARCHAR
--- @return table column
function plan.of_text(name, kind, text)
  return {
    name = name,
    kind = kind,
    source = text,
    value = types.value(kind, text),
    wrong = not kind.is_text and function(source, value) return types.is_wrong(kind, source, value) end,
  }
end

--- A column of stored values that become a type.
--- @param name string
--- @param kind table
--- @param value string SQL
--- @param sql_type string of the value
--- @return table column
function plan.of_value(name, kind, value, sql_type)
  if sql_type == "VARCHAR" then return plan.of_text(name, kind, value) end
  return {
    name = name,
    kind = kind,
    source = value,
    shown = types.of_sql(sql_type).text,
    value = types.converted(kind, value, sql_type),
    wrong = function(source, converted) return ("(%s IS NULL AND %s IS NOT NULL)"):format(converted, source) end,
  }
end

--- A column that stays as it is.
--- @param name string
--- @param value string SQL
--- @return table column
function plan.as_it_is(name, value) return { name = name, source = value, value = value } end

-- What is read is named, so that each is computed once.
local function inner(columns, relation)
  local selected = {}
  for i, column in ipairs(columns) do
    selected[#selected + 1] = ("%s AS v%d"):format(column.value, i)
    if column.wrong then selected[#selected + 1] = ("%s AS s%d"):format(column.source, i) end
  end
  return ("SELECT %s FROM %s"):format(table.concat(selected, ", "), relation)
end

local function wrong_of(column, i) return column.wrong("s" .. i, "v" .. i) end

-- One question about a whole row costs less than one about each value.
local function checked(columns, value)
  local wrong = {}
  for i, column in ipairs(columns) do
    if column.wrong then wrong[#wrong + 1] = wrong_of(column, i) end
  end
  if #wrong == 0 then return value end
  return ("CASE WHEN %s THEN error('wrong') ELSE %s END"):format(table.concat(wrong, " OR "), value)
end

--- @param columns table[]
--- @param relation string SQL of the source
--- @return string query of the rows; it fails when a value is wrong
function plan.query(columns, relation)
  local selected = {}
  for i, column in ipairs(columns) do
    local value = i == 1 and checked(columns, "v1") or "v" .. i
    selected[i] = ("%s AS %s"):format(value, duckdb.identifier(column.name))
  end
  return ("SELECT %s FROM (%s)"):format(table.concat(selected, ", "), inner(columns, relation))
end

local FAULTS =
  [[count(*) FILTER (%s) AS n%d, min(row) FILTER (%s) AS r%d, arg_min(left(%s, %d), row) FILTER (%s) AS x%d]]

local function faults_query(columns, relation)
  local selected = { "count(*) AS total" }
  for i, column in ipairs(columns) do
    if column.wrong then
      local wrong, shown = wrong_of(column, i), (column.shown or tostring)("s" .. i)
      selected[#selected + 1] = FAULTS:format(wrong, i, wrong, i, shown, LONGEST_VALUE + 1, wrong, i)
    else
      selected[#selected + 1] = ("count(v%d)"):format(i) -- what is not looked at is not decoded
    end
  end
  return ("SELECT %s FROM (SELECT *, row_number() OVER () AS row FROM (%s))"):format(
    table.concat(selected, ", "),
    inner(columns, relation)
  )
end

local function shortened(text)
  local characters = select(2, text:gsub("[^\128-\191]", ""))
  if characters <= LONGEST_VALUE then return text end
  return (text:gsub("[^\128-\191][\128-\191]*$", "")) .. "…"
end

--- The first wrong value of a source, and how many there are.
--- @param connection table
--- @param columns table[]
--- @param relation string
--- @return table|nil fault {column=, kind=, record=1 for the first, value=text, total=}
function plan.first_fault(connection, columns, relation)
  local found, first, total = connection:run(faults_query(columns, relation))[1], nil, 0
  for i, column in ipairs(columns) do
    local record = found["r" .. i]
    total = total + (found["n" .. i] or 0)
    if record and (not first or record < first.record) then
      first = { column = column.name, kind = column.kind.name, record = record, value = shortened(found["x" .. i]) }
    end
  end
  if first then first.total = total end
  return first
end

return plan
