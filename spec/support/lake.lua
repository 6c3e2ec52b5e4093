--- A service whose bytes lie in another one's S3 half, for specs.
local core = require("finspace.core")
local finspace = require("finspace")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")

local lake = {}

lake.ROLE = "arn:aws:iam::000000000000:role/finspace-owner"
lake.PREFIX = "deep/place/"

--- Starts a service that is a store, with the bucket `lake`.
--- @return table store as of service.start
function lake.start_store()
  local store = service.start { has_store = false }
  local answer = store.ask { service = "s3", method = "PUT", path = "/lake" }
  assert(answer.status == 200, answer.body)
  return store
end

--- The options of service.start that name a store.
--- @param endpoint string the store's, or of what stands before it
--- @param more? table
--- @return table
function lake.options(endpoint, more)
  local options = { store = "s3://lake/deep/place", store_role = lake.ROLE, store_endpoint = endpoint }
  options.program = support.root .. "/build/bin/finspace"
  for name, value in pairs(more or {}) do
    options[name] = value
  end
  return options
end

--- The environment of who uses a store, as NAME=value.
--- @param store table
--- @return string[]
function lake.settings(store)
  return {
    "AWS_ACCESS_KEY_ID=" .. store.credentials.access_key_id,
    "AWS_SECRET_ACCESS_KEY=" .. store.credentials.secret_access_key,
    "AWS_EC2_METADATA_DISABLED=true",
  }
end

-- A server before the store, whose answers Lua code decides: what it does not end is passed on. Of an answer that is `lost`
-- nothing comes back, of one that is `cut` only a few bytes.
local BETWEEN = [[lua_shared_dict count 1m;
  server { listen 127.0.0.1:%d; location / {
    access_by_lua_block { local number = ngx.shared.count:incr("requests", 1, 0); %s }
    header_filter_by_lua_block { if ngx.ctx.is_lost then return ngx.exit(ngx.ERROR) end }
    body_filter_by_lua_block { if ngx.ctx.is_cut then ngx.arg[1] = ngx.arg[1]:sub(1, 9) return ngx.ERROR end }
    proxy_pass http://127.0.0.1:%d; proxy_set_header Host $http_host; proxy_http_version 1.1;
    proxy_request_buffering off; proxy_read_timeout 300s;
  } }]]

--- Puts a server before a store, whose requests Lua code may end.
--- @param store table
--- @param code string of access_by_lua; `number` is the request's
--- @param port? integer
--- @return table {endpoint=, port=, stop=}
function lake.stand_between(store, code, port)
  port = port or support.free_port()
  local server = nginx.start(BETWEEN:format(port, code, store.port), { ports = { port } })
  return { endpoint = "http://127.0.0.1:" .. port, port = port, stop = server.stop }
end

-- One request in eleven is answered 503 or 500, one in thirteen finds its connection closed, one in seventeen is done and its
-- answer lost, one in nineteen is answered in part, and one in seven comes late.
local FAULTS = [[
  local count, path = ngx.shared.count, ngx.var.uri
  local function tell(text) ngx.print(text) return ngx.exit(200) end
  if path == "/-/fail" then count:set("fails", ngx.var.args == "on") return tell("") end
  if path == "/-/failed" then return tell(tostring(count:get("faults") or 0)) end
  if not count:get("fails") then return end
  local function note() count:incr("faults", 1, 0) end
  if number % 11 == 0 then note() return ngx.exit(number % 2 == 0 and 503 or 500) end
  if number % 13 == 0 then note() return ngx.exit(444) end
  if number % 17 == 0 then note() ngx.ctx.is_lost = true return end
  if number % 19 == 0 then note() ngx.ctx.is_cut = true return end
  if number % 7 == 0 then note() ngx.sleep(number % 10 == 0 and 1 or 0.05) end]]

--- Puts a server before a store that can make it fail.
--- @param store table
--- @return table {endpoint=, port=, stop=, fail=function(whether), count=function(): requests that it spoiled}
function lake.stand_before_failing(store)
  local between = lake.stand_between(store, FAULTS)
  local function ask(path) return (support.run(("curl -s '%s/-/%s'"):format(between.endpoint, path))) end
  function between.fail(whether) ask("fail?" .. (whether and "on" or "off")) end
  function between.count() return tonumber(ask("failed")) end
  return between
end

--- @param credentials table as the API answers them
--- @return table for signing
function lake.keys_of(credentials)
  return {
    access_key_id = credentials.accessKeyId,
    secret_access_key = credentials.secretAccessKey,
    session_token = credentials.sessionToken,
  }
end

--- @param node table
--- @return table keys of GetProgrammaticAccessCredentials
function lake.working_keys(node)
  local answer = assert(node.call("GetProgrammaticAccessCredentials", { environmentId = "local" }))
  return lake.keys_of(answer.credentials)
end

--- @param node table
--- @return table location
function lake.location(node) return assert(node.call("GetWorkingLocation", { locationType = "INGESTION" })) end

local function client_of(endpoint, keys)
  return finspace.new { region = "us-east-1", s3_endpoint_url = endpoint, credentials = keys }
end

--- Puts an object into any store.
--- @param endpoint string
--- @param bucket string
--- @param key string
--- @param body string
--- @param keys table for signing
function lake.put(endpoint, bucket, key, body, keys)
  local fs = client_of(endpoint, keys)
  assert(fs.s3:put_object { bucket = bucket, key = key, body = body })
  fs:close()
end

--- Stages with the keys that the node gives, and makes a changeset of it.
--- @param node table
--- @param store table
--- @param dataset string
--- @param body string
--- @return table changeset at its end
function lake.load(node, store, dataset, body)
  local place = lake.location(node)
  local path = ("/%s/%sdata.csv"):format(place.s3Bucket, place.s3Path)
  local asked = { service = "s3", method = "PUT", path = path, body = body, credentials = lake.working_keys(node) }
  local answer = store.ask(asked)
  assert(answer.status == 200, answer.body)
  return node.ingest(dataset, place.s3Uri .. "data.csv")
end

--- The keys of a store's objects, in order.
--- @param store table
--- @param prefix string
--- @return string[]
function lake.object_keys(store, prefix)
  local fs = client_of(store.endpoint, store.credentials)
  local keys = {}
  for object, err in fs.s3:each_object { bucket = "lake", prefix = prefix } do
    keys[#keys + 1] = assert(object, err and tostring(err)).key
  end
  fs:close()
  return keys
end

--- What a view's keys read from the store.
--- @param node table
--- @param store table
--- @param view table {datasetId=, dataViewId=}
--- @return table<string, string> bytes by their keys below the view's own
function lake.files_of_view(node, store, view)
  local ids = { datasetId = view.datasetId, dataViewId = view.dataViewId }
  local details = assert(node.call("GetExternalDataViewAccessDetails", ids))
  local keys, prefix, files = lake.keys_of(details.credentials), details.s3Location.key, {}
  local function get(path, query)
    return store.ask({ service = "s3", path = path, query = query, credentials = keys }).body
  end
  for key in get("/lake", "list-type=2&prefix=" .. prefix):gmatch("<Key>(.-)</Key>") do
    key = core.uri_decode(key)
    files[key:sub(#prefix + 1)] = get("/lake/" .. core.uri_encode(key, true))
  end
  return files
end

return lake
