--- FinSpace's own keys: whoever may sign in to an environment with IAM keys gets temporary ones from
--- GetProgrammaticAccessCredentials, and calls the API with those.
local cached = require("finspace.credentials.cached")
local core = require("finspace.core")
local errors = require("finspace.errors")
local keys = require("finspace.credentials.keys")
local service = require("finspace.credentials.service")

local finspace = {}

local SOURCE = "FinSpace"
local OPERATION = "GetProgrammaticAccessCredentials"
local DEFAULT_MINUTES = 60

-- The answer has no expiry: it is the time of the call and the minutes granted.
local function read_answer(result, called_at, minutes)
  local given = type(result.credentials) == "table" and result.credentials or {}
  local granted = result.durationInMinutes == nil and minutes or tonumber(result.durationInMinutes)
  return keys.answered(SOURCE, {
    access_key_id = given.accessKeyId,
    secret_access_key = given.secretAccessKey,
    session_token = given.sessionToken,
    expires_at = granted and granted > 0 and called_at + granted * 60 or false, -- false is refused
  }, SOURCE .. ": " .. OPERATION .. " answered")
end

local function call(context, options, base)
  local request, faults = core.prepare(OPERATION, {
    environmentId = options.environment_id,
    durationInMinutes = options.minutes,
  })
  if not request then return nil, errors.validation(OPERATION, faults) end
  local target, region, err = service.locate(context, "finspace_data")
  if not target then return nil, err end
  return context.exchange:send {
    operation = OPERATION,
    request = request,
    endpoint = target,
    service = "finspace-api",
    region = region,
    credentials = base:supplier(context),
    repeatable = true,
    finish = function(response) return core.finish(OPERATION, request.generation, response) end,
  }
end

--- @param options table { environment_id =, base = provider or cached object with the IAM keys,
---   duration = minutes, default 60 }
--- @return function provider
function finspace.new(options)
  local minutes = options.duration or DEFAULT_MINUTES
  local base = options.base
  return function(context)
    base = cached.of(base, context.runtime)
    local called_at = context.runtime.now()
    local result, err = call(context, { environment_id = options.environment_id, minutes = minutes }, base)
    if not result then return keys.failed(SOURCE, err, "no FinSpace keys") end
    return read_answer(result, called_at, minutes)
  end
end

return finspace
