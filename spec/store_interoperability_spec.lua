local cjson = require("cjson")
local lake = require("spec.support.lake")
local postgres = require("spec.support.postgres")
local service = require("spec.support.service")
local stores = require("spec.support.stores")
local support = require("spec.support")

local PYPI = support.root .. "/build/interop/python/bin/python"

local function has_duckdb(python) return select(2, support.run(python .. " -c 'import duckdb, fsspec, pyarrow'")) == 0 end

for name, start_store in pairs(stores) do
  describe("Three nodes with PostgreSQL and " .. name .. " as the store #once #interop", function()
    local store, missing, cluster, nodes, python, absent

    setup(function()
      python, absent = support.boto3()
      missing = postgres.missing()
      if not missing then
        store, missing = start_store()
      end
      if not store then return end
      cluster, nodes = postgres.start(), {}
      local url, keys = cluster.new_database(), support.temporary_folder() .. "/owner"
      service.write_owner_keys(keys, true)
      for number = 1, 3 do
        nodes[number] = service.start {
          database = url,
          owner_keys = keys,
          options = lake.options(store.endpoint, { store_role = store.role }),
          settings = lake.settings(store),
        }
      end
    end)
    teardown(function()
      if not store then return end
      for _, node in ipairs(nodes) do
        node.stop()
      end
      cluster.stop()
      store.stop()
    end)

    local function endpoints()
      local list = {}
      for i, node in ipairs(nodes) do
        list[i] = node.endpoint
      end
      return support.quote(table.concat(list, " "))
    end

    it("answer boto3 all 31 operations, each call at another node", function()
      if missing or absent then return pending(missing or absent) end
      local output, status = support.run(
        ("FINSPACE_NODES=%s %s %s %s/spec/support/interoperability.py operations x"):format(
          endpoints(),
          nodes[1].shell(),
          python,
          support.root
        )
      )
      assert.equal(0, status, output)
      local result = cjson.decode(output)
      assert.equal(31, result.operations)
      assert.same({}, result["not called"])
      assert.same({ ["part-00000.csv"] = "ticker,price\nA,10.0\nB,20.0\n" }, result.view)
      assert.same({ ["part-00000.csv"] = "ticker,price\nA,10.0\nB,20.0\nC,3.0\n" }, result["view after"])
      assert.same({ "403 AccessDenied", "403 AccessDenied" }, result["view keys"])
      assert.equal("accepted", result.programmatic)
    end)

    it("write views that DuckDB reads in the store, with the view's keys", function()
      if missing then return pending(missing) end
      local reader = has_duckdb(PYPI) and PYPI or nil
      if not reader then
        return pending(support.lacking("DuckDB for Python, with fsspec and pyarrow,", "make interop"))
      end
      local node = nodes[2]
      local columns = { { columnName = "day", dataType = "DATE" }, { columnName = "price", dataType = "DOUBLE" } }
      local dataset = node.dataset("In place", columns)
      local place, keys = lake.location(node), lake.working_keys(node)
      lake.put(
        store.endpoint,
        place.s3Bucket,
        place.s3Path .. "a.csv",
        "day,price\n2020-01-03,2\n2020-01-02,1.5\n",
        keys
      )
      assert.equal("SUCCESS", nodes[3].ingest(dataset, place.s3Uri .. "a.csv").status)
      local view = nodes[1].view(dataset)
      local ids = { datasetId = dataset, dataViewId = view.dataViewId }
      local details = assert(node.call("GetExternalDataViewAccessDetails", ids))
      local asked = cjson.encode {
        key = details.credentials.accessKeyId,
        secret = details.credentials.secretAccessKey,
        token = details.credentials.sessionToken,
        endpoint = store.endpoint,
        bucket = details.s3Location.bucket,
        prefix = details.s3Location.key,
      }
      local script = support.root .. "/spec/support/duckdb_in_place.py"
      local output, status = support.run(("printf %%s %s | %s %s"):format(support.quote(asked), reader, script))
      assert.equal(0, status, output)
      assert.same({ { "2020-01-02", 1.5 }, { "2020-01-03", 2 } }, cjson.decode(output))
    end)
  end)
end
