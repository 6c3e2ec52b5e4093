local world = require("spec.support.world")

-- A service that keeps datasets in memory, in pages of one, and honours clientTokens and aliases.
local function service(datasets, options)
  options = options or {}
  local tokens, deleted = {}, options.deleted or {}
  local function list(request)
    local at = tonumber(request.url:match("nextToken=(%d+)")) or 1
    local item = datasets[at]
    return world.ok(
      ('{"datasets":[%s]%s}'):format(
        item and ('{"datasetId":"%s","datasetTitle":"%s","alias":"%s"}'):format(item.id, item.title, item.alias or "")
          or "",
        datasets[at + 1] and (',"nextToken":"%d"'):format(at + 1) or ""
      )
    )
  end
  local function create(request)
    local function member(name) return request.body:match('"' .. name .. '":"([^"]*)"') end
    local token, alias = member("clientToken"), member("alias")
    if options.before_create then options.before_create(datasets) end
    if tokens[token] then return world.ok(('{"datasetId":"%s"}'):format(tokens[token])) end
    for _, item in ipairs(datasets) do
      if alias and item.alias == alias then return world.refuse(409, "ConflictException", "alias taken") end
    end
    table.insert(
      datasets,
      { id = "d" .. #datasets + 1, title = member("datasetTitle"), alias = alias, body = request.body }
    )
    tokens[token] = datasets[#datasets].id
    return world.ok(('{"datasetId":"%s"}'):format(tokens[token]))
  end
  local here = world.new(function(request)
    if request.method == "POST" then return create(request) end
    local id = request.url:match("/datasetsv2/(%w+)$")
    if not id then return list(request) end
    if deleted[id] then return world.refuse(404, "ResourceNotFoundException") end
    return world.ok(('{"datasetId":"%s","status":"SUCCESS"}'):format(id))
  end)
  here.remembered_tokens = tokens
  return here
end

local function posts(here)
  local count = 0
  for _, request in ipairs(here.requests) do
    if request.method == "POST" then count = count + 1 end
  end
  return count
end

describe("fs:ensure_dataset", function()
  it("finds a dataset by its title, over all pages, and creates nothing", function()
    local here =
      service { { id = "d1", title = "Rates" }, { id = "d2", title = "Bonds" }, { id = "d3", title = "Prices" } }
    local dataset, err, created = here.client():ensure_dataset { title = "Prices" }
    assert.same({ "d3", nil, false }, { dataset.datasetId, err, created })
    assert.equal(0, posts(here))
  end)

  it("finds a dataset by its alias, with and without the prefix", function()
    local here = service {
      { id = "d1", title = "Prices", alias = "alias/old" },
      { id = "d2", title = "x", alias = "alias/prices" },
    }
    assert.equal("d2", here.client():ensure_dataset({ alias = "prices" }).datasetId)
    assert.equal("d2", here.client():ensure_dataset({ alias = "alias/prices", title = "Prices" }).datasetId)
  end)

  it("creates what is not there, with what it was given", function()
    local datasets = {}
    local here = service(datasets)
    local dataset, _, created = here.client():ensure_dataset {
      title = "Prices",
      alias = "prices",
      description = "daily",
      owner = { name = "Rates desk" },
      permission_group_id = "g1",
      permissions = { "ViewDatasetDetails" },
      schema = { tabularSchemaConfig = { columns = { { columnName = "Date", dataType = "DATE" } } } },
    }
    assert.same({ "d1", true }, { dataset.datasetId, created })
    local body = datasets[1].body
    for _, part in ipairs {
      '"datasetTitle":"Prices"',
      '"alias":"alias/prices"',
      '"kind":"TABULAR"',
      '"datasetDescription":"daily"',
      '"name":"Rates desk"',
      '"permissionGroupId":"g1"',
      '"datasetPermissions":[{"permission":"ViewDatasetDetails"}]',
      '"columnName":"Date"',
    } do
      assert.truthy(body:find(part, 1, true), part .. " in " .. body)
    end
  end)

  it("gives nobody else a permission unless it is told to", function()
    local datasets = {}
    service(datasets).client():ensure_dataset { alias = "prices" }
    assert.matches('"permissionGroupParams":{}', datasets[1].body, 1, true)
    assert.equal("prices", datasets[1].title)
  end)

  it("makes one dataset of two runs, one after the other", function()
    local datasets = {}
    local fs = service(datasets).client()
    local first, second = fs:ensure_dataset { title = "Prices" }, fs:ensure_dataset { title = "Prices" }
    assert.equal(first.datasetId, second.datasetId)
    assert.equal(1, #datasets)
  end)

  it("makes one dataset of two runs that look before either creates", function()
    local datasets, here = {}, nil
    local nested = false
    here = service(datasets, {
      before_create = function()
        if nested then return end
        nested = true -- the other run goes all the way while this one is between looking and creating
        assert(here.client():ensure_dataset { title = "Prices" })
      end,
    })
    local dataset = here.client():ensure_dataset { title = "Prices" }
    assert.equal("d1", dataset.datasetId)
    assert.equal(1, #datasets)
  end)

  it("takes what another run made with other options in the meantime", function()
    local datasets = {}
    local here = service(datasets, {
      before_create = function(list)
        if #list == 0 then list[1] = { id = "other", title = "Prices", alias = "alias/prices" } end
      end,
    })
    local dataset, _, created = here.client():ensure_dataset { alias = "prices" }
    assert.same({ "other", false, 1 }, { dataset.datasetId, created, #datasets })
  end)

  it("creates anew when the service remembers a dataset that was deleted", function()
    local datasets = {}
    local here = service(datasets, { deleted = { d1 = true } })
    local fs = here.client()
    assert.equal("d2", fs:ensure_dataset({ title = "Prices" }).datasetId)
  end)

  it("does not choose among datasets of the same title", function()
    local here = service { { id = "d1", title = "Prices" }, { id = "d2", title = "Prices" } }
    local dataset, err = here.client():ensure_dataset { title = "Prices" }
    assert.is_nil(dataset)
    assert.equal("AmbiguousTitle", err.code)
    assert.matches("d1, d2", tostring(err))
    assert.equal(0, posts(here))
  end)

  it("returns what failed", function()
    local here = world.new { world.refuse(403, "AccessDeniedException", "no") }
    local dataset, err = here.client():ensure_dataset { title = "Prices" }
    assert.is_nil(dataset)
    assert.equal("AccessDeniedException", err.code)
  end)

  it("raises without a title or an alias, and on options it does not know", function()
    local fs = world.new({}).client()
    local _, message = pcall(fs.ensure_dataset, fs, {})
    assert.matches('needs the option "title" or "alias"', message)
    _, message = pcall(fs.ensure_dataset, fs, { tilte = "Prices" })
    assert.matches('did you mean "title"?', message, 1, true)
  end)
end)
