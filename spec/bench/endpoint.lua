--- An endpoint that answers every call at once with one working location: a real nginx, for measuring clients.
local nginx = require("spec.support.nginx")
local support = require("spec.support")

local endpoint = {}

local ANSWER = [[{"s3Uri":"s3://bucket/scratch/ingestion/","s3Path":"scratch/ingestion/","s3Bucket":"bucket"}]]

endpoint.KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
endpoint.BODY = '{"locationType":"INGESTION"}'

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
