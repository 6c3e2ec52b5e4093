--- The FinSpace-compatible service for specs: on a free port of loopback, with its data in a temporary
--- folder, stopped by pid.
local core = require("finspace.core")
local nginx = require("spec.support.nginx")
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")

local service = {}

local unpack = rawget(_G, "unpack") or table.unpack

-- With FINSPACE_TEST_DATABASE=postgres services have their metadata in a PostgreSQL cluster of the specs' own.
local HAS_POSTGRES = os.getenv("FINSPACE_TEST_DATABASE") == "postgres"

-- With FINSPACE_TEST_STORE, one of spec.support.stores, services have their bytes in a store of the specs' own.
local STORE = os.getenv("FINSPACE_TEST_STORE")
local OWN_STORE = "a second finspace serve"

--- Why a sentence about the files of a service on one machine does not apply, for support.unless_missing.
--- @return string|nil
function service.no_files() return (HAS_POSTGRES or STORE) and "past one machine the service has no such files" or nil end

--- The same of one about the bytes that a service keeps itself.
--- @return string|nil
function service.no_bytes() return STORE and "the bytes lie in the store" or nil end

--- The same of what the service's own S3 half says, and others who are S3 need not say.
--- @return string|nil
function service.no_own_s3()
  local is_own = not STORE or STORE == OWN_STORE
  return not is_own and "S3's calls go to " .. STORE .. ", which differs in this" or nil
end

local START = [[
local ok, problem = require("finspace.service").start{ port = %d, data = %q, region = %q, ingest_memory = %s,
  database = %s, workers = %s, ingest_workers = %s, %s }
io.stderr:write("finspace: ", problem, "\n")
os.exit(1)]]

local function read_credentials(path)
  local text = support.read_file(path) or ""
  return {
    access_key_id = text:match("aws_access_key_id = (%S+)"),
    secret_access_key = text:match("aws_secret_access_key = (%S+)"),
  }
end

local OWNER_KEYS = "[%s]\naws_access_key_id = AKIA%s\naws_secret_access_key = %s\n"

--- Writes keys for the owner of services that share a database.
--- @param path string
--- @param has_store? boolean
function service.write_owner_keys(path, has_store)
  local id, secret = core.sha256(sys.random_bytes(16)):upper(), core.sha256(sys.random_bytes(16))
  support.write_file(
    path,
    OWNER_KEYS:format(has_store and "finspace-owner" or "finspace-local", id:sub(1, 16), secret:sub(1, 40))
  )
end

local cluster, users = nil, 0 -- services that have a database in it

local function new_database()
  cluster = cluster or require("spec.support.postgres").start()
  users = users + 1
  return cluster.new_database()
end

local function leave_cluster()
  users = users - 1
  if users > 0 then return end
  cluster.stop()
  cluster = nil
end

-- What services share is started for the first of them, and stopped with the last.
local shared_store

local function start_store() return { store = assert(require("spec.support.stores")[STORE]()), users = 0 } end

local function use_store(self, options)
  self.has_own_store = STORE and options.has_store ~= false and not self.options.store
  if not self.has_own_store then return end
  shared_store = shared_store or start_store()
  shared_store.users = shared_store.users + 1
  self.store = shared_store.store
  local lake, place = require("spec.support.lake"), "s3://lake/p" .. self.port
  for _, setting in ipairs(lake.settings(self.store)) do
    table.insert(self.settings, 1, setting)
  end
  local wanted = lake.options(self.store.endpoint, { store = place, store_role = self.store.role })
  for name, value in pairs(wanted) do
    self.options[name] = value
  end
end

local function leave_store()
  shared_store.users = shared_store.users - 1
  if shared_store.users > 0 then return end
  shared_store.store.stop()
  shared_store = nil
end

-- Where the service has its metadata, and the owner's keys.
local function choose_database(self, options, folder)
  self.has_own_database = HAS_POSTGRES and options.database == nil
  self.database = options.database or (self.has_own_database and new_database() or nil)
  self.keys_file = options.owner_keys or (self.database and folder .. "/owner" or self.data .. "/credentials")
  if not self.database then return end
  if not options.owner_keys then service.write_owner_keys(self.keys_file, self.options.store ~= nil) end
  table.insert(self.settings, 1, "FINSPACE_OWNER_KEY_FILE=" .. self.keys_file)
end

local function await_ready(self)
  for _ = 1, 6000 do
    if (support.read_file(self.output) or ""):find("finspace: ready", 1, true) then return end
    if sys.wait(self.pid, 0.01) then break end
  end
  self.pid = nil
  error("the service did not start:\n" .. self.log(), 3)
