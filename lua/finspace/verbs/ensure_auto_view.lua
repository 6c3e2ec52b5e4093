--- `fs:ensure_auto_view`: the view that follows every later changeset of a dataset, found or created.
local core = require("finspace.core")
local final_states = require("finspace.verbs.final_states")
local find_dataset = require("finspace.verbs.find_dataset")
local options = require("finspace.options")

local ensure_auto_view = {}

local OPTIONS = options.declare {
  what = "ensure_auto_view",
  class = "finspace.EnsureAutoViewOptions",
  find_dataset.OPTION,
  { "partition_columns", "string[]", "what its files are parted by; any when absent" },
  { "sort_columns", "string[]", "what its rows are sorted by; any when absent" },
  { "format", "string", "of a new one", otherwise = "DELIMITED_TEXT" },
  { "format_options", "table<string, string>", "of a new one", otherwise = "with a header and commas" },
  { "wait", "boolean", "false: return as soon as it is there, built or not", default = true },
  { "timeout", "seconds", "to wait for it", default = 3600 },
  { "on_status", "fun(status: string, view: table)", "called when its status is another one" },
  { "cancel", "fun(): boolean", "asked before each look: true ends the wait" },
}

-- The views of a dataset for which `matches` holds, oldest first.
local function find_views(client, dataset_id, matches)
  return client:pages("ListDataViews", { datasetId = dataset_id }):collect(matches)
end

local function same_list(left, right) return table.concat(left or {}, "\0") == table.concat(right or {}, "\0") end

-- Whether an existing view is what is asked for; what the caller left open fits anyhow.
local function fits(view, given)
  local destination = view.destinationTypeProperties or {}
  return view.autoUpdate
    and not final_states.data_view.failure[view.status]
    and (not given.partition_columns or same_list(view.partitionColumns, given.partition_columns))
    and (not given.sort_columns or same_list(view.sortColumns, given.sort_columns))
    and (not given.format or destination.s3DestinationExportFileFormat == given.format)
end

local function parameters(given, dataset_id)
  return {
    datasetId = dataset_id,
    autoUpdate = true,
    partitionColumns = given.partition_columns,
    sortColumns = given.sort_columns,
    destinationTypeParams = {
      destinationType = "S3",
      s3DestinationExportFileFormat = given.format or "DELIMITED_TEXT",
      s3DestinationExportFileFormatOptions = given.format_options or { header = "true", delimiter = "," },
    },
  }
end

-- Runs that ask for the same view at the same moment make one between them. A view that went wrong
-- earlier has a place in the token, so that a new one is not taken for it.
local function shared_token(given, dataset_id, failed)
  local parts = { dataset_id, given.format or "", tostring(failed) }
  for _, list in ipairs { given.partition_columns or {}, given.sort_columns or {} } do
    parts[#parts + 1] = table.concat(list, "\0")
  end
  return "ensure-" .. core.sha256(table.concat(parts, "\1")):sub(1, 48)
end

local function create_view(client, given, dataset_id)
  local failed, err = find_views(
    client,
    dataset_id,
    function(view) return view.autoUpdate and final_states.data_view.failure[view.status] end
  )
  if not failed then return nil, err end
  local params = parameters(given, dataset_id)
  params.clientToken = shared_token(given, dataset_id, #failed)
  return client:call("CreateDataView", params)
end

--- Finds the dataset's view that follows every later changeset, or creates it, and waits until it is
--- built. Asked again, it makes no second one.
--- @param client finspace.Client
--- @param given finspace.EnsureAutoViewOptions
--- @return table|nil view, finspace.Error|nil err, boolean|nil created
function ensure_auto_view.run(client, given)
  given = OPTIONS:check(given)
  local dataset_id, err = find_dataset.id(client, given.dataset)
  if not dataset_id then return nil, err end
  local found
  found, err = find_views(client, dataset_id, function(view) return fits(view, given) end)
  if not found then return nil, err end
  local view, created = found[1], false
  if not view then
    view, err = create_view(client, given, dataset_id)
    created = true
  end
  if not view then return nil, err end
  local ids = { datasetId = dataset_id, dataViewId = view.dataViewId }
  if not given.wait then
    view, err = client:call("GetDataView", ids)
    return view, err, created
  end
  ids.timeout, ids.on_status, ids.cancel = given.timeout, given.on_status, given.cancel
  view, err = client:wait_data_view(ids)
  return view, err, created
end

return ensure_auto_view
