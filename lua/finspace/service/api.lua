--- One FinSpace call inside the service: route ▸ parse ▸ check against the model ▸ handler ▸ JSON.

local before_transaction = require("finspace.service.before_transaction")
local commit = require("finspace.service.db.commit")
local core = require("finspace.core")
local clock = require("finspace.service.clock")
local fault = require("finspace.service.fault")
local idempotency = require("finspace.service.idempotency")
local query = require("finspace.service.query")
local router = require("finspace.service.router")

local api = {}

local LARGEST_BODY = 1024 * 1024
local MOST_DIGITS = 15 -- more may not be exact in a double

local SUBJECTS = { "changesets", "credentials", "datasets", "groups", "locations", "users", "views" }
local handlers = {}
for _, subject in ipairs(SUBJECTS) do
  for name, handler in pairs(require("finspace.service.operations." .. subject)) do
    handlers[name] = handler
  end
end

-- A longer body is on nginx's disk: many that do not end would fill the memory.
local function read_file(path)
  if not path then return "" end
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- @param request table
--- @return string body
function api.read_body(request)
  local length = tonumber(request.header["content-length"] or 0)
  if request.header["transfer-encoding"] then
    error(fault.new("ValidationException", "the request needs a Content-Length", 411), 0)
  end
  if not length or length > LARGEST_BODY then
    fault.raise("RequestEntityTooLargeException", "the request's body is larger than %d bytes", LARGEST_BODY)
  end
  request.awaits_word = false
  ngx.req.read_body()
  return ngx.req.get_body_data() or read_file(ngx.req.get_body_file())
end

local function places(row)
  local seen = {}
  for _, member in ipairs(row.input) do
    seen[member.place] = true
  end
  return seen
end

local function is_json(content_type)
  local media = (content_type or ""):lower():match("^%s*([^;%s]*)")
  return media == "application/json" or media == "application/x-amz-json-1.1"
end

local function parse_body(request, body)
  if body == "" then return {} end
  if not is_json(request.header["content-type"]) then
    fault.raise("UnsupportedMediaTypeException", "the Content-Type must be application/json")
  end
  local value = core.decode(body)
  if type(value) ~= "table" or not body:find("^%s*{") then
    fault.raise("SerializationException", "the request's body is not a JSON object")
  end
  return value
end

-- What does not read as a number stays text, and the model's check names the member.
local function from_query(member, text)
  if member.type ~= "integer" and member.type ~= "long" then return text end
  local digits = text:match("^-?(%d+)$")
  return digits and #digits <= MOST_DIGITS and tonumber(text) or text
end

local function read_query(row, text, params)
  local given, twice = query.parse(text)
  if twice then fault.raise("ValidationException", "%s is in the query more than once", twice) end
  for _, member in ipairs(row.input) do
    local value = member.place == "query" and given[member.wire or member.name]
    if value then params[member.name] = from_query(member, value) end
  end
end

local function parse(row, path_params, request, body)
  local params, placed = {}, places(row)
  local document = placed.body and parse_body(request, body) or {}
  for _, member in ipairs(row.input) do
    if member.place == "body" then params[member.name] = document[member.wire or member.name] end
  end
  if placed.query then read_query(row, request.query, params) end
  for name, value in pairs(path_params) do
    params[name] = value
  end
  return params
end

local function refuse_faults(faults)
  local lines = {}
  for i, found in ipairs(faults) do
    lines[i] = found.message
  end
  fault.raise(
    "ValidationException",
    "%s",
    #lines == 1 and lines[1] or ("%d validation errors detected: %s"):format(#lines, table.concat(lines, "; "))
  )
end

local function checked(row, path_params, request, body)
  local params = parse(row, path_params, request, body)
  local ok, faults = core.check(row.name, row.generation, params)
  if not ok then refuse_faults(faults) end
  return params
end

local function refuse_route(request, path_exists)
  if path_exists then error(fault.new("InvalidAction", request.path .. " does not take " .. request.method, 405), 0) end
  error(fault.new("InvalidAction", "there is no operation " .. request.method .. " " .. request.path, 404), 0)
end

-- Reads need no lock; what changes something runs whole or not at all.
local function run(call)
  local handler = handlers[call.operation.name]
  if call.operation.only_reads then return handler(call) end
  local prepare = before_transaction[call.operation.name]
  if prepare then prepare(call) end
  return commit.alone(call.db, function()
    return idempotency.once(call, function() return handler(call) end)
  end)
end

--- @param state table {db=, settings=}
--- @param request table
--- @param body string
--- @param caller table whom the signature proved
--- @return integer status
--- @return string json
function api.answer(state, request, body, caller)
  local row, path_params = router.find(request.method, request.path)
  if not row then refuse_route(request, path_params) end
  request.operation = row.name
  local call = {
    db = state.db,
    store = state.store,
    settings = state.settings,
    caller = caller,
    operation = row,
    params = checked(row, path_params, request, body),
    now = clock.milliseconds(),
  }
  local result = run(call)
  if type(result) == "string" then return 200, result end -- JSON already
  return 200, core.json_encode(row.name, row.generation, result)
end

return api
