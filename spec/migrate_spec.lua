local lake = require("spec.support.lake")
local postgres = require("spec.support.postgres")
local service = require("spec.support.service")
local support = require("spec.support")

describe("finspace migrate #once", function()
  local it = support.unless_missing({ it = it, skip = function(why) pending(why) end }, postgres.missing)
  local folder, cluster, store, small, known

  local COLUMNS = { { columnName = "day", dataType = "DATE" }, { columnName = "price", dataType = "DOUBLE" } }

  -- A service of one machine with a little of everything.
  local function fill()
    local dataset = small.dataset("Moved", COLUMNS)
    for day = 1, 3 do
      local uri = small.put("scratch/prices.csv", ("day,price\n2020-01-%02d,%d\n"):format(day, day))
      assert.equal("SUCCESS", small.ingest(dataset, uri).status)
    end
    small.put("scratch/large.bin", ("0123456789abcdef"):rep(600 * 1024)) -- in parts
    local view = small.view(dataset, { sortColumns = { "day" } })
    local listed = small.call("ListChangesets", { datasetId = dataset }).changesets
    return { dataset = dataset, view = view, files = small.files_of(view), changesets = listed }
  end

  setup(function()
    if postgres.missing() then return end
    folder = support.temporary_folder()
    cluster, store = postgres.start(), lake.start_store()
    small = service.start { data = folder .. "/small", database = false }
    known = fill()
    small.kill()
  end)
  teardown(function()
    if not cluster then return end
    store.stop()
    cluster.stop()
    support.remove_folder(folder)
  end)

  local function migrate(url, endpoint, more)
    local command = (
      "env %s build/bin/finspace migrate --from %s/small --database %s --store s3://lake/deep/place "
      .. "--store-role %s --store-endpoint %s %s"
    ):format(
      table.concat(lake.settings(store), " "),
      folder,
      support.quote(url),
      lake.ROLE,
      endpoint or store.endpoint,
      more or ""
    )
    return support.run(command)
  end

  it("goes on where it was cut off, and moves everything, verified", function()
    local url = cluster.new_database()
    local between = lake.stand_between(store, "if number > 12 then return ngx.exit(403) end")
    local output, status = migrate(url, between.endpoint)
    between.stop()
    assert.equal(1, status, output)
    assert.matches("the store: ", output, 1, true)
    output, status = migrate(url)
    assert.equal(0, status, output)
    assert.matches("all have the SHA-256 that they had", output, 1, true)
    assert.matches("changesets +3 rows", output)
    output, status = migrate(url)
    assert.equal(0, status, output)
    assert.matches(" 0 sent, ", output, 1, true)
    assert.matches("there already: compared anew", output, 1, true)

    local node = service.start {
      database = url,
      owner_keys = folder .. "/small/credentials",
      options = lake.options(store.endpoint),
      settings = lake.settings(store),
    }
    assert.same(known.changesets, node.call("ListChangesets", { datasetId = known.dataset }).changesets)
    assert.same(known.files, lake.files_of_view(node, store, known.view))
    local changeset = lake.load(node, store, known.dataset, "day,price\n2020-02-01,9\n")
    assert.equal("SUCCESS", changeset.status)
    local view = node.view(known.dataset, { sortColumns = { "day" } })
    assert.equal("SUCCESS", view.status)
    assert.not_same(known.files, lake.files_of_view(node, store, view))
    node.stop()
    output, status = migrate(url)
    assert.equal(1, status, output)
    assert.matches("differs between the folder and the database", output, 1, true)
  end)

  it("seals what it moves", function()
    local url, key = cluster.new_database(), folder .. "/seal-key"
    support.write_file(key, ("0123456789abcdef"):rep(4))
    local output, status = migrate(url, nil, "--seal-key " .. key)
    assert.equal(0, status, output)
    local secret = support.read_file(folder .. "/small/credentials"):match("secret_access_key = (%S+)")
    assert.is_nil(postgres.dump(url):find(secret, 1, true))
  end)

  it("refuses what it cannot move, with one line", function()
    local output, status = migrate("mysql://x")
    assert.equal(1, status)
    assert.matches("--database must be a URL of PostgreSQL's", output, 1, true)
    output = support.run(
      "build/bin/finspace migrate --from /nowhere --database postgresql://x/y --store s3://a/b --store-role c"
    )
    assert.matches("there is no service's data in /nowhere", output, 1, true)
    local url = cluster.new_database()
    local other = service.start { database = url, owner_keys = folder .. "/small/credentials" }
    other.stop()
    output, status = migrate(url)
    assert.equal(1, status)
    assert.matches("the database holds another service already", output, 1, true)
  end)
end)
