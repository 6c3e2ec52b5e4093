local world = require("spec.support.world")

-- A list of n datasets in pages of two; the token is the number of the first item.
local function paged(n)
  return function(request)
    local first = tonumber(request.url:match("nextToken=(%d+)")) or 1
    local items = {}
    for i = first, math.min(first + 1, n) do
      items[#items + 1] = ('{"datasetId":"d%d"}'):format(i)
    end
    local token = first + 2 <= n and (',"nextToken":"%d"'):format(first + 2) or ""
    return world.ok(('{"datasets":[%s]%s}'):format(table.concat(items, ","), token))
  end
end

local function ids(fs, ...)
  local list = {}
  for dataset in fs:each(...) do
    list[#list + 1] = dataset.datasetId
  end
  return list
end

describe("fs:each", function()
  it("walks the items of all pages in order", function()
    local here = world.new(paged(5))
    assert.same({ "d1", "d2", "d3", "d4", "d5" }, ids(here.client(), "list_datasets"))
    assert.equal(3, #here.requests)
  end)

  it("asks for a page only when somebody gets there", function()
    local here = world.new(paged(100))
    for dataset in here.client():each("ListDatasets") do
      if dataset.datasetId == "d3" then break end
    end
    assert.equal(2, #here.requests)
  end)

  it("goes on over an empty page that has a token", function()
    local here = world.new {
      world.ok('{"datasets":[],"nextToken":"a"}'),
      world.ok('{"nextToken":"b"}'),
      world.ok('{"datasets":[{"datasetId":"d1"}]}'),
    }
    assert.same({ "d1" }, ids(here.client(), "list_datasets"))
    assert.equal(3, #here.requests)
  end)

  it("stops on an empty token", function()
    local here = world.new { world.ok('{"datasets":[{"datasetId":"d1"}],"nextToken":""}') }
    assert.same({ "d1" }, ids(here.client(), "list_datasets"))
  end)

  -- Whoever walks the list must not take it for complete.
  local function endless(answer)
    local here = world.new(answer)
    local ok, err = pcall(ids, here.client(), "list_datasets")
    assert.is_false(ok)
    assert.same({ "protocol", "EndlessList", "ListDatasets" }, { err.kind, err.code, err.operation })
    local items, told = here.client():pages("ListDatasets"):collect(function() return true end)
    assert.is_nil(items)
    assert.equal("EndlessList", told.code)
    return err, #here.requests
  end

  it("fails on a token that has been there before, at once or after a while", function()
    endless { world.ok('{"datasets":[{"datasetId":"d1"}],"nextToken":"x"}') }
    local err = endless(
      function(_, number) return world.ok(('{"datasets":[],"nextToken":"%d"}'):format(number % 7)) end
    )
    assert.matches("been there before", err.message)
  end)

  it("fails on pages that never end, empty or not", function()
    local err = endless(function(_, number) return world.ok(('{"datasets":[],"nextToken":"%d"}'):format(number)) end)
    assert.matches("in a row were empty", err.message)
    err = endless(
      function(_, number) return world.ok(('{"datasets":[{"datasetId":"d"}],"nextToken":"%d"}'):format(number)) end
    )
    assert.matches("10000 pages", err.message)
  end)

  it("raises what failed, as the err table, because a loop cannot return it", function()
    local here = world.new {
      world.ok('{"datasets":[{"datasetId":"d1"}],"nextToken":"x"}'),
      world.refuse(403, "AccessDeniedException", "no"),
    }
    local seen = {}
    local ok, err = pcall(function()
      for dataset in here.client():each("list_datasets") do
        seen[#seen + 1] = dataset.datasetId
      end
    end)
    assert.is_false(ok)
    assert.equal("AccessDeniedException", err.code)
    assert.same({ "d1" }, seen)
  end)

  it("asks for the largest pages unless it is told another size", function()
    local here = world.new { world.ok('{"users":[]}') }
    ids(here.client(), "list_users")
    assert.matches("maxResults=100", here.requests[1].url)
    ids(here.client(), "list_users", { maxResults = 7 })
    assert.matches("maxResults=7", here.requests[2].url)
  end)

  it("leaves the caller's table as it was", function()
    local params = { datasetId = "d1" }
    local here = world.new { world.ok('{"changesets":[{"changesetId":"c1"}],"nextToken":"x"}'), world.ok() }
    ids(here.client(), "list_changesets", params)
    assert.same({ datasetId = "d1" }, params)
  end)

  it("raises for an operation without pages, and for one that does not exist", function()
    local fs = world.new({}).client()
    assert.has_error(function() fs:each("get_dataset", { datasetId = "d1" }) end)
    local _, message = pcall(fs.each, fs, "list_dataset")
    assert.matches('unknown operation "list_dataset"; did you mean "list_datasets"?', message, 1, true)
  end)
end)

describe("fs:pages", function()
  it("gives whole pages", function()
    local sizes = {}
    for page in world.new(paged(5)).client():pages("list_datasets") do
      sizes[#sizes + 1] = #page.datasets
    end
    assert.same({ 2, 2, 1 }, sizes)
  end)

  it("collects nothing from an answer that has no list, which would pass for an empty one", function()
    local fs = world.new({ world.ok("{}") }).client()
    local items, err = fs:pages("ListDatasets"):collect(function() return true end)
    assert.is_nil(items)
    assert.same({ "protocol", "InvalidAnswer" }, { err.kind, err.code })
  end)

  it("collects the items that are wanted, or returns what failed", function()
    local pages = world.new(paged(5)).client():pages("list_datasets")
    local wanted = pages:collect(function(dataset) return dataset.datasetId:find("[24]") end)
    assert.same({ { datasetId = "d2" }, { datasetId = "d4" } }, wanted)
    local refused = world.new {
      world.ok('{"datasets":[{"datasetId":"d1"}],"nextToken":"x"}'),
      world.refuse(403, "AccessDeniedException", "no"),
    }
    local items, err = refused.client():pages("list_datasets"):collect(function() return true end)
    assert.is_nil(items)
    assert.equal("AccessDeniedException", err.code)
  end)

  it("returns what failed to those who ask with next, and can be asked again", function()
    local here = world.new {
      world.ok('{"datasets":[{"datasetId":"d1"}],"nextToken":"x"}'),
      world.refuse(403, "AccessDeniedException", "no"),
      world.ok('{"datasets":[{"datasetId":"d2"}]}'),
    }
    local pages = here.client():pages("list_datasets")
    assert.equal("d1", pages:next().datasets[1].datasetId)
    local page, err = pages:next()
    assert.is_nil(page)
    assert.equal("AccessDeniedException", err.code)
    assert.equal("d2", pages:next().datasets[1].datasetId)
    assert.is_nil(pages:next())
    assert.is_nil(pages:next())
    assert.equal(3, #here.requests)
  end)
end)
