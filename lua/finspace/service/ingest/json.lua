--- JSON sources: a list of objects, or objects one after another. DuckDB decodes them; before it, nesting is bounded,
--- because it descends into each level.

local alike = require("finspace.service.ingest.alike")
local columns = require("finspace.service.ingest.columns")
local duckdb = require("finspace.service.engine.duckdb")
local failure = require("finspace.service.ingest.failure")
local ffi = require("ffi")
local plan = require("finspace.service.ingest.plan")
local staging = require("finspace.service.ingest.staging")
local types = require("finspace.service.engine.types")

local json = {}

local LONGEST_RECORD = 16 * 1024 * 1024
local DEEPEST = 100
local QUOTE, BACKSLASH = 0x22, 0x5C
local OPENS, CLOSES = { [0x5B] = true, [0x7B] = true }, { [0x5D] = true, [0x7D] = true }

-- --- nesting ----------------------------------------------------------------------------------------

local Nesting = {}
Nesting.__index = Nesting

--- @param run ffi.cdata*|string
--- @param size integer
function Nesting:feed(run, size)
  local bytes = ffi.cast("const uint8_t *", run)
  local depth, in_string, is_escaped = self.depth, self.in_string, self.is_escaped
  for i = 0, size - 1 do
    local byte = bytes[i]
    if is_escaped then
      is_escaped = false
    elseif in_string then
      in_string, is_escaped = byte ~= QUOTE, byte == BACKSLASH
    elseif byte == QUOTE then
      in_string = true
    elseif OPENS[byte] then
      depth = depth + 1
      if depth > DEEPEST then
        failure.raise("VALIDATION", "%s is nested more than %d levels deep", self.name, DEEPEST)
      end
    elseif CLOSES[byte] then
      depth = depth - 1
    end
  end
  self.depth, self.in_string, self.is_escaped = depth, in_string, is_escaped
end

local function nesting(name)
  return setmetatable({ name = name, depth = 0, in_string = false, is_escaped = false }, Nesting)
end

-- --- staging ----------------------------------------------------------------------------------------

local function first_mark(piece) return piece:gsub("^\239\187\191", ""):match("^%s*(.)") end

local function stage(job, source)
  local depth, mark = nesting(source.name), nil
  local path, is_copy = staging.file(job, source, function(bytes, size)
    mark = mark or first_mark(ffi.string(bytes, size))
    depth:feed(bytes, size)
  end)
  if mark and mark ~= "[" and mark ~= "{" then
    failure.raise("VALIDATION", "%s is not JSON: it begins with neither { nor [", source.name)
  end
  return {
    name = source.name,
    path = path,
    is_copy = is_copy,
    partition = source.partition,
    shape = mark == "[" and "array" or "unstructured",
    is_empty = not mark,
  }
end

-- --- columns ----------------------------------------------------------------------------------------

local function paths_of(files)
  local literals = {}
  for i, staged in ipairs(files) do
    literals[i] = duckdb.literal(staged.path)
  end
  return "[" .. table.concat(literals, ", ") .. "]"
end

-- The members of all records, in the order in which they are met, and what they hold.
local STRUCTURE = [[CREATE OR REPLACE TEMP TABLE structure AS SELECT json_group_structure(json) AS s
  FROM read_json_objects(%s, format = '%s', maximum_object_size = %d, compression = 'uncompressed')]]
local KIND = "SELECT json_type(s) AS kind, len(json_keys(s)) AS members FROM structure"
-- json_each would repeat the whole beside each member.
local MEMBERS =
  [[SELECT name, CAST(json_extract(s, '/' || replace(replace(name, '~', '~0'), '/', '~1')) AS VARCHAR) AS structure
  FROM (SELECT s, unnest(json_keys(s)) AS name, generate_subscripts(json_keys(s), 1) AS place FROM structure) ORDER BY place]]

local KINDS = {
  ['"BIGINT"'] = types.named("BIGINT"),
  ['"UBIGINT"'] = types.named("BIGINT"),
  ['"DOUBLE"'] = types.named("DOUBLE"),
  ['"BOOLEAN"'] = types.named("BOOLEAN"),
}

-- Each member is read as text: numbers beyond what a type holds must be seen, and nested values stay JSON.
local function columns_of(members)
  local found = {}
  for i, member in ipairs(members) do
    found[i] = { name = member.name, sql = "VARCHAR", kind = KINDS[member.structure] or types.named("STRING") }
  end
  return found
end

local function is_of_objects(structure) return structure.kind == "OBJECT" or not structure.kind end

-- --- units ------------------------------------------------------------------------------------------

local Unit = {}
Unit.__index = Unit

local READ =
  "read_json(%s, format = '%s', records = true, maximum_object_size = %d, compression = 'uncompressed', columns = {%s})"

