local world = require("spec.support.world")

local ID = "mr8ja33872mzabcdefgh45"

-- A service that holds these datasets, and knows GetDataset and ListDatasets.
local function service(...)
  local datasets = { ... }
  return world.new(function(request)
    local id = request.url:match("/datasetsv2/([^/?]+)$")
    if not id then return world.ok('{"datasets":[' .. table.concat(datasets, ",") .. "]}") end
    for _, dataset in ipairs(datasets) do
      if dataset:find('"datasetId":"' .. id .. '"', 1, true) then return world.ok(dataset) end
    end
    return world.refuse(404, "ResourceNotFoundException")
  end)
end

local function dataset(id, title, alias)
  return ('{"datasetId":"%s","datasetTitle":"%s","alias":"%s"}'):format(id, title, alias or "")
end

local function look(here, wanted) return here.client():find_dataset { dataset = wanted } end

describe("fs:find_dataset", function()
  it("finds a title that is one word, an alias and a short id with one list each", function()
    for _, wanted in ipairs { "Prices", "alias/prices", "d1" } do
      local here = service(dataset("d0", "Rates"), dataset("d1", "Prices", "alias/prices"))
      assert.equal("d1", look(here, wanted).datasetId)
      assert.equal(1, #here.requests, wanted)
    end
  end)

  it("asks for what looks like an id alone, and lists nothing", function()
    local here = service(dataset(ID, "Prices"))
    assert.equal("Prices", look(here, ID).datasetTitle)
    assert.equal(1, #here.requests)
    assert.matches(ID, here.requests[1].url, 1, true)
  end)

  it("still finds a title that looks like an id", function()
    local here = service(dataset("d1", "trades2020q1"))
    assert.equal("d1", look(here, "trades2020q1").datasetId)
  end)

  it("takes an id before a title of the same text", function()
    local here = service(dataset("d1", "d2"), dataset("d2", "Rates"))
    assert.equal("d2", look(here, "d2").datasetId)
  end)

  it("hands a dataset that was found before back, and asks nobody", function()
    local here = service()
    local found = { datasetId = "d1" }
    assert.equal(found, look(here, found))
    assert.equal(0, #here.requests)
  end)

  it("says what to do when there is none, or more than one", function()
    local _, err = look(service(), "Prices")
    assert.equal("DatasetNotFound", err.code)
    assert.matches("ensure_dataset", tostring(err))
    _, err = look(service(dataset("d1", "Prices"), dataset("d2", "Prices")), "Prices")
    assert.equal("AmbiguousTitle", err.code)
    assert.matches("d1, d2", tostring(err))
  end)

  it("gives the fault of a service that fails", function()
    local here = world.new { world.refuse(403, "AccessDeniedException") }
    assert.equal("AccessDeniedException", select(2, look(here, "Prices")).code)
    assert.equal("AccessDeniedException", select(2, look(here, ID)).code)
  end)

  it("raises without a name", function()
    assert.has_error(function() look(service(), nil) end, 'find_dataset needs the option "dataset"')
  end)
end)
