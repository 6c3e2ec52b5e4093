--- What load balancers and monitoring ask, without keys: whether this node is ready, and what it counted. Both lie below
--- `/-/`, where no bucket and no operation can be.

local cjson = require("cjson.safe")
local log = require("finspace.service.log")
local metrics = require("finspace.service.node.metrics")
local sys = require("finspace.sys")

local health = {}

local KEPT_SECONDS = 2 -- an answer's: many who ask do not become many who ask the database
local SOON = 2 -- seconds for a database's answer

-- --- ready ------------------------------------------------------------------------------------------

local function database_problem(state)
  if state.open and not pcall(state.open) then return "the database cannot be opened" end
  local ok, problem = pcall(state.db.within, state.db, SOON, function() state.db:row("SELECT 1 AS found") end)
  if ok then return nil end
  log.problem("the database's health", problem)
  return "the database does not answer"
end

local function store_problem(state)
  local ok, problem, details = pcall(state.store.problem, state.store)
  if ok and not problem then return nil end
  log.problem("the store's health", details or problem)
  return ok and problem or "the store cannot be asked"
end

local checked -- {at=, problems=}

local function look(state) return { database_problem(state) or store_problem(state) } end

local function problems_of(state)
  local now = sys.monotonic()
  if not checked or now - checked.at > KEPT_SECONDS then checked = { at = now, problems = look(state) } end
  return checked.problems
end

local function write(status, content_type, body)
  ngx.status = status
  ngx.header["Content-Type"] = content_type
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["Content-Length"] = #body
  if ngx.req.get_method() ~= "HEAD" then ngx.print(body) end
end

local function tell_health(state)
  local problems = problems_of(state)
  local is_ready = #problems == 0
  local said = is_ready and '{"ready":true}' or cjson.encode { ready = false, why = problems }
  write(is_ready and 200 or 503, "application/json", said .. "\n")
end

-- --- counts -----------------------------------------------------------------------------------------

local AT_WORK = [[SELECT 'changeset' AS kind, status, count(*) AS total FROM changesets
  WHERE status IN ('PENDING', 'RUNNING') GROUP BY status
  UNION ALL SELECT 'view', status, count(*) FROM data_views
  WHERE status IN ('PENDING', 'STARTING', 'RUNNING') GROUP BY status]]

local function jobs_of(db)
  local total = { changeset = { waiting = 0, running = 0 }, view = { waiting = 0, running = 0 } }
  for _, row in ipairs(db:rows(AT_WORK)) do
    local of_kind, name = total[row.kind], row.status == "RUNNING" and "running" or "waiting"
    of_kind[name] = of_kind[name] + row.total
  end
  local series = {}
  for _, kind in ipairs { "changeset", "view" } do
    for _, name in ipairs { "waiting", "running" } do
      series[#series + 1] = { ('{kind="%s",state="%s"}'):format(kind, name), total[kind][name] }
    end
  end
  return series
end

local function gauges_of(state)
  local is_ready = #problems_of(state) == 0
  local gauges =
    { { name = "finspace_ready", help = "Whether /-/health says so.", series = { { "", is_ready and 1 or 0 } } } }
  local ok, series = false, nil
  if is_ready then
    ok, series = pcall(jobs_of, state.db)
  end
  if ok then
    gauges[2] = { name = "finspace_jobs", help = "Changesets and views at work, on all nodes.", series = series }
  end
  return gauges
end

local function tell_metrics(state)
  write(200, "text/plain; version=0.0.4; charset=utf-8", metrics.text(gauges_of(state)))
end

-- --- which requests ---------------------------------------------------------------------------------

local PAGES = { ["/-/health"] = tell_health, ["/-/metrics"] = tell_metrics }

--- @param request table
--- @return fun(state: table)|nil
function health.handler(request)
  local page = PAGES[request.path]
  return page and (request.method == "GET" or request.method == "HEAD") and page or nil
end

return health