local function relation_of(unit, files)
  local described = {}
  for i, column in ipairs(unit.found) do
    described[i] = ("%s: 'VARCHAR'"):format(duckdb.literal(column.name))
  end
  return READ:format(paths_of(files), unit.shape, LONGEST_RECORD, table.concat(described, ", "))
end

--- @return string|nil query of the unit's rows
function Unit:query()
  if #self.found == 0 then return nil end
  self.plan = columns.of_values(self.job, self.files[1], self.found, true)
  return plan.query(self.plan, relation_of(self, self.files))
end

-- Without a schema a number that its type cannot hold makes the column text.
local function widen(self)
  local fault = plan.first_fault(self.job.connection, self.plan, relation_of(self, self.files))
  for _, column in ipairs(self.found) do
    if fault and column.name == fault.column then
      column.kind = types.named("STRING")
      return true
    end
  end
  return false
end

local function refuse_malformed(name, message)
  local record = tonumber(message:match("in record/value (%d+)"))
  local reason = message:match("in record/value %d+: ([%w%- ]+)")
  if message:find("maximum_object_size", 1, true) then
    failure.raise("VALIDATION", "%s holds a record longer than 16 MiB", name)
  elseif message:find("duplicate key", 1, true) then
    failure.raise("VALIDATION", "record %d of %s has a member twice", record or 1, name)
  elseif message:find("Out of Memory", 1, true) then
    failure.raise("VALIDATION", "%s holds a record that needs more memory than --ingest-memory", name)
  elseif record then
    failure.raise(
      "VALIDATION",
      "record %d of %s is not JSON: %s",
      math.max(record - 1, 1),
      name,
      reason or "it is malformed"
    )
  end
  failure.raise("VALIDATION", "%s is not JSON: a list of objects, or one object after another", name)
end

--- Raises what is wrong with the data, after DuckDB refused it; returns true when it is to be tried again.
--- @param message string DuckDB's
--- @return boolean|nil again
function Unit:examine(message)
  if not self.job.schema and self.plan and message:find("wrong", 1, true) then return widen(self) end
  for _, staged in ipairs(self.files) do
    local ok, fault = pcall(plan.first_fault, self.job.connection, self.plan or {}, relation_of(self, { staged }))
    if ok and fault then columns.refuse_value(staged.name, "record " .. fault.record, fault) end
    local problem = not ok and duckdb.message(fault)
    if not ok and not problem then error(fault, 0) end
    if problem then refuse_malformed(staged.name, problem) end
  end
end

--- Removes the copies.
function Unit:close() staging.remove_copies(self.files) end

local function structure_of(job, files, shape)
  job.connection:run(STRUCTURE:format(paths_of(files), shape, LONGEST_RECORD))
  local structure = job.connection:run(KIND)[1]
  if structure.kind ~= "OBJECT" then return structure end
  columns.check_count(files[1].name, structure.members)
  structure.columns = columns_of(job.connection:run(MEMBERS))
  return structure
end

-- Which file it was is found by asking each alone.
local function refuse_files(job, files, shape)
  for _, staged in ipairs(files) do
    local ok, found = pcall(structure_of, job, { staged }, shape)
    local message = not ok and duckdb.message(found)
    if message then refuse_malformed(staged.name, message) end
    if ok and not is_of_objects(found) then
      failure.raise("VALIDATION", "%s is not a list of objects, nor one object after another", staged.name)
    end
  end
end

local function unit_of(job, files, shape)
  local ok, found = pcall(structure_of, job, files, shape)
  if not ok and not duckdb.message(found) then error(found, 0) end
  if not ok or not is_of_objects(found) then refuse_files(job, files, shape) end
  if not ok then error(found, 0) end
  return setmetatable({ job = job, files = files, shape = shape, found = found.columns or {} }, Unit)
end

local function key_of(staged) return staged.shape .. "\1" .. columns.partition_key(staged.partition) end

--- Gives staged files that are alike to `work` together, in their order.
--- @param job table
--- @param next_staged fun(): table|nil {name=, path=, is_copy=, partition=, shape="array"|"unstructured", is_empty=}
--- @param work fun(unit: table)
function json.each_staged_unit(job, next_staged, work)
  local function next_with_rows()
    local staged
    repeat
      staged = next_staged()
    until not staged or not staged.is_empty
    return staged, staged and key_of(staged)
  end
  alike.each_group(job.most_files, next_with_rows, function(files) work(unit_of(job, files, files[1].shape)) end)
end

--- Gives files that are alike to `work` together, in their order.
--- @param job table
--- @param sources table[]
--- @param work fun(unit: table)
function json.each_unit(job, sources, work)
  local at = 0
  json.each_staged_unit(job, function()
    at = at + 1
    return sources[at] and stage(job, sources[at])
  end, work)
end

return json
