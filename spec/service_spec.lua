local core = require("finspace.core")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")
local cjson = require("cjson")

local busted = { it = it, skip = function(why) pending(why) end }
local it_with_bytes = support.unless_missing(busted, service.no_bytes)
local it_with_files = support.unless_missing(busted, service.no_files)

describe("The service", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function code_of(answer) return answer.headers["x-amzn-errortype"] end

  describe("as it starts", function()
    local function attempt(environment, options)
      local code = ("local _, problem = require('finspace.service').start{%s} io.write(problem) os.exit(1)"):format(
        options
      )
      return support.run(("%s %s -e %s"):format(environment, support.interpreter(), support.quote(code)))
    end

    it("says in one line that it is ready, and then how to use it", function()
      local _, count = running.log():gsub("finspace: ready at " .. running.endpoint, "")
      assert.equal(1, count)
      assert.truthy(running.log():find("AWS_CONFIG_FILE=" .. running.data .. "/config", 1, true))
    end)

    it("leaves its files to its owner alone", function()
      local names = running.database and { "config", "run/database" } or { "config", "credentials" }
      for _, name in ipairs(names) do
        assert.equal(tonumber("600", 8), sys.stat(running.data .. "/" .. name).mode % 512)
      end
      assert.equal(tonumber("700", 8), sys.stat(running.data).mode % 512)
    end)

    it("keeps its keys over a restart", function()
      local before = support.read_file(running.data .. "/credentials")
      running.restart()
      assert.equal(before, support.read_file(running.data .. "/credentials"))
      assert.truthy(running.call("ListDatasets"))
    end)

    it("starts from its program, called by a relative path, over a relative folder", function()
      local folder, port = support.temporary_folder(), support.free_port()
      local command = "cd %s && exec build/bin/finspace serve --port %d --data %s"
      local pid = assert(support.start {
        argv = {
          "sh",
          "-c",
          command:format(support.quote(support.root), port, "build/../" .. folder:gsub("^/", ("../"):rep(20))),
        },
        stdout = folder .. "/output",
        stderr = folder .. "/errors",
      })
      for _ = 1, 6000 do
        if (support.read_file(folder .. "/output") or ""):find("ready") then break end
        sys.sleep(0.01)
      end
      require("spec.support.nginx").end_process(pid)
      local output, errors = support.read_file(folder .. "/output"), support.read_file(folder .. "/errors")
      support.remove_folder(folder)
      assert.truthy(output:find("AWS_CONFIG_FILE=" .. folder .. "/config", 1, true), output .. errors)
    end)

    it("says in one line that its port is in use", function()
      local output, status = attempt("", ("port = %d, data = %q"):format(running.port, running.data .. "/other"))
      assert.equal(1, status)
      assert.equal(
        ("port %d on 127.0.0.1 is in use: stop what uses it, or choose another with --port"):format(running.port),
        output
      )
    end)

    it("says in one line that its address is not this machine's", function()
      local output, status =
        attempt("", ('host = "192.0.2.1", port = 4510, data = %q'):format(running.data .. "/other"))
      assert.equal(1, status)
      assert.equal(
        "cannot listen on port 4510 of 192.0.2.1: this machine has no such address; choose one with --host",
        output
      )
    end)

    it("says in one line that its data folder is no folder", function()
      local output, status =
        attempt("", ("port = %d, data = %q"):format(support.free_port(), running.data .. "/config/below"))
      assert.equal(1, status)
      assert.truthy(output:find("^cannot use the data folder [^\n]+$"))
    end)

    it("says in one line that another service has its data folder", function()
      local output, status = attempt("", ("port = %d, data = %q"):format(support.free_port(), running.data))
      assert.equal(1, status)
      assert.truthy(output:find("another service uses the data folder " .. running.data, 1, true))
    end)

    it("says in one line which package holds the Lua module that nginx lacks", function()
      local folder = support.temporary_folder()
      support.write_file(folder .. "/nginx", "#!/bin/sh\necho 'configure arguments: --modules-path=/nowhere' >&2\n")
      support.run("chmod 755 " .. folder .. "/nginx")
      local output, status =
        attempt("PATH=" .. folder .. ":$PATH", ("port = %d, data = %q"):format(support.free_port(), folder .. "/data"))
      support.remove_folder(folder)
      assert.equal(1, status)
      assert.truthy(output:find("has no Lua module: apt-get install nginx-light libnginx-mod-http-lua", 1, true))
    end)
  end)

  describe("at its door", function()
    -- Each way to spoil a request that was right when it was signed.
    local function replace(name, change)
      return function(request)
        for _, header in ipairs(request.headers) do
          if header[1]:lower() == name then header[2] = change(header[2]) end
        end
      end
    end
    local function drop(name)
      return function(request)
        for i = #request.headers, 1, -1 do
          if request.headers[i][1]:lower() == name then table.remove(request.headers, i) end
        end
      end
    end
    local function add(name, value)
      return function(request) table.insert(request.headers, { name, value }) end
    end
    local function authorization(pattern, with)
      return replace("authorization", function(value) return (value:gsub(pattern, with)) end)
    end
    local spoilt = {
      ["another access key"] = authorization("Credential=%w+", "Credential=AKIAAAAAAAAAAAAAAAAA"),
      ["another day"] = authorization("/%d%d%d%d%d%d%d%d/", "/20200101/"),
      ["another region"] = authorization("/us%-east%-1/", "/us-west-2/"),
      ["another algorithm"] = authorization("AWS4%-HMAC%-SHA256", "AWS4-HMAC-SHA512"),
      ["another service"] = authorization("/[%w%-]+/aws4_request", "/iam/aws4_request"),
      ["another end of scope"] = authorization("aws4_request", "aws5_request"),
      ["a changed signature"] = authorization("Signature=%x", "Signature=g"),
      ["a shortened signature"] = authorization("%x%x%x%x$", ""),
      ["no signature"] = authorization(", *Signature=%x+", ""),
      ["no signed headers"] = authorization("SignedHeaders=[^,]+, *", ""),
      ["host not signed"] = authorization("host;", ""),
      ["date not signed"] = authorization(";x%-amz%-date", ""),
      ["no authorization"] = drop("authorization"),
      ["two authorizations"] = function(request)
        for _, header in ipairs(request.headers) do
          if header[1]:lower() == "authorization" then return add("Authorization", header[2])(request) end
        end
      end,
      ["no date"] = drop("x-amz-date"),
      ["another date"] = replace("x-amz-date", function(value) return (value:gsub("%d%d%d%dZ$", "0000Z")) .. "" end),
      ["another host"] = replace("host", function() return "example.org" end),
      ["an x-amz- header that is not signed"] = add("x-amz-meta-owner", "someone"),
      ["a security token that is not its own"] = add("x-amz-security-token", "token"),
      ["another path"] = function(request) request.path = request.path .. "x" end,
      ["a longer query"] = function(request)
        request.query = request.query .. (request.query == "" and "" or "&") .. "maxResults=1"
      end,
      ["another method"] = function(request) request.method = request.method == "GET" and "DELETE" or "GET" end,
      ["another body"] = function(request)
        if request.body == "" then return add("x-amz-content-sha256", core.sha256("other"))(request) end
        request.body = request.body:gsub("INGESTION", "SAGEMAKER"):gsub("one", "two"):gsub("Caller", "caller")
      end,
      ["both forms at once"] = function(request)
        request.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" .. ("0"):rep(64)
      end,
    }
    local kinds = {
      GET = { method = "GET", path = "/datasetsv2" },
      POST = { method = "POST", path = "/workingLocationV1", body = '{"locationType":"INGESTION"}' },
      DELETE = { method = "DELETE", path = "/finspace-local/nothing", service = "s3" },
      PUT = { method = "PUT", path = "/finspace-local/spoilt", service = "s3", body = "one" },
      ["GET of S3"] = { method = "GET", path = "/finspace-local/there", service = "s3" },
      ["STS"] = {
        method = "POST",
        path = "/",
        service = "sts",
        body = "Action=GetCallerIdentity",
      },
    }

    local function refuse_spoilt(kind, wanted)
      local right = running.ask(wanted)
      assert.truthy(right.status < 300, kind .. ": " .. right.status .. " " .. right.body)
      for what, spoil in pairs(spoilt) do
        local request = running.sign(wanted)
        spoil(request)
        local answer = running.send(request)
        assert.truthy(answer, kind .. " with " .. what .. " got no answer")
        assert.truthy(answer.status >= 400 and answer.status < 500, kind .. " with " .. what .. ": " .. answer.status)
      end
    end

    it("accepts what is right, and refuses everything else, in every half and method", function()
      for _, kind in ipairs { "GET", "POST", "STS" } do
        refuse_spoilt(kind, kinds[kind])
      end
    end)

    it_with_bytes("does so with objects", function()
      running.put("there", "there")
      for _, kind in ipairs { "PUT", "GET of S3", "DELETE" } do
        refuse_spoilt(kind, kinds[kind])
      end
      assert.equal("one", running.ask({ service = "s3", path = "/finspace-local/spoilt" }).body)
    end)

    it("names what is wrong as AWS does", function()
      local wrong = { access_key_id = running.credentials.access_key_id, secret_access_key = ("x"):rep(40) }
      local unknown = { access_key_id = "AKIAAAAAAAAAAAAAAAAA", secret_access_key = ("x"):rep(40) }
      local function codes(wanted)
        wanted.path = wanted.path or "/datasetsv2"
        local answer = running.ask(wanted)
        return answer.status .. " " .. (code_of(answer) or answer.body:match("<Code>(.-)</Code>"))
      end
      local late = math.floor(sys.now()) - 1200
      assert.equal("403 InvalidSignatureException", codes { credentials = wrong })
      assert.equal("403 UnrecognizedClientException", codes { credentials = unknown })
      assert.equal("400 RequestExpired", codes { time = late })
      assert.equal("403 InvalidSignatureException", codes { region = "us-west-2" })
      if running.store then return end -- which says it in its own words
      assert.equal("403 SignatureDoesNotMatch", codes { service = "s3", credentials = wrong })
      assert.equal("403 InvalidAccessKeyId", codes { service = "s3", credentials = unknown })
      assert.equal("403 RequestTimeTooSkewed", codes { service = "s3", time = late })
    end)

    it("accepts a presigned URL until it ends", function()
      local now = math.floor(sys.now())
      local function get(time) return running.ask { path = "/datasetsv2", form = "query", expires = 60, time = time } end
      assert.equal(200, get(now - 30).status)
      assert.equal("RequestExpired", code_of(get(now - 90)))
      local extended = running.sign { path = "/datasetsv2", form = "query", expires = 60, time = now - 90 }
      extended.query = extended.query:gsub("X%-Amz%-Expires=60", "X-Amz-Expires=600")
      assert.equal("InvalidSignatureException", code_of(running.send(extended)))
    end)

    it("refuses a presigned URL in which anything was changed", function()
      local changes = {
        { "Expires=60", "Expires=61" },
        { "AKIA%w+", "AKIAAAAAAAAAAAAAAAAA" },
        { "us%-east%-1", "us-west-2" },
        { "finspace%-api", "s3" },
        { "SHA256", "SHA512" },
        { "SignedHeaders=[^&]+", "SignedHeaders=date" },
        { "Signature=%x", "Signature=z" },
        { "&X%-Amz%-Signature=%x+", "" },
        { "X%-Amz%-Date=%d+T%d+Z", "X-Amz-Date=20200101T000000Z" },
        { "X%-Amz%-Expires=60&", "" },
        { "^", "maxResults=1&" },
        { "$", "&X-Amz-Security-Token=token" },
        { "$", "&X-Amz-Date=20200101T000000Z" },
      }
      for _, change in ipairs(changes) do
        local request = running.sign { path = "/datasetsv2", form = "query", expires = 60 }
        local query = request.query:gsub(change[1], change[2], 1)
        assert.not_equal(request.query, query)
        request.query = query
        local status = running.send(request).status
        assert.is_true(status == 400 or status == 403, change[1] .. " to " .. change[2] .. ": " .. status)
      end
    end)

    it("refuses a query that says something twice", function()
      local answer = running.ask { path = "/datasetsv2", query = "maxResults=1&maxResults=2" }
      assert.same({ 400, "ValidationException" }, { answer.status, code_of(answer) })
    end)

    it("accepts the same request again, as AWS does", function()
      local request = running.sign { path = "/datasetsv2" }
      assert.equal(200, running.send(request).status)
      assert.equal(200, running.send(request).status)
    end)

    it("gives every answer a request id", function()
      assert.truthy(running.ask({ path = "/datasetsv2" }).headers["x-amzn-requestid"])
      assert.truthy(running.ask({ path = "/nowhere" }).headers["x-amzn-requestid"])
      assert.truthy(running.ask({ path = "/finspace-local/there", service = "s3" }).headers["x-amz-request-id"])
      assert.truthy(running.ask({ path = "/finspace-local/not", service = "s3" }).headers["x-amz-request-id"])
    end)
  end)

  describe("asked for what makes no sense", function()
    it("answers in AWS's error shape, and never with a 500", function()
      local dataset = running.dataset()
      local path = "/datasets/" .. dataset .. "/changesetsv2"
      local deep = ("["):rep(5000) .. ("]"):rep(5000)
      local bodies = {
        "",
        "{",
        "nothing",
        "[]",
        '"text"',
        "null",
        "12",
        "{}x",
        deep,
        '{"a":' .. deep .. "}",
        "\255\254{}",
        '{"changeType":null}',
        '{"changeType":[]}',
        '{"changeType":{}}',
        '{"changeType":true}',
        '{"sourceParams":1}',
        '{"sourceParams":["a"]}',
        '{"sourceParams":{"a":1}}',
        '{"formatParams":"x"}',
        '{"clientToken":1e400}',
        '{"clientToken":"' .. ("x"):rep(300) .. '"}',
        '{"changeType":"APPEND","sourceParams":{},"formatParams":{}}',
        '{"changeType":"MODIFY","sourceParams":{"s3SourcePath":"s3://a/b"},"formatParams":{}}',
        '{"changeType":"APPEND","sourceParams":{"s3SourcePath":"file:///etc/passwd"},"formatParams":{}}',
        '{"changeType":"\\ud800","sourceParams":{"s3SourcePath":"s3://a/b"},"formatParams":{}}',
        ("x"):rep(2 * 1024 * 1024),
      }
      for _, body in ipairs(bodies) do
        local answer = running.ask { method = "POST", path = path, body = body }
        assert.truthy(answer.status >= 400 and answer.status < 500, answer.status .. " for " .. body:sub(1, 60))
        assert.truthy(code_of(answer))
        assert.truthy(answer.status == 413 or cjson.decode(answer.body).message)
      end
    end)

    it("knows neither routes nor methods that are not in the model", function()
      for _, wanted in ipairs {
        { path = "/" },
        { path = "/nowhere" },
        { path = "/datasetsv2/a/b/c" },
        { path = "/datasetsv2", method = "PATCH" },
        { path = "/datasetsv2", method = "PUT" },
        { path = "//datasetsv2" },
        { path = "/datasetsv2/%zz" },
        { path = "/user/%FF" },
      } do
        local answer = running.ask(wanted)
        assert.truthy(answer.status >= 400 and answer.status < 500, wanted.path .. " " .. answer.status)
        assert.truthy(code_of(answer))
      end
    end)

    it("refuses a body that does not say that it is JSON", function()
      for _, kind in ipairs { "text/xml", "application/x-www-form-urlencoded", "json" } do
        local request = running.sign {
          method = "POST",
          path = "/workingLocationV1",
          body = "{}",
          content_type = kind,
        }
        local answer = running.send(request)
        assert.same({ 415, "UnsupportedMediaTypeException" }, { answer.status, code_of(answer) })
      end
    end)

    it("stays on its feet when HTTP itself is broken", function()
      for _, text in ipairs {
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET /datasetsv2 HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "GET /" .. ("a"):rep(70000) .. " HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: " .. ("a"):rep(300000) .. "\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /datasetsv2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
      } do
        local answer = service.send_text(running.port, text)
        assert.truthy(answer == nil or (answer.status >= 400 and answer.status < 506), text:sub(1, 40))
        assert.truthy(answer == nil or answer.status ~= 500)
      end
      assert.truthy(running.call("ListDatasets"))
    end)
  end)

  describe("with datasets", function()
    local function create(params)
      params.kind, params.permissionGroupParams = "TABULAR", {}
      params.datasetTitle = params.datasetTitle or "Prices"
      return running.call("CreateDataset", params)
    end

    it("lets titles be shared, and aliases not", function()
      assert.truthy(create { datasetTitle = "Twice" })
      assert.truthy(create { datasetTitle = "Twice", alias = "alias/one" })
      local _, err = create { alias = "alias/one" }
      assert.same({ "ConflictException", 409 }, { err.code, err.status })
      assert.truthy(err.message:find("alias", 1, true))
    end)

    it("gives ids of letters and digits, at most 26", function()
      for _ = 1, 20 do
        assert.truthy(create({}).datasetId:find("^%w+$"))
        assert.truthy(#create({}).datasetId <= 26)
      end
    end)

    it("finds one by its id and by its alias", function()
      local id = create({ alias = "alias/by-name" }).datasetId
      local found = running.call("GetDataset", { datasetId = "alias/by-name" })
      assert.equal(id, found.datasetId)
      assert.equal("SUCCESS", found.status)
      local _, err = running.call("GetDataset", { datasetId = "unknown" })
      assert.equal("ResourceNotFoundException", err.code)
    end)

    it("pages through a list that grows meanwhile, without a repeat or a gap", function()
      local first = running.call("ListDatasets", { maxResults = 3 })
      local expected = {}
      for _, dataset in ipairs(running.call("ListDatasets", { maxResults = 100 }).datasets) do
        expected[#expected + 1] = dataset.datasetId
      end
      local seen, page = {}, first
      while true do
        for _, dataset in ipairs(page.datasets) do
          seen[#seen + 1] = dataset.datasetId
        end
        if not page.nextToken then break end
        expected[#expected + 1] = #expected < 40 and create({}).datasetId or nil
        page = running.call("ListDatasets", { maxResults = 3, nextToken = page.nextToken })
      end
      assert.same(expected, seen)
    end)

    it("refuses a page token that it did not give out", function()
      local token = running.call("ListDatasets", { maxResults = 1 }).nextToken
      for _, made_up in ipairs { "1", "x", token .. "0", "9" .. token, (token:gsub("%x$", "z")) } do
        local _, err = running.call("ListDatasets", { nextToken = made_up })
        assert.equal("ValidationException", err.code)
        assert.truthy(err.message:find("nextToken", 1, true))
      end
    end)

    it("tells of its changesets in a list what it tells of each alone", function()
      local id = create({}).datasetId
      running.ingest(id, running.put("listed.csv", "a,b\n1,2\n"))
      local first = running.call("ListChangesets", { datasetId = id }).changesets[1]
      running.ingest(id, running.put("listed.csv", "a,b\n3,4\n"), nil, "REPLACE")
      running.ingest(id, 's3://finspace-local/not there "quoted"')
      local listed = running.call("ListChangesets", { datasetId = id, maxResults = 2 })
      listed.changesets[3] =
        running.call("ListChangesets", { datasetId = id, nextToken = listed.nextToken }).changesets[1]
      assert.same({ first.changesetId, 3 }, { listed.changesets[1].changesetId, #listed.changesets })
      for _, changeset in ipairs(listed.changesets) do
        local alone = running.call("GetChangeset", { datasetId = id, changesetId = changeset.changesetId })
        assert.same(alone, changeset)
      end
    end)

    it("deletes one with all that it has", function()
      local id = create({}).datasetId
      running.ingest(id, running.put("deleted.csv", "a\n1\n"))
      assert.equal(id, running.call("DeleteDataset", { datasetId = id }).datasetId)
      local _, err = running.call("ListChangesets", { datasetId = id })
      assert.equal("ResourceNotFoundException", err.code)
    end)

    it("stops at 1,500", function()
      running.kill()
      assert.truthy(support.has_program("sqlite3"))
      running.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) "
          .. "INSERT INTO datasets (id, title, kind, created_by, created, modified) "
          .. "SELECT 'filler' || i, 'filler', 'TABULAR', 'x', 1, 1 FROM n"
      )
      running.restart()
      local _, err = create {}
      assert.equal("LimitExceededException", err.code)
      running.kill()
      running.sql("DELETE FROM datasets WHERE title = 'filler'")
      running.restart()
      assert.truthy(create {})
    end)
  end)

  describe("given a clientToken", function()
    local function create(title, token)
      return running.ask {
        method = "POST",
        path = "/datasetsv2",
        body = cjson.encode({ datasetTitle = title, kind = "TABULAR", clientToken = token }):gsub("}$", "")
          .. ',"permissionGroupParams":{}}',
      }
    end

    it("gives the first answer again, and does nothing twice", function()
      local first, again = create("Once", "token-1"), create("Once", "token-1")
      assert.equal(200, first.status)
      assert.equal(first.body, again.body)
    end)

    it("does so for all 16 operations that take one", function()
      local number = 0
      local function fresh(text)
        number = number + 1
        return text .. number
      end
      local function user()
        local params = { emailAddress = fresh("once") .. "@example.org", type = "APP_USER" }
        return running.call("CreateUser", params).userId
      end
      local function group()
        local params = { name = fresh("Once "), applicationPermissions = {} }
        return running.call("CreatePermissionGroup", params).permissionGroupId
      end
      local function member()
        local params = { permissionGroupId = group(), userId = user() }
        running.call("AssociateUserToPermissionGroup", params)
        return params
      end
      local uri = running.put("once.csv", "a\n1\n")
      local source = { sourceParams = { s3SourcePath = uri }, formatParams = { formatType = "CSV" } }
      local function with(more)
        for name, value in pairs(source) do
          more[name] = value
        end
        return more
      end
      local params_of = {
        AssociateUserToPermissionGroup = function() return { permissionGroupId = group(), userId = user() } end,
        CreateChangeset = function() return with { datasetId = running.dataset(), changeType = "APPEND" } end,
        CreateDataView = function()
          local to = { destinationType = "S3", s3DestinationExportFileFormat = "DELIMITED_TEXT" }
          return { datasetId = running.dataset(), destinationTypeParams = to }
        end,
        CreateDataset = function()
          return {
            datasetTitle = "Once",
            kind = "TABULAR",
            permissionGroupParams = {},
            alias = fresh("alias/o"),
          }
        end,
        CreatePermissionGroup = function() return { name = fresh("Once "), applicationPermissions = {} } end,
        CreateUser = function() return { emailAddress = fresh("once") .. "@example.org", type = "APP_USER" } end,
        DeleteDataset = function() return { datasetId = running.dataset() } end,
        DeletePermissionGroup = function() return { permissionGroupId = group() } end,
        DisableUser = function() return { userId = user() } end,
        DisassociateUserFromPermissionGroup = member,
        EnableUser = function()
          local id = user()
          running.call("DisableUser", { userId = id })
          return { userId = id }
        end,
        ResetUserPassword = function() return { userId = user() } end,
        UpdateChangeset = function()
          local id = running.dataset()
          return with { datasetId = id, changesetId = running.ingest(id, uri).changesetId }
        end,
        UpdateDataset = function()
          return { datasetId = running.dataset(), datasetTitle = "Once more", kind = "TABULAR" }
        end,
        UpdatePermissionGroup = function() return { permissionGroupId = group(), description = "x" } end,
        UpdateUser = function() return { userId = user(), firstName = "x" } end,
      }
      local tried = 0
      for _, row in ipairs(core.operations()) do
        if row.client_token then
          local request = assert(core.prepare(row.name, params_of[row.name](), "once-" .. row.name))
          local first, again = running.ask(request), running.ask(request)
          assert.equal(200, first.status, row.name .. ": " .. first.body)
          assert.same({ 200, first.body }, { again.status, again.body })
          tried = tried + 1
        end
      end
      assert.equal(16, tried)
    end)

    it("refuses another request under the same token", function()
      create("Once", "token-2")
      local answer = create("Another", "token-2")
      assert.equal("ConflictException", code_of(answer))
      assert.equal(409, answer.status)
      assert.truthy(cjson.decode(answer.body).message:find("clientToken", 1, true))
    end)

    it("keeps no temporary password where somebody who reads the files finds it", function()
      local params = { emailAddress = "sealed@example.org", type = "APP_USER" }
      local id = running.call("CreateUser", params).userId
      local request = assert(core.prepare("ResetUserPassword", { userId = id }, "sealed-token"))
      local first, again = running.ask(request), running.ask(request)
      assert.same({ 200, first.body }, { again.status, again.body })
      local password = cjson.decode(first.body).temporaryPassword
      assert.equal(16, #password)
      local bytes = running.dump()
      assert.truthy(bytes:find("sealed@example.org", 1, true))
      for _, secret in ipairs { password, "sealed-token" } do
        assert.is_nil(bytes:find(secret, 1, true), "the database holds " .. secret)
      end
    end)

    it_with_files("forgets the answers that earlier versions kept in plain text", function()
      running.kill()
      running.sql("CREATE TABLE client_tokens (result TEXT)")
      running.sql("INSERT INTO client_tokens VALUES ('a-password-of-old')")
      running.restart()
      assert.equal("0", running.sql("SELECT count(*) FROM sqlite_master WHERE name = 'client_tokens'"):match("%d+"))
      running.sql("PRAGMA wal_checkpoint(TRUNCATE)")
      assert.is_nil(support.read_file(running.data .. "/finspace.db"):find("a-password-of-old", 1, true))
    end)

    it("lets one of many at once win, and gives all the same id", function()
      local http = require("finspace.http")
      local multi = http.multi {}
      local wanted = running.sign {
        method = "POST",
        path = "/datasetsv2",
        body = '{"datasetTitle":"Race","kind":"TABULAR","clientToken":"race","permissionGroupParams":{}}',
      }
      local headers = {}
      for _, header in ipairs(wanted.headers) do
        headers[header[1]:lower()] = header[2]
      end
      headers["content-length"] = nil
      for _ = 1, 64 do
        multi:add {
          method = "POST",
          url = running.endpoint .. wanted.path,
          headers = headers,
          body = wanted.body,
        }
      end
      local ids, answered = {}, 0
      while answered < 64 do
        multi:wait(1)
        for _, done in ipairs(multi:step()) do
          answered = answered + 1
          assert.equal(200, done.response and done.response.status)
          ids[done.response.body] = true
        end
      end
      multi:close()
      local id = next(ids)
      assert.is_nil(next(ids, id))
    end)
  end)

  describe("with people", function()
    local function assume(role)
      local answer = running.ask {
        method = "POST",
        path = "/",
        service = "sts",
        body = "Action=AssumeRole&RoleSessionName=spec&RoleArn=" .. core.uri_encode(role),
      }
      assert.equal(200, answer.status, answer.body)
      return {
        access_key_id = answer.body:match("<AccessKeyId>(.-)<"),
        secret_access_key = answer.body:match("<SecretAccessKey>(.-)<"),
        session_token = answer.body:match("<SessionToken>(.-)<"),
      }
    end

    local count = 0
    local function analyst(permissions)
      count = count + 1
      local role = "arn:aws:iam::123456789012:role/analyst-" .. count
      local user = running.call("CreateUser", {
        emailAddress = ("analyst%d@example.org"):format(count),
        type = "APP_USER",
        apiAccess = "ENABLED",
        apiAccessPrincipalArn = role,
      }).userId
      local group = running.call("CreatePermissionGroup", {
        name = "Group " .. count,
        applicationPermissions = permissions,
      }).permissionGroupId
      running.call("AssociateUserToPermissionGroup", { permissionGroupId = group, userId = user })
      return { user = user, group = group, keys = assume(role) }
    end

    local function code(operation, params, keys)
      local result, err = running.call(operation, params, keys)
      return result and "accepted" or err.code
    end

    it("lets them do what their groups may do, and nothing else", function()
      local one = analyst { "GetTemporaryCredentials" }
      local new = { datasetTitle = "Theirs", kind = "TABULAR", permissionGroupParams = {} }
      assert.equal("AccessDeniedException", code("CreateDataset", new, one.keys))
      assert.equal("AccessDeniedException", code("ListUsers", { maxResults = 1 }, one.keys))
      assert.equal("accepted", code("GetUser", { userId = one.user }, one.keys))
      running.call("UpdatePermissionGroup", {
        permissionGroupId = one.group,
        applicationPermissions = { "CreateDataset" },
      })
      assert.equal("accepted", code("CreateDataset", new, one.keys))
      assert.equal("AccessDeniedException", code("GetProgrammaticAccessCredentials", { environmentId = "e" }, one.keys))
    end)

    it("opens a dataset as far as its groups were granted", function()
      local one = analyst {}
      local function dataset_for(permission)
        return running.call("CreateDataset", {
          datasetTitle = "Shared",
          kind = "TABULAR",
          permissionGroupParams = {
            permissionGroupId = one.group,
            datasetPermissions = { { permission = permission } },
          },
        }).datasetId
      end
      local allowed = {
        ViewDatasetDetails = { "GetDataset", {} },
        EditDatasetMetadata = { "UpdateDataset", { datasetTitle = "New", kind = "TABULAR" } },
        AddDatasetData = {
          "CreateChangeset",
          {
            changeType = "APPEND",
            sourceParams = { s3SourcePath = "s3://a/b" },
            formatParams = {},
          },
        },
        CreateDataView = {
          "CreateDataView",
          {
            destinationTypeParams = {
              destinationType = "S3",
              s3DestinationExportFileFormat = "DELIMITED_TEXT",
            },
          },
        },
        DeleteDataset = { "DeleteDataset", {} },
      }
      for granted in pairs(allowed) do
        for needed, operation in pairs(allowed) do
          local params = { datasetId = dataset_for(granted) }
          for name, value in pairs(operation[2]) do
            params[name] = value
          end
          assert.equal(
            granted == needed and "accepted" or "AccessDeniedException",
            code(operation[1], params, one.keys),
            operation[1] .. " with " .. granted
          )
        end
      end
    end)

    it("keeps their staged files from each other", function()
      local one, other = analyst {}, analyst {}
      local location = running.call("GetWorkingLocation", {}, one.keys)
      local path = "/" .. location.s3Bucket .. "/" .. location.s3Path .. "a.csv"
      local function try(method, keys)
        return running.ask({
          service = "s3",
          method = method,
          path = path,
          credentials = keys,
          body = method == "PUT" and "a\n1\n" or nil,
        }).status
      end
      assert.equal(200, try("PUT", one.keys))
      assert.equal(200, try("GET", one.keys))
      assert.equal(403, try("GET", other.keys))
      assert.equal(403, try("PUT", other.keys))
      assert.equal(403, try("DELETE", other.keys))
    end)

    it("shuts out a disabled user's keys at once, and lets them in again when enabled", function()
      local one = analyst { "GetTemporaryCredentials" }
      local made = running.call("GetProgrammaticAccessCredentials", { environmentId = "e" }, one.keys).credentials
      local programmatic = {
        access_key_id = made.accessKeyId,
        secret_access_key = made.secretAccessKey,
        session_token = made.sessionToken,
      }
      assert.equal("accepted", code("ListDatasets", {}, programmatic))
      running.call("DisableUser", { userId = one.user })
      assert.equal("AccessDeniedException", code("ListDatasets", {}, one.keys))
      assert.equal("AccessDeniedException", code("ListDatasets", {}, programmatic))
      assert.equal("ConflictException", code("DisableUser", { userId = one.user }))
      running.call("EnableUser", { userId = one.user })
      assert.equal("accepted", code("ListDatasets", {}, programmatic))
    end)

    it("stops every key of a user without API access at once, in every half", function()
      local one = analyst { "GetTemporaryCredentials" }
      local location = running.call("GetWorkingLocation", {}, one.keys)
      local path = "/" .. location.s3Bucket .. "/" .. location.s3Path .. "a.csv"
      local presigned = running.sign {
        service = "s3",
        path = path,
        credentials = one.keys,
        form = "query",
        expires = 60,
        payload_hash = "UNSIGNED-PAYLOAD",
      }
      local halves = {
        { service = "s3", method = "PUT", path = path, body = "a\n1\n" },
        { service = "s3", method = "GET", path = path },
        { service = "sts", method = "POST", path = "/", body = "Action=GetCallerIdentity" },
        { method = "GET", path = "/datasetsv2" },
      }
      local function statuses()
        local found = {}
        for i, half in ipairs(halves) do
          half.credentials = one.keys
          found[i] = running.ask(half).status
        end
        found[#found + 1] = running.send(presigned).status
        return found
      end
      local s3 = running.store and 200 or 403 -- a store takes the keys that it gave until they expire
      assert.same({ 200, 200, 200, 200, 200 }, statuses())
      running.call("UpdateUser", { userId = one.user, apiAccess = "DISABLED" })
      assert.same({ s3, s3, 403, 403, s3 }, statuses())
      running.call("UpdateUser", { userId = one.user, apiAccess = "ENABLED" })
      assert.same({ 200, 200, 200, 200, 200 }, statuses())
      running.call("DisableUser", { userId = one.user })
      assert.same({ s3, s3, 403, 403, s3 }, statuses())
    end)

    describe("who administer", function()
      local me, group
      setup(function()
        me = running.call("ListUsers", { maxResults = 1 }).users[1].userId
        group = running.call("ListPermissionGroups", { maxResults = 1 }).permissionGroups[1].permissionGroupId
      end)

      it("keeps the owner able to let everybody in again", function()
        assert.equal("ConflictException", code("DisableUser", { userId = me }))
        assert.equal("ConflictException", code("UpdateUser", { userId = me, type = "APP_USER" }))
        assert.equal("ConflictException", code("UpdateUser", { userId = me, apiAccess = "DISABLED" }))
        assert.equal("accepted", code("UpdateUser", { userId = me, firstName = "Still here" }))
      end)

      it("keeps somebody in a group that manages users", function()
        local changes = {
          DeletePermissionGroup = { permissionGroupId = group },
          UpdatePermissionGroup = { permissionGroupId = group, applicationPermissions = { "CreateDataset" } },
          DisassociateUserFromPermissionGroup = { permissionGroupId = group, userId = me },
        }
        for operation, params in pairs(changes) do
          assert.equal("ConflictException", code(operation, params), operation)
        end
        assert.equal(
          7,
          #running.call("GetPermissionGroup", { permissionGroupId = group }).permissionGroup.applicationPermissions
        )
        assert.equal(
          me,
          running.call("ListUsersByPermissionGroup", { permissionGroupId = group, maxResults = 9 }).users[1].userId
        )
      end)

      it("counts only whoever can use the permission", function()
        local other = analyst { "ManageUsersAndGroups" }
        assert.equal(
          "accepted",
          code("DisassociateUserFromPermissionGroup", { permissionGroupId = group, userId = me })
        )
        assert.equal("ConflictException", code("DisableUser", { userId = other.user }))
        assert.equal("ConflictException", code("UpdateUser", { userId = other.user, apiAccess = "DISABLED" }))
        assert.equal("accepted", code("AssociateUserToPermissionGroup", { permissionGroupId = group, userId = me }))
        assert.equal("accepted", code("DisableUser", { userId = other.user }))
      end)
    end)

    it("gives the owner back what an earlier version let go", function()
      running.kill()
      running.sql("UPDATE users SET type = 'APP_USER', status = 'DISABLED', api_access = 'DISABLED'")
      running.restart()
      assert.equal("accepted", code("ListUsers", { maxResults = 1 }))
    end)

    it("heeds with the next request what stops keys and lets them go on, on every worker, whoever wrote it", function()
      local one = analyst {}
      local function asked() -- on connections of their own, which any worker takes
        return code("GetUser", { userId = one.user }, one.keys)
      end
      for _ = 1, 5 do
        assert.equal("accepted", code("UpdateUser", { userId = one.user, apiAccess = "DISABLED" }))
        for _ = 1, 4 do
          assert.equal("AccessDeniedException", asked())
        end
        assert.equal("accepted", code("UpdateUser", { userId = one.user, apiAccess = "ENABLED" }))
        for _ = 1, 4 do
          assert.equal("accepted", asked())
        end
        running.sql(("UPDATE users SET status = 'DISABLED' WHERE id = '%s'"):format(one.user))
        assert.equal("AccessDeniedException", asked())
        running.sql(("UPDATE users SET status = 'ENABLED' WHERE id = '%s'"):format(one.user))
      end
    end)

    it("refuses keys whose time is over, and keys without their token", function()
      local one = analyst { "GetTemporaryCredentials" }
      local made =
        running.call("GetProgrammaticAccessCredentials", { environmentId = "e", durationInMinutes = 1 }, one.keys)
      assert.equal(running.store and 15 or 1, made.durationInMinutes) -- the least that a store's STS gives
      local keys =
        { access_key_id = made.credentials.accessKeyId, secret_access_key = made.credentials.secretAccessKey }
      assert.equal("UnrecognizedClientException", code("ListDatasets", {}, keys))
      keys.session_token = made.credentials.sessionToken
      running.kill()
      running.sql(
        ("UPDATE access_keys SET expires_seconds = %d WHERE id = '%s'"):format(os.time() - 60, keys.access_key_id)
      )
      running.restart()
      assert.equal("ExpiredTokenException", code("ListDatasets", {}, keys))
    end)

    it("wants an e-mail address, a role and a group's name to be somebody's alone", function()
      local one = analyst {}
      local user = running.call("GetUser", { userId = one.user })
      assert.equal(
        "ConflictException",
        code("CreateUser", { emailAddress = user.emailAddress:upper(), type = "APP_USER" })
      )
      assert.equal(
        "ConflictException",
        code("CreateUser", {
          emailAddress = "new@example.org",
          type = "APP_USER",
          apiAccessPrincipalArn = user.apiAccessPrincipalArn,
        })
      )
      assert.equal(
        "ConflictException",
        code("CreatePermissionGroup", {
          name = "Group " .. count,
          applicationPermissions = {},
        })
      )
      assert.equal(
        "ConflictException",
        code("AssociateUserToPermissionGroup", {
          permissionGroupId = one.group,
          userId = one.user,
        })
      )
    end)
  end)
end)
