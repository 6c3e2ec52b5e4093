--- A gateway: whoever may reach it calls FinSpace without keys of his own. It signs; nginx sends, and brings
--- the answer as it comes.
local finspace = require("finspace")
local cjson = require("cjson")

local gateway = {}

-- Nothing is looked up or connected here, so this may stand in init_by_lua.
local fs = finspace.new { shared_dict = ngx.shared.finspace_credentials }

local function refuse(err)
  ngx.status = 502
  ngx.header["content-type"] = "application/json"
  ngx.print(cjson.encode { kind = err.kind, code = err.code, message = tostring(err) })
  return ngx.exit(ngx.OK)
end

local function asked(prefix)
  ngx.req.read_body()
  local target = ngx.var.request_uri:sub(#prefix + 1)
  local path, query = target:match("^([^?]*)%??(.*)$")
  return {
    method = ngx.req.get_method(),
    path = path,
    query = query,
    body = ngx.req.get_body_data(),
    headers = { ["content-type"] = ngx.var.http_content_type },
  }
end

-- nginx writes these itself.
local FRAMING = { host = true, connection = true, ["content-length"] = true, ["transfer-encoding"] = true }

-- What the caller's own headers say, cookies and all, stays here.
local function replace_headers(headers)
  for name in pairs(ngx.req.get_headers(0)) do
    if not FRAMING[name] then ngx.req.clear_header(name) end
  end
  for name, value in pairs(headers) do
    if not FRAMING[name] then ngx.req.set_header(name, value) end
  end
end

--- Signs the request that nginx is about to pass on, and says where to: in the variable $finspace.
--- @param prefix string  the part of the path that is the gateway's own
function gateway.sign(prefix)
  local request, err = fs:sign(asked(prefix))
  if not request then return refuse(err) end
  replace_headers(request.headers)
  ngx.var.finspace = request.url
end

return gateway
