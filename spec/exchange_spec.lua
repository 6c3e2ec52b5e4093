local world = require("spec.support.world")

local CHANGESET = {
  datasetId = "d1",
  changeType = "APPEND",
  sourceParams = { s3SourcePath = "s3://b/k" },
  formatParams = { formatType = "CSV" },
}
local OLD_CHANGESET =
  { datasetId = "d1", changeType = "APPEND", sourceType = "S3", sourceParams = { s3SourcePath = "s3://b/k" } }

local function http_date(epoch) return os.date("!%a, %d %b %Y %H:%M:%S GMT", epoch) end

-- Calls an operation in a world with this script.
local function call(script, operation, params, options)
  local here = world.new(script)
  local result, err = here.client(options):call(operation or "GetDataset", params or { datasetId = "d1" })
  return here, result, err
end

local function tokens_sent(here)
  local tokens = {}
  for i, request in ipairs(here.requests) do
    tokens[i] = request.body:match('"clientToken":"([^"]+)"')
  end
  return tokens
end

describe("a call that could not connect", function()
  for _, code in ipairs { "ConnectionRefused", "CouldNotResolve", "ConnectTimeout" } do
    it("is tried three times, and says that nothing was sent: " .. code, function()
      local here, result, err = call({ world.fault("connect", code, false) }, "CreateChangeset", OLD_CHANGESET)
      assert.is_nil(result)
      assert.equal(3, #here.requests)
      assert.same(
        { "connect", code, "not_sent", 3, true },
        { err.kind, err.code, err.outcome, err.attempts, err.retryable }
      )
    end)
  end

  it("succeeds as soon as there is a connection", function()
    local here, result = call { world.fault("connect", "ConnectionRefused", false), world.ok('{"datasetId":"d1"}') }
    assert.equal("d1", result.datasetId)
    assert.equal(2, #here.requests)
  end)
end)

describe("a call whose answer was lost", function()
  local lost = {
    world.fault("protocol", "ConnectionReset", true),
    world.fault("timeout", "Timeout", true),
    world.fault("protocol", "Truncated", true),
  }

  for _, fault in ipairs(lost) do
    it("is repeated with the same clientToken: " .. fault.fault.code, function()
      local here, result =
        call({ fault, fault, world.ok('{"datasetId":"d1","changesetId":"c1"}') }, "CreateChangeset", CHANGESET)
      assert.equal("c1", result.changesetId)
      local tokens = tokens_sent(here)
      assert.equal(3, #tokens)
      assert.equal(tokens[1], tokens[2])
      assert.equal(tokens[1], tokens[3])
      assert.equal(36, #tokens[1])
    end)
  end

  it("hands the clientToken back in the error, so that the caller may repeat it", function()
    local here, _, err = call({ lost[1] }, "CreateChangeset", CHANGESET)
    assert.equal(tokens_sent(here)[1], err.client_token)
    assert.same({ "unknown", 3 }, { err.outcome, err.attempts })
    assert.matches(err.client_token, tostring(err), 1, true)
  end)

  it("keeps the caller's own clientToken", function()
    local params = { clientToken = "mine" }
    for name, value in pairs(CHANGESET) do
      params[name] = value
    end
    local here, _, err = call({ lost[1] }, "CreateChangeset", params)
    assert.same({ "mine", "mine", "mine" }, tokens_sent(here))
    assert.equal("mine", err.client_token)
  end)

  it("is not repeated when it has no clientToken and may have been applied", function()
    for _, fault in ipairs(lost) do
      local here, _, err = call({ fault }, "CreateChangeset", OLD_CHANGESET)
      assert.equal(1, #here.requests)
      assert.same({ "unknown", 1 }, { err.outcome, err.attempts })
      assert.is_nil(err.client_token)
      assert.matches("Look before you repeat it", tostring(err))
    end
  end)

  it("stays unknown when a later attempt does not even connect", function()
    local _, _, err =
      call({ lost[1], world.fault("connect", "ConnectionRefused", false) }, "CreateChangeset", CHANGESET)
    assert.same({ "connect", "unknown" }, { err.kind, err.outcome })
  end)

  it("is not repeated with fresh keys either, once the service has forgotten the clientToken", function()
    local slow, count = world.fault("timeout", "Timeout", true), 0
    slow.takes = 590
    local refused = world.refuse(403, "ExpiredTokenException")
    refused.takes = 20
    local here, _, err = call({ slow, refused, world.ok() }, "CreateChangeset", CHANGESET, {
      credentials = function()
        count = count + 1
        return { access_key_id = "KEY" .. count, secret_access_key = "SECRETCANARY" }
      end,
    })
    assert.equal(2, #here.requests)
    assert.same({ "credentials", "unknown" }, { err.kind, err.outcome })
  end)

  it("is not repeated once the service has forgotten the clientToken, after ten minutes", function()
    local slow = world.fault("timeout", "Timeout", true)
    slow.takes = 601
    local here, _, err = call({ slow }, "CreateChangeset", CHANGESET)
    assert.equal(1, #here.requests)
    assert.equal("unknown", err.outcome)
  end)
end)

describe("a service that fails", function()
  for _, status in ipairs { 500, 502, 503, 504 } do
    for name, body in pairs { json = '{"message":"later"}', html = "<html>Bad gateway</html>", nothing = "" } do
      it(("is asked three times, with growing pauses: HTTP %d with %s"):format(status, name), function()
        local here, _, err = call { world.answer(status, body) }
        assert.equal(3, #here.requests)
        assert.same({ "service", status, 3 }, { err.kind, err.status, err.attempts })
        assert.same({ 0.025, 0.05 }, here.sleeps)
      end)
    end
  end

  it("creates one changeset even when it fails after committing: the clientToken is the same", function()
    local created = {}
    local here, result = call(function(request, number)
      created[request.body:match('"clientToken":"([^"]+)"')] = true
      if number < 3 then return world.refuse(500, "InternalServerException") end
      return world.ok('{"datasetId":"d1","changesetId":"c1"}')
    end, "CreateChangeset", CHANGESET)
    assert.equal("c1", result.changesetId)
    assert.equal(3, #here.requests)
    local count = 0
    for _ in pairs(created) do
      count = count + 1
    end
    assert.equal(1, count)
  end)

  it("is not asked again about a changeset without a clientToken", function()
    local here, _, err = call({ world.refuse(500, "InternalServerErrorException") }, "CreateChangeset", OLD_CHANGESET)
    assert.equal(1, #here.requests)
    assert.equal("unknown", err.outcome)
  end)

  it("sets the pause with x-amz-retry-after, within 5 s of ours", function()
    local here = call { world.refuse(503, "ServiceUnavailable", nil, { ["x-amz-retry-after"] = "1500" }), world.ok() }
    assert.same({ 1.5 }, here.sleeps)
    here = call { world.refuse(503, "ServiceUnavailable", nil, { ["retry-after"] = "3600" }), world.ok() }
    assert.same({ 5.025 }, here.sleeps)
  end)
end)

describe("an answer that is none", function()
  for name, body in pairs { html = "<html>hello</html>", ["broken JSON"] = '{"datasetId":"d1"', text = "ok" } do
    it("is never taken for a success: " .. name, function()
      local here, result, err = call { world.answer(200, body, { ["content-type"] = "text/html" }) }
      assert.is_nil(result)
      assert.equal("protocol", err.kind)
      assert.equal(1, #here.requests)
    end)
  end

  it("is a redirect, which is not followed", function()
    local here, _, err = call { world.answer(302, "", { location = "http://trap.example/" }) }
    assert.equal("protocol", err.kind)
    assert.equal(1, #here.requests)
  end)
end)

describe("throttling", function()
  local throttled = world.refuse(429, "ThrottlingException")

  it("is waited for, and recovered from, once and twice", function()
    local here, result = call { throttled, world.ok('{"datasetId":"d1"}') }
    assert.same({ "d1", 2 }, { result.datasetId, #here.requests })
    assert.same({ 0.5 }, here.sleeps)
    here, result = call { throttled, throttled, world.ok('{"datasetId":"d1"}') }
    assert.same({ "d1", 3 }, { result.datasetId, #here.requests })
    assert.same({ 0.5, 1 }, here.sleeps)
  end)

  it("ends the call after three attempts", function()
    local here, _, err = call { throttled }
    assert.equal(3, #here.requests)
    assert.same({ "throttle", "ThrottlingException", 429, "refused" }, { err.kind, err.code, err.status, err.outcome })
  end)

  it("repeats a changeset without a clientToken, because it was surely not applied", function()
    local here = call({ throttled, world.ok('{"changeset":{"id":"c1"}}') }, "CreateChangeset", OLD_CHANGESET)
    assert.equal(2, #here.requests)
  end)

  it("does not stand for a quota: LimitExceededException is not retried", function()
    local here, _, err = call { world.refuse(400, "LimitExceededException") }
    assert.equal(1, #here.requests)
    assert.equal("client", err.kind)
  end)
end)

describe("the retry tokens of a client", function()
  local throttled, broken = world.refuse(429, "ThrottlingException"), world.answer(500)

  -- The tokens left after each of a client's calls, whose answers come in the order given.
  local function tokens_after(...)
    local calls, answers = { ... }, {}
    for _, script in ipairs(calls) do
      for _, answer in ipairs(script) do
        table.insert(answers, answer)
      end
    end
    local here = world.new(answers)
    local fs, left = here.client(), {}
    for i = 1, #calls do
      fs:get_dataset { datasetId = "d1" }
      left[i] = fs.session:exchange().bucket.tokens
    end
    return left
  end

  it("pay 14 for a transient retry, 5 for a throttled one, and come back with its success", function()
    local ok = world.ok()
    assert.same({ 500 }, tokens_after { ok })
    assert.same({ 472 }, tokens_after { broken, broken, broken })
    assert.same({ 490 }, tokens_after { throttled, throttled, throttled })
    assert.same({ 500 }, tokens_after { broken, ok })
    assert.same({ 486 }, tokens_after { broken, broken, ok })
    assert.same({ 472, 473 }, tokens_after({ broken, broken, broken }, { ok }))
  end)

  it("end the retries of a client when they are spent", function()
    local here = world.new { broken }
    local fs = here.client()
    for _ = 1, 17 do
      fs:get_dataset { datasetId = "d1" }
    end
    local before = #here.requests
    fs:get_dataset { datasetId = "d1" }
    fs:get_dataset { datasetId = "d1" }
    assert.equal(3, #here.requests - before) -- one more retry is paid, and then none
  end)
end)

describe("a refusal", function()
  local codes = {
    AccessDeniedException = 403,
    ValidationException = 400,
    ResourceNotFoundException = 404,
    ConflictException = 409,
    MissingParameter = 400,
    OptInRequired = 403,
  }

  for code, status in pairs(codes) do
    it("is final: " .. code, function()
      local here, _, err = call({ world.refuse(status, code, "no") }, "CreateChangeset", CHANGESET)
      assert.equal(1, #here.requests)
      assert.same(
        { "client", code, status, 1, "refused", "no" },
        { err.kind, err.code, err.status, err.attempts, err.outcome, err.message }
      )
      assert.is_nil(next(here.sleeps))
    end)
  end
end)

describe("refused keys", function()
  local refused = world.refuse(403, "ExpiredTokenException", "The security token included in the request is expired")

  local function rotating_provider()
    local count = 0
    return function()
      count = count + 1
      return {
        access_key_id = "KEY" .. count,
        secret_access_key = "SECRETCANARY",
        session_token = "TOKENCANARY" .. count,
      }
    end, function() return count end
  end

  it("are replaced once, and the call is repeated once", function()
    local provider, count = rotating_provider()
    local here, result = call({ refused, world.ok('{"datasetId":"d1"}') }, nil, nil, { credentials = provider })
    assert.equal("d1", result.datasetId)
    assert.equal(2, count())
    assert.matches("Credential=KEY1/", here.requests[1].headers.authorization)
    assert.matches("Credential=KEY2/", here.requests[2].headers.authorization)
    assert.same({}, here.sleeps)
  end)

  it("are an error when the fresh ones are refused too", function()
    local provider, count = rotating_provider()
    local here, _, err = call({ refused }, nil, nil, { credentials = provider })
    assert.same({ "credentials", "ExpiredTokenException", 2 }, { err.kind, err.code, err.attempts })
    assert.equal(2, #here.requests)
    assert.equal(2, count())
  end)

  it("are an error at once when there are no others", function()
    local here, _, err = call { refused }
    assert.equal(1, #here.requests)
    assert.equal("credentials", err.kind)
  end)

  it("are fetched by nobody else again: eight calls share one refresh", function()
    local provider, count = rotating_provider()
    local here = world.new(function(request)
      if request.headers.authorization:find("KEY1/", 1, true) then return refused end
      return world.ok('{"datasetId":"d1"}')
    end)
    -- The transport yields between sending and receiving, so all eight are refused before one refreshes.
    local options = here.options { credentials = provider }
    local transport, done = options.transport, 0
    options.transport = function(request)
      local response, fault = transport(request)
      coroutine.yield()
      return response, fault
    end
    local fs = require("finspace").new(options)
    local workers = {}
    for i = 1, 8 do
      workers[i] = coroutine.create(function()
        assert(fs:get_dataset { datasetId = "d1" })
        done = done + 1
      end)
    end
    for _ = 1, 4 do
      for _, worker in ipairs(workers) do
        if coroutine.status(worker) == "suspended" then assert(coroutine.resume(worker)) end
      end
    end
    assert.equal(8, done)
    assert.equal(2, count())
    assert.equal(16, #here.requests)
  end)
end)

describe("a clock that is wrong", function()
  for _, offset in ipairs { -86400, -1200, 1200, 86400 } do
    it(("is corrected by the Date header, and the call repeated once: %+d s"):format(offset), function()
      local true_time = 1700000000 - offset
      local here, result = call {
        world.refuse(403, "RequestTimeTooSkewed", "too far", { date = http_date(true_time) }),
        world.ok('{"datasetId":"d1"}'),
      }
      assert.equal("d1", result.datasetId)
      assert.equal(2, #here.requests)
      assert.equal(os.date("!%Y%m%dT%H%M%SZ", true_time), here.requests[2].headers["x-amz-date"])
    end)
  end

  for _, offset in ipairs { -840, 840 } do
    it(("within what the service tolerates costs nothing: %+d s"):format(offset), function()
      local here = call { world.ok() }
      assert.equal(1, #here.requests)
    end)
  end

  it("is suspected when a signature is refused and the Date is over five minutes away", function()
    local here, result = call {
      world.refuse(403, "InvalidSignatureException", "no match", { date = http_date(1700000000 + 301) }),
      world.ok(),
    }
    assert.truthy(result)
    assert.equal(2, #here.requests)
  end)

  it("is not suspected when the Date agrees: the signature is just wrong", function()
    local here, _, err =
      call { world.refuse(403, "InvalidSignatureException", "no match", { date = http_date(1700000000 + 299) }) }
    assert.equal(1, #here.requests)
    assert.equal("client", err.kind)
  end)

  it("is suspected when a refusal says nothing, as one of HEAD, and the Date is over five minutes away", function()
    for offset, requests in pairs { [301] = 2, [299] = 1 } do
      local here = call { world.answer(403, "", { date = http_date(1700000000 + offset) }), world.ok() }
      assert.equal(requests, #here.requests)
    end
  end)

  it("is corrected once in a call: the second refusal is the error", function()
    local here, _, err = call(
      function(_, number)
        return world.refuse(403, "RequestTimeTooSkewed", "too far", { date = http_date(1700000000 + 3600 * number) })
      end
    )
    assert.equal(2, #here.requests)
    assert.equal("RequestTimeTooSkewed", err.code)
  end)

  it("stays corrected for later calls", function()
    local here =
      world.new { world.refuse(403, "RequestTimeTooSkewed", nil, { date = http_date(1700003600) }), world.ok() }
    local fs = here.client()
    fs:get_dataset { datasetId = "d1" }
    fs:get_dataset { datasetId = "d1" }
    assert.equal(3, #here.requests)
    assert.equal(os.date("!%Y%m%dT%H%M%SZ", 1700003600), here.requests[3].headers["x-amz-date"])
  end)
end)

describe("each attempt", function()
  it("carries one invocation id, its number, and a fresh date and signature", function()
    local slow = world.answer(503)
    slow.takes = 2
    local here = call({ slow, slow, world.ok() }, "CreateChangeset", CHANGESET)
    local ids, dates, signatures = {}, {}, {}
    for i, request in ipairs(here.requests) do
      assert.equal(("attempt=%d; max=3"):format(i), request.headers["amz-sdk-request"])
      ids[request.headers["amz-sdk-invocation-id"]] = true
      dates[request.headers["x-amz-date"]] = true
      signatures[request.headers.authorization] = true
      assert.equal(here.requests[1].body, request.body)
    end
    local function size(set)
      local n = 0
      for _ in pairs(set) do
        n = n + 1
      end
      return n
    end
    assert.same({ 1, 3, 3 }, { size(ids), size(dates), size(signatures) })
  end)

  it("is told to the logger, without any secret", function()
    local events = {}
    local here = call(
      { world.answer(503), world.ok('{"datasetId":"d1","changesetId":"c1"}') },
      "CreateChangeset",
      CHANGESET,
      {
        logger = function(event) table.insert(events, event) end,
        credentials = {
          access_key_id = "AKIDEXAMPLE",
          secret_access_key = "SECRETCANARY",
          session_token = "TOKENCANARY",
        },
      }
    )
    assert.equal(2, #events)
    assert.same(
      { "CreateChangeset", 1, 503, "service" },
      { events[1].operation, events[1].attempt, events[1].status, events[1].kind }
    )
    assert.same({ "CreateChangeset", 2, 200, "request-1", 37, #here.requests[2].body }, {
      events[2].operation,
      events[2].attempt,
      events[2].status,
      events[2].request_id,
      events[2].bytes_received,
      events[2].bytes_sent,
    })
    assert.equal(0, events[2].duration)
    for _, event in ipairs(events) do
      for _, value in pairs(event) do
        assert.not_matches("CANARY", tostring(value))
        assert.not_matches("Signature", tostring(value))
      end
    end
  end)

  it("has the time that is left of the call's deadline, and none starts after it", function()
    local slow = world.fault("timeout", "Timeout", true)
    slow.takes = 4
    local here = world.new { slow }
    local _, err = here.client({ timeout = 4 }):call("GetDataset", { datasetId = "d1" }, { deadline = 6 })
    assert.equal(2, #here.requests)
    assert.equal(4, here.requests[1].timeout)
    assert.is_true(here.requests[2].timeout < 2)
    assert.equal("timeout", err.kind)
  end)
end)

describe("a service that quotes what it was sent", function()
  it("puts no secret into the error: neither key, nor session token, nor signature", function()
    local keys =
      { access_key_id = "AKIDEXAMPLE", secret_access_key = "CANARY%SECRET", session_token = "CANARY+TOKEN/==" }
    local signature
    local function quote(request)
      signature = request.headers.authorization:match("Signature=(%x+)")
      local text = "x-amz-security-token:%s, Signature=%s, secret %s"
      return world.refuse(
        403,
        "InvalidSignatureException",
        text:format(keys.session_token, signature, keys.secret_access_key)
      )
    end
    local _, _, err = call(quote, nil, nil, { credentials = keys })
    for _, secret in ipairs { keys.session_token, keys.secret_access_key, signature } do
      assert.is_nil(err.message:find(secret, 1, true), err.message)
    end
    assert.truthy(err.message:find("x-amz-security-token:(hidden)", 1, true))
  end)
end)

describe("the bracket", function()
  it("tells what cannot be signed as an error that was not sent", function()
    local here = world.new { world.ok() }
    local settings = here.options()
    local _, err = require("finspace.call.exchange").new(settings):send {
      operation = "GetDataset",
      region = "us-east-1",
      service = "s3",
      repeatable = true,
      request = { method = "GET", path = "/", headers = { ["x-broken"] = "a\r\nb: c" } },
      endpoint = { scheme = "http", host = "localhost", path = "" },
      credentials = function() return settings.credentials end,
      finish = function(response) return response end,
    }
    assert.equal(0, #here.requests)
    assert.same({ "validation", "CannotSign", "not_sent" }, { err.kind, err.code, err.outcome })
    assert.truthy(tostring(err):find("x-broken", 1, true))
  end)

  it("lets a transport and a sleep yield, on every Lua", function()
    local here = world.new { world.answer(503), world.ok('{"datasetId":"d1"}') }
    local options = here.options()
    local transport, sleep = options.transport, options.sleep
    options.transport = function(request)
      coroutine.yield("transport")
      return transport(request)
    end
    options.sleep = function(seconds)
      coroutine.yield("sleep")
      return sleep(seconds)
    end
    local fs = require("finspace").new(options)
    local worker = coroutine.wrap(function() return fs:get_dataset { datasetId = "d1" } end)
    assert.same({ "transport", "sleep", "transport" }, { worker(), worker(), worker() })
    assert.equal("d1", worker().datasetId)
  end)

  it("retries as often as max_attempts says, in code or in AWS_MAX_ATTEMPTS", function()
    local here = call({ world.answer(503) }, nil, nil, { max_attempts = 1 })
    assert.equal(1, #here.requests)
    here = call({ world.answer(503) }, nil, nil, {
      getenv = function(name) return name == "AWS_MAX_ATTEMPTS" and "2" or nil end,
    })
    assert.equal(2, #here.requests)
    local _, _, err = call({ world.answer(503) }, nil, nil, {
      getenv = function(name) return name == "AWS_MAX_ATTEMPTS" and "many" or nil end,
    })
    assert.same({ "config", "InvalidMaxAttempts" }, { err.kind, err.code })
    assert.matches("AWS_MAX_ATTEMPTS must be a whole number", err.message)
  end)
end)
