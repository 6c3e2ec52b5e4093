--- A source's columns against the schema's: which are missing, unknown, or there twice; and what a wrong value is called.

local duckdb = require("finspace.service.engine.duckdb")
local failure = require("finspace.service.ingest.failure")
local plan = require("finspace.service.ingest.plan")
local types = require("finspace.service.engine.types")

local columns = {}

local TEXT = types.named("STRING")

--- @param count integer
--- @return string[] column_1, column_2 …
function columns.numbered(count)
  local names = {}
  for i = 1, count do
    names[i] = "column_" .. i
  end
  return names
end

--- Names that differ, from those of a header: one that is empty is its position, one that is there already gets a number.
--- @param names string[]
--- @return string[]
function columns.apart(names)
  local taken, made = {}, {}
  for _, name in ipairs(names) do
    taken[name:lower()] = false
  end
  for i, name in ipairs(names) do
    if name == "" then name = "column_" .. i end
    local base, number = name, 2
    while taken[name:lower()] or (number > 2 and taken[name:lower()] == false) do
      name, number = base .. "_" .. number, number + 1
    end
    taken[name:lower()], made[i] = true, name
  end
  return made
end

--- Refuses a file whose columns are not those of the files before it, in whatever order.
--- @param job table `names` holds those of the first file
--- @param file_name string
--- @param names string[]
function columns.check_alike(job, file_name, names)
  if not job.names then
    job.names = { file_name = file_name }
    for _, name in ipairs(names) do
      job.names[name:lower()] = true
    end
  end
  for _, name in ipairs(names) do
    if not job.names[name:lower()] then
      failure.raise("VALIDATION", "%s has a column %q, which %s has not", file_name, name, job.names.file_name)
    end
  end
end

--- @param partition table[] {name=, value=} from a Hive folder's name
--- @return string
function columns.partition_key(partition)
  local parts = {}
  for i, part in ipairs(partition) do
    parts[i] = part.name .. "=" .. tostring(part.value)
  end
  return table.concat(parts, "\0")
end

local MOST_COLUMNS = 4096 -- each takes room in every step, beside what --ingest-memory bounds

--- Refuses more columns than can be worked with.
--- @param file_name string
--- @param count integer
function columns.check_count(file_name, count)
  if count <= MOST_COLUMNS then return end
  failure.raise("VALIDATION", "%s has %d columns, more than %d", file_name, count, MOST_COLUMNS)
end

-- DuckDB and Hive do not tell names apart by their letters' case.
local function refuse_doubled(file_name, names)
  local seen = {}
  for i, name in ipairs(names) do
    local folded = name:lower()
    local other = seen[folded]
    if other and names[other] == name then
      failure.raise("VALIDATION", "%s has the column %q twice, as number %d and number %d", file_name, name, other, i)
    elseif other then
      failure.raise(
        "VALIDATION",
        "%s has the columns %q and %q, which differ by case only",
        file_name,
        names[other],
        name
      )
    end
    seen[folded] = i
  end
end

