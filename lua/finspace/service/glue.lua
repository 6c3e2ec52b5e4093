--- The catalogue of GLUE_TABLE views, as AWS Glue's read calls tell it (JSON 1.1): one database, a table a view. Who may read
--- a view's data finds its table; for others there is none.
---
--- https://docs.aws.amazon.com/glue/latest/webapi/API_GetTables.html and its neighbours.

local cjson = require("cjson.safe")
local fault = require("finspace.service.fault")
local json_text = require("finspace.service.json_text")
local partition_filter = require("finspace.service.glue.partition_filter")
local permissions = require("finspace.service.auth.permissions")

local glue = {}

local DATABASE = "finspace"
local ACCOUNT = "000000000000"
local PREFIX = "view_" -- a name that begins with a letter needs no quotes in SQL
local MOST_TABLES, MOST_PARTITIONS = 100, 1000
local NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

local list = json_text.list

local function refuse(code, message, ...) error(fault.new(code, message:format(...), 400), 0) end

-- --- what there is ----------------------------------------------------------------------------------

local VIEWS =
  [[SELECT v.*, d.title, d.created_by AS dataset_maker FROM data_views v JOIN datasets d ON d.id = v.dataset_id
  WHERE v.generation IS NOT NULL AND v.seq > ? ORDER BY v.seq]]

local function is_for(call, view)
  local params = cjson.decode(view.destination)
  if params.destinationType ~= "GLUE_TABLE" then return false end
  return permissions.has_dataset(call, { id = view.dataset_id, created_by = view.dataset_maker }, "ReadDatasetData")
end

local function find_view(call, name)
  local id = (name or ""):lower():match("^" .. PREFIX .. "(.+)$")
  for _, view in ipairs(call.db:rows(VIEWS, 0)) do
    if view.id == id and is_for(call, view) then return view end
  end
  return refuse("EntityNotFoundException", "there is no table %s, or it is not for you", tostring(name))
end

local function check_database(name)
  if name == DATABASE then return end
  refuse("EntityNotFoundException", "there is no database %s: the views are in %s", tostring(name), DATABASE)
end

-- --- how it is told ---------------------------------------------------------------------------------

