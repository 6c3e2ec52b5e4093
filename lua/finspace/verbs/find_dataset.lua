--- `fs:find_dataset`: the dataset that a person means, by its id, by `alias/…`, or by its title.
local errors = require("finspace.errors")
local options = require("finspace.options")

local find_dataset = {}

--- The option that names a dataset, for this verb and the others.
find_dataset.OPTION =
  { "dataset", "name|table", "its id, its `alias/…`, its title, or what found or made it", required = true }

local OPTIONS = options.declare {
  what = "find_dataset",
  class = "finspace.FindDatasetOptions",
  find_dataset.OPTION,
}

local function refuse(code, message) return nil, errors.not_sent("client", code, message, "find_dataset") end

local function not_found(wanted)
  local message = "there is no dataset %q, neither as an id nor as an alias nor as a title. `finspace ls` "
    .. "lists what there is; `ensure_dataset` creates one."
  return refuse("DatasetNotFound", message:format(wanted))
end

local function ambiguous(wanted, found)
  local ids = {}
  for i, dataset in ipairs(found) do
    ids[i] = dataset.datasetId
  end
  local message = "%d datasets are titled %q (%s); name the one you mean by its alias, or use its id"
  return refuse("AmbiguousTitle", message:format(#found, wanted, table.concat(ids, ", ")))
end

-- Ids are made of small letters and digits, and a title of one word hardly ever looks so.
local function looks_like_id(text) return #text >= 10 and #text <= 26 and text:find("^%l*%d[%l%d]*$") ~= nil end

-- false when it is the id of none.
local function by_id(client, id)
  local found, err = client:call("GetDataset", { datasetId = id })
  if not found then
    if err.code == "ResourceNotFoundException" then return false end
    return nil, err
  end
  found.datasetId = found.datasetId or id
  return found
end

--- The dataset one of whose members has this value, looked for over all pages; false when there is none. An
--- earlier member counts before a later one.
--- @param client finspace.Client
--- @param wanted string
--- @param ... "datasetId"|"alias"|"datasetTitle"
--- @return table|false|nil dataset, finspace.Error|nil err
function find_dataset.by_member(client, wanted, ...)
  local members, found = { ... }, {}
  local function note(dataset)
    for rank, member in ipairs(members) do
      if dataset[member] == wanted then
        found[rank] = found[rank] or {}
        table.insert(found[rank], dataset)
      end
    end
  end
  local walked, err = client:pages("ListDatasets"):collect(note)
  if not walked then return nil, err end
  for rank = 1, #members do
    local matches = found[rank]
    if matches and #matches > 1 then return ambiguous(wanted, matches) end
    if matches then return matches[1] end
  end
  return false
end

local function look(client, wanted)
  if wanted:find("^alias/") then return find_dataset.by_member(client, wanted, "alias") end
  local found, err = false, nil
  if looks_like_id(wanted) then
    found, err = by_id(client, wanted)
  end
  if found ~= false then return found, err end
  return find_dataset.by_member(client, wanted, "datasetId", "datasetTitle")
end

--- Finds a dataset. What looks like an id costs one GetDataset; everything else is looked for in the list of
--- all datasets, once.
--- @param client finspace.Client
--- @param wanted string|table
--- @return table|nil dataset, finspace.Error|nil err
local function find(client, wanted)
  if type(wanted) == "table" then return wanted end
  local found, err = look(client, wanted)
  if found == false then return not_found(wanted) end
  return found, err
end

--- The id of a dataset, for the other verbs: their option `dataset` is this one's.
--- @param client finspace.Client
--- @param wanted string|table
--- @return string|nil id, finspace.Error|nil err
function find_dataset.id(client, wanted)
  local found, err = find(client, wanted)
  return found and found.datasetId, err
end

--- Finds a dataset by its id, its alias or its title.
--- @param client finspace.Client
--- @param given finspace.FindDatasetOptions
--- @return table|nil dataset, finspace.Error|nil err
function find_dataset.run(client, given)
  OPTIONS:check(given)
  return find(client, given.dataset)
end

return find_dataset
