--- Parquet sources: they bring their columns and types; with a schema each value must be of its column's type exactly.

local alike = require("finspace.service.ingest.alike")
local columns = require("finspace.service.ingest.columns")
local duckdb = require("finspace.service.engine.duckdb")
local engine = require("finspace.service.engine.parquet")
local failure = require("finspace.service.ingest.failure")
local plan = require("finspace.service.ingest.plan")
local staging = require("finspace.service.ingest.staging")

local parquet = {}

local Unit = {}
Unit.__index = Unit

local function paths_of(files)
  local paths = {}
  for i, staged in ipairs(files) do
    paths[i] = staged.path
  end
  return paths
end

local function refuse_damaged(name) failure.raise("VALIDATION", "%s is not a Parquet file, or a damaged one", name) end

local DEEPEST = 16 -- DuckDB's time for lists within lists doubles with every second level

-- How deep a type as DuckDB writes it is nested, read from its end: STRUCT(a BIGINT[])[] is 3 deep.
local function depth_of(sql)
  local outer, depth, lists, deepest = {}, 0, 0, 0
  for character in sql:gsub('"[^"]*"', "name"):reverse():gmatch("[^%[]") do
    if character == "]" then
      lists = lists + 1
    elseif character == ")" then
      outer[#outer + 1], depth, lists = depth, depth + lists + 1, 0
    elseif character == "(" then
      depth = table.remove(outer) or 0
    else
      deepest, lists = math.max(deepest, depth + lists), 0
    end
  end
  return deepest
end

local function check_depth(name, found)
  for _, column in ipairs(found) do
    if depth_of(column.sql) > DEEPEST then
      failure.raise("VALIDATION", "%s: the column %q is nested more than %d levels deep", name, column.name, DEEPEST)
    end
  end
end

-- Describes files, or names the one that cannot be.
local function described(job, files)
  local ok, found = pcall(engine.describe, job.connection, engine.table(paths_of(files)))
  if ok then return found end
  if not duckdb.message(found) then error(found, 0) end
  for _, staged in ipairs(files) do
    local is_sound, problem = pcall(engine.describe, job.connection, engine.table { staged.path })
    if not is_sound and not duckdb.message(problem) then error(problem, 0) end
    if not is_sound then refuse_damaged(staged.name) end
  end
  failure.raise("VALIDATION", "the Parquet files have columns of one name whose types do not go together")
end

--- @return string query of the unit's rows
function Unit:query()
  local found = described(self.job, self.files)
  check_depth(self.files[1].name, found)
  self.plan = columns.of_values(self.job, self.files[1], found, false)
  return plan.query(self.plan, engine.table(paths_of(self.files)))
end

--- Raises what is wrong with the data, after DuckDB refused it.
function Unit:examine()
  for _, staged in ipairs(self.files) do
    local own = columns.of_values(self.job, staged, described(self.job, { staged }), false)
    local ok, fault = pcall(plan.first_fault, self.job.connection, own, engine.table { staged.path })
    if ok and fault then columns.refuse_value(staged.name, "record " .. fault.record, fault) end
    if not ok and not duckdb.message(fault) then error(fault, 0) end
    if not ok then refuse_damaged(staged.name) end
  end
end

--- Removes the copies.
function Unit:close() staging.remove_copies(self.files) end

local function staged_files(job, sources)
  local at = 0
  return function()
    at = at + 1
    local source = sources[at]
    if not source then return nil end
    local path, is_copy = staging.file(job, source)
    local staged = { name = source.name, path = path, is_copy = is_copy, partition = source.partition }
    return staged, columns.partition_key(source.partition)
  end
end

--- Gives files that are alike to `work` together, in their order.
--- @param job table
--- @param sources table[]
--- @param work fun(unit: table)
function parquet.each_unit(job, sources, work)
  alike.each_group(
    job.most_files,
    staged_files(job, sources),
    function(files) work(setmetatable({ job = job, files = files }, Unit)) end
  )
end

return parquet
