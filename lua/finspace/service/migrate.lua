--- `finspace migrate`, as far as it runs before nginx: what can be checked is, then this process becomes nginx, which moves.

local database_url = require("finspace.service.db.url")
local nginx = require("finspace.service.node.nginx")
local seal_key = require("finspace.service.auth.seal_key")
local store = require("finspace.service.store")
local sys = require("finspace.sys")

local migrate = {}

local function is_file(path)
  local stat = sys.stat(path)
  return stat ~= nil and stat.type == "file"
end

local function folder_of(options)
  local data = sys.realpath(options.from)
  if data and is_file(data .. "/finspace.db") then return data end
  return nil,
    ("--from: there is no service's data in %s: name the folder that finspace serve --data had"):format(options.from)
end

local function problem_of(options)
  local problem = database_url.problem(options.database)
  if problem then return problem end
  database_url.hide(options.database)
  if not options.store then return "--store is missing: name where the bytes go, as s3://BUCKET/PREFIX" end
end

local function settings_of(options)
  local settings, problem = { has_database = true }, problem_of(options)
  if problem then return nil, problem end
  settings.data, problem = folder_of(options)
  if not settings.data then return nil, problem end
  settings.store, problem = store.place(options, options.region or "us-east-1")
  if not settings.store then return nil, problem end
  problem = seal_key.add(settings, options)
  if problem then return nil, problem end
  return settings
end

local function prepare(options)
  local settings, problem = settings_of(options)
  if not settings then return nil, problem end
  local program, missing = nginx.find()
  if not program then return nil, missing end
  local lock = sys.lock(settings.data .. "/run/lock")
  if not lock then return nil, "a service uses " .. settings.data .. ": stop it first" end
  problem = store.problem(settings.store)
  if problem then return nil, problem end
  local ok
  ok, problem = database_url.write(settings.data, options.database)
  if ok then
    ok, problem = nginx.write_migration(program, settings)
  end
  if not ok then return nil, problem end
  return { program.path, "-p", settings.data .. "/", "-e", "stderr", "-c", "run/migrate.conf" }, lock
end

--- Moves a service of one machine. Returns only when it could not begin.
--- @param options table {from=folder, database=URL, store=, store_role=, store_endpoint=, store_sts_endpoint=, seal_key=, region=}
--- @return nil
--- @return string problem one line
function migrate.start(options)
  local argv, lock = prepare(options)
  if not argv then return nil, lock end
  lock:close()
  return sys.exec(argv)
end

return migrate
