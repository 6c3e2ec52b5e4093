local core = require("finspace.core")
local support = require("spec.support")

local function answer(body, status, headers) return { status = status or 200, headers = headers or {}, body = body } end

local function finish(body, status, headers)
  return core.finish("GetChangeset", "2021-12", answer(body, status, headers))
end

-- What every answer of GetChangeset has, before these members.
local function changeset(members)
  return '{"changesetId":"c","datasetId":"d","status":"SUCCESS"' .. (members and "," .. members or "") .. "}"
end

describe("finish", function()
  describe("gives the answer as a table", function()
    it(
      "with unknown members kept, and null and absent the same",
      function()
        assert.same(
          { changesetId = "c", datasetId = "d", status = "SUCCESS", future = { 1, { a = true } }, sourceParams = {} },
          (finish(changeset('"errorInfo":null,"future":[1,{"a":true,"b":null}],"sourceParams":{"x":null}')))
        )
      end
    )

    it("that is empty when the body is, where the operation answers with nothing but its status", function()
      for _, body in ipairs { "", " \r\n", false } do
        local result = core.finish("AssociateUserToPermissionGroup", "2021-12", answer(body or nil, 204))
        assert.same({ statusCode = 204 }, result)
      end
    end)

    it("with times exact: milliseconds as whole numbers, seconds with their fraction", function()
      local result =
        core.finish("CreateChangeset", "2021-05", answer('{"changeset":{"id":"c","createTimestamp":1637000000.25}}'))
      assert.equal(1637000000.25, result.changeset.createTimestamp)
      result = finish(changeset('"createTime":1637000000000'))
      assert.equal(1637000000000, result.createTime)
      assert.equal("1637000000000", ("%d"):format(result.createTime))
      if math.type then assert.equal("integer", math.type(result.createTime)) end
    end)

    it("with whole numbers of 64 bits exact where Lua has integers", function()
      if not math.type then return pending("this Lua has no integers") end
      local result = finish(
        changeset('"a":9007199254740993,"b":-9223372036854775808,"c":[9223372036854775807],"d":"9007199254740993"')
      )
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

    it("when it is empty, a list, null, or one object and something else", function()
      for _, body in ipairs { "", " ", "[]", "[" .. changeset() .. "]", "null", "1.", "{}", changeset() .. "x" } do
        local result, err = finish(body)
        assert.is_nil(result, body)
        assert.same({ "protocol", "InvalidAnswer", 200 }, { err.kind, err.code, err.status })
      end
      for _, tail in ipairs { "\0", "\0{}", " \0 ", ",", "}", "null", "1", '"', changeset() } do
        assert.is_nil(finish(changeset() .. tail), tail)
      end
      assert.is_table(finish("\r\n\t " .. changeset() .. " \n"))
    end)

    it("when it holds a number or a string that JSON does not have", function()
      for _, value in ipairs {
        "1.",
        "-",
        "-.5",
        "01",
        "-01",
        "1.e1",
        "1e",
        "1e+",
        "0x1",
        "1-2",
        '"a\nb"',
        '"a\0b"',
        '"\1"',
      } do
        assert.is_nil(finish(changeset('"a":' .. value)), value)
        assert.is_nil(finish(changeset('"a":[' .. value .. "]")), value)
      end
      for _, value in ipairs { "0", "-0", "1.5", "10", "-0.5e+10", "1E2", "0e0", '"1."', '"\\u0000\\""' } do
        assert.is_table(finish(changeset('"a":' .. value)), value)
      end
    end)

    it("when it lacks what the operation always answers, and names it", function()
      for _, row in ipairs(core.operations()) do
        local whole = {}
        for _, member in ipairs(row.output) do
          if member.always then whole[member.wire] = member.type == "string" and "x" or { id = "x" } end
        end
        for name in pairs(whole) do
          for _, wrong in ipairs { "null", '""', "7", "true" } do
            local body = core.json_encode(row.name, row.generation, whole)
            local found = core.decode(body)
            found[name] = nil
            body = core
              .json_encode(row.name, row.generation, found)
              :gsub("^{", '{"' .. name .. '":' .. wrong .. (next(found) and "," or ""))
            local result, err = core.finish(row.name, row.generation, answer(body))
            assert.is_nil(result, row.name .. " " .. body)
            assert.matches("'" .. name .. "'", err.message, 1, true)
          end
        end
        assert.is_table(
          core.finish(row.name, row.generation, answer(core.json_encode(row.name, row.generation, whole)))
        )
      end
    end)

    it("when a member is of another type than the model says, however deep", function()
      local function list(members) return core.finish("ListChangesets", "2021-12", answer(members)) end
      for _, members in ipairs {
        '{"changesets":"x"}',
        '{"changesets":{"a":1}}',
        '{"changesets":[7]}',
        '{"changesets":[[]],"nextToken":7}',
        '{"changesets":[{"errorInfo":"x"}]}',
        '{"changesets":[{"sourceParams":[1]}]}',
        '{"changesets":[{"sourceParams":{"a":1}}]}',
        '{"changesets":[{"createTime":"x"}]}',
      } do
        local result, err = list(members)
        assert.is_nil(result, members)
        assert.equal("protocol", err.kind)
      end
      assert.is_table(list('{"changesets":[{"sourceParams":{"a":"b"},"createTime":1,"errorInfo":null}],"more":[7]}'))
      assert.is_table(list("{}"))
    end)

    it("when a changeset of the first API has no id in it", function()
      local _, err = core.finish("CreateChangeset", "2021-05", answer('{"changeset":{"status":"PENDING"}}'))
      assert.matches("'id'", err.message, 1, true)
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
