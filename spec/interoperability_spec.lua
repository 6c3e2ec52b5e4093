local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")
local cjson = require("cjson")

local SAMPLE = support.root .. "/examples/data/sp500-2000.csv"

-- What may be missing from answers of a service where nothing went wrong and nothing was long.
local MAY_BE_ABSENT = {
  errorInfo = true,
  nextToken = true,
  lastDisabledTime = true,
  lastLoginTime = true,
  membershipStatus = true, -- of groups that the caller is in
}

describe("What others wrote #once #interop", function()
  local running, python, absent

  setup(function()
    python, absent = support.boto3()
    running = service.start()
  end)
  teardown(function() running.stop() end)

  local function drive(subject)
    local output, status = support.run(
      ("%s %s %s/spec/support/interoperability.py %s %s"):format(
        running.shell(),
        python,
        support.root,
        subject,
        support.quote(SAMPLE)
      )
    )
    assert.equal(0, status, output)
    return cjson.decode(output)
  end

  describe("with boto3, from the service's two files alone,", function()
    it("bring a file on disk to a SUCCESS changeset", function()
      if absent then return pending(absent) end
      assert.same({ same_bytes = true, status = "SUCCESS", listed = true, found = true }, drive("flow"))
    end)

    it("are refused with AWS's codes when their requests are not right", function()
      if absent then return pending(absent) end
      assert.same({
        finspace = {
          right = "accepted",
          ["wrong secret"] = "403 InvalidSignatureException",
          ["unknown key"] = "403 UnrecognizedClientException",
          ["altered body"] = "403 InvalidSignatureException",
          ["20 minutes late"] = "400 RequestExpired",
          ["20 minutes early"] = "400 RequestExpired",
        },
        s3 = {
          right = "accepted",
          ["wrong secret"] = "403 SignatureDoesNotMatch",
          ["unknown key"] = "403 InvalidAccessKeyId",
          ["altered body"] = "400 XAmzContentSHA256Mismatch",
          ["20 minutes late"] = "403 RequestTimeTooSkewed",
          ["20 minutes early"] = "403 RequestTimeTooSkewed",
        },
      }, drive("refusals"))
    end)

    it("call all 31 operations, and read every member of every answer", function()
      if absent then return pending(absent) end
      local result = drive("operations")
      assert.equal(31, result.operations)
      assert.same({}, result["not called"])
      for operation, missing in pairs(result["members missing"]) do
        for _, member in ipairs(missing) do
          assert.is_true(MAY_BE_ABSENT[member], operation .. " lacks " .. member)
        end
      end
      assert.same({ "Augusta", "ENABLED", "They read and write" }, result.user)
      assert.same({ true, true, true, true }, result.members)
      assert.equal(16, result.password)
      assert.same({ "Prices, daily", "alias/prices", true }, result.dataset)
      assert.same({ "MODIFY", true, true, true }, result.modify)
      assert.same({ ["part-00000.csv"] = "ticker,price\nA,10.0\nB,20.0\n" }, result.view)
      assert.same({ ["part-00000.csv"] = "ticker,price\nA,10.0\nB,20.0\nC,3.0\n" }, result["view after"])
      assert.same({ "403 AccessDenied", "403 AccessDenied" }, result["view keys"])
      assert.same({
        own = "accepted",
        users = "403 AccessDeniedException",
        dataset = "accepted",
        load = "403 AccessDeniedException",
        listed = 1,
      }, result["as analyst"])
      assert.same(
        { "403 AccessDeniedException", "accepted", "403 AccessDeniedException", "accepted" },
        { result.disabled, result.enabled, result.left, result.programmatic }
      )
    end)

    it("are told of every rule that they break when their own checks are off", function()
      if absent then return pending(absent) end
      local result = drive("unchecked")
      -- 61 minutes are too long in boto3's model, and what the 2021-05 document wants at least.
      assert.same({ "GetProgrammaticAccessCredentials durationInMinutes accepted" }, result.slipped)
      assert.is_true(result.tried > 100, result.tried .. " violations")
    end)

    it("read what they were never given a part of: every object comes back as it went", function()
      if absent then return pending(absent) end
      local result = drive("objects")
      assert.same({}, result.differ)
      assert.is_true(result.keys > 20)
      assert.is_true(result.multipart)
    end)
  end)

  describe("with the AWS CLI", function()
    local function aws(arguments)
      local output, status = support.run(running.shell() .. " AWS_PAGER= aws " .. arguments)
      assert.equal(0, status, output)
      return output
    end

    it("create, list and describe by the profile, and by --endpoint-url", function()
      if not support.has_program("aws") then return pending(support.lacking("the AWS CLI", "make interop")) end
      local id = cjson.decode(
        aws("finspace-data create-dataset --dataset-title CLI --kind TABULAR" .. " --permission-group-params '{}'")
      ).datasetId
      assert.truthy(aws("finspace-data list-datasets"):find(id, 1, true))
      local by_hand = (
        'env -i PATH="$PATH" HOME=/nonexistent AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s '
        .. "AWS_PAGER= aws --region us-east-1 --endpoint-url %s finspace-data get-dataset --dataset-id %s"
      ):format(running.credentials.access_key_id, running.credentials.secret_access_key, running.endpoint, id)
      local output, status = support.run(by_hand)
      assert.equal(0, status, output)
      assert.equal("CLI", cjson.decode(output).datasetTitle)
    end)

    it("copy files to it and from it", function()
      if not support.has_program("aws") then return pending(support.lacking("the AWS CLI", "make interop")) end
      aws(("s3 cp --only-show-errors %s s3://finspace-local/cli/a.csv"):format(support.quote(SAMPLE)))
      assert.truthy(aws("s3 ls s3://finspace-local/cli/"):find("a.csv", 1, true))
      local copy = running.data .. "/copy.csv"
      aws(("s3 cp --only-show-errors s3://finspace-local/cli/a.csv %s"):format(support.quote(copy)))
      assert.equal(support.read_file(SAMPLE), support.read_file(copy))
      aws("s3 rm --only-show-errors s3://finspace-local/cli/a.csv")
    end)
  end)

  -- Programs of spec/support/interop, which print what they called, lack and were refused.
  local INSTALLED = support.root .. "/build/interop/"
  local SDKS = {
    {
      name = "the AWS SDK for Rust",
      program = INSTALLED .. "rust/debug/finspace-interop",
      is_here = INSTALLED .. "rust/debug/finspace-interop",
      command = "FINSPACE_RUST=1 make interop",
    },
    {
      name = "the AWS SDK for Java v2",
      program = ("java -cp %sjava_finspacedata/lib/*:%sjava_finspacedata FinspaceSdk"):format(INSTALLED, INSTALLED),
      is_here = INSTALLED .. "java_finspacedata/FinspaceSdk.class",
      command = "FINSPACE_JAVA=1 make interop",
    },
    {
      name = "the AWS SDK for Go v2",
      program = INSTALLED .. "go/finspace-interop",
      is_here = INSTALLED .. "go/finspace-interop",
      command = "FINSPACE_GO=1 make interop",
    },
  }

  for _, sdk in ipairs(SDKS) do
    it("with " .. sdk.name .. " call all 31 operations, read every member, and are told of errors by type", function()
      if not sys.stat(sdk.is_here) then return pending(support.lacking(sdk.name, sdk.command)) end
      local source, keys = running.put("sdk.csv", "ticker,price\nB,2\nA,1\n"), running.credentials
      local words = { sdk.program, running.endpoint, keys.access_key_id, keys.secret_access_key, source }
      local output, status = support.run(table.concat(words, " "))
      assert.equal(0, status, output)
      assert.equal(31, select(2, output:gsub("called %a+\n", "")))
      for operation, member in output:gmatch("lacks (%a+) ([%w_]+)") do
        assert.is_true(MAY_BE_ABSENT[(member:gsub("_(%l)", string.upper))], operation .. " lacks " .. member)
      end
      for _, line in ipairs { "not found: true", "conflict: true", "validation: true", "denied: true" } do
        assert.truthy(output:find(line, 1, true), line)
      end
      assert.truthy(output:find("wrong secret: InvalidSignatureException", 1, true))
    end)
  end

  it("with curl alone read a presigned URL", function()
    local wanted = running.sign { path = "/datasetsv2", form = "query", expires = 60, has_no_length = true }
    local output = support.run("curl -s " .. support.quote(running.endpoint .. wanted.path .. "?" .. wanted.query))
    assert.truthy(cjson.decode(output).datasets)
  end)
end)
