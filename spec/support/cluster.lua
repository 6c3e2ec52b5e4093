--- Several nodes of the service for specs: on one PostgreSQL, and with their bytes in the S3 half of another service.
local core = require("finspace.core")
local finspace = require("finspace")
local lake = require("spec.support.lake")
local server_of = require("spec.support.postgres")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local cluster = {}

local ROLE = "arn:aws:iam::000000000000:role/finspace-owner"

local function start_store()
  local store = service.start { database = false, has_store = false }
  assert(store.ask({ service = "s3", method = "PUT", path = "/lake" }).status == 200)
  return store
end

local function environment_of(store)
  return {
    "AWS_ACCESS_KEY_ID=" .. store.credentials.access_key_id,
    "AWS_SECRET_ACCESS_KEY=" .. store.credentials.secret_access_key,
    "AWS_EC2_METADATA_DISABLED=true",
  }
end

--- Starts nodes.
--- @param count integer
--- @param options? table  of service.start, for all nodes; of_node(i): more of them for one, and variables of its environment;
---   server: PostgreSQL to use; has_failing_store: whether the nodes reach the store through what can make it fail
--- @return table cluster { server (PostgreSQL), store (service), between (see lake.stand_before_failing), nodes,
---   owner_keys, ... }
function cluster.start(count, options)
  local own_server = not (options and options.server) and server_of.start()
  local self = { server = own_server or options.server, store = start_store(), nodes = {} }
  if options and options.has_failing_store then self.between = lake.stand_before_failing(self.store) end
  local endpoint = (self.between or self.store).endpoint
  local folder = support.temporary_folder()
  self.url, self.owner_keys = self.server.new_database(), folder .. "/owner"
  service.write_owner_keys(self.owner_keys)

  --- Adds a node.
  --- @param more? table of service.start
  function self.add(more)
    local settings = environment_of(self.store)
    local wanted = { database = self.url, owner_keys = self.owner_keys, settings = settings, workers = 1 }
    wanted.options = { store = "s3://lake/deep", store_role = ROLE, store_endpoint = endpoint }
    for name, value in pairs(options or {}) do
      wanted[name] = value
    end
    for name, value in pairs(more or {}) do
      wanted[name] = value
    end
    for _, setting in ipairs(wanted.variables or {}) do
      settings[#settings + 1] = setting
    end
    local node = service.start(wanted)
    self.nodes[#self.nodes + 1] = node
    return node
  end

  --- Stops all of it.
  function self.stop()
    for _, node in ipairs(self.nodes) do
      node.stop()
    end
    if self.between then self.between.stop() end
    self.store.stop()
    if own_server then own_server.stop() end
    support.remove_folder(folder)
  end

  --- Puts an object that changesets can be made of.
  --- @param key string
  --- @param body string
  --- @return string uri
  function self.put(key, body)
    local answer = self.store.ask { service = "s3", method = "PUT", path = "/lake/in/" .. key, body = body }
    assert(answer.status == 200, answer.body)
    return "s3://lake/in/" .. key
  end

  --- Runs SQL past the nodes.
  --- @param statement string
  --- @return string rows
  function self.sql(statement) return server_of.sql(self.url, statement) end

  --- A client of each node, to be used in turn.
  --- @param more? table of finspace.new
  --- @return table[] clients
  function self.clients(more)
    local clients = {}
    for i, node in ipairs(self.nodes) do
      local wanted = { region = "us-east-1", endpoint_url = node.endpoint, credentials = node.credentials }
      for name, value in pairs(more or {}) do
        wanted[name] = value
      end
      clients[i] = finspace.new(wanted)
    end
    return clients
  end

  --- Makes `count` calls at once, each on the next node.
  --- @param calls integer
  --- @param work fun(client: table, number: integer): any, any
  --- @param more? table of finspace.new
  --- @return table[] results {result, err} by number
  function self.at_once(calls, work, more)
    local clients, jobs, results = self.clients(more), { limit = calls }, {}
    for i = 1, calls do
      jobs[i] = function() results[i] = { work(clients[i % #clients + 1], i) } end
    end
    finspace.run(function() finspace.gather(jobs) end)
    return results
  end

  --- Makes a changeset of an object, and waits for nothing.
  --- @param node table
  --- @param dataset string
  --- @param uri string
  --- @param token? string
  --- @return table|nil changeset, table|nil err
  function self.load(node, dataset, uri, token)
    return node.call("CreateChangeset", {
      datasetId = dataset,
      changeType = "APPEND",
      sourceParams = { s3SourcePath = uri, sourceType = "S3" },
      formatParams = { formatType = "CSV" },
      clientToken = token or core.sha256(sys.random_bytes(16)),
    })
  end

  for i = 1, count do
    self.add(options and options.of_node and options.of_node(i))
  end
  return self
end

return cluster
