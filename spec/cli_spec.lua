-- The program as people run it: words in, text and an exit status out.
local cjson = require("cjson")
local finspace = require("finspace")
local json = require("finspace.cli.json")
local service = require("spec.support.service")
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")
local text = require("finspace.cli.text")

local CSV = "date,price\n2020-01-01,1.5\n2020-01-02,2.5\n"

describe("text for people", function()
  it("writes quantities as they are read", function()
    assert.are.equal("999 B", text.bytes(999))
    assert.are.equal("13 B", text.bytes(12.75)) -- a rate
    assert.are.equal("1.5 KiB", text.bytes(1536))
    assert.are.equal("406 KiB", text.bytes(415968))
    assert.are.equal("2.0 GiB", text.bytes(2 * 1024 ^ 3))
    assert.are.equal("0.4 s", text.duration(0.42))
    assert.are.equal("3 min 20 s", text.duration(200))
    assert.are.equal("2 h 5 min", text.duration(7500))
    assert.are.equal("1 file", text.count(1, "file"))
    assert.are.equal("2020-01-01 00:00:00", text.time(1577836800000))
  end)

  it("indents JSON without changing what it says", function()
    local compact = '{"a":[1,{"b":"x,{}[]:\\"y"}],"e":[],"o":{},"n":null}'
    local indented = json.indent(compact)
    assert.are.same(cjson.decode(compact), cjson.decode(indented))
    assert.matches('\n  "e": %[%],\n', indented)
  end)

  it("writes any string as JSON", function()
    local hard = 'a"b\\c\n\t\0ü'
    assert.are.equal(hard, cjson.decode("[" .. json.string(hard) .. "]")[1])
  end)
end)

