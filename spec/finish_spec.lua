local core = require("finspace.core")
local support = require("spec.support")

local function answer(body, status, headers) return { status = status or 200, headers = headers or {}, body = body } end

local function finish(body, status, headers)
  return core.finish("GetChangeset", "2021-12", answer(body, status, headers))
end

describe("finish", function()
  describe("gives the answer as a table", function()
    it(
      "with unknown members kept, and null and absent the same",
      function()
        assert.same(
          { status = "SUCCESS", future = { 1, { a = true } }, sourceParams = {} },
          (finish('{"status":"SUCCESS","errorInfo":null,"future":[1,{"a":true,"b":null}],"sourceParams":{"x":null}}'))
        )
      end
    )

    it("that is empty when the body is", function()
      assert.same({}, (finish("")))
      assert.same({}, (core.finish("GetChangeset", "2021-12", { status = 200, headers = {} })))
    end)

    it("with times exact: milliseconds as whole numbers, seconds with their fraction", function()
      local result =
        core.finish("CreateChangeset", "2021-05", answer('{"changeset":{"createTimestamp":1637000000.25}}'))
      assert.equal(1637000000.25, result.changeset.createTimestamp)
      result = finish('{"createTime":1637000000000}')
      assert.equal(1637000000000, result.createTime)
      assert.equal("1637000000000", ("%d"):format(result.createTime))
      if math.type then assert.equal("integer", math.type(result.createTime)) end
    end)

    it("with whole numbers of 64 bits exact where Lua has integers", function()
      if not math.type then return pending("this Lua has no integers") end
      local result =
        finish('{"a":9007199254740993,"b":-9223372036854775808,"c":[9223372036854775807],"d":"9007199254740993"}')
      assert.equal("9007199254740993", tostring(result.a))
      assert.equal(math.mininteger, result.b)
      assert.equal(math.maxinteger, result.c[1])
      assert.equal("9007199254740993", result.d)
    end)

    it("with the HTTP status in the member that is meant for it", function()
      local result = core.finish("AssociateUserToPermissionGroup", "2021-12", answer("{}", 200))
      assert.equal(200, result.statusCode)
    end)

    it(
      "with lists that stay lists when they are empty",
      function()
        assert.same(
          { changesets = {} },
          (core.finish("ListChangesets", "2021-12", answer('{"changesets":[],"nextToken":null}')))
        )
      end
    )
  end)

  describe("never takes a broken answer for a success", function()
    it("when it is cut off at any byte", function()
      local whole = '{"changesetId":"abc","sourceParams":{"s3SourcePath":"s3://b/k"},"createTime":1637000000000}'
      for cut = 1, #whole - 1 do
        local result, err = finish(whole:sub(1, cut))
        assert.is_nil(result)
        assert.equal("protocol", err.kind)
      end
    end)

    it("when it is HTML, a list, a string, a number, NaN, or nests a hundred thousand deep", function()
      for _, body in ipairs {
        "<html></html>",
        '"x"',
        "7",
        "null",
        '{"a":NaN}',
        '{"a":Infinity}',
        "{} {}",
        ("["):rep(100000),
        '{"a":' .. ("["):rep(65) .. ("]"):rep(65) .. "}",
      } do
        local result, err = finish(body)
        assert.is_nil(result, body:sub(1, 40))
        assert.equal("InvalidAnswer", err.code)
        assert.truthy(err.message:find("check that the endpoint is FinSpace"))
      end
    end)
  end)

  describe("tells an error", function()
    it("from the header, cut at the colon, before the body", function()
      local _, err = finish('{"__type":"Other","message":"no such changeset"}', 404, {
        ["x-amzn-errortype"] = "ResourceNotFoundException:http://internal.amazon.com/",
        ["x-amzn-requestid"] = "id-1",
      })
      assert.same(
        { "client", "ResourceNotFoundException", "no such changeset", "id-1", 404, false },
        { err.kind, err.code, err.message, err.request_id, err.status, err.retryable }
      )
    end)

    it("from the body's __type or code, with its namespace removed", function()
      for _, body in ipairs {
        '{"__type":"com.amazonaws.finspace#ValidationException","Message":"m","reason":"r"}',
        '{"code":"ValidationException","message":"m","reason":"r"}',
      } do
        local _, err = finish(body, 400)
        assert.same({ "ValidationException", "m", "r" }, { err.code, err.message, err.reason })
      end
    end)

    it("without a message when the service sent none", function()
      local _, err = finish("{}", 429, { ["x-amzn-errortype"] = "ThrottlingException" })
      assert.equal("throttle", err.kind)
      assert.is_nil(err.message)
    end)

    it("by the HTTP status when the body is a proxy's page, or nothing", function()
      local _, err = finish("<html>Bad Gateway</html>", 502, { ["content-type"] = "text/html" })
      assert.same({ "service", "Http502", true }, { err.kind, err.code, err.retryable })
      assert.truthy(err.message:find("HTTP 502 with text/html", 1, true))
      _, err = finish("", 403)
      assert.same({ "client", "Http403", false }, { err.kind, err.code, err.retryable })
      _, err = finish("", 302)
      assert.equal("protocol", err.kind)
    end)

    it("with a code that could not break a line or fill a screen", function()
      local _, err = finish("{}", 400, { ["x-amzn-errortype"] = "Bad\tCode" })
      assert.equal("Http400", err.code)
      _, err = finish("{}", 400, { ["x-amzn-errortype"] = ("x"):rep(4096) })
      assert.equal("Http400", err.code)
    end)

    it("for every code of the reference, with each status it may come with", function()
      local folder = support.shared()
      if not folder then return pending("others' vectors are not beside this checkout (../shared)") end
      local known = core.decode(support.read_file(folder .. "/spec/finspace-data.json"))
      local codes, cases = 0, 0
      for code, fact in pairs(known.errors) do
        codes = codes + 1
        for _, status in ipairs(fact.status) do
          cases = cases + 1
          local _, err = finish('{"message":"why"}', status, { ["x-amzn-errortype"] = code })
          assert.equal(code, err.code)
          assert.equal(status, err.status)
          assert.equal("why", err.message)
          assert.equal((fact.retry or status >= 500) and true or false, err.retryable, code)
          assert.equal(fact.throttle or false, err.throttle, code)
          assert.equal(fact.clock or false, err.clock, code)
        end
      end
      assert.equal(24, codes)
      assert.equal(26, cases)
    end)
  end)
end)

