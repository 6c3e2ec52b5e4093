--- Which dataset a person means: by its id, by `alias/…`, or by its title.
local datasets = require("finspace.verbs.ensure_dataset")
local errors = require("finspace.errors")

local dataset = {}

local function not_found(wanted)
  return nil,
    errors.new {
      kind = "client",
      code = "DatasetNotFound",
      operation = "load",
      outcome = "not_sent",
      message = (
        "there is no dataset %q, neither as an id nor as an alias nor as a title. `finspace ls` "
        .. "lists what there is; `ensure_dataset` creates one."
      ):format(wanted),
    }
end

-- false when it is the id of none.
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
  local found, err = datasets.find(fs, wanted:sub(1, 6) == "alias/" and "alias" or "datasetTitle", wanted)
  if found then return found.datasetId end
  if found == false then return not_found(wanted) end
  return nil, err
end

return dataset
