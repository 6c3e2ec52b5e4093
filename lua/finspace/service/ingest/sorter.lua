--- Sorts more rows than memory holds: SQLite does it, in a file that lives as long as the sorting.

local sys = require("finspace.sys")
local sqlite = require("finspace.service.db.sqlite")

local sorter = {}

local BATCH = 2000 -- rows between two breaths

local NUMBERS = {
  INTEGER = true,
  TINYINT = true,
  SMALLINT = true,
  BIGINT = true,
  FLOAT = true,
  DOUBLE = true,
}

-- What the schema calls a number sorts as one, and so does, without a schema, what looks like one;
-- everything else sorts as text after them, and what is empty comes first.
local function sort_value(field, data_type)
  if field == "" then return nil end
  local may_be_number = (not data_type or NUMBERS[data_type]) and field:find("^[+-]?%.?%d[%d.eE+-]*$")
  return may_be_number and tonumber(field) or field
end

local function columns(count, form)
  local names = {}
  for i = 1, count do
    names[i] = form:format(i)
  end
  return table.concat(names)
end

local function fill(db, next_line, sort_at, types)
  local insert = "INSERT INTO lines VALUES (?, ?" .. columns(#sort_at, ", ?") .. ")"
  local rows = 0
  for partition, line, fields in next_line do
    local values = {}
    for i, at in ipairs(sort_at) do
      values[i] = sort_value(fields[at], types[at])
    end
    db:run(insert, partition, line, unpack(values, 1, #sort_at))
    rows = rows + 1
    if rows % BATCH == 0 then coroutine.yield() end
  end
end

--- @param path string of the file, which is removed
--- @param next_line fun(): string|nil, string, string[] partition, line and fields
--- @param sort_at integer[] positions of the columns to sort by
--- @param types table<integer, string> the schema's types, by position, where they are known
--- @return fun(): string|nil, string partition and line, by partition, then sorted, then as they came
function sorter.sorted(path, next_line, sort_at, types)
  sys.remove(path)
  local db = sqlite.open(path)
  db:script(
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;"
      .. "CREATE TABLE lines (partition TEXT, line TEXT"
      .. columns(#sort_at, ", s%d BLOB")
      .. "); BEGIN"
  )
  fill(db, next_line, sort_at, types)
  local next_row =
    db:each("SELECT partition, line FROM lines ORDER BY partition" .. columns(#sort_at, ", s%d") .. ", rowid")
  return function()
    local row = next_row and next_row()
    if row then return row.partition, row.line end
    next_row = nil
    db:close()
    sys.remove(path)
    return nil
  end
end

return sorter