local function listed(names)
  local quoted = {}
  for i, name in ipairs(names) do
    quoted[i] = ("%q"):format(name)
  end
  return table.concat(quoted, ", ", 1, math.min(#quoted, 10)) .. (#quoted > 10 and " …" or "")
end

local function set_of(list, key)
  local set = {}
  for i, item in ipairs(list) do
    set[key and item[key] or item] = i
  end
  return set
end

local function refuse_difference(job, file_name, names, may_miss)
  local known, there = set_of(job.schema, "name"), set_of(names)
  local missing, unknown = {}, {}
  for _, column in ipairs(job.schema) do
    if not there[column.name] then missing[#missing + 1] = column.name end
  end
  for i, name in ipairs(names) do
    if not known[name] then unknown[#unknown + 1] = name == "" and "(column " .. i .. " has no name)" or name end
  end
  if may_miss then missing = {} end
  if #missing == 0 and #unknown == 0 then return end
  local parts = {}
  if #missing > 0 then parts[#parts + 1] = "it has no " .. listed(missing) end
  if #unknown > 0 then parts[#parts + 1] = "the schema does not know " .. listed(unknown) end
  failure.raise("VALIDATION", "the columns of %s are not the schema's: %s", file_name, table.concat(parts, ", and "))
end

-- The schema's spelling of the names that it knows: case, as DuckDB and Hive do, tells none apart.
local function as_in_schema(job, names)
  local known, spelled = {}, {}
  for _, column in ipairs(job.schema or {}) do
    known[column.name:lower()] = column.name
  end
  for i, name in ipairs(names) do
    spelled[i] = known[name:lower()] or name
  end
  return spelled
end

local function check_names(job, file_name, names, may_miss)
  refuse_doubled(file_name, names)
  if job.schema then refuse_difference(job, file_name, names, may_miss) end
end

-- The file's own columns, then those of its folder that it does not have itself.
local function with_partition(names, partition)
  local all, there = {}, {}
  for i, name in ipairs(names) do
    all[i], there[name:lower()] = name, true
  end
  for _, part in ipairs(partition) do
    if not there[part.name:lower()] then all[#all + 1] = part.name end
  end
  return all
end

local function partition_text(partition, name)
  for _, part in ipairs(partition) do
    if part.name:lower() == name:lower() then
      return part.value and duckdb.literal(part.value) or "CAST(NULL AS VARCHAR)"
    end
  end
  return "CAST(NULL AS VARCHAR)"
end

--- The plan of text that stands in c1, c2 … of a relation, under names.
--- @param job table {schema=columns or nil}
--- @param staged table {name=, partition=}
--- @param names string[]
--- @return table[] plan
function columns.by_name(job, staged, names)
  refuse_doubled(staged.name, names)
  names = as_in_schema(job, names)
  local all, at, planned = as_in_schema(job, with_partition(names, staged.partition)), set_of(names), {}
  check_names(job, staged.name, all)
  local wanted = job.schema
  if not wanted then
    wanted = {}
    for i, name in ipairs(all) do
      wanted[i] = { name = name, kind = TEXT }
    end
  end
  for i, column in ipairs(wanted) do
    local text = at[column.name] and "c" .. at[column.name] or partition_text(staged.partition, column.name)
    planned[i] = plan.of_text(column.name, column.kind, text)
  end
  return planned
end

--- The plan of text whose fields are the schema's columns in their order; a folder's columns are not among them.
--- @param job table
--- @param staged table
--- @param count integer fields of the first record
--- @return table[] plan
function columns.by_position(job, staged, count)
  local names, folder = {}, set_of(staged.partition, "name")
  for _, column in ipairs(job.schema) do
    if not folder[column.name] then names[#names + 1] = column.name end
  end
  if #names ~= count then
    failure.raise(
      "VALIDATION",
      "line 1 of %s has %d field%s, and the schema has %d columns",
      staged.name,
      count,
      count == 1 and "" or "s",
      #names
    )
  end
  return columns.by_name(job, staged, names)
end

--- The plan of values that stand in a relation under their own names and types.
--- @param job table
--- @param staged table
--- @param found table[] {name=, sql=, kind=type that a text of it becomes, or nil}
--- @param may_miss boolean whether a column of the schema that is not there is NULL
--- @return table[] plan
function columns.of_values(job, staged, found, may_miss)
  columns.check_count(staged.name, #found)
  local names, at, planned = {}, {}, {}
  for i, column in ipairs(found) do
    names[i] = column.name
  end
  names = as_in_schema(job, names)
  for i, name in ipairs(names) do
    at[name] = found[i]
  end
  local all = as_in_schema(job, with_partition(names, staged.partition))
  check_names(job, staged.name, all, may_miss)
  for i, column in ipairs(job.schema or all) do
    local name = job.schema and column.name or column
    local value, source = duckdb.identifier(name), at[name]
    local kind = job.schema and column.kind or source and source.kind
    if not source then
      planned[i] = plan.of_text(name, kind or TEXT, partition_text(staged.partition, name))
    elseif kind then
      planned[i] = plan.of_value(name, kind, value, source.sql)
    else
      planned[i] = plan.as_it_is(name, value)
    end
  end
  return planned
end

--- Refuses a value that is not of its type.
--- @param file_name string
--- @param where string "line 3" or "record 3"
--- @param fault table from plan.first_fault
function columns.refuse_value(file_name, where, fault)
  failure.raise(
    "VALIDATION",
    "%s of %s: the column %q is %s, and %q is not; %d such value%s in this file",
    where,
    file_name,
    fault.column,
    fault.kind,
    fault.value,
    fault.total,
    fault.total == 1 and "" or "s"
  )
end

return columns
