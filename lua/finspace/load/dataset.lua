--- Which dataset a person means: by its id, by `alias/…`, or by its title.
local errors = require("finspace.errors")

local dataset = {}

local function refuse(code, message)
  return nil, errors.new {
    kind = "client", code = code, operation = "load", message = message, outcome = "not_sent",
  }
end

local function only_one(found, wanted)
  if #found == 1 then return found[1].datasetId end
  if #found == 0 then
    return refuse("DatasetNotFound", ("there is no dataset %q, neither as an id nor as an alias nor as a "
      .. "title. `finspace ls` lists what there is; `ensure_dataset` creates one."):format(wanted))
  end
  local ids = {}
  for _, item in ipairs(found) do table.insert(ids, item.datasetId) end
  return refuse("AmbiguousDataset", ("%d datasets are called %q: %s. Give the id of the one you mean.")
    :format(#found, wanted, table.concat(ids, ", ")))
end

local function by_id(fs, id)
  local found, err = fs:call("GetDataset", { datasetId = id })
  if found then return found.datasetId or id end
  if err.code == "ResourceNotFoundException" then return false end
  return nil, err
end

--- @param fs finspace.Client
--- @param wanted string
--- @return string|nil id, finspace.Error|nil err
function dataset.find(fs, wanted)
  if wanted:match("^%w+$") and #wanted <= 26 then
    local id, err = by_id(fs, wanted)
    if id ~= false then return id, err end
  end
  local member = wanted:sub(1, 6) == "alias/" and "alias" or "datasetTitle"
  local found, err = fs:pages("ListDatasets"):collect(function(item) return item[member] == wanted end)
  if not found then return nil, err end
  return only_one(found, wanted)
end

return dataset
