--- `finspace show`
local shared = require("finspace.cli.options")
local text = require("finspace.cli.text")

local show = {}

function show.define(command)
  shared.dataset(command)
  command:argument("changeset", "One of its changesets, by its id."):args("?"):argname("CHANGESET")
  command:option("--view", "One of its views, by its id."):argname("VIEW")
  shared.connection(command)
  shared.output(command)
  command:epilog("Examples:\n  finspace show alias/trades\n  finspace show alias/trades mr8ja33872mz")
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

function show.run(options, out)
  if options.view and options.changeset then return out:misuse("name a changeset or --view, not both") end
  local fs = shared.client(options)
  local dataset, err = fs:find_dataset { dataset = options.dataset }
  if not dataset then return out:fail(err) end
  local name, params = "GetDataset", { datasetId = dataset.datasetId }
  if options.view then
    name, params.dataViewId = "GetDataView", options.view
  elseif options.changeset then
    name, params.changesetId = "GetChangeset", options.changeset
  end
  local result
  result, err = fs:call(name, params)
  if not result then return out:fail(err) end
  local row = require("finspace.call.operations").find(name)
  if out.json then return out:print_json(require("finspace.core").json_encode(name, row.generation, result)) end
  out:pairs(rows_of(row, result))
end

return show
