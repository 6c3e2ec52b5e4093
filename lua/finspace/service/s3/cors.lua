--- Pages of other origins: a bucket's rules for them, and what browsers are told of these rules, as Amazon S3 tells it. It
--- opens nothing: every request is signed all the same. A browser asks without keys, so who asks about a bucket without rules
--- hears the same as about one that is not there.

local bodies = require("finspace.service.s3.bodies")
local cjson = require("cjson.safe")
local core = require("finspace.core")
local cors_rules = require("finspace.service.s3.cors_rules")
local wire = require("finspace.service.s3.wire")

local cors = {}

-- --- a bucket's rules -------------------------------------------------------------------------------

local KEEP =
  "INSERT INTO bucket_cors (bucket, rules) VALUES (?, ?) ON CONFLICT (bucket) DO UPDATE SET rules = excluded.rules"

local function rules_of(state, bucket)
  local row = state.db:row("SELECT rules FROM bucket_cors WHERE bucket = ?", bucket)
  return row and cjson.decode(row.rules)
end

--- @param call table
function cors.put(call)
  local rules = cors_rules.read(bodies.receive_document(call))
  call.state.db:run(KEEP, call.bucket, cjson.encode(rules))
  wire.answer(200)
end

--- @param call table
function cors.get(call)
  local rules = rules_of(call.state, call.bucket)
  if not rules then wire.refuse("NoSuchCORSConfiguration", "the bucket has no rules for pages of other origins") end
  wire.answer_document("CORSConfiguration", cors_rules.elements(rules))
end

--- @param call table
function cors.delete(call)
  call.state.db:run("DELETE FROM bucket_cors WHERE bucket = ?", call.bucket)
  wire.answer(204)
end

-- --- what browsers are told -------------------------------------------------------------------------

local VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

local function tell(rule, pattern, origin)
  local answer = ngx.header
  answer["Access-Control-Allow-Origin"] = pattern == "*" and "*" or origin
  if pattern ~= "*" then answer["Access-Control-Allow-Credentials"] = "true" end
  answer["Access-Control-Allow-Methods"] = table.concat(rule.AllowedMethod, ", ")
  if rule.ExposeHeader then answer["Access-Control-Expose-Headers"] = table.concat(rule.ExposeHeader, ", ") end
  answer["Access-Control-Max-Age"] = rule.MaxAgeSeconds
  answer["Vary"] = VARY
end

local function bucket_of(request) return core.uri_decode(request.path:match("^/([^/]*)") or "") end

local function header_names(text)
  local names = {}
  for name in (text or ""):lower():gmatch("[^%s,]+") do
    names[#names + 1] = name
  end
  return names
end

local NOT_ALLOWED = "no rule of a bucket of that name allows this origin, method and headers: see PutBucketCors"

--- Answers a browser that asks, without keys, whether a page may make a request.
--- @param state table
--- @param request table
function cors.preflight(state, request)
  local origin, method = request.header.origin, request.header["access-control-request-method"]
  if not origin then wire.refuse("BadRequest", "OPTIONS needs the header Origin") end
  if not method then wire.refuse("BadRequest", "OPTIONS needs the header Access-Control-Request-Method") end
  local names = header_names(request.header["access-control-request-headers"])
  local rule, pattern = cors_rules.match(rules_of(state, bucket_of(request)) or {}, origin, method, names)
  if not rule then wire.refuse("AccessForbidden", NOT_ALLOWED) end
  tell(rule, pattern, origin)
  wire.answer(200, { ["Access-Control-Allow-Headers"] = #names > 0 and table.concat(names, ", ") or nil })
end

--- Lets the page that makes a request read its answer, also where it is a refusal, if a rule of the bucket says so.
--- @param state table
--- @param request table
function cors.let_pages_read(state, request)
  local origin = request.header.origin
  local rules = origin and rules_of(state, bucket_of(request))
  if not rules then return end
  local rule, pattern = cors_rules.match(rules, origin, request.method, {})
  if rule then tell(rule, pattern, origin) end
end

return cors
