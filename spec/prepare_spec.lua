local core = require("finspace.core")

--- The faults as "member rule" words, in the order they were told.
local function faults_of(operation, params)
  local request, faults = core.prepare(operation, params, "token-1")
  assert.is_nil(request)
  local words = {}
  for i, fault in ipairs(faults) do
    words[i] = fault.member .. " " .. fault.rule
  end
  return words, faults
end

local function dataset(changes)
  local params = {
    datasetTitle = "Daily prices",
    kind = "TABULAR",
    permissionGroupParams = { permissionGroupId = "group1" },
  }
  for name, value in pairs(changes or {}) do
    params[name] = value
  end
  return params
end

describe("prepare", function()
  describe("writes the request", function()
    it("of an operation with optional members as an object, empty when all are absent", function()
      assert.equal("{}", core.prepare("GetWorkingLocation", {}).body)
      assert.equal("{}", core.prepare("GetWorkingLocation").body)
      local request = core.prepare("GetWorkingLocation", { locationType = "INGESTION" })
      assert.equal('{"locationType":"INGESTION"}', request.body)
      assert.equal("POST", request.method)
      assert.equal("/workingLocationV1", request.path)
      assert.equal("application/json", request.headers["content-type"])
    end)

    it("of an operation without body members with neither body nor content type", function()
      for _, case in ipairs {
        { "GetChangeset", { datasetId = "d", changesetId = "c" } },
        { "DeleteDataset", { datasetId = "d" } },
        { "GetExternalDataViewAccessDetails", { datasetId = "d", dataViewId = "v" } },
      } do
        local request = core.prepare(case[1], case[2], "t")
        assert.is_nil(request.body)
        assert.is_nil(next(request.headers))
      end
    end)

    it("with a path member encoded once, as one segment", function()
      assert.equal("/datasetsv2/a%2Fb%20c%25", core.prepare("GetDataset", { datasetId = "a/b c%" }).path)
      assert.equal("/datasetsv2/%C3%A9~", core.prepare("GetDataset", { datasetId = "é~" }).path)
    end)

    it("with query members encoded, in the row's order", function()
      local request = core.prepare("ListChangesets", { datasetId = "d", nextToken = "a b&c=d", maxResults = 7 })
      assert.equal("maxResults=7&nextToken=a%20b%26c%3Dd", request.query)
    end)

    it("with a member whose wire name differs from its own", function()
      local request = core.prepare("GetDataView", { datasetId = "d", dataViewId = "view1" })
      assert.equal("/datasets/d/dataviewsv2/view1", request.path)
    end)

    it("with the client token in the body, and in the query of a DELETE", function()
      assert.truthy(core.prepare("CreateDataset", dataset(), "tok").body:find('"clientToken":"tok"', 1, true))
      assert.equal("clientToken=tok", core.prepare("DeleteDataset", { datasetId = "d" }, "tok").query)
    end)

    it("with the caller's own client token before one that was made", function()
      local request = core.prepare("DeleteDataset", { datasetId = "d", clientToken = "mine" }, "made")
      assert.equal("clientToken=mine", request.query)
    end)

    it("with an empty list as [] and an empty map as {}", function()
      local body = core.prepare(
        "CreateDataset",
        dataset {
          schemaDefinition = { tabularSchemaConfig = { columns = {}, primaryKeyColumns = {} } },
        },
        "t"
      ).body
      assert.truthy(body:find('"columns":[],"primaryKeyColumns":[]', 1, true))
      body = core.prepare("CreateChangeset", {
        datasetId = "d",
        changeType = "APPEND",
        sourceParams = { s3SourcePath = "s3://b/k" },
        formatParams = {},
      }, "t").body
      assert.truthy(body:find('"formatParams":{}', 1, true))
    end)

    it("with the keys of a map in one order, whatever the table's is", function()
      local params = {}
      for i = 1, 50 do
        params["key" .. i] = "v"
      end
      local call = { datasetId = "d", changeType = "APPEND", sourceParams = params, formatParams = {} }
      local keys = {}
      for key in core.prepare("CreateChangeset", call, "t").body:gmatch('"(key%d+)"') do
        keys[#keys + 1] = key
      end
      local sorted = {}
      for i, key in ipairs(keys) do
        sorted[i] = key
      end
      table.sort(sorted)
      assert.equal(50, #keys)
      assert.same(sorted, keys)
    end)

    it("with false, 0 and the empty string kept", function()
      local view = {
        datasetId = "d",
        destinationTypeParams = { destinationType = "" },
        autoUpdate = false,
        asOfTimestamp = 0,
      }
      local body = core.prepare("CreateDataView", view, "t").body
      assert.truthy(body:find('"autoUpdate":false', 1, true))
      assert.truthy(body:find('"asOfTimestamp":0', 1, true))
      assert.truthy(body:find('"destinationType":""', 1, true))
    end)

    it("with control characters, quotes and backslashes escaped", function()
      local body = core.prepare("CreateDataset", dataset { datasetDescription = 'a"b\\c\n\t\1é' }, "t").body
      assert.truthy(body:find([["datasetDescription":"a\"b\\c\n\t\u0001é"]], 1, true))
    end)

    it("with whole numbers exact to the last digit that this Lua holds", function()
      local exact = { [2 ^ 53] = "9007199254740992", [1637000000000] = "1637000000000", [-5] = "-5" }
      if math.type then exact[math.maxinteger] = "9223372036854775807" end
      for value, digits in pairs(exact) do
        local view = { datasetId = "d", destinationTypeParams = { destinationType = "S3" }, asOfTimestamp = value }
        assert.truthy(core.prepare("CreateDataView", view, "t").body:find('"asOfTimestamp":' .. digits .. ",", 1, true))
      end
    end)

    it("of CreateChangeset in the form that the request itself means", function()
      local call = {
        datasetId = "d",
        changeType = "APPEND",
        sourceParams = { s3SourcePath = "s3://b/k" },
        formatParams = {},
      }
      local later = core.prepare("CreateChangeset", call, "t")
      assert.equal("/datasets/d/changesetsv2", later.path)
      assert.equal("2021-12", later.generation)
      call.sourceType, call.tags = "S3", { desk = "rates" }
      local first = core.prepare("CreateChangeset", call, "t")
      assert.equal("/datasets/d/changesets", first.path)
      assert.equal("2021-05", first.generation)
      assert.is_nil(first.body:find("clientToken", 1, true))
      assert.truthy(first.body:find('"tags":{"desk":"rates"}', 1, true))
    end)

    it("without touching the caller's table", function()
      local call = { datasetId = "d" }
      core.prepare("DeleteDataset", call, "t")
      assert.same({ datasetId = "d" }, call)
    end)
  end)

  describe("refuses", function()
    it("an operation that does not exist, by its name", function()
      assert.error_matches(function() core.prepare("DropTables", {}) end, "unknown operation 'DropTables'")
    end)

    it("an unknown member, and points at the one that was meant", function()
      local words, faults = faults_of("GetWorkingLocation", { locationtype = "INGESTION" })
      assert.same({ "locationtype unknown" }, words)
      assert.equal("locationtype is not a member of GetWorkingLocation (did you mean locationType?)", faults[1].message)
    end)

    it(
      "every fault of a request at once",
      function()
        assert.same({
          "datasetTitle required",
          "kind enum",
          "ownerInfo.email length",
          "permissionGroupParams.datasetPermissions[2].permission length",
          "alias pattern",
        }, (faults_of("CreateDataset", {
          kind = "TABLE",
          ownerInfo = { email = "a@b" },
          permissionGroupParams = { datasetPermissions = { { permission = "ok" }, { permission = "" } } },
          alias = "prices",
        })))
      end
    )

    it("a path member that is empty, '.' or '..'", function()
      assert.same({ "datasetId length" }, (faults_of("GetChangeset", { datasetId = "", changesetId = "c" })))
      assert.same({ "datasetId path" }, (faults_of("GetChangeset", { datasetId = ".", changesetId = "c" })))
      assert.same({ "changesetId path" }, (faults_of("GetChangeset", { datasetId = "d", changesetId = ".." })))
    end)

    it("text that is not UTF-8, and says where", function()
      for _, bad in ipairs { "\255", "a\192\128", "\237\160\128", "\244\144\128\128", "cut\226\130" } do
        local words = faults_of("CreateDataset", dataset { datasetTitle = bad })
        assert.same({ "datasetTitle utf8" }, words)
      end
    end)

    it("a string by its length in characters, not in bytes", function()
      assert.is_table((core.prepare("CreateDataset", dataset { datasetTitle = ("é"):rep(255) }, "t")))
      assert.same({ "datasetTitle length" }, (faults_of("CreateDataset", dataset { datasetTitle = ("é"):rep(256) })))
    end)

    it("numbers out of range, with fractions, or where a string belongs", function()
      local call = function(value) return { datasetId = "d", maxResults = value } end
      assert.same({ "maxResults range" }, (faults_of("ListChangesets", call(0))))
      assert.same({ "maxResults range" }, (faults_of("ListChangesets", call(101))))
      assert.same({ "maxResults integer" }, (faults_of("ListChangesets", call(1.5))))
      assert.same({ "maxResults integer" }, (faults_of("ListChangesets", call(1 / 0))))
      assert.same({ "maxResults type" }, (faults_of("ListChangesets", call("7"))))
      assert.same({ "datasetId type" }, (faults_of("ListChangesets", { datasetId = 7 })))
    end)

    it("a list with gaps or names, and a map that is a list", function()
      local view = function(columns)
        return { datasetId = "d", destinationTypeParams = { destinationType = "S3" }, sortColumns = columns }
      end
      assert.same({ "sortColumns type" }, (faults_of("CreateDataView", view { "a", nil, "c" })))
      assert.same({ "sortColumns type" }, (faults_of("CreateDataView", view { a = "b" })))
      assert.same({ "sortColumns type" }, (faults_of("CreateDataView", view("a"))))
      assert.same({ "formatParams type" }, (faults_of("CreateChangeset", {
        datasetId = "d",
        changeType = "APPEND",
        sourceParams = {},
        formatParams = { "CSV" },
      })))
    end)

    it("texts of white space alone where the reference asks for more, Unicode's spaces too", function()
      for _, blank in ipairs { " ", "\t\n", "\194\160", "\226\128\168 " } do
        assert.same({ "datasetTitle pattern" }, (faults_of("CreateDataset", dataset { datasetTitle = blank })))
      end
    end)

    it("without ever showing a value", function()
      local secret = "AKIDcanaryCANARYsecret"
      for _, case in ipairs {
        { "GetDataset", { datasetId = secret:rep(20) } },
        { "CreateDataset", { [1] = secret, kind = secret, alias = secret, datasetTitle = secret .. "\255" } },
        { "CreateUser", { emailAddress = secret, type = secret, firstName = { secret } } },
      } do
        local _, faults = faults_of(case[1], case[2])
        for _, fault in ipairs(faults) do
          assert.is_nil(fault.message:find(secret, 1, true), fault.message)
        end
      end
    end)

    it("parameters that are no table by raising, since that is a mistake in the code", function()
      assert.has_error(function() core.prepare("GetDataset", "d") end)
    end)
  end)

  describe("knows the patterns", function()
    local function accepts(member, value)
      local call = member == "alias" and dataset { alias = value }
        or member == "phoneNumber" and dataset { ownerInfo = { phoneNumber = value } }
        or {
          type = "APP_USER",
          emailAddress = member == "email" and value or "a@b.io",
          apiAccessPrincipalArn = member == "arn" and value or nil,
        }
      local operation = (member == "alias" or member == "phoneNumber") and "CreateDataset" or "CreateUser"
      return core.prepare(operation, call, "t") ~= nil
    end

    it("of an alias", function()
      for _, good in ipairs { "alias/x", "alias/é", "alias/a b" } do
        assert.is_true(accepts("alias", good), good)
      end
      for _, bad in ipairs { "alias/", "alias", "xalias/y", "alias/ x", "Alias/x" } do
        assert.is_false(accepts("alias", bad), bad)
      end
    end)

    it("of an e-mail address", function()
      for _, good in ipairs { "a@b.io", "first.last+tag@mail.example.com", "x@a.b.cd" } do
        assert.is_true(accepts("email", good), good)
      end
      for _, bad in ipairs { "a@bcd", "@b.io", "a@.io", "a b.io", "a@b.c", "a@b.1c", "é@" } do
        assert.is_false(accepts("email", bad), bad)
      end
    end)

    it("of a role's ARN", function()
      for _, good in ipairs { "arn:aws:iam::123456789012:role/Analyst", "arn:aws-us-gov:iam::123456789012:rolex" } do
        assert.is_true(accepts("arn", good), good)
      end
      for _, bad in ipairs {
        "arn:aws:iam::12345678901:role/Analyst",
        "arn:aws:iam::123456789012:user/Analyst",
        "arn:aws:iam::123456789012:role/a b",
        "xarn:aws:iam::123456789012:role/a",
        "arn:aws:iam::123456789012:role",
      } do
        assert.is_false(accepts("arn", bad), bad)
      end
    end)

    it("of a telephone number", function()
      for _, good in ipairs { "+1 (212) 555-0100", "(212)555.0100", "0123456789" } do
        assert.is_true(accepts("phoneNumber", good), good)
      end
      for _, bad in ipairs { "-123456789", "+1 212 555 010x", "é234567890" } do
        assert.is_false(accepts("phoneNumber", bad), bad)
      end
    end)

    it("in linear time, whatever the text", function()
      local hostile = ("a@"):rep(160)
      assert.is_false(accepts("email", hostile))
      assert.is_false(accepts("arn", "arn:aws" .. ("-"):rep(2000)))
    end)
  end)
end)

describe("check", function()
  it("holds a received request to the same rules, and lets unknown members pass", function()
    local params = { datasetId = "d", maxResults = 5, futureMember = true }
    assert.equal(params, core.check("ListChangesets", "2021-12", params))
    local _, faults = core.check("ListChangesets", "2021-12", { maxResults = 500 })
    assert.equal("datasetId", faults[1].member)
    assert.equal("maxResults", faults[2].member)
  end)
end)
