--- The front door inside nginx: reads a request as it came over the wire, finds out which half of the
--- service it is for, and writes answers and refusals in that half's shape. The credential scope says
--- which half is meant, so one port serves all.

local cjson = require("cjson.safe")
local core = require("finspace.core")
local clock = require("finspace.service.clock")
local sys = require("finspace.sys")
local api = require("finspace.service.api")
local authenticate = require("finspace.service.auth.authenticate")
local console = require("finspace.service.console")
local disk = require("finspace.service.disk")
local fault = require("finspace.service.fault")
local glue = require("finspace.service.glue")
local metrics = require("finspace.service.node.metrics")
local health = require("finspace.service.node.health")
local log = require("finspace.service.log")
local router = require("finspace.service.router")
local s3 = require("finspace.service.s3.router")
local database = require("finspace.service.db")
local sts = require("finspace.service.sts")
local xml = require("finspace.service.xml")

local gateway = {}

-- A header that is there more than once is a list's pieces (RFC 9110, section 5.2); the signature is of each.
local function pieces(given)
  local list = {}
  for name, values in pairs(given) do
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      list[#list + 1] = { name, value == true and "" or value }
    end
  end
  return list
end

local function joined(values)
  for i, value in ipairs(values) do
    if value == true then values[i] = "" end
  end
  return table.concat(values, ", ")
end

-- The headers by lower-case name; and what the core verifies: the same, or a list where one is there more than once.
local function read_headers()
  local given, list = setmetatable(ngx.req.get_headers(0), nil), nil
  for name, value in pairs(given) do
    if value == true then given[name] = "" end
    if type(value) == "table" then
      list = list or pieces(given)
      given[name] = joined(value)
    end
  end
  return given, list or given
end

-- Before the signature is read, the request's looks say whose error shape it understands.
local function guess_service(request)
  local header = request.header
  local scope = header.authorization or core.uri_decode(request.query)
  local named = scope:match("/([%w%-]+)/aws4_request")
  if named then return named end
  if header["x-amz-content-sha256"] then return "s3" end
  local row, path_exists = router.find(request.method, request.path)
  return (row or path_exists or request.method == "POST") and "finspace-api" or "s3"
end

local drawn, number = nil, 0

-- A UUID by its looks: what is drawn once a process, and a number.
local function next_id()
  drawn, number = drawn or sys.uuid():sub(1, 24), number + 1
  return ("%s%012x"):format(drawn, number)
end

local function read_request()
  local target = ngx.var.request_uri
  local mark = target:find("?", 1, true) or #target + 1
  local header, sent = read_headers()
  return {
    begun = sys.monotonic(),
    id = next_id(),
    method = ngx.req.get_method(),
    path = target:sub(1, mark - 1),
    query = target:sub(mark + 1),
    headers = sent, -- for the signature alone
    header = header, -- request.header["content-type"]
    awaits_word = header.expect ~= nil, -- until the body is read
  }
end

-- --- refusals -------------------------------------------------------------------------------------

local function json_refusal(request, problem)
  ngx.header["Content-Type"] = "application/json"
  ngx.header["x-amzn-requestid"] = request.id
  ngx.header["x-amzn-errortype"] = problem.code
  return cjson.encode { message = problem.message }
end

local function s3_refusal(request, problem)
  ngx.header["Content-Type"] = "application/xml"
  ngx.header["x-amz-request-id"] = request.id
  ngx.header["x-amz-id-2"] = core.sha256(request.id)
  local content = { { "Code", problem.code }, { "Message", problem.message } }
  for _, detail in ipairs(problem.details or {}) do
    content[#content + 1] = detail
  end
  content[#content + 1] = { "Resource", request.path }
  content[#content + 1] = { "RequestId", request.id }
  return xml.document("Error", nil, content)
end

local function sts_refusal(request, problem)
  ngx.header["Content-Type"] = "text/xml"
  ngx.header["x-amzn-requestid"] = request.id
  return sts.refusal(request.id, problem)
end

local function glue_refusal(request, problem)
  ngx.header["Content-Type"] = "application/x-amz-json-1.1"
  ngx.header["x-amzn-requestid"] = request.id
  return glue.refusal(problem)
end

local REFUSALS = { s3 = s3_refusal, sts = sts_refusal, glue = glue_refusal }

-- A body that was not read may still be on its way. A short one nginx reads away; behind a long one the
-- connection cannot carry another request.
local SHORT_BODY = 64 * 1024

local function has_long_body(header)
  local length = tonumber(header["content-length"] or 0)
  return header["transfer-encoding"] ~= nil or not length or length > SHORT_BODY
end

local function write_refusal(request, problem)
  local body = (REFUSALS[request.service_hint] or json_refusal)(request, problem)
  ngx.status = problem.status
  ngx.header["Content-Length"] = #body
  if request.method ~= "HEAD" then ngx.print(body) end
end

local CLOSING = "/-/closing" -- where nginx ends a connection with its answer
local closing = {} -- refusals on their way there, by the connection's number

-- Who waits for a word before sending a body (Expect: 100-continue) sends none after a refusal, but nginx would
-- give that word before it reads the body away.
local function write_and_close(request, problem)
  ngx.req.clear_header("Expect")
  closing[ngx.var.connection] = { request = request, problem = problem }
  ngx.exec(CLOSING)
end

local MOVED =
  "the service's data were moved away while it ran, and nothing more is kept: start it again where they are now"

local FULL_DISK = "the disk of the service is full: delete what is not needed, and try again"

local function count_fault(problem)
  if type(problem) ~= "table" then return end
  if problem.is_busy or problem.is_full or problem.is_moved then metrics.fault(problem.of or "database") end
end

-- What went wrong inside is for the log, not for the caller.
local function internal(service, problem)
  log.problem("a request", problem)
  count_fault(problem)
  if disk.is_full(problem) then return fault.new("ServiceUnavailable", FULL_DISK, 503) end
  if database.is_unfit(problem) then
    return fault.new(service == "s3" and "InvalidArgument" or "ValidationException", problem.message, 400)
  end
  if database.is_moved(problem) then return fault.new("ServiceUnavailable", MOVED, 503) end
  if database.is_busy(problem) then
    return fault.new("ServiceUnavailable", (problem.why or "the service is busy") .. "; try again", 503)
  end
  local code = service == "s3" and "InternalError" or "InternalServerException"
  return fault.new(code, "the service failed; its log says why", 500)
end

-- --- answers --------------------------------------------------------------------------------------

local function answer_s3(state, request, auth)
  local caller = authenticate.verify(state, request, auth, nil)
  request.auth, request.payload_hash = auth, auth.payload_hash or "UNSIGNED-PAYLOAD"
  console.guard(request)
  ngx.header["x-amz-request-id"] = request.id
  ngx.header["x-amz-id-2"] = core.sha256(request.id)
  s3.answer(state, request, caller, clock.milliseconds())
end

local function print_whole(request, content_type, body)
  ngx.header["Content-Type"] = content_type
  ngx.header["x-amzn-requestid"] = request.id
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

-- Whose call it is, and its body: the key is judged before the body is read, the signature with it.
local function read_call(state, request, auth)
  local key = authenticate.judge(state, request, auth)
  local body = api.read_body(request)
  return body, authenticate.verify(state, request, auth, body, key)
end

local function answer_sts(state, request, auth)
  local body, caller = read_call(state, request, auth)
  print_whole(request, "text/xml", sts.answer(state, request, body, caller))
end

local function answer_finspace(state, request, auth)
  local body, caller = read_call(state, request, auth)
  if caller.bucket then
    fault.raise("AccessDeniedException", "these keys open one data view's files and nothing else")
  end
  if caller.policy then fault.raise("AccessDeniedException", "the session policy of these keys allows no such call") end
  print_whole(request, "application/json", api.answer(state, request, body, caller))
end

local function answer_glue(state, request, auth)
  local body, caller = read_call(state, request, auth)
  print_whole(request, "application/x-amz-json-1.1", glue.answer(state, request, body, caller))
end

local HALVES = { s3 = answer_s3, sts = answer_sts, glue = answer_glue }

local OF_AN_OBJECT = {
  "^etag$",
  "^last%-modified$",
  "^accept%-ranges$",
  "^content%-[^r]",
  "^cache%-control$",
  "^expires$",
  "^x%-amz%-meta%-",
  "^x%-amz%-checksum%-",
  "^x%-amz%-mp%-",
}

-- A refusal has no headers of an object, but for the size that a range lies outside of.
local function forget_object_headers()
  for name in pairs(ngx.resp.get_headers(0, true)) do
    for _, pattern in ipairs(OF_AN_OBJECT) do
      if name:lower():find(pattern) then ngx.header[name] = nil end
    end
  end
end

local ONLY_INGESTS = "this node only ingests, because it was started with --workers 0: ask another one"

-- A browser asks without a signature what a page may do; which API it means, only S3 has an answer.
local function answer_preflight(state, request)
  request.service_hint, request.operation = "s3", "s3:Preflight"
  s3.preflight(state, request)
end

local function answer(state, request)
  if state.only_ingests then error(fault.new("ServiceUnavailable", ONLY_INGESTS, 503), 0) end
  if state.open then state.open() end
  if request.method == "OPTIONS" then return answer_preflight(state, request) end
  local page = console.handler(request)
  if page then
    request.service_hint, request.operation = "finspace-api", "console"
    return page(state, request)
  end
  if request.header.origin and guess_service(request) == "s3" then s3.let_pages_read(state, request) end
  local auth = authenticate.read(request, guess_service)
  request.service_hint = auth.service
  local half = HALVES[auth.service] or answer_finspace
  half(state, request, auth)
end

local function answer_or_refuse(state, request)
  local ok, problem = pcall(answer, state, request)
  if ok then return end
  request.service_hint = request.service_hint or guess_service(request)
  if not fault.is(problem) then problem = internal(request.service_hint, problem) end
  if ngx.headers_sent then return ngx.exit(ngx.ERROR) end -- cut short: better than a wrong body
  forget_object_headers()
  local leaves_body = request.awaits_word or has_long_body(request.header)
  local write = leaves_body and write_and_close or write_refusal
  write(request, problem)
end

local function count(request) metrics.call(request.operation or "none", ngx.status, sys.monotonic() - request.begun) end

--- Answers the request at hand.
--- @param state table {db=, store=, settings=, open= while they are missing}
function gateway.answer(state)
  local request = read_request()
  local watched = health.handler(request)
  if watched then return watched(state) end
  answer_or_refuse(state, request)
  count(request)
end

--- Refuses the request at hand, whose connection ends with it.
function gateway.refuse_and_close()
  local refused = closing[ngx.var.connection]
  closing[ngx.var.connection] = nil
  write_refusal(refused.request, refused.problem)
  count(refused.request)
end

local REASONS = {
  [400] = "the request is not well-formed HTTP",
  [405] = "the method is not one that HTTP knows",
  [408] = "the request did not arrive in time",
  [413] = "the request's body is too large",
  [414] = "the request's path and query are too long",
  [494] = "the request's headers are too large",
  [497] = "this port speaks https",
}

-- What HTTP calls nginx's own numbers.
local STATUSES = { [494] = 431, [495] = 400, [496] = 400, [497] = 400 }

--- Answers a request that nginx refused, for which there may be nothing to read but its status.
--- @param status integer
function gateway.refuse(status)
  local request = { id = sys.uuid(), method = ngx.req.get_method(), header = {} }
  local code = status >= 500 and "InternalServerException" or "ValidationException"
  local reason = REASONS[status] or "the request was refused"
  write_refusal(request, fault.new(code, reason, STATUSES[status] or status))
end

return gateway
