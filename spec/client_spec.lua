local finspace = require("finspace")
local core = require("finspace.core")
local support = require("spec.support")
local world = require("spec.support.world")

local function message_of(action, ...)
  local ok, message = pcall(action, ...)
  assert.is_false(ok)
  return tostring(message)
end

-- Everything that a value holds, as one text.
local function flatten(value, seen)
  seen = seen or {}
  if type(value) ~= "table" or seen[value] then return tostring(value) end
  seen[value] = true
  local words = { tostring(value) }
  for key, element in pairs(value) do
    words[#words + 1] = tostring(key) .. "=" .. flatten(element, seen)
  end
  return table.concat(words, " ")
end

describe("finspace.new", function()
  it("reads, looks up and connects nothing", function()
    local function never(what)
      return function() error(what .. " was used") end
    end
    local fs = finspace.new {
      transport = never("the transport"),
      getenv = never("the environment"),
      sleep = never("the sleep"),
      credentials = never("the provider"),
    }
    assert.is_function(fs.create_changeset)
  end)

  it(
    "raises on an unknown option, and offers the nearest",
    function()
      assert.matches(
        'finspace.new: unknown option "enviroment_id"; did you mean "environment_id"?',
        message_of(finspace.new, { enviroment_id = "x" }),
        1,
        true
      )
    end
  )

  it("raises on a wrong type, naming the option", function()
    assert.matches(
      'option "region" must be a string, not another number',
      message_of(finspace.new, { region = 1 }),
      1,
      true
    )
    assert.matches(
      'option "timeout" must be a positive number of seconds',
      message_of(finspace.new, { timeout = "60" }),
      1,
      true
    )
  end)

  it("raises on keys that are incomplete, without showing the others", function()
    local message = message_of(finspace.new, { credentials = { access_key_id = "AKID" } })
    assert.matches("secret_access_key is missing", message)
    message = message_of(finspace.new, { credentials = { secret_access_key = "SECRETCANARY" } })
    assert.matches("access_key_id is missing", message)
    assert.not_matches("CANARY", message)
  end)

  it("belongs to a library of the rock's version", function()
    local rockspec = support.read_file(support.root .. "/finspace-" .. finspace._VERSION .. "-1.rockspec")
    assert.matches('version = "' .. finspace._VERSION .. '-1"', rockspec, 1, true)
  end)

  it("prints as where it calls, never with what keys", function()
    local fs = world.new({}).client()
    assert.equal("finspace.Client(http://127.0.0.1:4510)", tostring(fs))
    assert.not_matches("CANARY", tostring(fs))
  end)
end)

describe("a client", function()
  it("has a method for every operation", function()
    local fs, count = world.new({}).client(), 0
    for _, operation in ipairs(fs:operations()) do
      assert.is_function(fs[operation.method], operation.method)
      count = count + 1
    end
    assert.equal(32, count)
    assert.is_function(fs.get_external_data_view_access_details)
  end)

  it("lists its operations with their required members", function()
    for _, operation in ipairs(world.new({}).client():operations()) do
      if operation.name == "GetChangeset" then
        assert.same({ "datasetId", "changesetId" }, operation.required)
        assert.same({}, operation.optional)
        assert.equal("get_changeset", operation.method)
      end
    end
  end)

  it("signs a request for FinSpace and sends it as the model says", function()
    local here = world.new { world.ok('{"s3Uri":"s3://b/k","s3Bucket":"b","s3Path":"k"}') }
    local location = here.client():get_working_location { locationType = "INGESTION" }
    assert.equal("s3://b/k", location.s3Uri)
    local request = here.requests[1]
    assert.same(
      { "POST", "http://127.0.0.1:4510/workingLocationV1", '{"locationType":"INGESTION"}' },
      { request.method, request.url, request.body }
    )
    assert.equal("application/json", request.headers["content-type"])
    assert.equal("127.0.0.1:4510", request.headers.host)
    assert.matches(
      "^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/20231114/us%-east%-1/finspace%-api/aws4_request, "
        .. "SignedHeaders=[^,]*host[^,]*, Signature=%x+$",
      request.headers.authorization
    )
    assert.matches("finspace%-lua", request.headers["user-agent"])
  end)

  it("keeps an endpoint's port and base path", function()
    local here = world.new { world.ok() }
    here.client({ endpoint_url = "https://[::1]:8443/base/" }):get_dataset { datasetId = "a/b" }
    assert.equal("https://[::1]:8443/base/datasetsv2/a%2Fb", here.requests[1].url)
    assert.equal("[::1]:8443", here.requests[1].headers.host)
  end)

  it("calls an operation by either spelling of its name", function()
    local here = world.new { world.ok() }
    local fs = here.client()
    assert.truthy(fs:call("GetDataset", { datasetId = "d1" }))
    assert.truthy(fs:call("get_dataset", { datasetId = "d1" }))
    assert.equal(here.requests[1].url, here.requests[2].url)
  end)

  it("raises for an operation that does not exist, and offers the nearest", function()
    local fs = world.new({}).client()
    assert.matches(
      'unknown operation "CreateChangset"; did you mean "CreateChangeset"?',
      message_of(fs.call, fs, "CreateChangset"),
      1,
      true
    )
    assert.matches("must be a string", message_of(fs.call, fs, nil))
  end)

  it("raises for a method that does not exist, and offers the nearest", function()
    local fs = world.new({}).client()
    assert.matches(
      'no method "get_wrking_location"; did you mean "get_working_location"?',
      message_of(function() return fs:get_wrking_location() end),
      1,
      true
    )
  end)

  it("raises when the members are no table", function()
    local fs = world.new({}).client()
    assert.matches("GetDataset takes a table of members, not a string", message_of(fs.get_dataset, fs, "d1"))
  end)

  it("gives operations on both wire forms of CreateChangeset: the request says which", function()
    local here = world.new { world.ok('{"changeset":{"id":"c1"}}'), world.ok('{"datasetId":"d1","changesetId":"c2"}') }
    local fs = here.client()
    assert.equal(
      "c1",
      fs:create_changeset({
        datasetId = "d1",
        changeType = "APPEND",
        sourceType = "S3",
        sourceParams = { s3SourcePath = "s3://b/k" },
      }).changeset.id
    )
    assert.equal(
      "c2",
      fs:create_changeset({
        datasetId = "d1",
        changeType = "APPEND",
        sourceParams = { s3SourcePath = "s3://b/k" },
        formatParams = { formatType = "CSV" },
      }).changesetId
    )
    assert.matches("/datasets/d1/changesets$", here.requests[1].url)
    assert.not_matches("clientToken", here.requests[1].body)
    assert.matches("/datasets/d1/changesetsv2$", here.requests[2].url)
    assert.matches("clientToken", here.requests[2].body)
  end)

  it("puts the clientToken of a DELETE into the query", function()
    local here = world.new { world.ok() }
    here.client():delete_dataset { datasetId = "d1" }
    assert.matches("^http://127.0.0.1:4510/datasetsv2/d1%?clientToken=[%x-]+$", here.requests[1].url)
    assert.is_nil(here.requests[1].body)
  end)
end)

describe("a request that cannot be right", function()
  it("is refused with all its faults, and nothing is sent", function()
    local here = world.new { world.ok() }
    local result, err = here.client():create_dataset { kind = "TABLE", datasetTitel = "x" }
    assert.is_nil(result)
    assert.same({ "validation", "not_sent", "CreateDataset" }, { err.kind, err.outcome, err.operation })
    local members = {}
    for _, fault in ipairs(err.faults) do
      members[fault.member] = fault.rule
    end
    assert.same(
      { kind = "enum", datasetTitel = "unknown", datasetTitle = "required", permissionGroupParams = "required" },
      members
    )
    assert.equal(0, #here.requests)
  end)

  for _, id in ipairs { "", ".", ".." } do
    it(("is refused when a path member is %q"):format(id), function()
      local here = world.new { world.ok() }
      local _, err = here.client():get_dataset { datasetId = id }
      assert.equal("validation", err.kind)
      assert.equal("datasetId", err.faults[1].member)
      assert.equal(0, #here.requests)
    end)
  end

  it("is refused when the region is no host label, or there is none", function()
    for _, region in ipairs { "us east 1", "evil.com/", "x@evil.com", "a.b#" } do
      local here = world.new { world.ok() }
      local _, err = here.client({ region = region }):get_dataset { datasetId = "d1" }
      assert.same({ "config", "GetDataset" }, { err.kind, err.operation })
      assert.equal(0, #here.requests)
    end
  end)

  it("is refused when the endpoint carries user information", function()
    local here = world.new { world.ok() }
    local fs = here.client { endpoint_url = "http://me:SECRETCANARY@127.0.0.1:4510" }
    local _, err = fs:get_dataset { datasetId = "d1" }
    assert.equal("config", err.kind)
    assert.not_matches("CANARY", flatten(err))
    assert.equal(0, #here.requests)
  end)
end)

describe("an endpoint that is not there", function()
  it("is explained: FinSpace's end, the option, the variables, and the service to start", function()
    local here = world.new { world.fault("connect", "CouldNotResolve", false) }
    local options = here.options()
    options.endpoint_url = nil
    local _, err = finspace.new(options):get_working_location {}
    assert.equal("connect", err.kind)
    for _, words in ipairs {
      "2026-10-07",
      "endpoint_url",
      "AWS_ENDPOINT_URL_FINSPACE_DATA",
      "AWS_ENDPOINT_URL",
      "finspace serve",
    } do
      assert.truthy(err.message:find(words, 1, true), words)
    end
  end)

  it("is named when somebody else named it", function()
    local here = world.new { world.fault("connect", "ConnectionRefused", false) }
    local _, err = here.client():get_working_location {}
    assert.matches("127.0.0.1:4510", err.message, 1, true)
    assert.not_matches("2026%-10%-07", err.message)
  end)
end)

describe("credentials given in code", function()
  local keys = { access_key_id = "AKID", secret_access_key = "SECRETCANARY", session_token = "TOKENCANARY" }

  local function at(minutes, more)
    local here = world.new { world.ok() }
    local given = {
      access_key_id = keys.access_key_id,
      secret_access_key = keys.secret_access_key,
      session_token = keys.session_token,
    }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    local fs = here.client { credentials = given }
    here.time = here.time + minutes * 60
    local result, err = fs:get_dataset { datasetId = "d1" }
    return result, err, here
  end

  it("last an hour when they have a session token and no end", function()
    local result, _, here = at(59)
    assert.truthy(result)
    assert.equal("TOKENCANARY", here.requests[1].headers["x-amz-security-token"])
  end)

  it("are a clear error after that, and nothing is sent", function()
    local result, err, here = at(61)
    assert.is_nil(result)
    assert.same(
      { "credentials", "ExpiredCredentials", "not_sent", "GetDataset" },
      { err.kind, err.code, err.outcome, err.operation }
    )
    assert.matches("copied from the web application", err.message)
    assert.not_matches("CANARY", flatten(err))
    assert.equal(0, #here.requests)
  end)

  it("end when they say", function()
    assert.truthy(at(600, { expires_at = 1700000000 + 720 * 60 }))
    local _, err = at(721, { expires_at = 1700000000 + 720 * 60 })
    assert.equal("ExpiredCredentials", err.code)
  end)

  it("do not end without a session token", function()
    local here = world.new { world.ok() }
    local fs = here.client()
    here.time = here.time + 86400 * 365
    assert.truthy(fs:get_dataset { datasetId = "d1" })
  end)

  it("may be a function that fetches them, asked only when needed", function()
    local here, asked = world.new { world.ok() }, 0
    local fs = here.client {
      credentials = function(context)
        asked = asked + 1
        assert.is_table(context.runtime)
        return { access_key_id = "FETCHED", secret_access_key = "SECRETCANARY" }
      end,
    }
    assert.equal(0, asked)
    fs:get_dataset { datasetId = "d1" }
    fs:get_dataset { datasetId = "d1" }
    assert.equal(1, asked)
    assert.matches("Credential=FETCHED/", here.requests[1].headers.authorization)
  end)

  it("leave an err of their provider as it was, because others may hold it, too", function()
    local shared = { kind = "credentials", code = "VaultSealed", message = "the vault is sealed" }
    local fs = world.new({}).client { credentials = function() return nil, shared end }
    local _, first = fs:get_dataset { datasetId = "d1" }
    local _, second = fs:list_datasets()
    assert.same({ "GetDataset", "ListDatasets" }, { first.operation, second.operation })
    assert.is_nil(shared.operation)
  end)

  it("whose fetching fails are the call's error, and nothing is sent", function()
    local here = world.new { world.ok() }
    local _, err = here
      .client({
        credentials = function()
          return nil, { kind = "credentials", code = "VaultSealed", message = "the vault is sealed" }
        end,
      })
      :get_dataset { datasetId = "d1" }
    assert.same(
      { "credentials", "VaultSealed", "GetDataset", "not_sent" },
      { err.kind, err.code, err.operation, err.outcome }
    )
    assert.matches("GetDataset failed: VaultSealed: the vault is sealed", tostring(err))
    assert.equal(0, #here.requests)
  end)
end)

describe("FinSpace's own credentials", function()
  local function environment_world(minutes)
    return world.new(function(request)
      if request.url:find("/credentials/programmatic", 1, true) then
        return world.ok(
          (
            '{"credentials":{"accessKeyId":"FSKEY%d","secretAccessKey":"SECRETCANARY",'
            .. '"sessionToken":"TOKENCANARY"},"durationInMinutes":%d}'
          ):format(request.at, minutes or 60)
        )
      end
      return world.ok('{"datasetId":"d1"}')
    end)
  end

  it("are fetched once with the keys of the chain, and then sign everything", function()
    local here = environment_world()
    local fs = here.client { environment_id = "env1" }
    assert.truthy(fs:get_dataset { datasetId = "d1" })
    assert.truthy(fs:get_dataset { datasetId = "d1" })
    assert.equal(3, #here.requests)
    assert.matches("environmentId=env1", here.requests[1].url)
    assert.matches("Credential=AKIDEXAMPLE/", here.requests[1].headers.authorization)
    assert.matches("Credential=FSKEY", here.requests[2].headers.authorization)
    assert.equal("TOKENCANARY", here.requests[3].headers["x-amz-security-token"])
  end)

  it("are fetched again shortly before they end", function()
    local here = environment_world()
    local fs = here.client { environment_id = "env1" }
    fs:get_dataset { datasetId = "d1" }
    here.time = here.time + 51 * 60
    fs:get_dataset { datasetId = "d1" }
    assert.equal(4, #here.requests)
    assert.equal(here.requests[4].headers.authorization:match("Credential=(%w+)"), "FSKEY" .. here.requests[3].at)
  end)
end)

describe("fs:presign", function()
  it("gives a URL in the query form, and what else the request needs", function()
    local here = world.new {}
    local fs = here.client()
    local url, request = fs:presign("get_working_location", { locationType = "INGESTION" }, { expires = 900 })
    assert.matches("^http://127%.0%.0%.1:4510/workingLocationV1%?", url)
    for _, parameter in ipairs {
      "X-Amz-Algorithm=AWS4-HMAC-SHA256",
      "X-Amz-Credential=AKIDEXAMPLE%2F20231114%2Fus-east-1%2Ffinspace-api%2Faws4_request",
      "X-Amz-Date=20231114T221320Z",
      "X-Amz-Expires=900",
      "X-Amz-SignedHeaders=host",
      "X-Amz-Signature=",
    } do
      assert.truthy(url:find(parameter, 1, true), parameter)
    end
    assert.same(
      { method = "POST", headers = { ["content-type"] = "application/json" }, body = '{"locationType":"INGESTION"}' },
      request
    )
    assert.equal(0, #here.requests)
  end)

  it("is what the core's verifier accepts until it expires, and not after", function()
    local url, request = world.new({}).client():presign("GetDataset", { datasetId = "d1" }, { expires = 900 })
    local path, query = url:match("^http://[^/]+(/[^?]*)%?(.*)$")
    local received = { method = request.method, path = path, query = query, headers = { { "Host", "127.0.0.1:4510" } } }
    local auth = assert(core.authorization(received))
    local rules =
      { now = 1700000000 + 899, region = "us-east-1", service = "finspace-api", payload_hash = core.sha256("") }
    assert.is_true(core.verify(received, auth, "SECRETCANARY", rules))
    rules.now = 1700000000 + 901
    assert.is_nil((core.verify(received, auth, "SECRETCANARY", rules)))
  end)

  it("names the action and the version for those who ask", function()
    local url = world.new({}).client():presign("ListDatasets", {}, { action = true })
    assert.matches("Action=ListDatasets", url)
    assert.matches("Version=2020%-07%-13", url)
  end)

  it("lasts an hour unless told otherwise, and a week at most", function()
    local fs = world.new({}).client()
    assert.matches("X%-Amz%-Expires=3600&", (fs:presign("ListDatasets")))
    assert.matches("at most 604800", message_of(fs.presign, fs, "ListDatasets", {}, { expires = 604801 }))
    assert.matches("unknown option", message_of(fs.presign, fs, "ListDatasets", {}, { expire = 5 }))
  end)

  it("refuses faulty members like a call does", function()
    local url, err = world.new({}).client():presign("GetDataset", {})
    assert.is_nil(url)
    assert.equal("validation", err.kind)
  end)
end)

describe("fs:sign", function()
  local function lines(headers)
    local list = {}
    for name, value in pairs(headers) do
      list[#list + 1] = { name, value }
    end
    return list
  end

  it("gives a request for another to send, which the core's verifier accepts", function()
    local here = world.new {}
    local request = here.client():sign {
      method = "POST",
      path = "/datasetsv2",
      query = "b=2&a=%20",
      body = "{}",
      headers = { ["Content-Type"] = "text/x" },
    }
    assert.same(
      { "POST", "http://127.0.0.1:4510/datasetsv2?b=2&a=%20", "{}" },
      { request.method, request.url, request.body }
    )
    assert.same({ "127.0.0.1:4510", "text/x" }, { request.headers.host, request.headers["content-type"] })
    assert.equal(0, #here.requests)
    local received = { method = "POST", path = "/datasetsv2", query = "b=2&a=%20", headers = lines(request.headers) }
    local auth = assert(core.authorization(received))
    assert.matches("content-type", auth.signed_headers, 1, true)
    local rules = { now = here.time, region = "us-east-1", service = "finspace-api", payload_hash = core.sha256("{}") }
    assert.is_true(core.verify(received, auth, "SECRETCANARY", rules))
    rules.payload_hash = core.sha256("{ }")
    assert.is_nil((core.verify(received, auth, "SECRETCANARY", rules)))
  end)

  it("keeps the endpoint's base path, and the path as it is written", function()
    local fs = world.new({}).client { endpoint_url = "https://finspace.test/base/" }
    local request = fs:sign { path = "/datasetsv2/a%2Fb" }
    assert.same({ "GET", "https://finspace.test/base/datasetsv2/a%2Fb" }, { request.method, request.url })
  end)

  it("leaves what it was given as it was, and holds nothing else", function()
    local given = { path = "/datasetsv2", headers = { ["X-A"] = "1" } }
    local request = world.new({}).client():sign(given)
    assert.same({ path = "/datasetsv2", headers = { ["X-A"] = "1" } }, given)
    request.method, request.url, request.headers = nil, nil, nil
    assert.same({}, request)
  end)

  it("without keys is an err, and nothing is signed", function()
    local request, err =
      world.new({}).client({ credentials = function() return nil, "none today" end }):sign { path = "/datasetsv2" }
    assert.is_nil(request)
    assert.equal("credentials", err.kind)
    assert.matches("none today", tostring(err))
  end)

  it("refuses headers that would break out of their lines, without showing them", function()
    local headers = { ["x-a"] = "canary\r\nx: y" }
    local request, err = world.new({}).client():sign { path = "/datasetsv2", headers = headers }
    assert.is_nil(request)
    assert.same({ "validation", "CannotSign" }, { err.kind, err.code })
    assert.not_matches("canary", tostring(err))
  end)

  it("raises for what has no place in a URL, names the option and shows nothing of it", function()
    local fs = world.new({}).client()
    for byte = 0, 255 do
      local character = string.char(byte)
      local allowed = character:find("[%w%-._~!$&'()*+,;=:@/]") ~= nil
      local path_ok = pcall(fs.sign, fs, { path = "/canary" .. character })
      local query_ok = pcall(fs.sign, fs, { path = "/", query = "canary" .. character })
      assert.equal(allowed, path_ok, byte)
      assert.equal(allowed or character == "?", query_ok, byte)
    end
    for _, text in ipairs { "/%", "/%2", "/%zz", "/a%2Fb%" } do
      local message = message_of(fs.sign, fs, { path = "/canary" .. text })
      assert.matches('sign: option "path" holds a byte', message, 1, true)
      assert.matches("percent%-encode it", message)
      assert.not_matches("canary", message)
    end
    assert.is_true(pcall(fs.sign, fs, { path = "/%20%c3%BC", query = "a=%26&b" }))
    for _, method in ipairs { "get", "", "GET x", "GET\r\n" } do
      assert.matches('sign: option "method"', message_of(fs.sign, fs, { path = "/", method = method }), 1, true)
    end
  end)

  it("raises where the caller's code is wrong", function()
    local fs = world.new({}).client()
    assert.matches('sign needs the option "path"', message_of(fs.sign, fs, {}), 1, true)
    assert.matches('sign: option "path" must begin with a slash', message_of(fs.sign, fs, { path = "x" }), 1, true)
    assert.matches('unknown option "verb"', message_of(fs.sign, fs, { verb = "GET" }), 1, true)
    assert.matches(
      'sign: option "headers" must map names to strings',
      message_of(fs.sign, fs, { path = "/", headers = { a = {} } }),
      1,
      true
    )
    assert.matches('sign needs the option "path"', message_of(fs.sign, fs), 1, true)
  end)
end)

describe("fs:dry_run", function()
  it("shows the request as it would be sent, and sends nothing", function()
    local here = world.new { world.ok() }
    local fs = here.client()
    local rehearsed = fs:dry_run(
      "create_dataset",
      { datasetTitle = "Prices", kind = "TABULAR", permissionGroupParams = {}, clientToken = "mine" }
    )
    assert.equal(0, #here.requests)
    fs:create_dataset { datasetTitle = "Prices", kind = "TABULAR", permissionGroupParams = {}, clientToken = "mine" }
    local sent = here.requests[1]
    assert.same({ sent.method, sent.url, sent.body }, { rehearsed.method, rehearsed.url, rehearsed.body })
    for name in pairs(sent.headers) do
      assert.is_string(rehearsed.headers[name], name)
    end
    for name in pairs(rehearsed.headers) do
      assert.is_string(sent.headers[name], name)
    end
  end)

  it("hides keys, token and signature", function()
    local fs = world.new({}).client {
      credentials = { access_key_id = "AKID", secret_access_key = "SECRETCANARY", session_token = "TOKENCANARY" },
    }
    local rehearsed = fs:dry_run("list_datasets")
    assert.not_matches("CANARY", flatten(rehearsed))
    assert.equal("(hidden)", rehearsed.headers["x-amz-security-token"])
    assert.matches(
      "Credential=%(hidden%)/%d+/us%-east%-1/finspace%-api/aws4_request, SignedHeaders=[%w;-]+, "
        .. "Signature=%(hidden%)$",
      rehearsed.headers.authorization
    )
  end)

  it("looks up no keys", function()
    local here = world.new {}
    local fs = here.client { credentials = function() error("asked") end, environment_id = "env1" }
    assert.truthy(fs:dry_run("list_datasets"))
  end)

  it("hides members that are secret, and leaves the others", function()
    local rehearsed = world.new({}).client():dry_run(
      "create_user",
      { emailAddress = "canary@example.com", firstName = "Canary", type = "APP_USER" }
    )
    assert.not_matches("[Cc]anary", rehearsed.body)
    assert.matches('"emailAddress":"%(hidden%)"', rehearsed.body)
    assert.matches('"type":"APP_USER"', rehearsed.body)
    rehearsed = world.new({}).client():dry_run("create_dataset", {
      datasetTitle = "Prices",
      kind = "TABULAR",
      permissionGroupParams = {},
      ownerInfo = { email = "canary@example.com", name = "Rates" },
    })
    assert.not_matches("canary", rehearsed.body)
    assert.matches('"name":"Rates"', rehearsed.body)
  end)

  it("finds the same faults as a call", function()
    local rehearsed, err = world.new({}).client():dry_run("create_user", { emailAddress = "nobody", type = "APP_USER" })
    assert.is_nil(rehearsed)
    assert.equal("validation", err.kind)
  end)

  it("prints as a request reads", function()
    local text = tostring(world.new({}).client():dry_run("get_working_location", { locationType = "INGESTION" }))
    assert.matches("^POST http://127%.0%.0%.1:4510/workingLocationV1\n", text)
    assert.matches("\ncontent%-type: application/json\n", text)
    assert.matches('\n\n{"locationType":"INGESTION"}$', text)
  end)
end)

describe("secrets", function()
  it("stand in no error, log event or printed value of a whole session", function()
    local here = world.new(function(_, number)
      local scripts = {
        world.answer(503),
        world.refuse(403, "ExpiredTokenException", "expired"),
        world.refuse(400, "ValidationException", "no"),
        world.fault("timeout", "Timeout", true),
      }
      return scripts[(number - 1) % #scripts + 1]
    end)
    local seen = {}
    local fs = here.client {
      credentials = { access_key_id = "AKID", secret_access_key = "SECRETCANARY", session_token = "TOKENCANARY" },
      logger = function(event) seen[#seen + 1] = flatten(event) end,
    }
    for _ = 1, 8 do
      local _, err = fs:get_working_location {}
      seen[#seen + 1] = flatten(err)
    end
    seen[#seen + 1] = tostring(fs)
    local text = table.concat(seen, "\n")
    assert.not_matches("CANARY", text)
    assert.not_matches("Signature=%x", text)
  end)
end)
