--- Views through the client, with the real service.
local finspace = require("finspace")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("views #once", function()
  local server, fs, folder

  setup(function()
    server = service.start()
    folder = support.temporary_folder()
    fs = finspace.new {
      getenv = function(name) return server.env[name] end,
      sleep = function(seconds) sys.sleep(math.min(seconds, 0.05)) end,
    }
  end)
  teardown(function()
    fs:close()
    server.stop()
    support.remove_folder(folder)
  end)

  -- A dataset with these rows, loaded.
  local function dataset_with(title, text)
    local file = support.write_file(folder .. "/" .. title .. ".csv", text)
    local dataset = assert(fs:ensure_dataset { title = title, schema = assert(fs:infer_schema { file = file }) })
    assert(fs:load { file = file, dataset = title, journal = false, timeout = 30 })
    return dataset.datasetId
  end

  local function auto_view(title, more)
    local given = { dataset = title, timeout = 20 }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return fs:ensure_auto_view(given)
  end

  local function rows(given)
    local list = {}
    for row in assert(fs:read_view(given)) do
      list[#list + 1] = row
    end
    return list
  end

  it("are made once, however often they are asked for", function()
    local id = dataset_with("Once", "day,price\n2020-01-01,1.5\n")
    local first, err, created = auto_view("Once")
    assert.is_truthy(first, tostring(err))
    assert.same({ "SUCCESS", true, true }, { first.status, first.autoUpdate, created })
    local second, _, again = auto_view("Once")
    assert.same({ first.dataViewId, false }, { second.dataViewId, again })
    local count = 0
    for _ in fs:each("list_data_views", { datasetId = id }) do
      count = count + 1
    end
    assert.equal(1, count)
  end)

  it("are others when they are sorted otherwise", function()
    local plain = assert((dataset_with("Sorted", "a,b\n2,x\n1,y\n") and auto_view("Sorted", { sort_columns = {} })))
    local sorted = assert(auto_view("Sorted", { sort_columns = { "a" } }))
    assert.not_equal(plain.dataViewId, sorted.dataViewId)
    assert.equal(sorted.dataViewId, auto_view("Sorted", { sort_columns = { "a" } }).dataViewId)
    local first = rows({ dataset = "Sorted", view = sorted.dataViewId })[1]
    assert.same({ "1", "y" }, { first.a, first.b })
  end)

  it("are read as rows, whose fields have names and numbers", function()
    dataset_with("Rows", 'day,"the price"\n2020-01-01,1.5\n2020-01-02,"2,5"\n')
    assert(auto_view("Rows"))
    local list = rows { dataset = "Rows" }
    assert.equal(2, #list)
    assert.same({ "2020-01-02", "2,5", "2,5" }, { list[2].day, list[2][2], list[2]["the price"] })
  end)

  it("are read over all their files, into one with one header", function()
    dataset_with("Parts", "k,v\n" .. ("a,1\nb,2\nc,3\n"):rep(3))
    assert(auto_view("Parts", { partition_columns = { "k" } }))
    local list, seen = rows { dataset = "Parts" }, {}
    for _, row in ipairs(list) do
      seen[row.k] = (seen[row.k] or 0) + tonumber(row.v)
    end
    assert.same({ a = 3, b = 6, c = 9 }, seen)
    local file = folder .. "/out.csv"
    local done = assert(fs:read_view { dataset = "Parts", file = file })
    local text = support.read_file(file)
    assert.same({ file, 3, #text }, { done.file, done.objects, done.bytes })
    local _, headers = text:gsub("k,v", "")
    local _, lines = text:gsub("\n", "")
    assert.same({ 1, 10 }, { headers, lines })
    assert.equal("out.csv\n", (support.run("ls " .. folder .. " | grep out")))
  end)

  it("leave nothing behind when the loop over their rows is left early", function()
    dataset_with("Early", "a\n1\n2\n")
    assert(auto_view("Early"))
    local before = support.run("ls /tmp | grep -c lua_")
    local next_row = assert(fs:read_view { dataset = "Early" })
    assert.equal("1", next_row().a)
    assert.equal(before, (support.run("ls /tmp | grep -c lua_")))
  end)

  it("follow a later changeset", function()
    dataset_with("Later", "a\n1\n")
    local view = assert(auto_view("Later"))
    dataset_with("Later", "a\n2\n3\n")
    assert(fs:wait_data_view { datasetId = view.datasetId, dataViewId = view.dataViewId, timeout = 20 })
    assert.equal(3, #rows { dataset = "Later" })
  end)

  it("that do not exist are an error that says what to do", function()
    dataset_with("None", "a\n1\n")
    local result, err = fs:read_view { dataset = "None" }
    assert.is_nil(result)
    assert.equal("NoView", err.code)
    assert.matches("ensure_auto_view", tostring(err))
    result, err = fs:read_view { dataset = "no such dataset" }
    assert.is_nil(result)
    assert.equal("DatasetNotFound", err.code)
  end)

  it("that cannot be built are an error that carries errorInfo and the view", function()
    local file = support.write_file(folder .. "/schemaless.csv", "a\n1\n")
    assert(fs:ensure_dataset { title = "Schemaless" })
    assert(fs:load { file = file, dataset = "Schemaless", journal = false, timeout = 30 })
    local view, err = auto_view("Schemaless", { sort_columns = { "nowhere" } })
    assert.is_nil(view)
    assert.equal("VALIDATION", err.code)
    assert.matches("nowhere", tostring(err))
  end)
end)