local function columns_of(view, in_folders)
  local found = {}
  for _, column in ipairs(cjson.decode(view.columns)) do
    if (column.is_partition or false) == in_folders then
      found[#found + 1] = { Name = column.name:lower(), Type = column.hive }
    end
  end
  return found
end

-- In the order of the folders, which need not be that of the columns.
local function partition_keys(view)
  local by_name, keys = {}, {}
  for _, column in ipairs(columns_of(view, true)) do
    by_name[column.Name] = column
  end
  for i, name in ipairs(cjson.decode(view.partition_columns)) do
    keys[i] = by_name[name:lower()]
  end
  return keys
end

local function storage(call, view, folder)
  return {
    Columns = list(columns_of(view, false)),
    Location = ("s3://%s/%s%s"):format(call.settings.bucket, view.prefix, folder or ""),
    InputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    OutputFormat = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    Compressed = true,
    NumberOfBuckets = -1,
    SerdeInfo = {
      SerializationLibrary = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
      Parameters = { ["serialization.format"] = "1" },
    },
    BucketColumns = list {},
    SortColumns = list {},
    Parameters = { classification = "parquet" },
    StoredAsSubDirectories = false,
  }
end

local function database()
  return { Name = DATABASE, Description = "Views whose destination is GLUE_TABLE", CatalogId = ACCOUNT, Parameters = {} }
end

local function table_of(call, view)
  return {
    Name = PREFIX .. view.id,
    DatabaseName = DATABASE,
    Description = view.title,
    CatalogId = ACCOUNT,
    CreateTime = view.created / 1000,
    UpdateTime = view.modified / 1000,
    Retention = 0,
    StorageDescriptor = storage(call, view),
    PartitionKeys = list(partition_keys(view)),
    TableType = "EXTERNAL_TABLE",
    Parameters = {
      EXTERNAL = "TRUE",
      classification = "parquet",
      ["finspace.datasetId"] = view.dataset_id,
      ["finspace.dataViewId"] = view.id,
    },
    IsRegisteredWithLakeFormation = false,
  }
end

local function values_of(partition, count)
  local values = {}
  for i = 1, count do
    local value = partition.values[i]
    values[i] = (type(value) ~= "string" or value == "") and NO_VALUE or value
  end
  return values
end

local function partition_of(call, view, partition, values)
  return {
    Values = list(values),
    DatabaseName = DATABASE,
    TableName = PREFIX .. view.id,
    CatalogId = ACCOUNT,
    CreationTime = view.modified / 1000,
    StorageDescriptor = storage(call, view, partition.folder),
    Parameters = {},
  }
end

-- --- pages ------------------------------------------------------------------------------------------

local function check_page(params, most)
  local limit, token = params.MaxResults or most, params.NextToken
  if type(limit) ~= "number" or limit < 1 or limit > most then
    refuse("InvalidInputException", "MaxResults must be 1 to %d", most)
  end
  local after = token == nil and 0 or tonumber(token)
  if not after then refuse("InvalidInputException", "NextToken is not one that was given out") end
  return limit, after
end

-- --- the calls --------------------------------------------------------------------------------------

local calls = {}

function calls.GetDatabases() return { DatabaseList = list { database() } } end

function calls.GetDatabase(call)
  check_database(call.params.Name)
  return { Database = database() }
end

-- Glue's Expression is a pattern of Java's; names here are letters, digits and _, so `*` and `.` are all that it can be about.
local function matcher(expression)
  if not expression or expression == "" then
    return function() return true end
  end
  if expression:find("[^%w_%.%*|^$-]") then
    refuse("InvalidInputException", "Expression may have letters, digits, _, ., * and | here")
  end
  return function(name)
    for choice in expression:gmatch("[^|]+") do
      local pattern = choice:gsub("^%^", ""):gsub("%$$", ""):gsub("%.%*", "*"):gsub("%-", "%%-"):gsub("%*", ".*")
      if name:find("^" .. pattern .. "$") then return true end
    end
    return false
  end
end

function calls.GetTables(call)
  check_database(call.params.DatabaseName)
  local limit, after = check_page(call.params, MOST_TABLES)
  local matches, found = matcher(call.params.Expression), {}
  for _, view in ipairs(call.db:rows(VIEWS, after)) do
    if matches(PREFIX .. view.id) and is_for(call, view) then
      if #found == limit then return { TableList = list(found), NextToken = ("%d"):format(after) } end
      found[#found + 1] = table_of(call, view)
    end
    after = view.seq
  end
  return { TableList = list(found) }
end

function calls.GetTable(call)
  check_database(call.params.DatabaseName)
  return { Table = table_of(call, find_view(call, call.params.Name)) }
end

-- A Segment is one of several parts that a reader fetches side by side.
local function is_in_segment(segment, at)
  return not segment or at % (segment.TotalSegments or 1) == (segment.SegmentNumber or 0)
end

function calls.GetPartitions(call)
  local params = call.params
  check_database(params.DatabaseName)
  local limit, after = check_page(params, MOST_PARTITIONS)
  local view, found = find_view(call, params.TableName), {}
  local keys, partitions = partition_keys(view), cjson.decode(view.partitions)
  local keeps, problem = partition_filter.compile(params.Expression, keys)
  if not keeps then refuse("InvalidInputException", "Expression: %s", problem) end
  for at = after + 1, #partitions do
    local values = values_of(partitions[at], #keys)
    if is_in_segment(params.Segment, at) and keeps(values) then
      if #found == limit then return { Partitions = list(found), NextToken = ("%d"):format(at - 1) } end
      found[#found + 1] = partition_of(call, view, partitions[at], values)
    end
  end
  return { Partitions = list(found) }
end

-- --- requests ---------------------------------------------------------------------------------------

local function params_of(body)
  local params = body == "" and {} or cjson.decode(body)
  if type(params) ~= "table" then refuse("InvalidInputException", "the request's body is not a JSON object") end
  for name, value in pairs(params) do
    if value == cjson.null then params[name] = nil end
  end
  return params
end

--- Answers one call whose signature was verified.
--- @param state table {db=, settings=}
--- @param request table
--- @param body string
--- @param caller table
--- @return string json
function glue.answer(state, request, body, caller)
  local name = (request.header["x-amz-target"] or ""):match("^AWSGlue%.(%w+)$")
  local work = calls[name]
  if not work then
    refuse("InvalidInputException", "Glue here knows GetDatabases, GetDatabase, GetTables, GetTable and GetPartitions")
  end
  request.operation = "glue:" .. name
  if caller.bucket or caller.policy then
    refuse("AccessDeniedException", "these keys open some files and nothing else")
  end
  local call = { db = state.db, settings = state.settings, caller = caller, params = params_of(body) }
  return json_text.encode(work(call))
end

--- @param problem table
--- @return string json
function glue.refusal(problem) return cjson.encode { __type = problem.code, Message = problem.message } end

return glue
