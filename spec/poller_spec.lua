local poller = require("finspace.verbs.wait.poller")
local world = require("spec.support.world")

local function changeset(status, more)
  return world.ok(('{"changesetId":"c1","datasetId":"d1","status":"%s"%s}'):format(status, more or ""))
end

local FAILURE = ',"errorInfo":{"errorCategory":"VALIDATION","errorMessage":"row 7 has 5 fields"}'

local function wait(script, more, options)
  local here = world.new(script)
  local given = { datasetId = "d1", changesetId = "c1" }
  for name, value in pairs(more or {}) do
    given[name] = value
  end
  local result, err = here.client(options):wait_changeset(given)
  return here, result, err
end

describe("the interval between looks", function()
  it("grows from 1 s to 15 s, within half of itself and the whole", function()
    for number = 1, 40 do
      local grown = math.min(15, 1.5 ^ number)
      for _, random in ipairs { 0, 0.3, 0.999 } do
        local interval = poller.interval(number, random, 1, 15)
        assert.is_true(interval >= math.max(1, grown / 2) and interval <= grown, tostring(interval))
      end
    end
    assert.equal(15, poller.interval(10000, 1, 1, 15))
  end)

  local function looks_in_an_hour(first_pause, random)
    local looks, passed = 1, 0
    while passed < 3600 do
      passed = passed + poller.interval(looks, random, first_pause, 15)
      looks = looks + 1
    end
    return looks
  end

  it("begins with a tenth of a second, at the price of at most ten looks more in an hour", function()
    local here = wait { changeset("PENDING"), changeset("SUCCESS") }
    assert.is_true(here.sleeps[1] >= 0.1 and here.sleeps[1] <= 0.15, tostring(here.sleeps[1]))
    for _, random in ipairs { 0, 0.5, 0.999 } do
      assert.is_true(looks_in_an_hour(0.1, random) - looks_in_an_hour(1, random) <= 10)
    end
  end)
end)