describe("finspace, the program #once", function()
  local server, folder, fs

  local PROGRAM

  setup(function()
    server = service.start()
    folder = support.temporary_folder()
    server.env.XDG_STATE_HOME = folder .. "/state"
    fs = finspace.new {
      region = server.region,
      endpoint_url = server.endpoint,
      s3_endpoint_url = server.endpoint,
      credentials = server.credentials,
    }
    support.write_file(folder .. "/main.lua", 'os.exit(require("finspace.cli").main(arg))')
    PROGRAM = "lua5.4 " .. support.quote(folder .. "/main.lua")
  end)

  teardown(function()
    server.stop()
    support.remove_folder(folder)
  end)

  local function write(name, content) return support.write_file(folder .. "/" .. name, content or CSV) end

  -- Standard output, standard error and the exit status.
  local function run(words, out)
    out = out or folder .. "/out"
    local _, status = support.run(("%s %s %s >%s 2>%s/err"):format(server.shell(), PROGRAM, words, out, folder))
    return support.read_file(folder .. "/out"), support.read_file(folder .. "/err"), status
  end

  -- A load that is left to itself: its process, which can be killed.
  local function start_load(words, errors)
    os.remove(folder .. "/told")
    local argv = { "env" }
    for name, value in pairs(server.env) do
      table.insert(argv, name .. "=" .. value)
    end
    for _, word in ipairs { "lua5.4", folder .. "/main.lua", "load" } do
      table.insert(argv, word)
    end
    for _, word in ipairs(words) do
      table.insert(argv, word)
    end
    return assert(support.start { argv = argv, stdout = folder .. "/told", stderr = errors })
  end

  local function new_dataset()
    return assert(fs:create_dataset {
      datasetTitle = "CLI " .. sys.uuid(),
      kind = "TABULAR",
      permissionGroupParams = {},
    }).datasetId
  end

  it("has help for every command, with an example", function()
    for _, command in ipairs(require("finspace.cli").COMMANDS) do
      local out, _, status = run(command.name .. " --help")
      assert.are.equal(0, status, command.name)
      assert.matches("Example", out, 1, false, command.name)
    end
    local out, _, status = run("--help")
    assert.are.equal(0, status)
    assert.matches("finspace load %-%-help", out)
  end)

  it("answers misuse with one line, a hint and status 2", function()
    for _, words in ipairs {
      "",
      "nonsense",
      "load",
      "load a.csv",
      "load --nonsense",
      "load a --dataset b --format PDF",
      "wait x",
      "call",
      "call no-such-operation",
      "call get-dataset",
      "call list-datasets --max-results many",
      "ls nonsense",
      "ls changesets",
      "get nonsense",
      "presign get-user",
      "completion fish",
      "load a --dataset b --header --no-header",
      "presign get-working-location --expires 0",
      "presign get-working-location --expires 1.5",
      "load --resume --dataset b",
      "load a --dataset b --format JSON --separator ,",
      "show a b --view c",
      "ls datasets a",
      "ls s3://",
    } do
      local out, err, status = run(words)
      assert.are.equal(2, status, words .. "\n" .. err)
      assert.are.equal("", out)
      assert.matches("^finspace: ", err)
      assert.is_nil(err:find("stack traceback", 1, true))
    end
  end)

  it("names the option whose value makes no sense", function()
    for words, option in pairs {
      ["load a --dataset ''"] = "--dataset",
      ["load a --dataset b --separator ab"] = "--separator",
      ["load a --dataset b --separator ''"] = "--separator",
      ["load a --dataset b --separator ü"] = "--separator",
      ["load a --dataset b --timeout soon"] = "--timeout",
      ["load a --dataset b --timeout 0"] = "--timeout",
      ["load a --dataset b --timeout nan"] = "--timeout",
      ["wait a b --timeout -1"] = "--timeout",
      ["load a --dataset b --format-param x"] = "--format-param",
      ["ls --profile ''"] = "--profile",
      ["ls --region 'a b'"] = "--region",
      ["ls --endpoint-url somewhere"] = "--endpoint-url",
      ["ls --s3-endpoint-url ftp://somewhere"] = "--s3-endpoint-url",
      ["ls --environment-id ''"] = "--environment-id",
      ["ls --ca-file /no/such/file"] = "--ca-file",
      ["call list-datasets --max-results many"] = "--max-results",
      ["call list-datasets --max-results -1"] = "--max-results",
      ["call get-dataset"] = "--dataset-id",
      ["call create-dataset --permission-group-params {"] = "--permission-group-params",
      ["call create-dataset --permission-group-params @/no/such/file"] = "--permission-group-params",
      ["presign get-dataset"] = "--dataset-id",
      ["presign list-datasets --expires soon"] = "--expires",
      ["serve --port 65536"] = "--port",
      ["serve --port x"] = "--port",
      ["serve --ingest-memory 64"] = "--ingest-memory",
      ["load a --dataset b --format-param separator=ab"] = "--format-param separator",
      ["ls --endpoint-url http://user:word@host"] = "--endpoint-url",
      ["ls --s3-endpoint-url http://host:99999"] = "--s3-endpoint-url",
    } do
      local out, err, status = run(words)
      assert.are.same({ "", 2 }, { out, status }, words .. "\n" .. err)
      assert.is_truthy(err:find("^finspace: [^\n]*\n?[^\n]*" .. option:gsub("%p", "%%%0")), words .. "\n" .. err)
    end
  end)

  it("names every option that is given an empty value", function()
    for _, command in ipairs(require("finspace.cli").parser(require("argparse"))._commands) do
      for _, option in ipairs(command._options) do
        if option._maxargs > 0 then
          local name = option._aliases[1]
          local out, err, status = run(("%s %s ''"):format(command._aliases[1], name))
          assert.are.same({ "", 2 }, { out, status }, command._aliases[1] .. " " .. name)
          assert.is_truthy(err:find(name, 1, true), err)
        end
      end
    end
  end)

  it("points to the help of what was typed", function()
    for words, help in pairs {
      ["load"] = "finspace load --help",
      ["load a.csv"] = "finspace load --help",
      ["ls prices"] = "finspace ls --help",
      ["call"] = "finspace call --help",
      ["call list-datasets --max 1"] = "finspace call list-datasets --help",
      ["nonsense"] = "finspace --help",
    } do
      assert.truthy(select(2, run(words)):find("\nTry `" .. help .. "`.\n", 1, true), words)
    end
    assert.are.equal(run("load --help"), (run("help load")))
    assert.are.equal(run("--help"), (run("help")))
    assert.matches("unknown operation 'list%-data'", (select(2, run("call list-data"))))
  end)

  it("says of what cannot be a file here that it is none", function()
    assert.matches("https://host/a.csv is elsewhere", (select(2, run("load https://host/a.csv --dataset b"))))
    assert.matches("standard input cannot be loaded", (select(2, run("load - --dataset b"))))
  end)

  it("says which option of serve is wrong where it cannot listen or write", function()
    local data = folder .. "/unused"
    local function serve(words)
      local out, err, status = run(("serve --data %s %s"):format(data, words))
      assert.are.same({ "", 1 }, { out, status })
      assert.are.equal(1, select(2, err:gsub("\n", "")), err)
      return err
    end
    for _, host in ipairs { "999.1.1.1", "no-such-host.invalid", "192.0.2.1" } do
      local err = serve(("--host %s --port %d"):format(host, support.free_port()))
      assert.matches(host:gsub("%p", "%%%0") .. ": this machine has no such address; choose one with %-%-host", err)
    end
    assert.matches("main%.lua: it is a file; name another with %-%-data", serve("--data " .. folder .. "/main.lua"))
  end)

  it("refuses what cannot be loaded before it makes a dataset or stages a byte", function()
    local title, folder_of = "Never " .. sys.uuid(), folder .. "/mixed"
    support.run(("mkdir -p %s && cp %s %s/1.csv && : > %s/2.csv"):format(folder_of, write("a.csv"), folder_of, folder))
    for _, words in ipairs {
      folder .. "/none.csv",
      ("%s %s/none.csv"):format(write("a.csv"), folder),
      write("a.csv") .. " --separator ab",
      write("a.csv") .. " --format-param separator=ab",
      write("a.csv") .. " --format-param withHeader=perhaps",
      write("a.csv") .. " --format-param compression=ZIP",
    } do
      local out, err, status = run(("load %s --dataset '%s' --create"):format(words, title))
      assert.are.equal("", out)
      assert.is_true(status == 1 or status == 2, err)
      assert.is_nil(err:find("Staged", 1, true), err)
    end
    assert.is_nil(run("ls --all"):find(title, 1, true))
  end)

  it("reads every file before it stages the first", function()
    local mixed = folder .. "/unreadable"
    support.run(
      ("mkdir %s && cp %s %s/1.csv && cp %s/1.csv %s/2.csv"):format(mixed, write("a.csv"), mixed, mixed, mixed)
    )
    support.run(("chmod 000 %s/2.csv"):format(mixed))
    local plain = PROGRAM
    if support.run("id -u"):find("^0") then -- root reads all, unless it may not
      PROGRAM = "setpriv --bounding-set=-dac_override,-dac_read_search " .. plain
    end
    local out, err, status = run(("load %s --dataset '%s' --create"):format(mixed, "Never " .. sys.uuid()))
    PROGRAM = plain
    assert.are.same({ "", 1 }, { out, status })
    assert.matches("cannot read .*2%.csv: Permission denied", err)
    assert.is_nil(err:find("Staged", 1, true))
  end)

  it("suggests what can be typed in a shell", function()
    local _, err = run(("load %s --dataset 'No such'"):format(write("a.csv")))
    assert.matches('no dataset "No such"', err)
    assert.matches("finspace load %-%-create", err)
    assert.is_nil(err:find("ensure_dataset", 1, true))
    assert.matches("%-%-profile", (select(2, run("ls --profile nobody"))))
  end)

  it("names the bucket and the key that are not there", function()
    assert.matches("s3://no%-such%-bucket/", (select(2, run("ls s3://no-such-bucket/"))))
    assert.matches("s3://finspace%-local/no/such key:", (select(2, run("get 's3://finspace-local/no/such key'"))))
  end)

  it("shows the defaults of serve", function()
    local out = run("serve --help")
    for _, default in ipairs { "4510", "127.0.0.1", "us-east-1", "~/.local/share/finspace" } do
      assert.truthy(out:find("(" .. default, 1, true) or out:find(default .. ")", 1, true), default)
    end
  end)

  it("loads a file, in a pipe with plain lines and the changeset's id as the result", function()
    local out, err, status = run(("load %s --dataset %s"):format(write("a.csv"), new_dataset()))
    assert.are.equal(0, status, err)
    assert.matches("^%w+\n$", out)
    assert.matches("1 file, 41 B: CSV with a header, separated by commas\nStaged 1 file", err)
    assert.matches("SUCCESS", err)
    assert.is_nil(err:find("[\r\27]"))
  end)

  it("says that its result could not be written, and fails", function()
    local id = new_dataset()
    for _, words in ipairs {
      "ls",
      "ls --json",
      "show " .. id,
      "call list-datasets",
      "presign get-dataset --dataset-id " .. id,
      "whoami",
      "version",
      "completion bash",
      "--help",
      "ls --help",
      "call get-dataset --help",
      ("load %s --dataset %s"):format(write("full.csv"), id),
    } do
      local _, err, status = run(words, "/dev/full")
      assert.equal(1, status, words)
      assert.matches("finspace: the result could not be written: No space left on device\n$", err)
    end
    assert.matches("^%w+\n$", (run("load --resume"))) -- nobody was told of the load: it is told now
  end)

  it("lets no title, key or message move the cursor", function()
    local evil = "\27]0;pwn\7 \194\155 title"
    run("call create-dataset --kind TABULAR --permission-group-params '{}' --dataset-title " .. support.quote(evil))
    for _, words in ipairs { "ls", "ls --json", "show " .. support.quote(evil), "ls nonsense" .. support.quote(evil) } do
      local out, err = run(words)
      assert.is_nil((out .. err):gsub("[\n\t]", ""):find("%c"), words)
      assert.is_nil((out .. err):find("\194\155", 1, true), words)
    end
  end)

  it("shows where views go", function()
    local id = new_dataset()
    local _, err, status = run(
      ("call create-data-view --dataset-id %s --destination-type-params "):format(id)
        .. [['{"destinationType":"S3","s3DestinationExportFileFormat":"DELIMITED_TEXT"}']]
    )
    assert.equal(0, status, err)
    assert.matches("\tDELIMITED_TEXT\n$", (run("ls views " .. id)))
  end)

  it("shows what the columns are called, and warns when their names look like data", function()
    local _, err, status = run(("load %s --dataset %s"):format(write("a.csv"), new_dataset()))
    assert.equal(0, status, err)
    assert.matches("Columns, by the first line: date, price\n", err, 1, true)
    assert.is_nil(err:find("looks like data", 1, true))
    _, err, status = run(("load %s --dataset %s"):format(write("years.csv", "country,2019\nAT,1\n"), new_dataset()))
    assert.equal(0, status, err)
    assert.matches("Columns, by the first line: country, 2019\nThis line looks like data", err, 1, true)
  end)

  it("draws on a terminal", function()
    local _, without = support.run("script -qec true /dev/null")
    if without ~= 0 then return pending("this system gives no pseudo-terminal (is /dev/pts mounted?)") end
    local id = new_dataset()
    local command = ("%s TERM=xterm LANG=C.UTF-8 %s load %s --dataset %s"):format(
      server.shell(),
      PROGRAM,
      write("a.csv"),
      id
    )
    local out, status = support.run("script -qec " .. support.quote(command) .. " /dev/null")
    assert.are.equal(0, status, out)
    assert.matches("✓", out)
    assert.matches("0%%  0 B of 41 B", out)
    assert.matches("\27%[32mSUCCESS", out)
  end)

  it("answers a program with JSON, and with an error in JSON", function()
    local id = new_dataset()
    local out, err = run(("load %s --dataset %s --json"):format(write("a.csv"), id))
    assert.are.equal("", err)
    assert.are.same({ "SUCCESS", id }, { cjson.decode(out).status, cjson.decode(out).datasetId })
    local _, failure, status = run(("load %s/none.csv --dataset %s --json"):format(folder, id))
    assert.are.equal(1, status)
    assert.are.equal("NoSuchFile", cjson.decode(failure).error.code)
  end)

  it("keeps quiet where it is asked to", function()
    local _, err, status = run(("load %s --dataset %s --quiet"):format(write("a.csv"), new_dataset()))
    assert.are.same({ "", 0 }, { err, status })
  end)

  it("creates the dataset where it is asked to, and once", function()
    local title = "Created " .. sys.uuid()
    for _ = 1, 2 do
      local _, err, status = run(("load %s --dataset '%s' --create --no-wait -q"):format(write("a.csv"), title))
      assert.are.same({ "", 0 }, { err, status })
    end
    local out = run("ls --all")
    local _, count = out:gsub(title:gsub("%p", "%%%0"), "")
    assert.are.equal(1, count)
  end)

  it("ends with status 1 and the reason where the changeset fails", function()
    local path = write("broken.csv", "a,b\n1,2\n3\n")
    local out, err, status = run(("load %s --dataset %s"):format(path, new_dataset()))
    assert.are.same({ "", 1 }, { out, status })
    assert.matches("ended as FAILED", err)
  end)

  it("lets the format be overridden", function()
    local path = write("odd.txt", "a~b\n1~2\n")
    local out, err =
      run(("load %s --dataset %s --format CSV --separator '~' --no-header --json"):format(path, new_dataset()))
    assert.are.equal("", err)
    local params = cjson.decode(out).formatParams
    assert.are.same({ "~", "false" }, { params.separator, params.withHeader })
  end)

  it("lists, shows and waits", function()
    local id = new_dataset()
    local changeset = run(("load %s --dataset %s -q"):format(write("a.csv"), id)):match("%w+")
    assert.matches(id, (run("ls --all")))
    assert.matches(changeset .. "\t.-\tSUCCESS\tAPPEND\ts3://", (run("ls changesets " .. id)))
    assert.are.same({ "", 0 }, { (run("ls views " .. id)), (select(3, run("ls views " .. id))) })
    assert(fs:ensure_auto_view { dataset = id, wait = false })
    assert.matches("\tyes\tDELIMITED_TEXT", (run("ls views " .. id)))
    assert.matches("datasetTitle +CLI", (run("show " .. id)))
    assert.matches("status +SUCCESS", (run(("show %s %s"):format(id, changeset))))
    assert.are.equal("SUCCESS", cjson.decode((run(("wait %s %s --json"):format(id, changeset)))).status)
    assert.are.equal(changeset, cjson.decode((run("ls changesets " .. id .. " --json"))).changesets[1].changesetId)
  end)

  it("downloads what was loaded", function()
    local id = new_dataset()
    local out = run(("load %s --dataset %s --json"):format(write("a.csv"), id))
    local source = cjson.decode(out).sourceParams.s3SourcePath
    local _, err, status = run(("get %s %s/back.csv"):format(source, folder))
    assert.are.equal(0, status, err)
    assert.are.equal(CSV, support.read_file(folder .. "/back.csv"))
    assert.matches("a%.csv", (run("ls " .. source:gsub("[^/]+$", ""))))
  end)

  it("calls any operation of the model with its members as options", function()
    local out = run("call create-dataset --dataset-title 'By hand' --kind TABULAR --permission-group-params '{}'")
    local id = cjson.decode(out).datasetId
    assert.are.equal("By hand", cjson.decode((run("call GetDataset --dataset-id " .. id))).datasetTitle)
    assert.is_table(cjson.decode((run("call list_datasets --all --max-results 1"))).datasets[2])
    local _, err, status = run("call get-dataset --dataset-id none")
    assert.are.equal(1, status)
    assert.matches("ResourceNotFoundException", err)
  end)

  it("presigns a URL that works with curl alone", function()
    local url, err = run("presign list-datasets --expires 60")
    assert.are.equal("", err)
    local answer = support.run("curl -s " .. support.quote(url:gsub("\n", "")))
    assert.is_table(cjson.decode(answer).datasets)
  end)

  it("tells where keys, region and endpoint come from, and no secret", function()
    local out, _, status = run("whoami")
    assert.are.equal(0, status)
    for _, expected in ipairs {
      server.credentials.access_key_id,
      "profile finspace%-local",
      "us%-east%-1",
      "finspace_data +" .. server.endpoint:gsub("%p", "%%%0"),
    } do
      assert.matches(expected, out)
    end
    assert.is_nil(out:find(server.credentials.secret_access_key, 1, true))
    assert.are.equal("us-east-1", cjson.decode((run("whoami --json"))).region)
    assert.matches("s3 +http://here:1  %(%-%-endpoint%-url%)", (run("whoami --endpoint-url http://here:1")))
    assert.matches("s3 +http://here:1  %(%-%-s3%-endpoint%-url%)", (run("whoami --s3-endpoint-url http://here:1")))
    local bad, _, failed = run("whoami --profile nobody")
    assert.are.equal(1, failed)
    assert.are.equal(1, select(2, bad:gsub("profile nobody", "")), "the fault is told once")
    assert.are.equal(1, #cjson.decode((run("whoami --profile nobody --json"))).faults)
  end)

  it("completes every command, operation and member in bash and zsh", function()
    local bash, zsh = run("completion bash"), run("completion zsh")
    for _, word in ipairs { "load", "get%-changeset", "%-%-dataset%-id", "%-%-separator", "whoami" } do
      assert.matches(word, bash)
      assert.matches(word, zsh)
    end
    write("completion.bash", bash)
    local _, status = support.run("bash -n " .. folder .. "/completion.bash")
    assert.are.equal(0, status)
  end)

  it("stops at once on Ctrl-C, whatever it waits for, and says how to go on", function()
    local id, path = new_dataset(), write("a.csv")
    local deaf = assert(socket.bind("127.0.0.1", 0)) -- takes connections, and never answers
    local _, port = deaf:getsockname()
    local errors = folder .. "/interrupted"
    local pid = start_load({ path, "--dataset", id, "--s3-endpoint-url", "http://127.0.0.1:" .. port }, errors)
    while not (support.read_file(errors) or ""):find("1 file", 1, true) do
      assert.is_nil(sys.wait(pid, 0.01), "it ended before it staged anything")
    end
    sys.kill(pid, 2)
    local ended = assert(sys.wait(pid, 50)) -- the endpoint has a minute
    deaf:close()
    assert.are.equal(130, ended.status)
    assert.matches("finspace load %-%-resume", support.read_file(errors))
    local out, err, status = run("load --resume")
    assert.are.equal(0, status, err)
    assert.matches("^%w+\n$", out)
    assert.matches("going on from there", err)
  end)

  -- However often it is killed ---------------------------------------------------------------------------
  --
  -- FINSPACE_KILLS=200 for the whole count; every fourth file goes up in parts.

  local function start_quiet(path, dataset)
    return start_load({ path, "--dataset", dataset, "-q" }, folder .. "/kill-errors")
  end

  -- Kills the load a few times at random moments, then lets it come to its end.
  local function load_and_kill(path, dataset, kills)
    local killed = 0
    for _ = 1, kills do
      local pid = start_quiet(path, dataset)
      local ended = sys.wait(pid, math.random() * 0.25)
      if not ended then
        sys.kill(pid, 9)
        ended = assert(sys.wait(pid, 60))
      end
      if ended.status == 0 then return killed end
      killed = killed + 1
      -- It had told its changeset, and was only ending: asked once more, it would be a new load.
      if support.read_file(folder .. "/told") ~= "" then return killed end
    end
    local ended = assert(sys.wait(start_quiet(path, dataset), 60))
    assert.are.equal(0, ended.status, support.read_file(folder .. "/kill-errors"))
    return killed
  end

  it("makes one changeset of each file, however often it is killed", function()
    local wanted = tonumber(os.getenv("FINSPACE_KILLS")) or 8
    local dataset, line, killed, expected = new_dataset(), "2020-01-01,1.5\n", 0, 0
    local large = "date,price\n" .. line:rep(math.ceil(17 * 1024 * 1024 / #line))
    while killed < wanted or expected < wanted do
      expected = expected + 1
      local path = write(("kill-%d.csv"):format(expected), expected % 4 == 1 and large or CSV)
      killed = killed + load_and_kill(path, dataset, math.random(2))
      os.remove(path)
    end
    local count, names = 0, {}
    for item in fs:each("list_changesets", { datasetId = dataset }) do
      local name = item.sourceParams.s3SourcePath:match("[^/]+$")
      assert.is_nil(names[name], name .. " has two changesets")
      assert.are.equal("SUCCESS", item.status)
      names[name], count = true, count + 1
    end
    assert.are.equal(expected, count)
    assert.are.equal(0, #assert(fs.s3:list_uploads { bucket = "finspace-local", prefix = "" }).uploads)
    assert.are.same({}, sys.list(folder .. "/state/finspace/loads"))
    if os.getenv("FINSPACE_KILLS") then
      print(("\n%d kills, %d files, %d changesets, 0 open uploads"):format(killed, expected, count))
    end
  end)
end)
