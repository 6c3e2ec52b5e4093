local errors = require("finspace.errors")

describe("an error", function()
  it("prints as one line that says what failed, why, and how to find it again", function()
    local err = errors.new {
      kind = "throttle",
      code = "ThrottlingException",
      message = "Rate exceeded",
      operation = "CreateChangeset",
      status = 429,
      request_id = "1234",
      attempts = 3,
      outcome = "refused",
      retryable = true,
    }
    assert.equal(
      "CreateChangeset failed: ThrottlingException (HTTP 429): Rate exceeded " .. "[request id 1234, 3 attempts]",
      tostring(err)
    )
  end)

  it("tells its particulars in the first line of a long message", function()
    local err = errors.new {
      kind = "connect",
      code = "ConnectionRefused",
      message = "refused\nLook there.",
      operation = "GetUser",
      attempts = 3,
    }
    assert.equal("GetUser failed: ConnectionRefused: refused [3 attempts]\nLook there.", tostring(err))
  end)

  it(
    "prints without what it does not know",
    function()
      assert.equal("finspace failed: MissingRegion", tostring(errors.new { kind = "config", code = "MissingRegion" }))
    end
  )

  it("tells how to repeat what may have been applied", function()
    local err = errors.new {
      kind = "timeout",
      code = "Timeout",
      operation = "CreateDataset",
      outcome = "unknown",
      client_token = "token-1",
    }
    assert.matches('safe to repeat it with clientToken = "token%-1"', tostring(err))
  end)

  it("warns before repeating what may have been applied and carries no token", function()
    local err = errors.new {
      kind = "timeout",
      code = "Timeout",
      operation = "CreateChangeset",
      outcome = "unknown",
      repeatable = false,
    }
    assert.matches("may have been applied%. Look before you repeat it", tostring(err))
  end)

  it("lists every fault of a request on a line of its own", function()
    local err = errors.validation("CreateDataset", {
      { member = "datasetTitle", rule = "required", message = "datasetTitle is required" },
      { member = "kind", rule = "enum", message = "kind must be one of TABULAR, NON_TABULAR" },
    })
    assert.equal(
      "CreateDataset was not sent: 2 faults\n  datasetTitle is required\n"
        .. "  kind must be one of TABULAR, NON_TABULAR",
      tostring(err)
    )
    assert.equal("validation", err.kind)
    assert.equal("not_sent", err.outcome)
  end)

  it("can be joined to a text, and known for what it is", function()
    local err = errors.new { kind = "io", code = "CannotRead" }
    assert.equal("oh: finspace failed: CannotRead", "oh: " .. err)
    assert.is_true(errors.is(err))
    assert.is_false(errors.is { kind = "io" })
    assert.is_false(errors.is(nil))
  end)
end)
