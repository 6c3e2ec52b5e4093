local retry = require("finspace.call.retry")

describe("the delay before a retry", function()
  it("doubles from 0.05 s for a transient fault", function()
    local delays = {}
    for number = 1, 4 do
      delays[number] = retry.delay(number, false, 1)
    end
    assert.same({ 0.05, 0.1, 0.2, 0.4 }, delays)
  end)

  it("doubles from 1 s after throttling", function()
    local delays = {}
    for number = 1, 4 do
      delays[number] = retry.delay(number, true, 1)
    end
    assert.same({ 1, 2, 4, 8 }, delays)
  end)

  it("never exceeds 20 s", function()
    assert.equal(20, retry.delay(12, true, 1))
    assert.equal(20, retry.delay(60, false, 1))
  end)

  it("is scaled by the random number, so that clients do not march in step", function()
    assert.equal(0, retry.delay(3, true, 0))
    assert.equal(2, retry.delay(3, true, 0.5))
  end)

  it("follows what the service asks for, but never shortens and adds 5 s at most", function()
    assert.equal(1.5, retry.delay(1, true, 0.5, 1.5))
    assert.equal(0.5, retry.delay(1, true, 0.5, 0.1))
    assert.equal(5.5, retry.delay(1, true, 0.5, 60))
  end)

  it("reads what the service asks for in milliseconds, or as Retry-After in seconds", function()
    assert.equal(1.5, retry.requested_delay { ["x-amz-retry-after"] = "1500" })
    assert.equal(3, retry.requested_delay { ["retry-after"] = "3" })
    assert.equal(1.5, retry.requested_delay { ["x-amz-retry-after"] = "1500", ["retry-after"] = "3" })
    assert.is_nil(retry.requested_delay { ["x-amz-retry-after"] = "soon", ["retry-after"] = "Fri, 01 Jan" })
    assert.is_nil(retry.requested_delay { ["x-amz-retry-after"] = "-5" })
  end)
end)

describe("the bucket of retry tokens", function()
  it("pays 14 for a transient retry and 5 for a throttled one", function()
    local bucket = retry.bucket()
    assert.equal(14, bucket:pay(false))
    assert.equal(486, bucket.tokens)
    assert.equal(5, bucket:pay(true))
    assert.equal(481, bucket.tokens)
  end)

  it("pays for 35 transient retries in a row, and then no more", function()
    local bucket = retry.bucket()
    for _ = 1, 35 do
      assert.truthy(bucket:pay(false))
    end
    assert.is_nil(bucket:pay(false))
    assert.equal(10, bucket.tokens)
    assert.equal(5, bucket:pay(true))
  end)

  it("gets a retry's cost back when it succeeds, and 1 for any other success", function()
    local bucket = retry.bucket()
    bucket:refill(bucket:pay(true))
    assert.equal(500, bucket.tokens)
    bucket:pay(false)
    bucket:refill(nil)
    assert.equal(487, bucket.tokens)
  end)

  it("never holds more than 500", function()
    local bucket = retry.bucket()
    bucket:refill(nil)
    assert.equal(500, bucket.tokens)
  end)
end)

describe("a transport's fault", function()
  it("may pass by itself when there was no connection, no answer in time, or half an answer", function()
    for _, fault in ipairs {
      { "connect", "ConnectionRefused" },
      { "connect", "CouldNotResolve" },
      { "timeout", "Timeout" },
      { "protocol", "Truncated" },
      { "protocol", "ConnectionReset" },
    } do
      assert.is_true(retry.is_transient { kind = fault[1], code = fault[2] }, fault[2])
    end
  end)

  it("stays when the other side cannot be trusted, answers nonsense, or a file is at fault", function()
    for _, fault in ipairs {
      { "tls", "CertificateRefused" },
      { "protocol", "TooLarge" },
      { "io", "CannotRead" },
      { "validation", "InvalidRequest" },
      { "cancelled", "Cancelled" },
    } do
      assert.is_false(retry.is_transient { kind = fault[1], code = fault[2] }, fault[2])
    end
  end)
end)
