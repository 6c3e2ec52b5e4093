--- `finspace show`
local shared = require("finspace.cli.options")
local summary = require("finspace.cli.summary")
local text = require("finspace.cli.text")
local values = require("finspace.cli.values")

local show = {}

function show.define(command)
  shared.dataset(command)
  command:argument("changeset", "One of its changesets, by its id."):args("?"):argname("CHANGESET")
  command:option("--view", "One of its views, by its id."):convert(values.text("--view")):argname("VIEW")
  shared.connection(command)
  shared.output(command)
  command:epilog(
    "Examples:\n  finspace show alias/trades\n  finspace show alias/trades mr8ja33872mz\n  finspace show mr8ja33872mz"
  )
end

local function value_text(name, value)
  if type(value) == "number" and name:find("Time") then return text.time(value) end
  if type(value) ~= "table" then return tostring(value) end
  local words = {}
  for key, inner in pairs(value) do
    local word = value_text(tostring(key), inner)
    table.insert(words, type(key) == "number" and word or key .. "=" .. word)
  end
  table.sort(words)
  return table.concat(words, " ")
end

-- The members in the order of the model, then what the model does not know.
local function rows_of(row, result)
  local rows, shown = {}, {}
  for _, member in ipairs(row.output) do
    local value = result[member.name]
    if value ~= nil and member.place ~= "status" then
      table.insert(rows, { member.name, value_text(member.name, value) })
    end
    shown[member.name] = true
  end
  for name, value in pairs(result) do
    if not shown[name] then table.insert(rows, { name, value_text(name, value) }) end
  end
  return rows
end

-- Whose changeset it is, when it is named alone: no call finds it, so each dataset is asked.
local function find_owner(fs, changeset_id)
  for dataset in fs:each("list_datasets") do
    if dataset and fs:call("GetChangeset", { datasetId = dataset.datasetId, changesetId = changeset_id }) then
      return dataset.datasetId
    end
  end
end

local function is_id(word) return #word <= 26 and word:find("^%w+$") ~= nil end

-- The call that answers, and its parameters.
local function wanted_of(fs, options)
  local dataset, err = fs:find_dataset { dataset = options.dataset }
  if dataset then
    local ids = { datasetId = dataset.datasetId, dataViewId = options.view, changesetId = options.changeset }
    return options.view and "GetDataView" or options.changeset and "GetChangeset" or "GetDataset", ids
  end
  local owner = not options.changeset
    and not options.view
    and is_id(options.dataset)
    and find_owner(fs, options.dataset)
  if owner then return "GetChangeset", { datasetId = owner, changesetId = options.dataset } end
  return nil, err
end

local function print_json(name, result, found, out)
  local row = require("finspace.call.operations").find(name)
  local json = require("finspace.core").json_encode(name, row.generation, result)
  if found then json = json:gsub("}%s*$", "") .. ',"summary":' .. found.text .. "}" end
  out:print_json(json)
end

local function print_summary(found, out)
  out:print("")
  local rows, files = text.count(found.rows, "row"), text.count(found.files, "file")
  out:print(("%s, %s, %s"):format(rows, files, text.bytes(found.bytes)))
  out:table(summary.HEADING, summary.rows(found))
end

function show.run(options, out)
  if options.view and options.changeset then return out:misuse("name a changeset or --view, not both") end
  local fs = shared.client(options)
  local name, params = wanted_of(fs, options)
  if not name then return out:fail(params) end
  local result, err = fs:call(name, params)
  if not result then return out:fail(err) end
  local found = name == "GetChangeset" and summary.fetch(fs, result) or nil
  if out.json then return print_json(name, result, found, out) end
  out:pairs(rows_of(require("finspace.call.operations").find(name), result))
  if found then print_summary(found, out) end
end

return show
