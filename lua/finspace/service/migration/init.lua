--- Moves a service of one machine into one that many machines share: its metadata into PostgreSQL, its bytes into a store. It
--- runs in nginx, as the service does, while no service uses the folder; `finspace.service.migrate` starts it.
---
--- Bytes go first, file by file, and each is verified by its SHA-256; what is there already is not sent again. Metadata
--- follow in one transaction, and are compared row by row. Cut off anywhere, it is begun again and goes on.

local database_url = require("finspace.service.db.url")
local databases = require("finspace.service.db.metadata")
local files = require("finspace.service.migration.files")
local metadata = require("finspace.service.migration.metadata")
local seal_key = require("finspace.service.auth.seal_key")
local secrets = require("finspace.service.auth.secrets")
local stores = require("finspace.service.store")
local sys = require("finspace.sys")

local migration = {}

local function say(step, text, ...)
  io.stdout:write(("  %-10s %s\n"):format(step, select("#", ...) > 0 and text:format(...) or text))
  io.stdout:flush()
end

local function open_source(data)
  local state = { db = databases.make { data = data } }
  state.settings = databases.settings(state.db)
  state.settings.data = data
  state.store = stores.open(state)
  return state
end

local function open_target(data, store)
  local state = { db = databases.make { database = database_url.read(data) } }
  state.settings = { data = data }
  state.store = stores.open(state, store)
  return state
end

local function move(source, target)
  metadata.check(source, target)
  local bytes = files.move(source, target, say)
  say(
    "bytes",
    "%d files, %.0f bytes: %d sent, %d there already; all have the SHA-256 that they had",
    bytes.files,
    bytes.size,
    bytes.sent,
    bytes.files - bytes.sent
  )
  local rows = metadata.move(source, target)
  say("metadata", rows.was_there and "there already: compared anew" or "written in one transaction")
  for _, compared in ipairs(rows) do
    say(
      "",
      "%-20s %6d rows, SHA-256 %s…, the same on both sides",
      compared.name,
      compared.count,
      compared.hash:sub(1, 12)
    )
  end
  for _, left in ipairs(bytes.left) do
    say("left", left)
  end
end

local function run(settings, data)
  local key = settings.seal_key_file and assert(seal_key.read(settings.seal_key_file))
  secrets.use(key)
  local source, target = open_source(data), open_target(data, settings.store)
  say("from", data)
  say("to", "the database, and s3://%s/%s", target.store.place.bucket, target.store.place.prefix)
  move(source, target)
  say("done", "start the nodes with the same --database, --store and --seal-key; %s may then be kept as a copy", data)
end

local function explained(problem)
  if type(problem) == "table" then return problem.message or problem.duckdb or "it failed" end
  return tostring(problem)
end

--- In nginx' only process: moves, and ends it.
--- @param settings table {store=JSON, seal_key_file=}
function migration.begin(settings)
  local data = ngx.config.prefix():gsub("/+$", "")
  local process = require("finspace.service.node.process")
  process.keep_files_private()
  sys.no_core_dumps()
  if not process.hold_lock(data .. "/run/lock") then os.exit(1) end
  ngx.timer.at(0, function()
    local ok, problem = pcall(run, settings, data)
    database_url.remove(data)
    if not ok then io.stderr:write("finspace: migrate: ", explained(problem), "\n") end
    os.exit(ok and 0 or 1)
  end)
end

return migration
