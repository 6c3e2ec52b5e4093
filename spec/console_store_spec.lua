local browser = require("spec.support.browser")
local cjson = require("cjson")
local finspace = require("finspace")
local lake = require("spec.support.lake")
local postgres = require("spec.support.postgres")
local service = require("spec.support.service")
local stores = require("spec.support.stores")
local support = require("spec.support")
local sys = require("finspace.sys")

local ROWS = 36000 -- of a file that has three parts, and is too large for a chart to read it whole

local function large_file(folder)
  local lines = { "at,n,text\n" }
  for i = 1, ROWS do
    local minute = os.date("!%Y-%m-%dT%H:%M:%SZ", 1577836800 + 60 * i)
    lines[#lines + 1] = ("%s,%d,%s\n"):format(minute, i, ("x"):rep(950))
  end
  return support.write_file(folder .. "/large.csv", table.concat(lines))
end

for name, start_store in pairs(stores) do
  describe("The console of two nodes with " .. name .. " as the store #once #interop", function()
    local missing, store, cluster, nodes, page, folder, dataset

    setup(function()
      missing = browser.missing() or postgres.missing()
      if not missing then
        store, missing = start_store()
      end
      if not store then return end
      folder = support.temporary_folder()
      cluster, nodes, page = postgres.start(), {}, browser.start()
      local url, keys = cluster.new_database(), folder .. "/owner"
      service.write_owner_keys(keys, true)
      for number = 1, 2 do
        nodes[number] = service.start {
          database = url,
          owner_keys = keys,
          ingest_workers = number - 1, -- the second one reads what the first one was given
          options = lake.options(store.endpoint, { store_role = store.role }),
          settings = lake.settings(store),
        }
      end
      dataset = nodes[1].dataset("Large")
    end)
    teardown(function()
      if not store then return end
      page:stop()
      for _, node in ipairs(nodes) do
        node.stop()
      end
      cluster.stop()
      store.stop()
      support.remove_folder(folder)
    end)

    local function sentence(text, work)
      it(text, function()
        if missing then return pending(missing) end
        work()
      end)
    end

    -- The link that the first node printed or a new one: any node takes it.
    local function enter(node, link)
      page:open(node.endpoint .. "/" .. link:match("#.*"))
      page:await("document.querySelector('.bar')")
    end

    local function new_link(node)
      local keys = node.credentials
      return require("finspace.service.auth.sign_in_link").url(node.endpoint, keys.secret_access_key, sys.now())
    end

    local function show(tab, condition)
      page:run("location.hash = arguments[0]", ("#/datasets/%s/%s"):format(dataset, tab))
      page:await(condition)
    end

    local function choose(path)
      show("load", "document.querySelector('input[type=file]')")
      page:type("input[type=file]", path)
      page:press("Load", ".actions")
    end

    sentence("lets both nodes' pages call the store", function()
      for _, node in ipairs(nodes) do
        assert.truthy(node.log():find("its CORS rule finspace-console is set", 1, true), node.log())
      end
    end)

    sentence("stages a file in parts in the store, by the first node's page", function()
      enter(nodes[1], nodes[2].log():match("%S+#sign%-in=%S+"))
      choose(large_file(folder))
      page:await("document.querySelector('.outcome') || document.querySelector('main [role=alert]')")
      assert.equal("", page:text("main [role=alert]"))
      page:assert_no_complaints()
      nodes[1].kill()
    end)

    sentence("shows by the second node's page what became of it when the first one was killed", function()
      enter(nodes[2], new_link(nodes[2]))
      show("changesets", "document.querySelector('.timeline .badge')")
      page:await("document.querySelector('.timeline .badge.good, .timeline .badge.bad')")
      assert.truthy(page:text(".timeline"):find("SUCCESS", 1, true), page:text(".timeline"))
      show("columns", "document.querySelectorAll('.histogram').length === 2")
      assert.truthy(page:text("main"):find("36,000 rows", 1, true))
      show("rows", "document.querySelectorAll('.grid tbody tr').length === 100")
      page:assert_no_complaints()
    end)

    sentence("draws from the store a part of what is too large, and more where somebody zooms in", function()
      show("chart", "document.querySelector('.chart-controls')")
      page:press("Create the view and draw")
      page:await("document.querySelector('.chart-foot [role=status]')?.textContent.includes('evenly spread')")
      local box = page:run(
        "const b = document.querySelector('.chart > svg').getBoundingClientRect(); return [b.left, b.top, b.width]"
      )
      local left, y, width = box[1], box[2] + 100, box[3]
      page:point({ { left + width * 0.5, y }, { left + width * 0.52, y }, { left + width * 0.55, y } }, true)
      page:await("!document.querySelector('.chart-foot [role=status]').textContent.includes('evenly spread')")
      assert.is_true(page:run("return Number(document.querySelector('.curve').dataset.points)") > 900)
      page:assert_no_complaints()
    end)

    sentence("downloads a view's files from the store", function()
      show("views", "document.querySelector('.tab .button')")
      page:press("Create view", ".tab")
      page:await("document.querySelector('dialog select')")
      page:run("document.querySelector('dialog select').value = 'PARQUET'")
      page:press("Create view", "dialog")
      page:await("document.querySelectorAll('.view .badge.good').length === 2 && !document.querySelector('dialog')")
      page:press("Files", ".view:first-child")
      page:press("Download", ".view:first-child")
      local file, bytes = page:download()
      assert.truthy(file:find("%.parquet$"), file)
      assert.same({ "PAR1", "PAR1" }, { bytes:sub(1, 4), bytes:sub(-4) })
      assert.equal(nodes[2].endpoint, page:run("return location.origin"))
      page:assert_no_complaints()
    end)

    sentence("gives credentials that boto3 stages in the store with", function()
      local python, absent = support.boto3()
      if absent then return pending(absent) end
      page:run("document.querySelector('.gear').click()")
      page:press("API Credentials")
      page:await("document.querySelector('dialog pre')")
      assert.truthy(page:text("dialog pre"):find("AWS_ENDPOINT_URL_S3='" .. store.endpoint .. "'", 1, true))
      local script = page:run("return [...document.querySelectorAll('dialog pre')].pop().textContent")
      local path = support.write_file(folder .. "/try.py", script .. "\n" .. [[
at = finspace.get_working_location(locationType="INGESTION")
s3.put_object(Bucket=at["s3Bucket"], Key=at["s3Path"] + "x", Body=b"x")
print("staged")
]])
      local output, status = support.run(("env -i HOME=%s PATH=/usr/bin:/bin %s %s"):format(folder, python, path))
      assert.same({ 0, "staged\n" }, { status, output })
      page:press("×", "dialog")
    end)

    local function set_rules(rules)
      local fs =
        finspace.new { region = "us-east-1", s3_endpoint_url = store.endpoint, credentials = store.credentials }
      assert(fs.s3:put_bucket_cors { bucket = "lake", rules = rules })
      fs:close()
    end

    local function as_options(rule)
      return {
        allowed_origins = rule.AllowedOrigins,
        allowed_methods = rule.AllowedMethods,
        allowed_headers = rule.AllowedHeaders,
        expose_headers = rule.ExposeHeaders,
      }
    end

    sentence("says which rule is missing when it is gone, and goes on when that is set", function()
      set_rules { { allowed_origins = { "https://other.example" }, allowed_methods = { "GET" } } }
      show("rows", "document.querySelector('.grid')")
      show("load", "document.querySelector('main [role=alert] + .drop')")
      choose(support.write_file(folder .. "/small.csv", "at,n,text\n2021-01-01T00:00:00Z,1,y\n"))
      page:await("document.querySelector('main [role=alert] pre') && !document.querySelector('.drop')")
      local said = page:text("main [role=alert]")
      assert.truthy(said:find("has no rule (CORS) for pages of " .. nodes[2].endpoint, 1, true), said)
      local rule = cjson.decode(page:text("main [role=alert] pre")).CORSRules[1]
      assert.same({ nodes[2].endpoint }, rule.AllowedOrigins)
      page:complaints() -- the browser's own, of what it kept from the page
      set_rules { as_options(rule) }
      page:press("Try again")
      page:await("document.querySelector('.outcome .badge.good')")
      page:assert_no_complaints()
    end)

    sentence("says that the store does not answer, when it does not", function()
      store.stop()
      store.stop = function() end
      show("rows", "document.querySelector('.grid')")
      choose(folder .. "/small.csv")
      page:await("document.querySelector('main [role=alert]')")
      assert.truthy(page:text("main [role=alert]"):find("does not answer", 1, true), page:text("main"))
    end)
  end)
end
