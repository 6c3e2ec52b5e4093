--- What the files of a load are: told by their first bytes and the dataset's schema, before anything is sent.
local column_names = require("finspace.formats.columns")
local errors = require("finspace.errors")
local formats = require("finspace.formats.sniff")
local header = require("finspace.formats.header")
local source = require("finspace.formats.source")

local format = {}

local function refuse(kind, code, message) return nil, errors.not_sent(kind, code, message, "load") end

-- The first bytes of a file, unpacked, and whether it is packed.
local function read_sample(entry)
  local opened, message = source.open(entry.path)
  if not opened then return refuse("io", "FileUnreadable", "cannot read " .. message) end
  local sample, fault = opened.read()
  opened.close()
  if fault then return refuse("validation", "MalformedFile", entry.path .. " " .. fault) end
  return sample or "", opened.compressed
end

local function one_of(...)
  local allowed = {}
  for _, word in ipairs { ... } do
    allowed[word] = true
  end
  return { test = function(value) return allowed[value] end, says = table.concat({ ... }, " or ") }
end

-- The API takes no value of blanks alone: a tab has a spelling of its own there, a blank has none.
local TAB_AS_SENT = "\\t"

-- What FinSpace takes in formatParams. Other names are left to it.
local PARAMS = {
  separator = {
    test = function(value) return #value == 1 and not value:find('["\r\n ]') or value == TAB_AS_SENT end,
    says = "one character that is no quote, no blank and no line end",
  },
  withHeader = one_of("true", "false"),
  compression = one_of("None", "GZIP"),
}

local function check_params(known)
  for name, rule in pairs(PARAMS) do
    local value = known[name]
    if value ~= nil and not rule.test(tostring(value)) then
      return refuse("validation", "InvalidFormatParams", ("format_params.%s must be %s"):format(name, rule.says))
    end
  end
  return true
end

--- The `formatParams` as the API takes them.
--- @param params table<string, string>
--- @return table<string, string>
function format.to_send(params)
  local sent = {}
  for name, value in pairs(params) do
    sent[name] = name == "separator" and value == "\t" and TAB_AS_SENT or value
  end
  return sent
end

--- What a file is, by its name and first bytes, and by what the caller knows better.
--- @param given finspace.LoadOptions
--- @param entry finspace.load.Entry
--- @return { params: table, first_record?: string[] }|nil described, finspace.Error|nil err
function format.describe(given, entry)
  local known = given.format_params or {}
  local well, err = check_params(known)
  if not well then return nil, err end
  local sample, compressed = read_sample(entry)
  if not sample then return nil, compressed end
  local separator = known.separator == TAB_AS_SENT and "\t" or known.separator
  local params, first = formats.detect(entry.name, sample, given.format, separator)
  if not params then return nil, first end
  if compressed then params.compression = "GZIP" end
  for name, value in pairs(known) do
    params[name] = tostring(value)
  end
  return { params = params, first_record = first }
end

-- The columns of the dataset's schema, or nil. What found the dataset may have left the schema out; who may not look
-- at it can load all the same.
local function schema_of(client, given, dataset)
  local definition = dataset.schemaDefinition
  if not definition and type(given.dataset) == "table" then
    local found, err = client:call("GetDataset", { datasetId = dataset.datasetId })
    if not found and err.kind ~= "client" then return nil, err end
    definition = found and found.schemaDefinition
  end
  local columns = definition and (definition.tabularSchemaConfig or {}).columns
  return columns and columns[1] and columns
end

local function by_schema(first, columns)
  local has_header, message = header.by_schema(first, columns)
  if has_header then return { has_header = true } end
  if has_header == false then return { has_header = false, doubtful = header.may_be_names(first, columns) or nil } end
  return refuse(
    "validation",
    "HeaderMismatch",
    message .. '; correct the file, or say which it is with format_params = { withHeader = "true" or "false" }'
  )
end

-- Whether the first line names the columns: the caller knows, or the schema, or it is FinSpace's rule.
local function decide(client, given, dataset, first)
  local said = (given.format_params or {}).withHeader
  if said ~= nil then return { has_header = tostring(said) == "true" } end
  local columns, err = schema_of(client, given, dataset)
  if err then return nil, err end
  if columns then return by_schema(first, columns) end
  return { has_header = true, doubtful = header.is_doubtful(first) or nil }
end

--- Decides whether a CSV has a header, and notes in the event what its columns are called.
--- @param client finspace.Client
--- @param given finspace.LoadOptions
--- @param dataset table
--- @param event finspace.LoadEvent
--- @return true|nil settled, finspace.Error|nil err
function format.settle(client, given, dataset, event)
  local first = event.first_record
  event.first_record = nil
  if event.format_params.formatType ~= "CSV" or not first or not first[1] then return true end
  local decided, err = decide(client, given, dataset, first)
  if not decided then return nil, err end
  event.format_params.withHeader = tostring(decided.has_header)
  event.columns = decided.has_header and column_names.names(first) or nil
  event.doubtful = decided.doubtful
  return true
end

return format