describe("decode", function()
  it("gives nil and a message for what is not JSON", function()
    local value, message = core.decode('{"a":')
    assert.is_nil(value)
    assert.is_string(message)
  end)

  it(
    "leaves a string alone that looks like the mark of a quoted number",
    function()
      assert.equal("\0019007199254740993", core.decode('{"a":"\\u00019007199254740993","b":9007199254740993}').a:sub(1))
    end
  )
end)

describe("json_encode", function()
  it("writes an answer by the model: empty lists, empty maps, unknown members", function()
    assert.equal(
      '{"changesets":[{"changesetId":"c","rowCount":5,"sourceParams":{}}]}',
      core.json_encode(
        "ListChangesets",
        "2021-12",
        { changesets = { { changesetId = "c", sourceParams = {}, rowCount = 5 } } }
      )
    )
    assert.equal('{"changesets":[]}', core.json_encode("ListChangesets", "2021-12", { changesets = {} }))
  end)

  it("writes numbers that read back the same", function()
    for _, number in ipairs { 0.1, 1637000000.25, 1e300, -2.5, 2 ^ 53, 1637000000000 } do
      local text = core.json_encode("GetChangeset", "2021-12", { createTime = number })
      assert.equal(number, core.decode(text).createTime)
    end
  end)
end)