end

local function copy_of(map)
  local copy = {}
  for name, value in pairs(map) do
    copy[name] = value
  end
  return copy
end

-- Further options of service.start as Lua text.
local function more_options(options)
  local words = {}
  for name, value in pairs(options) do
    words[#words + 1] = ("%s = %s"):format(name, type(value) == "string" and ("%q"):format(value) or tostring(value))
  end
  return table.concat(words, ", ")
end

local function launch(self)
  local argv = { unpack(self.within) }
  argv[#argv + 1] = "env"
  for _, setting in ipairs(self.settings) do
    argv[#argv + 1] = setting
  end
  local database = self.database and ("%q"):format(self.database)
  local start = START:format(
    self.port,
    self.data,
    self.region,
    tostring(self.ingest_memory),
    tostring(database),
    tostring(self.workers),
    tostring(self.ingest_workers),
    more_options(self.options)
  )
  for _, word in ipairs { support.interpreter(), "-e", start } do
    argv[#argv + 1] = word
  end
  os.remove(self.output)
  self.pid = assert(support.start {
    argv = support.plain(argv),
    stdout = self.output,
    stderr = self.errors,
  })
  await_ready(self)
end

-- --- requests on a bare socket, so that nothing mends what a spec breaks -------------------------

local function read_headers(connection)
  local headers = {}
  for line in function() return connection:receive("*l") end do
    if line == "" then return headers end
    local name, value = line:match("^([^:]+):%s*(.*)$")
    headers[name:lower()] = value
  end
  return nil
end

local function read_answer(connection, method)
  local status = tonumber((connection:receive("*l") or ""):match("^HTTP/1%.1 (%d+)"))
  if status == 100 then
    read_headers(connection)
    return read_answer(connection, method)
  end
  if not status then return nil, "no answer" end
  local headers = read_headers(connection)
  local body = method ~= "HEAD" and connection:receive("*a") or ""
  return { status = status, headers = headers, body = body }
end

local function to_text(request)
  local target = request.path .. (request.query ~= "" and "?" .. request.query or "")
  local lines = { request.method .. " " .. target .. " HTTP/1.1" }
  for _, header in ipairs(request.headers) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  return table.concat(lines, "\r\n") .. "\r\nConnection: close\r\n\r\n" .. (request.body or "")
end

--- Sends bytes as they are and reads one answer.
--- @param port integer
--- @param text string
--- @param method? string
--- @return table|nil answer {status, headers, body}
--- @return string|nil problem
function service.send_text(port, text, method)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:settimeout(20)
  connection:send(text)
  local answer, problem = read_answer(connection, method)
  connection:close()
  return answer, problem
end

local function add(headers, more)
  for _, header in ipairs(more) do
    headers[#headers + 1] = header
  end
end

-- A request of its own, as a list of headers that specs may change.
local function signed(self, options)
  local body = options.body or ""
  local request = {
    port = self.port,
    method = options.method or "GET",
    path = options.path or "/",
    query = options.query or "",
    headers = { { "Host", "127.0.0.1:" .. self.port } },
    body = body,
  }
  if not options.has_no_length then add(request.headers, { { "Content-Length", tostring(#body) } }) end
  local content_type = options.content_type or (options.service ~= "s3" and body ~= "" and "application/json")
  if content_type then add(request.headers, { { "Content-Type", content_type } }) end
  add(request.headers, options.headers or {})
  local credentials = options.credentials or self.credentials
  local made = core.sign {
    method = request.method,
    path = request.path,
    query = request.query,
    headers = request.headers,
    body = not options.payload_hash and body or nil,
    payload_hash = options.payload_hash,
    credentials = credentials,
    region = options.region or self.region,
    service = options.service or "finspace-api",
    time = options.time or math.floor(sys.now()),
    form = options.form or "header",
    expires = options.expires,
  }
  add(request.headers, made.headers or {})
  request.query = made.query or request.query
  return request
end

--- Signs a request to a server and sends it.
--- @param server table {port=, region=, credentials=}
--- @param wanted table as for ask of service.start
--- @return table|nil answer
function service.ask_of(server, wanted)
  local request = signed(server, wanted)
  return service.send_text(server.port, to_text(request), request.method)
end

-- Objects lie in the store where there is one; what a changeset holds, in short, is told by the service itself.
local function to_store(self, wanted)
  if not self.store or wanted.service ~= "s3" or wanted.path:find("/summary%.json$") then return nil end
  local changed = copy_of(wanted)
  changed.path = wanted.path:gsub("^/finspace%-local", "/" .. self.bucket)
  return changed
end

--- Starts a service and waits until it is ready.
---
--- @param options? table  port, data (a folder that is kept), settings (list of "NAME=value" for its environment),
---   region, ingest_memory (MiB), database (URL; false: none), has_store (false: none), owner_keys (a file), workers,
---   ingest_workers, within (words of a command that runs it), options (further ones of service.start)
--- @return table service  { endpoint, port, data, region, pid, env = map of AWS_* variables that point
---   at it, credentials, log(), sql(), stop(), kill() (SIGKILL to all of it, folder kept), restart() }
function service.start(options)
  options = options or {}
  local folder = support.temporary_folder()
  local data = options.data or folder .. "/data"
  local self = {
    port = options.port or support.free_port(),
    data = data,
    region = options.region or "us-east-1",
    settings = { unpack(options.settings or {}) },
    within = options.within or {},
    ingest_memory = options.ingest_memory,
    workers = options.workers,
    ingest_workers = options.ingest_workers,
    options = copy_of(options.options or {}),
    output = folder .. "/output",
    errors = folder .. "/errors",
  }
  use_store(self, options)
  choose_database(self, options, folder)
  self.bucket = self.store and "lake" or "finspace-local"
  self.endpoint = "http://127.0.0.1:" .. self.port
  self.env = {
    AWS_CONFIG_FILE = data .. "/config",
    AWS_SHARED_CREDENTIALS_FILE = self.keys_file,
    AWS_PROFILE = "finspace-local",
    AWS_EC2_METADATA_DISABLED = "true",
  }

  --- What it printed, and what it complained about.
  function self.log() return (support.read_file(self.output) or "") .. (support.read_file(self.errors) or "") end

  --- Ends it as a crash would; its data stays.
  function self.kill()
    if self.pid then
      sys.kill(self.pid, 9)
      sys.wait(self.pid, 3)
      self.pid = nil
    end
  end

  --- Stops it and removes its temporary folder. Again is harmless.
  function self.stop()
    if self.pid then nginx.end_process(self.pid) end
    self.pid = nil
    if folder then support.remove_folder(folder) end
    if folder and self.has_own_database then leave_cluster() end
    if folder and self.has_own_store then leave_store() end
    folder = nil
  end

  --- Starts it again over the same data and on the same port.
  function self.restart()
    if self.pid then nginx.end_process(self.pid) end
    launch(self)
  end

  --- Runs SQL on its database, past the service.
  --- @param statement string
  --- @return string rows as sqlite3 prints them
  function self.sql(statement)
    if self.database then return require("spec.support.postgres").sql(self.database, statement) end
    -- The service's workers write, too: it waits for its turn.
    local command = "sqlite3 -cmd '.timeout 10000' %s/finspace.db %s"
    local output, status = support.run(command:format(self.data, support.quote(statement)))
    assert(status == 0, output)
    return output
  end

  --- What a thief of the database would have.
  --- @return string bytes
  function self.dump()
    if self.database then return require("spec.support.postgres").dump(self.database) end
    local path = self.data .. "/finspace.db"
    return (support.read_file(path) or "") .. (support.read_file(path .. "-wal") or "")
  end

  --- The variables as a shell's prefix: `env A=… B=…`.
  --- @return string
  function self.shell()
    local words = { "env" }
    for name, value in pairs(self.env) do
      words[#words + 1] = name .. "=" .. support.quote(value)
    end
    return table.concat(words, " ")
  end

  --- A signed request that can be changed before it is sent.
  --- @param wanted table  { method, path, query, headers, body, content_type, service, credentials, region,
  ---   time, form = "query", expires, payload_hash, has_no_length }
  --- @return table request {port, method, path, query, headers, body}
  function self.sign(wanted)
    local of_store = to_store(self, wanted)
    return signed(of_store and self.store or self, of_store or wanted)
  end

  --- @param request table from sign, or of its kind
  --- @return string text as it goes over the wire
  function self.text_of(request) return to_text(request) end

  --- @param request table from sign, or of its kind
  --- @return table|nil answer {status, headers, body}
  function self.send(request) return service.send_text(request.port or self.port, to_text(request), request.method) end

  --- Signs and sends.
  --- @param wanted table
  --- @return table|nil answer
  function self.ask(wanted) return self.send(self.sign(wanted)) end

  --- Calls an operation through the model.
  --- @param operation string
  --- @param params? table
  --- @param credentials? table
  --- @return table|nil result
  --- @return table|nil err {code, message, status}
  function self.call(operation, params, credentials)
    local request = assert(core.prepare(operation, params or {}, sys.uuid()))
    local answer = assert(self.ask {
      method = request.method,
      path = request.path,
      query = request.query,
      body = request.body,
      credentials = credentials,
    })
    return core.finish(request.operation, request.generation, answer)
  end

  --- Asks again until a changeset or a view has come to its end.
  --- @param operation string GetChangeset or GetDataView
  --- @param params table
  --- @return table result
  function self.await(operation, params)
    for _ = 1, 12000 do
      local result = assert(self.call(operation, params))
      if result.status == "SUCCESS" or result.status == "FAILED" then return result end
      sys.sleep(0.01)
    end
    error(operation .. " does not end", 2)
  end

  --- Puts an object.
  --- @param key string as it goes over the wire
  --- @param body string
  --- @return string uri for s3SourcePath
  function self.put(key, body)
    local path = ("/%s/%s"):format(self.bucket, core.uri_encode(core.uri_decode(key), true))
    local answer = self.ask { service = "s3", method = "PUT", path = path, body = body }
    assert(answer.status == 200, answer.body)
    return self.uri(key)
  end

  --- @param key string
  --- @return string uri for s3SourcePath
  function self.uri(key) return ("s3://%s/%s"):format(self.bucket, key) end

  --- Makes a changeset of an object and waits for its end.
  --- @param dataset string
  --- @param uri string
  --- @param format? table formatParams
  --- @param change_type? string
  --- @return table changeset
  function self.ingest(dataset, uri, format, change_type)
    local made = assert(self.call("CreateChangeset", {
      datasetId = dataset,
      changeType = change_type or "APPEND",
      sourceParams = { s3SourcePath = uri, sourceType = "S3" },
      formatParams = format or { formatType = "CSV" },
    }))
    return self.await("GetChangeset", made)
  end

  --- @param title? string
  --- @param columns? table[] of its schema
  --- @return string dataset_id
  function self.dataset(title, columns)
    return assert(self.call("CreateDataset", {
      datasetTitle = title or "Prices",
      kind = "TABULAR",
      permissionGroupParams = {},
      schemaDefinition = columns and { tabularSchemaConfig = { columns = columns } },
    })).datasetId
  end

  --- Makes a view and waits for its end.
  --- @param dataset string
  --- @param more? table members of CreateDataView
  --- @return table view as GetDataView tells it
  function self.view(dataset, more)
    local params = {
      datasetId = dataset,
      destinationTypeParams = { destinationType = "S3", s3DestinationExportFileFormat = "PARQUET" },
    }
    for name, value in pairs(more or {}) do
      params[name] = value
    end
    return self.await("GetDataView", assert(self.call("CreateDataView", params)))
  end

  --- The files of a view, read with the keys that it gives out.
  --- @param view table {datasetId=, dataViewId=}
  --- @return table<string, string> bytes by their keys below the view's own
  function self.files_of(view)
    local details = assert(
      self.call("GetExternalDataViewAccessDetails", { datasetId = view.datasetId, dataViewId = view.dataViewId })
    )
    local keys = {
      access_key_id = details.credentials.accessKeyId,
      secret_access_key = details.credentials.secretAccessKey,
      session_token = details.credentials.sessionToken,
    }
    local bucket, prefix = "/" .. details.s3Location.bucket, details.s3Location.key
    local function get(path, query)
      return self.ask({ service = "s3", path = path, query = query, credentials = keys }).body
    end
    local files = {}
    for key in get(bucket, "list-type=2&encoding-type=url&prefix=" .. prefix):gmatch("<Key>(.-)</Key>") do
      key = core.uri_decode(key)
      files[key:sub(#prefix + 1)] = get(bucket .. "/" .. core.uri_encode(key, true))
    end
    return files
  end

  --- What a changeset holds, in short.
  --- @param changeset table
  --- @return string json
  function self.summary(changeset)
    local path = ("/%s/datasets/%s/%s/summary.json"):format(self.bucket, changeset.datasetId, changeset.changesetId)
    return self.ask({ service = "s3", path = path }).body
  end

  --- The only file of a view.
  --- @param view table
  --- @return string bytes
  function self.parquet_of_view(view)
    local _, bytes = next(self.files_of(view))
    return bytes
  end

  --- A dataset's rows as one Parquet file.
  --- @param dataset string
  --- @return string bytes
  function self.parquet_of(dataset) return self.parquet_of_view(self.view(dataset)) end

  local is_ready, problem = pcall(launch, self)
  if not is_ready then
    self.stop()
    error(problem, 0)
  end
  self.credentials = read_credentials(self.keys_file)
  return self
end

return service
