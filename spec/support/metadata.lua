--- One nginx on loopback that plays everybody who hands out keys, by the documents' rules: STS (which
--- verifies signatures), single sign-on, the container's endpoint and the instance's metadata service.
--- It remembers who asked for what, and can be told to misbehave.
local nginx = require("spec.support.nginx")
local support = require("spec.support")

local metadata = {}

local SERVERS = [[
  lua_shared_dict told 1m;
  server {
    listen 127.0.0.1:%d;
    underscores_in_headers on;
    location / { content_by_lua_file {{folder}}/handler.lua; }
  }
]]

local HANDLER = [==[
local core = require("finspace.core")
local told = ngx.shared.told

local function answer(status, body, content_type)
  ngx.status = status
  ngx.header["content-type"] = content_type or "application/json"
  ngx.print(body)
  return ngx.exit(ngx.HTTP_OK)
end

local function json(status, text) return answer(status, text, "application/json") end

local function iso(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) end

--- The control desk of the spec.
local function control(arguments)
  if arguments.forget then told:flush_all() end
  for key, value in pairs(arguments) do told:set(key, tonumber(value) or value) end
  return answer(200, "", "text/plain")
end

local function seen()
  local lines = {}
  for index = 1, told:get("count") or 0 do lines[index] = told:get("seen" .. index) end
  return answer(200, table.concat(lines, "\n"), "text/plain")
end

local function note(method, path)
  local index = told:incr("count", 1, 0)
  told:set("seen" .. index, method .. " " .. path)
end

-- The instance ---------------------------------------------------------------------------------

local function instance(method, path, headers)
  if path == "/latest/api/token" then
    local mode = told:get("imds_token")
    if mode == "hang" then return ngx.sleep(5) end
    if mode then return answer(tonumber(mode), "no", "text/plain") end
    if method ~= "PUT" or headers["x-forwarded-for"] then return answer(403, "no", "text/plain") end
    if headers["x-aws-ec2-metadata-token-ttl-seconds"] ~= "21600" then return answer(400, "no", "text/plain") end
    return answer(200, "token-" .. told:incr("tokens", 1, 0), "text/plain")
  end
  if headers["x-aws-ec2-metadata-token"] ~= "token-" .. (told:get("tokens") or 0) then
    return answer(401, "no", "text/plain")
  end
  local role = path:match("^/latest/meta%-data/iam/security%-credentials/(.*)$")
  if role == "" then
    if told:get("no_role") then return answer(404, "<html>not found</html>", "text/html") end
    return answer(200, "my-role\n", "text/plain")
  end
  if told:get("role_refused") then return json(200, '{"Code":"AssumeRoleUnauthorizedAccess"}') end
  local ends = ngx.time() + tonumber(told:get("lifetime") or 3600)
  return json(200, ('{"Code":"Success","AccessKeyId":"ASIAINSTANCE","SecretAccessKey":"canary-instance-secret",'
    .. '"Token":"canary-instance-token","Expiration":"%s"}'):format(iso(ends)))
end

-- The container --------------------------------------------------------------------------------

local function container(headers)
  local left = tonumber(told:get("container_failures") or 0)
  if left > 0 then
    told:set("container_failures", left - 1)
    return json(500, "{}")
  end
  local wanted = told:get("container_token")
  if wanted and headers.authorization ~= wanted then
    return json(401, '{"Code":"Unauthorized","Message":"wrong token"}')
  end
  return json(200, ('{"AccessKeyId":"ASIACONTAINER","SecretAccessKey":"canary-container-secret",'
    .. '"Token":"canary-container-token","Expiration":"%s"}'):format(iso(ngx.time() + 3600)))
end

-- The Security Token Service -------------------------------------------------------------------

local function form(body)
  local fields = {}
  for name, value in body:gmatch("([^&=]+)=([^&]*)") do fields[name] = core.uri_decode(value) end
  return fields
end

local function sts_error(status, code, message)
  return answer(status, ("<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type>"
    .. "<Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>"):format(code, message),
    "text/xml")
end

local function secret_of(id)
  if id == "AKIDSOURCE" then return "canary-source-secret" end
  local role = id:match("^ASIA(.+)$")
  return role and "canary-secret-" .. role
end

local function is_signed(fields, body)
  local headers = {}
  for name, value in pairs(ngx.req.get_headers(0, true)) do headers[#headers + 1] = { name, value } end
  local request = { method = "POST", path = "/", query = "", headers = headers }
  local auth = core.authorization(request)
  if not auth then return false end
  local ok = core.verify(request, auth, secret_of(auth.access_key_id) or "", {
    now = ngx.time(), region = "us-east-1", service = "sts", payload_hash = core.sha256(body),
  })
  return ok
end

local function role_keys(action, fields)
  local role = fields.RoleArn:match("[^/]+$")
  return answer(200, ("<%sResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><%sResult><Credentials>"
    .. "<AccessKeyId>ASIA%s</AccessKeyId><SecretAccessKey>canary-secret-%s</SecretAccessKey>"
    .. "<SessionToken>canary-token-%s</SessionToken><Expiration>%s</Expiration></Credentials></%sResult></%sResponse>")
    :format(action, action, role, role, role, iso(ngx.time() + (fields.DurationSeconds or 3600)), action, action),
    "text/xml")
end

local function sts()
  ngx.req.read_body()
  local body = ngx.req.get_body_data() or ""
  local fields = form(body)
  told:set("sts_fields", table.concat({ fields.RoleSessionName or "", fields.ExternalId or "",
    fields.SerialNumber or "", fields.TokenCode or "", fields.DurationSeconds or "" }, "|"))
  local mode = told:get("sts")
  if mode == "idp" and told:incr("idp_failures", 1, 0) == 1 then
    return sts_error(400, "IDPCommunicationError", "try again")
  elseif mode == "dtd" then
    return answer(200, "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>", "text/xml")
  elseif mode == "html" then
    return answer(200, "<html>", "text/html")
  end
  if fields.Action == "AssumeRoleWithWebIdentity" then
    if fields.WebIdentityToken ~= "canary-web-token" then
      return sts_error(400, "InvalidIdentityToken", "the token is not for you")
    end
    return role_keys(fields.Action, fields)
  end
  if not is_signed(fields, body) then return sts_error(403, "SignatureDoesNotMatch", "no") end
  if fields.RoleArn:find("forbidden", 1, true) then return sts_error(403, "AccessDenied", "you may not") end
  return role_keys(fields.Action, fields)
end

-- Single sign-on -------------------------------------------------------------------------------

local function single_sign_on(headers)
  if headers["x-amz-sso_bearer_token"] ~= "canary-sign-on-token" then
    ngx.header["x-amzn-errortype"] = "UnauthorizedException"
    return json(401, '{"message":"Session token not found or invalid"}')
  end
  local arguments = ngx.req.get_uri_args()
  return json(200, ('{"roleCredentials":{"accessKeyId":"ASIA%s","secretAccessKey":"canary-sso-secret",'
    .. '"sessionToken":"canary-sso-token","expiration":%d000}}'):format(arguments.role_name, ngx.time() + 3600))
end

local function renew()
  ngx.req.read_body()
  local fields = core.decode(ngx.req.get_body_data())
  if fields.refreshToken ~= "canary-refresh-token" or fields.grantType ~= "refresh_token" then
    return json(400, '{"error":"invalid_grant","error_description":"no"}')
  end
  return json(200, '{"accessToken":"canary-sign-on-token","expiresIn":28800,"refreshToken":"canary-refresh-token-2"}')
end

-- ----------------------------------------------------------------------------------------------

local method, path, headers = ngx.req.get_method(), ngx.var.uri, ngx.req.get_headers()
if path == "/_control" then return control(ngx.req.get_uri_args()) end
if path == "/_seen" then return seen() end
if path == "/_told" then return answer(200, tostring(told:get(ngx.var.arg_name)), "text/plain") end
note(method, path)
if path:find("^/latest/") then return instance(method, path, headers) end
if path:find("^/container") then return container(headers) end
if path == "/federation/credentials" then return single_sign_on(headers) end
if path == "/token" then return renew() end
return sts()
]==]

--- Starts it.
--- @return table server { url, port, set(fields), seen() → list of "METHOD path", told(name), stop() }
function metadata.start()
  local port = support.free_port()
  local server = nginx.start(SERVERS:format(port), { ports = { port }, files = { ["handler.lua"] = HANDLER } })
  local url = "http://127.0.0.1:" .. port
  local transport, close = require("finspace.host.transport.curl").new {}

  local function get(path)
    local response = assert(transport { method = "GET", url = url .. path, headers = {}, timeout = 5 })
    return response.body
  end

  local self = { url = url, port = port }

  --- Tells the server how to behave, after it forgot everything else.
  function self.set(fields)
    get("/_control?forget=1")
    for name, value in pairs(fields or {}) do
      get("/_control?" .. name .. "=" .. tostring(value))
    end
  end

  function self.seen()
    local list = {}
    for line in get("/_seen"):gmatch("[^\n]+") do
      table.insert(list, line)
    end
    return list
  end

  function self.told(name) return get("/_told?name=" .. name) end

  function self.errors() return server.errors() end

  function self.stop()
    close()
    server.stop()
  end

  return self
end

return metadata
