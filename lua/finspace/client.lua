--- The client: a method an operation, made from the model's rows, and the one call beneath them all.
local core = require("finspace.core")
local endpoint = require("finspace.endpoint")
local errors = require("finspace.errors")
local operations = require("finspace.call.operations")
local options = require("finspace.options")
local session = require("finspace.session")

local client = {}

--- @class finspace.Client
--- @field session finspace.Session
--- @field s3 finspace.S3       the staging side, with the same keys and the same retries
local Client = {}

local API_VERSION = "2020-07-13"

-- The service remembers a clientToken for ten minutes.
local TOKEN_LIFETIME = 600

local LONGEST_PRESIGN = 604800

local OPTIONS = options.declare {
  what = "finspace.new",
  class = "finspace.Options",
  { "region", "string", "AWS_REGION, AWS_DEFAULT_REGION and the profile's when absent" },
  { "profile", "string", "a profile of the shared AWS files; AWS_PROFILE when absent" },
  {
    "credentials",
    "table|finspace.Provider",
    "`{ access_key_id, secret_access_key, session_token, expires_at }`, or a provider; the usual chain when absent",
  },
  { "mfa_code", "fun(serial: string): string", "asked for a code when a role wants a second factor" },
  {
    "shared_dict",
    "table|userdata",
    "a dictionary of `ngx.shared`, so that one worker of nginx fetches keys for all; they lie readable in it: give it to nothing else, and show it on no status page",
  },
  { "environment_id", "string", "works with FinSpace's own keys for this environment, and renews them" },
  { "duration_in_minutes", "count", "how long those last", otherwise = 60 },
  { "endpoint_url", "string", "AWS_ENDPOINT_URL_FINSPACE_DATA, AWS_ENDPOINT_URL and the profile's when absent" },
  { "s3_endpoint_url", "string", "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the profile's when absent" },
  { "sts_endpoint_url", "string", "AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL and the profile's when absent" },
  { "ca_file", "string", "a PEM file of the only authorities to trust; the system's when absent" },
  { "proxy", "string", "the URL of a proxy; as the environment says when absent" },
  { "connect_timeout", "seconds", "for name, connection and handshake", otherwise = 10 },
  { "timeout", "seconds", "for one attempt", otherwise = 60 },
  { "max_body", "count", "bytes of an answer that are held in memory", otherwise = "16 MiB" },
  {
    "max_attempts",
    "count",
    "attempts of one call, with AWS_MAX_ATTEMPTS and the profile's before the default",
    otherwise = 3,
  },
  { "logger", "fun(event: finspace.LogEvent|finspace.LogWarning)", "called after each attempt, and for warnings" },
  {
    "transport",
    "finspace.Transport",
    "sends requests in the host's place; this and what follows are for hosts and tests",
  },
  { "close", "fun()", "closes that transport's connections" },
  { "sleep", "fun(seconds: number)", "waits" },
  { "now", "fun(): number", "epoch seconds" },
  { "monotonic", "fun(): number", "seconds on a clock that is never set back" },
  { "random", "fun(): number", "a number from 0 up to 1" },
  { "uuid", "fun(): string", "a fresh UUID, for clientTokens" },
  { "getenv", "fun(name: string): string|nil", "reads an environment variable" },
  { "name", '"plain"|"nginx"|"neovim"', "the host to be taken for" },
}

local CALL_OPTIONS = options.declare {
  what = "a call",
  class = "finspace.CallOptions",
  { "timeout", "seconds", "for one attempt; the client's when absent" },
  { "deadline", "seconds", "for all attempts and the pauses between them" },
}

local PRESIGN_OPTIONS = options.declare {
  what = "presign",
  class = "finspace.PresignOptions",
  { "expires", "count", "seconds for which the URL is good, a week at most", default = 3600 },
  { "action", "boolean", "whether the query also names Action and Version", default = false },
}

--- Makes a client. Nothing is read, looked up or connected before its first call.
--- @param given? finspace.Options
--- @return finspace.Client
function client.new(given) return setmetatable({ session = session.new(OPTIONS:check(given)) }, Client) end

-- A method that is not there is nearly always a slip of the pen; `nil` would only say "call a nil value".
local function refuse_method(name)
  if type(name) ~= "string" or not name:find("^%l+_%l") then return nil end
  error(("a client has no method %q%s"):format(name, options.suggestion(name, Client)), 3)
end

-- `fs.s3` is made for whoever asks for it first: most clients never stage a file. What was found once is kept in
-- the client, where the next call finds it without asking here.
function Client:__index(name)
  local found = Client[name] or name == "s3" and self.session:s3()
  if not found then return refuse_method(name) end
  rawset(self, name, found)
  return found
end

--- Names no key.
function Client:__tostring()
  local chosen = self.session.options
  return ("finspace.Client(%s)"):format(chosen.endpoint_url or chosen.region or "as the environment says")
end

-- Checks the members against the model and writes the request. One clientToken is made here, for all attempts.
local function prepare(self, row, params)
  if params ~= nil and type(params) ~= "table" then
    error(("%s takes a table of members, not a %s"):format(row.name, type(params)), 4)
  end
  params = params or {}
  local token = row.client_token and (params.clientToken or self.session.runtime.uuid()) or nil
  local request, faults = core.prepare(row.name, params, token)
  if not request then return nil, errors.validation(row.name, faults) end
  return request, nil, token
end

local function with_operation(err, name)
  err.operation = err.operation or name
  return nil, err
end

