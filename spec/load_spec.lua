local files = require("finspace.verbs.load.files")
local finspace = require("finspace")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local CSV = "date,price\n2020-01-01,1.5\n2020-01-02,2.5\n"

describe("the files of a load", function()
  local folder

  setup(function()
    folder = support.temporary_folder()
    for _, name in ipairs { "in", "in/sub", "in/sub/deep" } do
      sys.mkdir(folder .. "/" .. name, 493)
    end
    for _, name in ipairs { "a.csv", "b1.csv", "b2.csv", ".hidden", "_SUCCESS", "sub/c.csv", "sub/deep/d.csv" } do
      support.write_file(folder .. "/in/" .. name, CSV)
    end
    support.write_file(folder .. "/empty.csv", "")
    sys.mkdir(folder .. "/nothing", 493)
  end)

  teardown(function() support.remove_folder(folder) end)

  local function names_of(paths)
    local names = {}
    for i, entry in ipairs(assert(files.select(paths)).entries) do
      names[i] = entry.name
    end
    return names
  end

  local function code_of(paths) return select(2, files.select(paths)).code end

  it("are a file that is named", function()
    local selection = assert(files.select(folder .. "/in/a.csv"))
    assert.is_true(selection.single)
    assert.are.equal("a.csv", selection.entries[1].name)
  end)

  it("are all files below a folder, but hidden ones and markers", function()
    assert.are.same({ "a.csv", "b1.csv", "b2.csv", "sub/c.csv", "sub/deep/d.csv" }, names_of(folder .. "/in"))
    assert.is_false(assert(files.select(folder .. "/in")).single)
  end)

  it("are those that match a pattern", function()
    assert.are.same({ "a.csv", "b1.csv", "b2.csv" }, names_of(folder .. "/in/*.csv"))
    assert.are.same({ "b1.csv", "b2.csv" }, names_of(folder .. "/in/b?.csv"))
    assert.are.same({ "b2.csv" }, names_of(folder .. "/in/b[2-9].csv"))
    assert.are.same({ "a.csv", "b1.csv" }, names_of(folder .. "/in/*[!2].csv"))
    assert.are.same({ "sub/c.csv" }, names_of(folder .. "/in/*/*.csv"))
    assert.are.same({ "a.csv", "b1.csv", "b2.csv", "sub/c.csv", "sub/deep/d.csv" }, names_of(folder .. "/in/**/*.csv"))
    assert.are.same({ "in/sub/deep/d.csv" }, names_of(folder .. "/**/d.csv"))
  end)

  it(
    "are several, kept apart where two have one name",
    function() assert.are.same({ "2/a.csv", "a.csv" }, names_of { folder .. "/in/a.csv", folder .. "/in/../in/a.csv" }) end
  )

  it("are entered once where a link leads round", function()
    support.run(("ln -s .. %s"):format(support.quote(folder .. "/in/sub/round")))
    assert.is_true(#names_of(folder .. "/in/sub") < 20)
    sys.remove(folder .. "/in/sub/round")
  end)

  it("are refused where there are none, or nothing in them", function()
    assert.are.equal("NoSuchFile", code_of(folder .. "/none.csv"))
    assert.are.equal("NoSuchFile", code_of(folder .. "/in/*.parquet"))
    assert.are.equal("EmptyFile", code_of(folder .. "/empty.csv"))
    assert.are.equal("EmptyFolder", code_of(folder .. "/nothing"))
    assert.are.equal("NotAFile", code_of("/dev/null"))
    assert.are.equal("NoSuchFile", code_of {})
  end)

  it("leave out what holds no data, and name it, unless it is named itself", function()
    local spark = folder .. "/spark"
    for _, name in ipairs { "", "/_temporary", "/_temporary/0", "/_p=1", "/_delta_log" } do
      sys.mkdir(spark .. name, 493)
    end
    for name, content in pairs {
      ["part-0000.csv"] = CSV,
      ["_p=1/part-0001.csv"] = CSV,
      ["_SUCCESS"] = "{}",
      ["_temporary/0/part-0000.csv"] = CSV,
      ["_delta_log/0.json"] = "{}",
      [".part-0000.csv.crc"] = "crc",
      ["part-0002.csv.crc"] = "crc",
      [".DS_Store"] = "x",
      ["x_$folder$"] = "",
      ["part-0003.csv"] = "",
    } do
      support.write_file(spark .. "/" .. name, content)
    end
    local selection = assert(files.select(spark))
    assert.same({ "_p=1/part-0001.csv", "part-0000.csv" }, names_of(spark))
    assert.equal(8, #selection.skipped)
    local why = {}
    for _, file in ipairs(selection.skipped) do
      why[file.path:sub(#spark + 2)] = file.why
    end
    assert.equal("it is empty", why["part-0003.csv"])
    assert.matches("begins with _", why["_temporary"])
    assert.same({ "_SUCCESS" }, names_of(spark .. "/_SUCCESS"))
    local _, err = files.select(spark .. "/_delta_log")
    assert.is_nil(err)
    support.run("rm -rf " .. support.quote(spark .. "/part-0000.csv") .. " " .. support.quote(spark .. "/_p=1"))
    _, err = files.select(spark)
    assert.equal("EmptyFolder", err.code)
    assert.matches("8 left out, like", err.message)
  end)

  it("have another fingerprint when one of them changes", function()
    local path = support.write_file(folder .. "/change.csv", CSV)
    local before = assert(files.select(path)).fingerprint
    assert.are.equal(before, assert(files.select(folder .. "/in/../change.csv")).fingerprint)
    support.write_file(path, CSV .. "2020-01-03,3\n")
    assert.are_not.equal(before, assert(files.select(path)).fingerprint)
  end)

  it("are the same ones from any folder", function()
    assert.are.same({ sys.realpath(folder) .. "/in/a.csv" }, files.absolute(folder .. "/in/../in/a.csv"))
    assert.are.same({ sys.realpath(folder) .. "/in/*.csv" }, files.absolute(folder .. "/in/*.csv"))
  end)
end)

describe("fs:load", function()
  local server, folder, real_transport, close, fs, time_ahead
  local wire = {}

  local function transport(request)
    local response, err
    if wire.before then
      response, err = wire.before(request)
    end
    if response or err then return response, err end
    response, err = real_transport(request)
    if wire.after then return wire.after(request, response, err) end
    return response, err
  end

  local function client()
    return finspace.new {
      region = server.region,
      endpoint_url = server.endpoint,
      s3_endpoint_url = server.endpoint,
      credentials = server.credentials,
      transport = transport,
      sleep = function(seconds) sys.sleep(math.min(seconds, 0.02)) end,
      getenv = function(name) return name == "XDG_STATE_HOME" and folder .. "/state" or nil end,
      now = function() return sys.now() + time_ahead end,
    }
  end

  setup(function()
    server = service.start()
    folder = support.temporary_folder()
    real_transport, close = require("finspace.host.transport.curl").new {}
  end)

  teardown(function()
    close()
    server.stop()
    support.remove_folder(folder)
  end)

  local dataset_id

  before_each(function()
    wire, time_ahead = {}, 0
    fs = client()
    dataset_id = assert(fs:create_dataset {
      datasetTitle = "Loads " .. sys.uuid(),
      kind = "TABULAR",
      permissionGroupParams = {},
    }).datasetId
  end)

  local function write(name, content) return support.write_file(folder .. "/" .. name, content or CSV) end

  local function load(path, more)
    local given = { file = path, dataset = dataset_id }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return fs:load(given)
  end

  local function changesets()
    local found = {}
    for item in fs:each("list_changesets", { datasetId = dataset_id }) do
      table.insert(found, item)
    end
    return found
  end

  local function staged()
    local count = 0
    for _ in fs.s3:each_object { bucket = "finspace-local", prefix = "scratch/" } do
      count = count + 1
    end
    return count
  end

  local function open_uploads() return #assert(fs.s3:list_uploads { bucket = "finspace-local", prefix = "" }).uploads end

  local function journals() return sys.list(folder .. "/state/finspace/loads") or {} end

  local function is_create(request)
    return request.method == "POST" and request.url:find("/changesetsv2", 1, true) ~= nil
  end

  it("makes a file a changeset that has succeeded", function()
    local changeset = assert(load(write("prices.csv")))
    assert.are.same({ "SUCCESS", "APPEND" }, { changeset.status, changeset.changeType })
    assert.are.same(
      { formatType = "CSV", withHeader = "true", separator = ",", compression = "None" },
      changeset.formatParams
    )
    assert.matches("/prices%.csv$", changeset.sourceParams.s3SourcePath)
    assert.are.same({ 1, 0 }, { #changesets(), #journals() })
  end)

  local function with_schema(...)
    local columns = {}
    for i, column in ipairs { ... } do
      columns[i] = { columnName = column[1], dataType = column[2] }
    end
    dataset_id = assert(fs:create_dataset {
      datasetTitle = "Typed " .. sys.uuid(),
      kind = "TABULAR",
      permissionGroupParams = {},
      schemaDefinition = { tabularSchemaConfig = { columns = columns } },
    }).datasetId
  end

  -- Loads the text. Gives whether it had a header, and what was told of it.
  local function header_of(text, more)
    local told
    local given = { on_progress = function(event) told = event end }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    local changeset, err = load(write("head.csv", text), given)
    return changeset and changeset.formatParams.withHeader, told, err
  end

  it(
    "takes the first line for the header where no schema says otherwise, shows it, and doubts what looks like data",
    function()
      for text, columns in pairs {
        ["country,2019,2020\nAT,1,2\nBE,3,4\n"] = "country 2019 2020",
        ["ticker,2020-01-01,2020-01-02\nA,1,2\n"] = "ticker 2020-01-01 2020-01-02",
        ["fund,31/12/2019\nX,1\n"] = "fund 31/12/2019",
        ["id,true,false\n1,0,1\n"] = "id true false",
        [",open,close\n0,1.5,2\n"] = "column_1 open close",
        ["date,,price\n2020-01-01,x,1\n"] = "date column_2 price",
        ["a,b,\n1,2,\n"] = "a b column_3",
      } do
        local has_header, event = header_of(text)
        assert.same({ "true", columns, true }, { has_header, table.concat(event.columns, " "), event.doubtful })
        assert.equal(select(2, text:gsub("\n", "")) - 1, event.changeset.rowCount)
      end
      local _, event = header_of(CSV)
      assert.same({ { "date", "price" }, nil }, { event.columns, event.doubtful })
      local has_header = header_of(CSV, { format_params = { withHeader = false } })
      assert.equal("false", has_header)
    end
  )

  it("asks the schema whether the first line names the columns", function()
    with_schema({ "date", "DATE" }, { "price", "DOUBLE" })
    assert.equal("true", (header_of(CSV)))
    assert.equal("true", (header_of("Date, PRICE \n2020-01-01,1\n")))
    local has_header, event = header_of("2020-01-01,1.5\n2020-01-02,2\n")
    assert.same({ "false", nil }, { has_header, event.columns })
  end)

  it("stops before anything is sent where the first line is neither, and says both", function()
    with_schema({ "date", "DATE" }, { "price", "DOUBLE" })
    local posts, before = 0, staged()
    wire.before = function(request)
      if request.method ~= "GET" then posts = posts + 1 end
    end
    for _, text in ipairs { "day,close\n2020-01-01,1\n", "date,price,more\n2020-01-01,1,2\n", "x,2\ny,3\n" } do
      local has_header, _, err = header_of(text)
      assert.is_nil(has_header)
      assert.same({ "validation", "HeaderMismatch", "not_sent" }, { err.kind, err.code, err.outcome })
      assert.matches("neither names the columns", err.message)
      assert.matches("date DATE, price DOUBLE", err.message, 1, true)
    end
    assert.same({ 0, 0, before }, { posts, #journals(), staged() })
  end)

  it("doubts a line that it takes for data where the schema takes any text", function()
    with_schema({ "name", "STRING" }, { "city", "STRING" })
    local has_header, event = header_of("Full name,Town\nAnn,Bern\n")
    assert.same({ "false", true, nil }, { has_header, event.doubtful, event.columns })
    has_header, event = header_of("Ann,2019\nBob,2020\n")
    assert.same({ "false", nil }, { has_header, event.doubtful })
  end)

  it("looks at the schema where the dataset is given as a table, and does without where it may not look", function()
    with_schema({ "date", "DATE" }, { "price", "DOUBLE" })
    local dataset = { datasetId = dataset_id }
    local rows = "2020-01-01,1.5\n2020-01-02,2\n"
    assert.equal("false", (header_of(rows, { dataset = dataset })))
    wire.before = function(request)
      if request.method ~= "GET" or not request.url:find("/datasetsv2/", 1, true) then return end
      local headers = { ["x-amzn-errortype"] = "AccessDeniedException" }
      return { status = 403, headers = headers, body = "{}" }
    end
    assert.equal("true", (header_of(CSV, { dataset = dataset })))
  end)

  it("loads what is packed as what is in it", function()
    local plain = write("packed", "date;price\n2020-01-01;1,5\n")
    local packed = folder .. "/packed.csv"
    support.run(("gzip -c %s > %s"):format(support.quote(plain), support.quote(packed)))
    local changeset = assert(load(packed))
    assert.same(
      { formatType = "CSV", withHeader = "true", separator = ";", compression = "GZIP" },
      changeset.formatParams
    )
    assert.equal("SUCCESS", changeset.status)
    local cut = write("cut.csv.gz", support.read_file(packed):sub(1, -9))
    local _, err = load(cut)
    assert.same({ "MalformedFile", "not_sent" }, { err.code, err.outcome })
  end)

  it("reports each step, and the bytes that have arrived", function()
    local stages, last = {}, nil
    assert(load(write("prices.csv"), {
      on_progress = function(event)
        if event.stage ~= last then table.insert(stages, event.stage) end
        last = event.stage
        assert.is_true(event.bytes <= event.bytes_total)
        if event.stage == "staged" then
          assert.are.same({ #CSV, #CSV, 1, 1 }, { event.bytes, event.bytes_total, event.files, event.files_total })
        end
      end,
    }))
    assert.are.equal("staging staged creating created ingesting done", table.concat(stages, " "))
  end)

  it("makes a folder one changeset of all its files", function()
    sys.mkdir(folder .. "/many", 493)
    for i = 1, 25 do
      write(("many/%d.csv"):format(i))
    end
    local changeset = assert(load(folder .. "/many"))
    assert.matches("/$", changeset.sourceParams.s3SourcePath)
    assert.are.same({ "SUCCESS", 50 }, { changeset.status, changeset.rowCount })
  end)

  it("finds a dataset by its title and by its alias", function()
    local title, alias = "Title " .. sys.uuid(), "alias/" .. sys.uuid()
    local id = assert(fs:create_dataset {
      datasetTitle = title,
      kind = "TABULAR",
      alias = alias,
      permissionGroupParams = {},
    }).datasetId
    for _, name in ipairs { title, alias } do
      assert.are.equal(id, assert(load(write("prices.csv"), { dataset = name })).datasetId)
    end
  end)

  it("says so where no dataset, or more than one, is meant", function()
    local title = "Twice " .. sys.uuid()
    for _ = 1, 2 do
      assert(fs:create_dataset { datasetTitle = title, kind = "TABULAR", permissionGroupParams = {} })
    end
    assert.are.equal("AmbiguousTitle", select(2, load(write("prices.csv"), { dataset = title })).code)
    assert.are.equal("DatasetNotFound", select(2, load(write("prices.csv"), { dataset = "None of it" })).code)
    assert.are.equal("DatasetNotFound", select(2, load(write("prices.csv"), { dataset = "None" })).code)
  end)

  it("sends nothing where the file is missing, a folder without files, or empty", function()
    local sent = 0
    wire.before = function() sent = sent + 1 end
    sys.mkdir(folder .. "/void", 493)
    assert.are.equal("NoSuchFile", select(2, load(folder .. "/missing.csv")).code)
    assert.are.equal("EmptyFolder", select(2, load(folder .. "/void")).code)
    assert.are.equal("EmptyFile", select(2, load(write("empty.csv", ""))).code)
    assert.are.equal("UnknownFormat", select(2, load(write("bytes", "\0\1\2"))).code)
    assert.are.same({ 0, 0 }, { sent, #journals() })
  end)

  it("raises on options that make no sense, and names them", function()
    assert.error_matches(function() load("x", { fil = "y" }) end, "fil")
    assert.error_matches(function() fs:load { dataset = "x" } end, "file")
    assert.error_matches(function() load("x", { change_type = "MODIFY" }) end, "change_type")
  end)

  it("says why a changeset failed, and takes its file back", function()
    local before = staged()
    local changeset, err = load(write("broken.csv", "a,b\n1,2\n3\n"))
    assert.is_nil(changeset)
    assert.are.equal("service", err.kind)
    assert.are.equal("FAILED", err.changeset.status)
    assert.is_string(err.errorInfo.errorMessage)
    assert.are.same({ 0, 0 }, { staged() - before, #journals() })
  end)

  it("leaves nothing where creating the changeset is refused", function()
    local before = staged()
    wire.before = function(request)
      if is_create(request) then
        return { status = 403, body = "{}", headers = { ["x-amzn-errortype"] = "AccessDeniedException" } }
      end
    end
    local _, err = load(write("prices.csv"))
    assert.are.same({ "AccessDeniedException", 0, 0, 0 }, { err.code, staged() - before, #journals(), #changesets() })
  end)

  it("waits no longer than it is told, and goes on waiting when it is asked again", function()
    wire.after = function(request, response, err)
      if
        request.method == "GET"
        and response
        and response.body:find('"SUCCESS"', 1, true)
        and request.url:find("changesetsv2/", 1, true)
      then
        response.body = response.body:gsub('"SUCCESS"', '"RUNNING"')
      end
      return response, err
    end
    local path = write("prices.csv")
    local _, err = load(path, { timeout = 0.1 })
    assert.are.same({ "WaitTimeout", true }, { err.code, err.resumable })
    wire = {}
    assert.are.equal("SUCCESS", assert(load(path)).status)
    assert.are.equal(1, #changesets())
  end)

  it("does not wait where it is told so", function()
    local changeset = assert(load(write("prices.csv"), { wait = false }))
    assert.is_string(changeset.changesetId)
    assert.are.equal(0, #journals())
  end)

  -- Once, whatever happens -----------------------------------------------------------------------------

  local function lose_answer_of_create()
    wire.after = function(request, response, err)
      if is_create(request) then
        return nil, { kind = "protocol", code = "ConnectionReset", message = "reset", sent = true }
      end
      return response, err
    end
  end

  it("makes one changeset where every answer to its creation is lost", function()
    local path = write("prices.csv")
    lose_answer_of_create()
    local _, err = load(path)
    assert.are.same({ "unknown", true }, { err.outcome, err.resumable })
    assert.is_string(err.client_token)
    wire = {}
    assert.are.equal("SUCCESS", assert(load(path)).status)
    assert.are.equal(1, #changesets())
  end)

  it("looks for the changeset before it creates one, once the token is forgotten", function()
    local path = write("prices.csv")
    lose_answer_of_create()
    assert.is_nil((load(path)))
    local created = 0
    wire = {
      before = function(request)
        if is_create(request) then created = created + 1 end
      end,
    }
    time_ahead = 600 -- the service's clock stands where it was; only ours tells that the token is old
    assert.are.equal("SUCCESS", assert(load(path)).status)
    assert.are.same({ 0, 1 }, { created, #changesets() })
  end)

  it("creates it after all where the token is forgotten and nothing came of it", function()
    local path = write("prices.csv")
    wire.before = function(request)
      if is_create(request) then
        return nil, { kind = "protocol", code = "ConnectionReset", message = "reset", sent = true }
      end
    end
    assert.is_nil((load(path)))
    wire, time_ahead = {}, 700
    assert.are.equal("SUCCESS", assert(load(path)).status)
    assert.are.equal(1, #changesets())
  end)

  it("goes on where it was stopped, and sends only what is missing", function()
    sys.mkdir(folder .. "/stop", 493)
    for i = 1, 10 do
      write(("stop/%02d.csv"):format(i))
    end
    local puts = 0
    wire.before = function(request)
      if request.method == "PUT" then puts = puts + 1 end
    end
    local _, err = load(folder .. "/stop", { cancel = function() return puts >= 4 end })
    assert.are.same({ "cancelled", true }, { err.kind, err.resumable })
    local already = puts
    local changeset = assert(load(folder .. "/stop"))
    assert.are.same({ "SUCCESS", 20, 10 }, { changeset.status, changeset.rowCount, puts })
    assert.is_true(already < 10)
    assert.are.same({ 1, 0 }, { #changesets(), #journals() })
  end)

  it("goes on with a load that was asked for by another name of the dataset", function()
    local title, path = "Renamed " .. sys.uuid(), write("prices.csv")
    dataset_id =
      assert(fs:create_dataset { datasetTitle = title, kind = "TABULAR", permissionGroupParams = {} }).datasetId
    wire.before = function(request)
      if is_create(request) then return { status = 500, body = "{}", headers = {} } end
    end
    assert.is_nil((load(path, { dataset = title })))
    wire = {}
    local told
    assert(load(path, { on_progress = function(event) told = event end }))
    assert.same({ true, 1, 0 }, { told.resumed, #changesets(), #journals() })
  end)

  it("offers only the loads into its own service to go on with", function()
    wire.before = function(request)
      if is_create(request) then return { status = 500, body = "{}", headers = {} } end
    end
    assert.is_nil((load(write("prices.csv"))))
    wire = {}
    local unfinished = require("finspace.verbs.load").unfinished
    local elsewhere = finspace.new {
      region = "us-east-1",
      endpoint_url = "http://127.0.0.1:1",
      getenv = fs.session.runtime.getenv,
    }
    assert.same({ 1, 0 }, { #assert(unfinished(fs)), #assert(unfinished(elsewhere)) })
    assert(fs:load(unfinished(fs)[1]))
    assert.same({ 1, 0 }, { #changesets(), #assert(unfinished(fs)) })
  end)

  it("refuses a CSV whose first line is broken, before anything is sent", function()
    for text, line in pairs { ['"date"x,price\n1,2\n'] = 1, ['\n\ndate,"price" y\n'] = 3, ['date,"price\n'] = 1 } do
      local _, err = load(write("broken.csv", text))
      assert.same({ "MalformedFile", "not_sent" }, { err.code, err.outcome })
      assert.matches("broken.csv, line " .. line, err.message, 1, true)
    end
    assert.equal(0, #changesets())
  end)

  it("sends a tab as a separator by the name that the API takes, and refuses a blank", function()
    local changeset = assert(load(write("tabs.tsv", "date\tprice\n2020-01-01\t1\n")))
    assert.same({ "SUCCESS", "\\t", 1 }, { changeset.status, changeset.formatParams.separator, changeset.rowCount })
    assert(load(write("tabs.txt", "a\tb\n1\t2\n"), { format_params = { separator = "\\t" } }))
    local _, err = load(write("blanks.txt", "a b\n1 2\n"), { format_params = { separator = " " } })
    assert.same({ "InvalidFormatParams", "not_sent" }, { err.code, err.outcome })
  end)

  it("begins anew, and clears the old, where the file is another one by now", function()
    local path, before = write("prices.csv"), staged()
    wire.before = function(request)
      if is_create(request) then return { status = 500, body = "{}", headers = {} } end
    end
    assert.is_nil((load(path)))
    wire = {}
    write("prices.csv", CSV .. "2020-01-03,3.5\n")
    assert.are.equal(3, assert(load(path)).rowCount)
    assert.are.same({ 1, 1, 0 }, { #changesets(), staged() - before, #journals() })
  end)

  it("keeps what is staged where the caller asks for it", function()
    local path = write("prices.csv")
    wire.before = function(request)
      if is_create(request) then
        return { status = 400, body = "{}", headers = { ["x-amzn-errortype"] = "LimitExceededException" } }
      end
    end
    local _, err = load(path, { keep = true })
    assert.are.same({ "LimitExceededException", true }, { err.code, err.resumable })
    local puts = 0
    wire.before = function(request)
      if request.method == "PUT" then puts = puts + 1 end
    end
    assert.are.equal("SUCCESS", assert(load(path)).status)
    assert.are.equal(0, puts)
  end)

  it("keeps no lock when a callback of the caller's raises", function()
    local path = write("raising.csv", CSV .. "2020-01-05,5\n")
    for _, name in ipairs { "on_progress", "cancel" } do
      assert.error_matches(function()
        load(path, { [name] = function() error("from the caller") end })
      end, "from the caller")
    end
    assert.equal("SUCCESS", assert(load(path)).status)
  end)

  -- Each text, and how many rows are loaded of it: what people's programs write.
  local written = {
    ["a,b\r1,2\r3,4"] = 2, -- old Macs
    ["a,b\r\n1,2\r3,4\n"] = 2,
    ["sep=;\r\nid;price\r\n1;2,5\r\n2;3,5\r\n"] = 2, -- Excel
    ['"name" ,"price"\n"Ann" ,1\n"Bob" ,2\n'] = 2,
    ["date,price,price\n2020-01-01,1,2\n2020-01-02,3,4\n"] = 2,
    ["\239\187\191a,b\n1,2\n"] = 1,
    ["date;price\n2020-01-01;1\ndate;price\n2020-01-01;1\n"] = 3,
  }

  it("loads what the client takes for records, as the service does", function()
    for text, rows in pairs(written) do
      local changeset, err = load(write("written.csv", text))
      assert.is_table(changeset, tostring(err))
      assert.same(
        { "SUCCESS", "true", rows },
        { changeset.status, changeset.formatParams.withHeader, changeset.rowCount }
      )
    end
  end)

  it("gives back what was written, whatever blanks, quotes, line ends and marks stood around it", function()
    for text, view in pairs {
      ['h1 , "h 2"\t\r\n  "a,b"  ,\t"c"\r\n\t x ,"d"\r\n'] = 'h1,h 2\n"a,b",c\n\t x ,d\n',
      ['sep=;\r"a";b\r  "1;2" ;3\r'] = "a,b\n1;2,3\n",
      ["date,price,price,\r2020-01-01,1,2,x"] = "date,price,price_2,column_4\n2020-01-01,1,2,x\n",
    } do
      dataset_id = assert(fs:create_dataset {
        datasetTitle = "Back " .. sys.uuid(),
        kind = "TABULAR",
        permissionGroupParams = {},
      }).datasetId
      assert(load(write("back.csv", text)))
      assert(fs:ensure_auto_view { dataset = dataset_id })
      assert(fs:read_view { dataset = dataset_id, file = folder .. "/back" })
      assert.equal(view, support.read_file(folder .. "/back"))
    end
  end)

  it("is refused while the same load is under way", function()
    local path, inner = write("prices.csv"), nil
    wire.before = function(request)
      if not is_create(request) or inner then return end
      inner = select(2, client():load { file = path, dataset = dataset_id })
    end
    assert(load(path))
    assert.are.equal("LoadInProgress", inner.code)
  end)

  it("makes a second changeset when it is asked for again after it was done", function()
    local path = write("prices.csv")
    assert(load(path))
    assert(load(path))
    assert.are.equal(2, #changesets())
  end)

  it("stages a large file in parts, and leaves no upload open #once", function()
    local line = "2020-01-01,1.5\n"
    local path = write("large.csv", "date,price\n" .. line:rep(math.ceil(18 * 1024 * 1024 / #line)))
    local changeset = assert(load(path))
    assert.are.same({ "SUCCESS", 0 }, { changeset.status, open_uploads() })
  end)

  it("aborts the parts where one fails for ever #once", function()
    local line, before = "2020-01-01,1.5\n", staged()
    local path = write("large.csv", "date,price\n" .. line:rep(math.ceil(18 * 1024 * 1024 / #line)))
    wire.before = function(request)
      if request.url:find("partNumber=2", 1, true) then return { status = 503, body = "", headers = {} } end
    end
    local _, err = load(path)
    wire = {}
    assert.are.equal("service", err.kind)
    assert.are.same({ 0, 0, 0, 0 }, { open_uploads(), staged() - before, #journals(), #changesets() })
  end)
end)