describe("fs:wait_changeset", function()
  it("takes no answer for a success that does not say so", function()
    for _, body in ipairs { "", "{}", "null", "[]", '{"changesetId":"c1","datasetId":"d1"}', '{"status":"SUCCESS"}' } do
      local here, result, err = wait { changeset("PENDING"), world.answer(200, body) }
      assert.is_nil(result, body)
      assert.same({ "protocol", "InvalidAnswer" }, { err.kind, err.code })
      assert.equal("PENDING", err.changeset.status)
      assert.equal(2, #here.requests)
    end
  end)

  it("looks at once, and does not sleep when it is over", function()
    local here, result = wait { changeset("SUCCESS") }
    assert.equal("SUCCESS", result.status)
    assert.equal(1, #here.requests)
    assert.same({}, here.sleeps)
  end)

  it("never looks again after a final state", function()
    local here, result = wait { changeset("PENDING"), changeset("RUNNING"), changeset("SUCCESS"), changeset("RUNNING") }
    assert.equal("SUCCESS", result.status)
    assert.equal(3, #here.requests)
    assert.equal(2, #here.sleeps)
  end)

  it("tells each change of status once, and also when it goes back", function()
    local seen = {}
    wait(
      { changeset("PENDING"), changeset("RUNNING"), changeset("RUNNING"), changeset("PENDING"), changeset("SUCCESS") },
      { on_status = function(status, item) seen[#seen + 1] = status .. item.changesetId end }
    )
    assert.same({ "PENDINGc1", "RUNNINGc1", "PENDINGc1", "SUCCESSc1" }, seen)
  end)

  it("makes a failed changeset an error that carries errorInfo and the changeset", function()
    local here, result, err = wait { changeset("RUNNING"), changeset("FAILED", FAILURE) }
    assert.is_nil(result)
    assert.same(
      { "service", "VALIDATION", "row 7 has 5 fields", "FAILED" },
      { err.kind, err.code, err.errorInfo.errorMessage, err.changeset.status }
    )
    assert.matches("row 7 has 5 fields", tostring(err))
    assert.equal(2, #here.requests)
  end)

  it("says so when a failed changeset comes without a reason", function()
    local _, _, err = wait { changeset("FAILED") }
    assert.same({ "service", "FAILED" }, { err.kind, err.code })
    assert.matches("did not say why", err.message)
  end)

  it("waits on through STOP_REQUESTED, which is on its way to FAILED", function()
    local here, _, err = wait { changeset("STOP_REQUESTED"), changeset("STOP_REQUESTED"), changeset("FAILED") }
    assert.equal("FAILED", err.code)
    assert.equal(3, #here.requests)
  end)

  it("is not ended by throttled looks, however many", function()
    local script = {}
    for i = 1, 40 do
      script[i] = world.refuse(429, "ThrottlingException")
    end
    script[41] = changeset("SUCCESS")
    local _, result = wait(script)
    assert.equal("SUCCESS", result.status)
  end)

  it("outlives a few failures in a row, and ends with the fifth", function()
    local down = world.fault("connect", "ConnectionRefused", false)
    local script = {}
    for i = 1, 12 do
      script[i] = down
    end -- four looks of three attempts
    script[13] = changeset("SUCCESS")
    local _, result = wait(script)
    assert.equal("SUCCESS", result.status)
    local here, _, err = wait { changeset("RUNNING"), down }
    assert.equal("connect", err.kind)
    assert.equal("RUNNING", err.changeset.status)
    assert.equal(1 + 5 * 3, #here.requests)
  end)

  it("is ended by a refusal", function()
    local here, _, err = wait { world.refuse(404, "ResourceNotFoundException", "no such changeset") }
    assert.equal("ResourceNotFoundException", err.code)
    assert.equal(1, #here.requests)
  end)

  it("ends at its deadline with the last changeset in the error", function()
    for _, timeout in ipairs { 0.5, 10, 100 } do
      local here, _, err = wait({ changeset("RUNNING") }, { timeout = timeout })
      assert.same({ "timeout", "WaitTimeout", "RUNNING" }, { err.kind, err.code, err.changeset.status })
      assert.equal(1700000000 + timeout, here.time)
      assert.matches("still RUNNING after", tostring(err))
    end
  end)

  it("does not let a look that hangs outlast the deadline", function()
    local hangs = function(request)
      local fault = world.fault("timeout", "Timeout", true)
      fault.takes = request.timeout
      return fault
    end
    local here, _, err = wait({ changeset("RUNNING"), hangs }, { timeout = 100 }, { timeout = 60 })
    assert.equal("WaitTimeout", err.code)
    assert.is_true(here.time - 1700000000 <= 100.01)
    assert.equal("Timeout", err.last_error.code)
  end)

  it("measures its deadline by a clock that nobody sets", function()
    local here = world.new { changeset("RUNNING"), changeset("RUNNING"), changeset("SUCCESS") }
    local days = 0
    local fs = here.client {
      now = function()
        days = days + 86400 -- somebody plays with the clock
        return here.time + (days % 172800 == 0 and days or -days)
      end,
    }
    local result = fs:wait_changeset { datasetId = "d1", changesetId = "c1", timeout = 60 }
    assert.equal("SUCCESS", result.status)
    assert.equal(3, #here.requests)
  end)

  it("can be cancelled, and says that the changeset goes on", function()
    local looks = 0
    local here, _, err = wait({ changeset("RUNNING") }, {
      cancel = function()
        looks = looks + 1
        return looks > 3
      end,
    })
    assert.equal("cancelled", err.kind)
    assert.equal("RUNNING", err.changeset.status)
    assert.equal(3, #here.requests)
  end)

  it("takes other intervals", function()
    local here = wait(
      { changeset("RUNNING"), changeset("RUNNING"), changeset("SUCCESS") },
      { min_interval = 10, max_interval = 10 }
    )
    assert.same({ 10, 10 }, here.sleeps)
  end)

  it("raises on an option that it does not know, and on a missing id", function()
    local fs = world.new({}).client()
    local _, message = pcall(fs.wait_changeset, fs, { datasetId = "d1", changesetID = "c1" })
    assert.matches('unknown option "changesetID"; did you mean "changesetId"?', message, 1, true)
    _, message = pcall(fs.wait_changeset, fs, { datasetId = "d1" })
    assert.matches('wait_changeset needs the option "changesetId"', message)
  end)
end)

describe("the other waiters", function()
  local function view_is(status) return world.ok(('{"datasetId":"d1","dataViewId":"v1","status":"%s"}'):format(status)) end

  it("wait for a data view with its own final states", function()
    for _, status in ipairs { "FAILED", "CANCELLED", "TIMEOUT", "FAILED_CLEANUP_FAILED" } do
      local here = world.new { view_is("STARTING"), view_is(status) }
      local _, err = here.client():wait_data_view { datasetId = "d1", dataViewId = "v1" }
      assert.same({ status, status }, { err.code, err.data_view.status })
    end
    local here = world.new { view_is("PENDING"), view_is("SUCCESS") }
    assert.equal("SUCCESS", here.client():wait_data_view({ datasetId = "d1", dataViewId = "v1" }).status)
  end)

  it("wait for a dataset, and take one without a status for ready", function()
    local here = world.new { world.ok('{"datasetId":"d1","status":"PENDING"}'), world.ok() }
    assert.equal("d1", here.client():wait_dataset({ datasetId = "d1" }).datasetId)
  end)
end)
