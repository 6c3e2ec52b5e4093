local cjson = require("cjson")
local service = require("spec.support.service")
local support = require("spec.support")

describe("What was loaded, seen from a shell #once", function()
  local running, folder, dataset, changeset

  local function finspace(arguments)
    local command = ("%s %s/build/bin/finspace %s 2>&1"):format(running.shell(), support.root, arguments)
    return support.run(command)
  end

  setup(function()
    running, folder = service.start(), support.temporary_folder()
    dataset = running.dataset("Daily prices", {
      { columnName = "id", dataType = "BIGINT" },
      { columnName = "sym", dataType = "STRING" },
      { columnName = "d", dataType = "DATE" },
    })
    local body = "id,sym,d\n9007199254740993,é,2020-01-02\n-5,,2019-12-31\n,b,\n"
    changeset = running.ingest(dataset, running.put("prices.csv", body))
  end)
  teardown(function()
    running.stop()
    support.remove_folder(folder)
  end)

  it("shows rows, files, bytes, and of each column its type, range and NULLs", function()
    local shown = finspace("show " .. changeset.changesetId)
    assert.truthy(shown:find("\n3 rows, 1 file, %d+ B\n"), shown)
    assert.truthy(shown:find("\nid\tBIGINT\t-5\t9007199254740993\t1\n", 1, true), shown)
    assert.truthy(shown:find("\nsym\tSTRING\t\t\t1\n", 1, true), shown)
    assert.truthy(shown:find("\nd\tDATE\t2019-12-31\t2020-01-02\t1\n", 1, true), shown)
    local one = running.ingest(dataset, running.put("one.csv", "id,sym,d\n1,x,2020-01-01\n"))
    assert.truthy(finspace("show 'Daily prices' " .. one.changesetId):find("\n1 row, 1 file, ", 1, true))
  end)

  it("tells the same as JSON, beside what GetChangeset tells", function()
    local told = cjson.decode((finspace("show " .. changeset.changesetId .. " --json")))
    assert.equal(changeset.changesetId, told.changesetId)
    assert.equal(3, told.summary.rows)
    assert.equal("9007199254740993", told.summary.columns[1].max)
  end)

  it("is brought down as files by the dataset's name, in folders as Hive names them", function()
    running.view(dataset, { partitionColumns = { "sym" }, sortColumns = { "id" } })
    local target = folder .. "/got"
    local output, status = finspace(("get --dataset 'Daily prices' %s"):format(target))
    assert.equal(0, status, output)
    local files = support.run(("cd %s && find . -type f | sort"):format(target))
    assert.truthy(files:find("./sym=é/part-", 1, true), files)
    assert.truthy(files:find("./sym=__HIVE_DEFAULT_PARTITION__/part-", 1, true), files)
    assert.equal("PAR1", support.read_file(target .. "/" .. files:match("%./([^\n]+)")):sub(1, 4))
  end)
end)
