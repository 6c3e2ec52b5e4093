--- A world for policy specs: a service that follows a script, and a clock that only sleeping and the
--- script move. What went over the wire, and what was slept, is there to be counted.
local world = {}

--- An answer.
function world.answer(status, body, headers) return { status = status, body = body or "", headers = headers or {} } end

--- A success; without a body, one that GetDataset may have.
function world.ok(body) return world.answer(200, body or '{"datasetId":"d1"}', { ["x-amzn-requestid"] = "request-1" }) end

--- A refusal in the service's own words.
function world.refuse(status, code, message, headers)
  headers = headers or {}
  headers["x-amzn-errortype"] = code
  headers["x-amzn-requestid"] = headers["x-amzn-requestid"] or "request-1"
  return world.answer(status, message and ('{"message":"%s"}'):format(message) or "{}", headers)
end

--- A fault of the transport.
function world.fault(kind, code, sent)
  return { fault = { kind = kind, code = code, message = code .. " in the script", sent = sent } }
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for key, element in pairs(value) do
    result[key] = copy(element)
  end
  return result
end

--- @param script table[]|function  one answer for each request, the last one for all that follow;
---   or a function of the request and its number
--- @return table world  { requests, sleeps, time, options(more) }
function world.new(script)
  local self = { requests = {}, sleeps = {}, time = 1700000000, random = 0.5, tokens = 0 }

  local function transport(request)
    local sent = copy(request)
    sent.at = self.time
    table.insert(self.requests, sent)
    local number = #self.requests
    local step = type(script) == "function" and script(sent, number) or script[math.min(number, #script)]
    if type(step) == "function" then step = step(sent, number) end
    self.time = self.time + (step.takes or 0)
    if step.fault then return nil, copy(step.fault) end
    return copy(step)
  end

  --- The options that put a client into this world, and any others.
  function self.options(more)
    local options = {
      region = "us-east-1",
      endpoint_url = "http://127.0.0.1:4510",
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "SECRETCANARY" },
      transport = transport,
      close = function() end,
      now = function() return self.time end,
      monotonic = function() return self.time end,
      random = function() return self.random end,
      sleep = function(seconds)
        table.insert(self.sleeps, seconds)
        self.time = self.time + seconds
      end,
      uuid = function()
        self.tokens = self.tokens + 1
        return ("00000000-0000-4000-8000-%012d"):format(self.tokens)
      end,
      getenv = function() return nil end,
    }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return options
  end

  --- A client that lives in this world.
  function self.client(more) return require("finspace").new(self.options(more)) end

  return self
end

return world
