--- An endpoint that answers every call at once with one working location: a real nginx, for measuring clients.
local finspace = require("finspace")
local measure = require("spec.bench.table")
local nginx = require("spec.support.nginx")
local support = require("spec.support")

local endpoint = {}

local ANSWER = [[{"s3Uri":"s3://bucket/scratch/ingestion/","s3Path":"scratch/ingestion/","s3Bucket":"bucket"}]]

endpoint.KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
endpoint.BODY = '{"locationType":"INGESTION"}'

--- A call's request to the endpoint, signed.
--- @param url string
--- @return { url: string, body: string, headers: table<string, string> }
function endpoint.signed_request(url)
  local client = finspace.new { region = "us-east-1", endpoint_url = url, credentials = endpoint.KEYS }
  return assert(client:sign {
    method = "POST",
    path = "/workingLocationV1",
    headers = { ["content-type"] = "application/json" },
    body = endpoint.BODY,
  })
end

--- The headers of that request for a program's command line, but for those that the program has anyway.
--- @param url string
--- @return string for a shell
function endpoint.signed_headers(url)
  local words = {}
  for name, value in pairs(endpoint.signed_request(url).headers) do
    if name ~= "host" and name ~= "content-type" then words[#words + 1] = support.quote(name .. ": " .. value) end
  end
  return table.concat(words, " ")
end

local SIGNATURE = { authorization = true, ["x-amz-date"] = true }
local multi_program

--- The command for `count` times that request by libcurl multi alone.
--- @param request table      what signed_request gave
--- @param count integer
--- @param limit integer      calls at a time
--- @param how "plain"|"headers"|"sign"  unsigned; with the headers of our signature; signed by libcurl
--- @return string for a shell
function endpoint.multi_command(request, count, limit, how)
  multi_program = multi_program or measure.compile("multi_baseline", "-lcurl")
  local words =
    { multi_program, request.url, count, limit, support.quote(request.body), how == "sign" and how or "plain" }
  for name, value in pairs(request.headers) do
    if how == "headers" or not SIGNATURE[name] then table.insert(words, support.quote(name .. ": " .. value)) end
  end
  return table.concat(words, " ")
end

--- Runs `body` with the endpoint's URL.
--- @param thinking number  seconds before each answer
--- @param body fun(url: string)
function endpoint.with(thinking, body)
  local port = support.free_port()
  local server = nginx.start(
    ([[
    server {
      listen 127.0.0.1:%d;
      location / {
        default_type application/json;
        content_by_lua_block {
          ngx.req.discard_body()
          if %g > 0 then ngx.sleep(%g) end
          ngx.header["content-length"] = %d
          ngx.print('%s')
        }
      }
    }]]):format(port, thinking, thinking, #ANSWER, ANSWER),
    { ports = { port } }
  )
  local ok, why = pcall(body, "http://127.0.0.1:" .. port)
  server.stop()
  if not ok then error(why, 0) end
end

return endpoint
