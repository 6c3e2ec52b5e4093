local credentials = require("finspace.credentials")
local machine = require("spec.support.machine")
local world = require("spec.support.world")

local KEYS = '{"credentials":{"accessKeyId":"ASIA%d","secretAccessKey":"canary-finspace-%d",'
  .. '"sessionToken":"canary-token-%d"},"durationInMinutes":60}'

local function is_credentials_call(request) return request.path == "/credentials/programmatic" end

--- Who signed a request.
local function signer_of(request) return request.headers.authorization:match("Credential=([^/]+)/") end

--- A service that hands out numbered keys and answers everything else with an empty list.
local function service(refusals)
  local handed = 0
  return function(request)
    if is_credentials_call(request) then
      handed = handed + 1
      return world.ok(KEYS:format(handed, handed, handed))
    end
    if refusals and refusals[signer_of(request)] then
      return world.refuse(403, "ExpiredTokenException", "The security token included in the request is expired")
    end
    return world.ok('{"datasets":[]}')
  end
end

local function options(more)
  local chosen = {
    environment_id = "e123",
    credentials = {
      access_key_id = "AKIDBASE",
      secret_access_key = "canary-base",
    },
  }
  for name, value in pairs(more or {}) do
    chosen[name] = value
  end
  return chosen
end

local function calls_for_keys(requests)
  local count = 0
  for _, request in ipairs(requests) do
    if is_credentials_call(request) then count = count + 1 end
  end
  return count
end

describe("FinSpace's own keys", function()
  it("are fetched with the chain's keys by the first call, and kept until shortly before their end", function()
    local around = world.new(service())
    local fs = around.client(options())
    assert.are.equal(0, #around.requests)
    for _ = 1, 3 do
      assert(fs:list_datasets {})
    end
    assert.are.equal(1, calls_for_keys(around.requests))
    assert.are.equal("AKIDBASE", signer_of(around.requests[1]))
    assert.are.equal("ASIA1", signer_of(around.requests[2]))
    assert.matches("environmentId=e123", around.requests[1].query, 1, true)
    assert.matches("durationInMinutes=60", around.requests[1].query, 1, true)
    around.time = around.time + 46 * 60
    assert(fs:list_datasets {})
    assert.are.equal("ASIA2", signer_of(around.requests[#around.requests]))
  end)

  it("end when the minutes that the service granted are over, counted from the call", function()
    local runtime = machine.new { now = 1700000000.75 }
    local given
    runtime.transport = function(request)
      given = request
      return world.ok(KEYS:gsub("60}", "5}"):format(1, 1, 1))
    end
    local context = machine.context(runtime, { region = "us-east-1" })
    local provider = credentials.finspace {
      environment_id = "e1",
      duration = 720,
      base = { access_key_id = "AKIDBASE", secret_access_key = "canary-base" },
    }
    assert.are.equal(1700000000 + 300, assert(provider(context)).expires_at)
    assert.matches("durationInMinutes=720", given.url, 1, true)
    assert.are.equal("finspace-api.us-east-1.amazonaws.com", given.headers.host)
  end)

  it("are fetched once more when the service calls them expired, and the call is repeated", function()
    local around = world.new(service { ASIA1 = true })
    local fs = around.client(options())
    assert(fs:list_datasets {})
    local signers = {}
    for _, request in ipairs(around.requests) do
      table.insert(signers, signer_of(request))
    end
    assert.are.same({ "AKIDBASE", "ASIA1", "AKIDBASE", "ASIA2" }, signers)
  end)

  it("are not fetched in a circle when the service calls all of them expired", function()
    local around = world.new(service { ASIA1 = true, ASIA2 = true, ASIA3 = true })
    local result, err = around.client(options()):list_datasets {}
    assert.is_nil(result)
    assert.are.equal("credentials", err.kind)
    assert.are.equal(2, calls_for_keys(around.requests))
  end)

  it("that are not granted are an error in the service's words", function()
    local around = world.new { world.refuse(403, "AccessDeniedException", "not in this environment") }
    local result, err = around.client(options()):list_datasets {}
    assert.is_nil(result)
    assert.are.equal("AccessDeniedException", err.code)
    assert.matches("not in this environment", tostring(err), 1, true)
    assert.is_nil(tostring(err):find("canary", 1, true))
  end)

  it("with a member missing are an error that names it", function()
    local around = world.new { world.ok('{"credentials":{"accessKeyId":"A"}}') }
    local result, err = around.client(options()):list_datasets {}
    assert.is_nil(result)
    assert.are.equal("InvalidAnswer", err.code)
    assert.matches("secret_access_key is missing", err.message, 1, true)
  end)
end)
