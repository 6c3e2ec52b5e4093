--- `finspace call OPERATION`
local members = require("finspace.cli.members")
local shared = require("finspace.cli.options")

local call = {}

function call.define(command, arguments)
  command:epilog(
    "Examples:\n"
      .. "  finspace call list-datasets --all\n"
      .. "  finspace call get-changeset --dataset-id 3a6ihyjs6axg --changeset-id mr8ja33872mz\n"
      .. "  finspace call create-dataset --dataset-title Trades --kind TABULAR --permission-group-params '{}'"
  )
  members.define_operations(command, arguments, function(operation, row)
    shared.help(operation)
    if row.pagination then operation:flag("--all", "Get all pages, as one answer.") end
    shared.connection(operation)
    shared.output(operation)
  end)
end

-- All pages as one: the items of the later ones join the first.
local function call_all(fs, row, params)
  local pages, whole = fs:pages(row.name, params), nil
  local list = row.pagination.result
  while true do
    local page, err = pages:next()
    if err then return nil, err end
    if not page then break end
    if not whole then
      whole = page
      whole[list] = whole[list] or {}
    else
      for _, item in ipairs(page[list] or {}) do
        table.insert(whole[list], item)
      end
    end
  end
  whole[row.pagination.token] = nil
  return whole
end

local function encode(row, result)
  local generation = row.generation
  -- CreateChangeset answers in the form that it was asked in.
  if row.name == "CreateChangeset" and result.changeset then generation = "2021-05" end
  return require("finspace.core").json_encode(row.name, generation, result)
end

function call.run(options, out)
  local row = require("finspace.call.operations").find((options.operation:gsub("-", "_")))
  local fs = shared.client(options)
  local params = members.collect(options, row)
  local result, err
  if options.all then
    result, err = call_all(fs, row, params)
  else
    result, err = fs:call(row.name, params)
  end
  if not result then return out:fail(err, row) end
  out:print_json(encode(row, result))
end

return call
