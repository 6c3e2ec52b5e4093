local service = require("spec.support.service")
local support = require("spec.support")

describe("The examples #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function run(script, prefix)
    local output, status = support.run(
      ("cd %s && %s %s XDG_STATE_HOME=%s lua5.4 examples/%s"):format(
        support.quote(support.root),
        running.shell(),
        prefix or "",
        running.data,
        script
      )
    )
    assert.equal(0, status, output)
    return output
  end

  it("load a file, and list what is there", function()
    assert.truthy(run('load.lua examples/data/sp500-2000.csv "Prices"'):find("SUCCESS"))
    local output = run("list.lua")
    assert.truthy(output:find("Prices"))
    assert.truthy(output:find("SUCCESS%s+APPEND"))
  end)

  it("create a changeset in the first wire form, and wait for it", function()
    local dataset = assert(running.call("ListDatasets")).datasets[1].datasetId
    local changeset = assert(running.call("ListChangesets", { datasetId = dataset })).changesets[1]
    local output = run(("create_changeset.lua %s %s"):format(dataset, changeset.sourceParams.s3SourcePath))
    assert.truthy(output:find("SUCCESS"))
  end)

  it("show what an err holds", function()
    local output = run("errors.lua")
    assert.truthy(output:find("kind must be one of TABULAR, NON_TABULAR"))
    assert.truthy(output:find("client%s+ResourceNotFoundException%s+404%s+refused%s+1"))
  end)

  it("presign a URL that curl can fetch", function()
    local url = run("presign.lua"):gsub("%s+$", "")
    assert.truthy(support.run("curl -s " .. support.quote(url)):find('"datasets":', 1, true))
  end)

  it(
    "trade IAM keys for FinSpace's own",
    function() assert.truthy(run("own_credentials.lua", "FINSPACE_ENVIRONMENT_ID=local"):find("^s3://")) end
  )
end)

describe("The examples' index", function()
  local index = support.read_file(support.root .. "/examples/README.md")

  it("names every example, and none that is not there", function()
    for name in support.run("cd " .. support.root .. "/examples && ls -d *.lua */"):gmatch("[^\n]+") do
      assert.matches("](" .. name, index, 1, true)
    end
    for path in index:gmatch("%]%((.-)%)") do
      assert.is_truthy(support.read_file(support.root .. "/examples/" .. path), path)
    end
  end)

  it("can say that no example needs more than what is public", function()
    local public = { credentials = true, core = true, http = true, sys = true, hashing = true }
    local names =
      support.run("cd " .. support.root .. " && grep -rhoE '\"finspace[.][a-z_.]+\"' examples --include=*.lua")
    for module in names:gmatch('"finspace%.([%w_.]+)"') do
      assert.is_true(public[module], module)
    end
  end)
end)
