--- A gateway: whoever may reach it calls FinSpace without keys of his own; it signs and forwards.
local finspace = require("finspace")
local cjson = require("cjson")

local gateway = {}

-- Nothing is looked up or connected here, so this may stand in init_by_lua.
local session = finspace.new({ shared_dict = ngx.shared.finspace_credentials }).session

local function refuse(status, err)
  ngx.status = status
  ngx.header["content-type"] = "application/json"
  ngx.print(cjson.encode { kind = err.kind, code = err.code, message = tostring(err) })
end

local function asked(prefix)
  ngx.req.read_body()
  local target = ngx.var.request_uri:sub(#prefix + 1)
  local path, query = target:match("^([^?]*)%??(.*)$")
  return {
    method = ngx.req.get_method(), path = path, query = query, body = ngx.req.get_body_data(),
    headers = { ["content-type"] = ngx.var.http_content_type },
  }
end

-- Whatever the answer's status is, it is the caller's to judge; only a read is repeated when it gets lost.
local function send(request)
  local endpoint, err = session:endpoint("finspace_data")
  local region, exchange
  if endpoint then region, err = session:region() end
  if region then exchange, err = session:exchange() end
  if not exchange then return nil, err end
  return exchange:send {
    operation = request.method .. " " .. request.path, request = request,
    endpoint = endpoint, region = region, service = "finspace-api",
    credentials = function(refused) return session:credentials(refused) end,
    finish = function(response) return response end,
    repeatable = request.method == "GET",
  }
end

--- Signs the request that nginx is serving, sends it on, and answers with what FinSpace answered.
--- @param prefix string  the part of the path that is the gateway's own
function gateway.forward(prefix)
  local response, err = send(asked(prefix))
  if not response then return refuse(502, err) end
  ngx.status = response.status
  ngx.header["content-type"] = response.headers["content-type"]
  ngx.header["x-amzn-requestid"] = response.headers["x-amzn-requestid"]
  ngx.header["x-amzn-errortype"] = response.headers["x-amzn-errortype"]
  ngx.print(response.body)
end

return gateway
