--- The console: the files of the web page, and its way in. All of it is below `/-/`, where no bucket and
--- no operation can be, and only for requests that carry no signature: API and S3 clients never meet it.

local core = require("finspace.core")
local api = require("finspace.service.api")
local fault = require("finspace.service.fault")
local sign_in = require("finspace.service.auth.sign_in")
local sys = require("finspace.sys")

local console = {}

local LARGEST_FILE = 256 * 1024
local LARGEST_DOCUMENT = 16 * 1024
local FOLDER = debug.getinfo(1, "S").source:match("^@(.*)%.lua$")

local TYPES = {
  html = "text/html; charset=utf-8",
  css = "text/css; charset=utf-8",
  js = "text/javascript; charset=utf-8",
  svg = "image/svg+xml",
}

-- Nothing but the console's own files, no text becomes markup, nobody frames it; the page calls the service that it came
-- from, and the store where that keeps the bytes.
local POLICY = table.concat({
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'%s",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
}, "; ")

local HEADERS = {
  ["X-Content-Type-Options"] = "nosniff",
  ["X-Frame-Options"] = "DENY",
  ["Referrer-Policy"] = "no-referrer",
  ["Cross-Origin-Opener-Policy"] = "same-origin",
  ["Cross-Origin-Resource-Policy"] = "same-origin",
}

local function policy_of(state)
  local store = state.store:for_browsers()
  return POLICY:format(store and " " .. store.url:match("^%a+://[^/]+") or "")
end

local function send(state, content_type, body, caching)
  for name, value in pairs(HEADERS) do
    ngx.header[name] = value
  end
  ngx.header["Content-Security-Policy"] = policy_of(state)
  ngx.header["Cache-Control"] = caching
  ngx.header["Content-Type"] = content_type
  ngx.header["Content-Length"] = #body
  if ngx.req.get_method() ~= "HEAD" then ngx.print(body) end
end

-- --- files ----------------------------------------------------------------------------------------

local kept = {} -- a worker reads each file once

local function read(name)
  if kept[name] == nil then
    local body = sys.read_limited(FOLDER .. "/" .. name, LARGEST_FILE)
    kept[name] = body and { body = body, etag = '"' .. core.sha256(body):sub(1, 32) .. '"' } or false
  end
  return kept[name]
end

local function send_file(state, name, request)
  local file = read(name)
  ngx.header["ETag"] = file.etag
  if request.header["if-none-match"] == file.etag then
    ngx.status = 304
    return
  end
  send(state, TYPES[name:match("%.(%l+)$")], file.body, "no-cache")
end

-- Letters, one folder at most: no name can lead out of the console's own.
local function file_of(path)
  local name = path:match("^/%-/console/(%l[%l%d_]*/?[%l%d_]*%.%l+)$")
  return name and TYPES[name:match("%.(%l+)$")] and read(name) and name
end

-- --- the way in -----------------------------------------------------------------------------------

local function read_document(request)
  local media = (request.header["content-type"] or ""):match("^%s*([^;%s]*)")
  -- A page of another origin can send a form, but not this without being asked first.
  if media ~= "application/json" then
    fault.raise("UnsupportedMediaTypeException", "the Content-Type must be application/json")
  end
  if tonumber(request.header["content-length"] or 0) > LARGEST_DOCUMENT then
    fault.raise("RequestEntityTooLargeException", "the request's body is larger than %d bytes", LARGEST_DOCUMENT)
  end
  local asked = core.decode(api.read_body(request))
  if type(asked) == "table" then return asked end
  return fault.raise("SerializationException", "the request's body is not a JSON object")
end

local function answer_with(action)
  return function(state, request) send(state, "application/json", action(state, read_document(request)), "no-store") end
end

local ACTIONS = {
  ["/-/sign-in"] = answer_with(sign_in.begin),
  ["/-/sign-out"] = answer_with(sign_in.finish),
}

-- --- which requests -------------------------------------------------------------------------------

local function is_signed(request)
  return request.header.authorization ~= nil or request.query:find("[Xx]%-[Aa]mz%-") ~= nil
end

local function wants_page(request)
  return request.path == "/" and request.method == "GET" and console.is_browser(request)
end

--- Whether somebody looks at the answer in a browser.
--- @param request table
--- @return boolean
function console.is_browser(request) return (request.header.accept or ""):find("text/html", 1, true) ~= nil end

-- LuaJIT compiles no function that makes another one: this is for few requests, the handler below for all.
local function sender(name)
  return function(state, request) send_file(state, name, request) end
end

--- What answers a request that is the console's.
--- @param request table
--- @return fun(state: table, request: table)|nil
function console.handler(request)
  if is_signed(request) then return nil end
  if request.method == "POST" then return ACTIONS[request.path] end
  local name = wants_page(request) and "index.html"
  if not name and (request.method == "GET" or request.method == "HEAD") then name = file_of(request.path) end
  return name and read(name) and sender(name) or nil
end

--- What lies in S3 came from anybody and is served from the console's own origin: a browser that shows
--- it must run nothing of it.
--- @param request table
function console.guard(request)
  if not console.is_browser(request) then return end
  ngx.header["Content-Security-Policy"] = "sandbox; default-src 'none'"
  ngx.header["X-Content-Type-Options"] = "nosniff"
end

return console
