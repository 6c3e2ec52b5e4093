--- One FinSpace call inside the service: route ▸ parse ▸ check against the model ▸ handler ▸ JSON.

local before_transaction = require("finspace.service.before_transaction")
local commit = require("finspace.service.db.commit")
local core = require("finspace.core")
local clock = require("finspace.service.clock")
local fault = require("finspace.service.fault")
local idempotency = require("finspace.service.idempotency")
local query = require("finspace.service.query")
local remembered = require("finspace.service.remembered")
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
  if length == 0 then return "" end
  ngx.req.read_body()
  return ngx.req.get_body_data() or read_file(ngx.req.get_body_file())
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

-- Adds to `params` what is in the query.
local function read_query(members, text, params)
  local given, twice = query.parse(text)
  if twice then fault.raise("ValidationException", "%s is in the query more than once", twice) end
  for _, member in ipairs(members) do
    local value = given[member.wire or member.name]
    if value then params[member.name] = from_query(member, value) end
  end
end

-- The same of what is in the body.
local function read_document(members, document, params)
  for _, member in ipairs(members) do
    params[member.name] = document[member.wire or member.name]
  end
end

local function parse(row, params, request, body)
  local placed = router.members(row)
  if placed.body then read_document(placed.body, parse_body(request, body), params) end
  if placed.query then read_query(placed.query, request.query, params) end
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

local function checked(row, in_path, request, body)
  local params = parse(row, in_path, request, body)
  local ok, faults = core.check(row.name, row.generation, params)
  if not ok then refuse_faults(faults) end
  return params
end

local function refuse_route(request, path_exists)
  if path_exists then error(fault.new("InvalidAction", request.path .. " does not take " .. request.method, 405), 0) end
  error(fault.new("InvalidAction", "there is no operation " .. request.method .. " " .. request.path, 404), 0)
end

-- What changes something runs whole or not at all.
local function change(call, handler)
  local prepare = before_transaction[call.operation.name]
  if prepare then prepare(call) end
  return commit.alone(call.db, function()
    return idempotency.once(call, function() return handler(call) end)
  end)
end

-- Reads need no lock.
local function run(call)
  local handler = handlers[call.operation.name]
  return call.operation.only_reads and handler(call) or change(call, handler)
end

local function work_out(state, request, body, caller, row, in_path)
  local result = run {
    db = state.db,
    store = state.store,
    settings = state.settings,
    caller = caller,
    operation = row,
    params = checked(row, in_path, request, body),
    now = clock.milliseconds(),
  }
  if type(result) == "string" then return result end -- JSON already
  return core.json_encode(row.name, row.generation, result)
end

-- What a GET that only reads answers depends on who asks for what, and on the database.
local MOST_ANSWERS, THEIR_BYTES = 1000, 8 * 1024 * 1024
local answers = remembered.new(MOST_ANSWERS, THEIR_BYTES)

--- @param state table {db=, settings=}
--- @param request table
--- @param body string
--- @param caller table whom the signature proved
--- @return string json
function api.answer(state, request, body, caller)
  local row, in_path = router.find(request.method, request.path)
  if not row then refuse_route(request, in_path) end
  request.operation = row.name
  if not row.only_reads or row.method ~= "GET" then return work_out(state, request, body, caller, row, in_path) end
  local question = caller.user_id .. request.path .. "?" .. request.query
  return answers:of(state.db, question, work_out, state, request, body, caller, row, in_path)
end

return api