-- Everything the exchange needs to know of one call: what a call, a presigned URL and a dry run have in common.
local function compose(self, row, params)
  local shared = self.session
  local request, fault, token = prepare(self, row, params)
  if not request then return nil, fault end
  local target, region, err = shared:locate()
  if not target then return with_operation(err, row.name) end
  local form = operations.form(row, request.generation)
  local call = {
    operation = row.name,
    request = request,
    endpoint = target,
    service = session.SERVICE,
    region = region,
    credentials = shared.supplier,
    finish = form.finish,
    repeatable = row.only_reads, -- blindly, if it changes nothing
    repeatable_for = nil, -- named, so that the table has room for them
    client_token = nil,
  }
  if form.client_token then
    call.repeatable, call.repeatable_for, call.client_token = true, TOKEN_LIFETIME, token
  end
  return call
end

local END_OF_FINSPACE = "Amazon switched FinSpace off on 2026-10-07. Start a compatible service with"
  .. " `finspace serve`, and name an endpoint with the option endpoint_url, or with"
  .. " AWS_ENDPOINT_URL_FINSPACE_DATA or AWS_ENDPOINT_URL."

-- Most people who cannot connect today call a service that is gone.
local function explain_connection(err, called)
  if endpoint.explain(err, called) and (not called.custom or err.code == "CouldNotResolve") then
    err.message = err.message .. "\n" .. END_OF_FINSPACE
  end
  return err
end

--- Calls an operation by its name, `CreateChangeset` or `create_changeset`.
--- @param name string
--- @param params? table  its members, in the wire's spelling
--- @param call_options? finspace.CallOptions
--- @return table|nil result, finspace.Error|nil err
function Client:call(name, params, call_options)
  local row = operations.find(name)
  local limits = call_options and CALL_OPTIONS:check(call_options, 3, name)
  local call, err = compose(self, row, params)
  if not call then return nil, err end
  if limits then
    call.timeout, call.deadline = limits.timeout, limits.deadline
  end
  local exchange
  exchange, err = self.session:exchange()
  if not exchange then return with_operation(err, row.name) end
  local result
  result, err = exchange:send(call)
  if err then return nil, explain_connection(err, call.endpoint) end
  return result
end

local call_operation = Client.call
for method, name in pairs(operations.names()) do
  Client[method] = function(self, params, call_options) return call_operation(self, name, params, call_options) end
end

--- All operations, with their required and optional members.
--- @return finspace.OperationSummary[]
function Client.operations() return operations.list() end

-- Most programs ask for no list.
local function pages_of(self, row, params) return require("finspace.call.pages").new(self, row, params) end

--- Whole pages of a list: `for page in fs:pages(…)`, or `pages:next()` for `page | nil, err`.
--- @param name string
--- @param params? table
--- @return finspace.Pages
function Client:pages(name, params) return pages_of(self, operations.find(name), params) end

--- The items of a list, over all its pages, each page fetched when the loop gets there. A loop cannot
--- return an error, so this one raises it (the err table); `fs:pages` can return it.
--- @param name string
--- @param params? table
--- @return fun(): table|nil
function Client:each(name, params) return pages_of(self, operations.find(name), params):items() end

-- What does a whole job is a file of its own in verbs/, loaded when it is first used.
client.VERBS =
  { "load", "download", "find_dataset", "ensure_dataset", "infer_schema", "ensure_auto_view", "read_view", "sign" }

for _, name in ipairs(client.VERBS) do
  Client[name] = function(self, given) return require("finspace.verbs." .. name).run(self, given) end
end

for _, subject in ipairs { "changeset", "data_view", "dataset" } do
  Client["wait_" .. subject] = function(self, given) return require("finspace.verbs.wait")[subject](self, given) end
end

-- The parameters of the query form that name the action, for those who ask for them.
local function with_action(request, name)
  local action = ("Action=%s&Version=%s"):format(name, API_VERSION)
  request.query = request.query == "" and action or request.query .. "&" .. action
end

--- A URL that calls the operation without any keys, until it expires: whoever has it may use it once
--- or often. An operation with a body needs that very body, too: it is in the second result, with the
--- method and the headers.
--- @param name string
--- @param params? table
--- @param presign_options? finspace.PresignOptions
--- @return string|nil url
--- @return { method: string, headers: table<string, string>, body: string|nil }|finspace.Error request
function Client:presign(name, params, presign_options)
  local row = operations.find(name)
  local chosen = PRESIGN_OPTIONS:check(presign_options)
  local expires = chosen.expires
  if expires > LONGEST_PRESIGN then error("presign: expires must be at most 604800 seconds, a week", 2) end
  local call, err = compose(self, row, params)
  if not call then return nil, err end
  if chosen.action then with_action(call.request, row.name) end
  local exchange, url
  exchange, err = self.session:exchange()
  if not exchange then return with_operation(err, row.name) end
  url, err = exchange:presign(call, expires)
  if not url then return with_operation(err, row.name) end
  return url, { method = call.request.method, headers = call.request.headers or {}, body = call.request.body }
end

--- The request as it would be sent, with everything secret hidden. Nothing is sent, and no keys are
--- looked up.
--- @param name string
--- @param params? table
--- @return finspace.DryRun|nil request  { method, url, headers, body }; prints like a request
--- @return finspace.Error|nil err
function Client:dry_run(name, params)
  local row = operations.find(name)
  local call, err = compose(self, row, params)
  if not call then return nil, err end
  local exchange
  exchange, err = self.session:exchange()
  if not exchange then return with_operation(err, row.name) end
  return require("finspace.verbs.dry_run").new(exchange, row, params, call, self.session:has_temporary_keys())
end

--- Closes the connections that are kept for later calls. A call after it opens new ones. On Lua 5.4 a
--- variable may do so by itself: `local fs <close> = finspace.new()`.
function Client:close() self.session:close() end
Client.__close = Client.close

return client
