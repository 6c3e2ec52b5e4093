--- `:checkhealth finspace`: what the commands need, and what is missing of it.

local health = {}

-- Neovim 0.8 gave the reports shorter names.
local report = vim.health or require("health")
local start = report.start or report.report_start
local ok = report.ok or report.report_ok
local warn = report.warn or report.report_warn
local fail = report.error or report.report_error

local PATIENCE_MS = 5000

local BUILD = 'build the module for LuaJIT and put it on LUA_PATH and LUA_CPATH: eval "$(make -s env LUA=luajit)"'
local MISSING_LIBRARIES = {
  ["libcurl"] = "install libcurl: apt-get install libcurl4",
  ["libbearssl"] = "install BearSSL: apt-get install libbearssl0",
  ["cjson"] = "install lua-cjson: apt-get install lua-cjson",
}

-- What to do about a module that cannot be loaded.
local function advice_for(why)
  for library, cure in pairs(MISSING_LIBRARIES) do
    if why:find(library, 1, true) then return cure end
  end
  return BUILD
end

local function check_module(name)
  local found, why = pcall(require, name)
  if found then return true, ok(name .. " is loaded") end
  why = tostring(why)
  fail(name .. " cannot be loaded: " .. why:match("^[^\n]*"), { advice_for(why) })
  return false
end

-- Runs a call as a task, and waits for it: a health check may take its time.
local function wait_for(call)
  local results
  require("finspace").run(call, function(...) results = { ... } end)
  vim.wait(PATIENCE_MS, function() return results ~= nil end, 10)
  if not results then return nil, "no answer within 5 seconds" end
  return results[1], results[2]
end

local function check_region(fs)
  local region, err = fs.session:region()
  if region then return ok("the region is " .. region) end
  fail(tostring(err), { 'set vim.g.finspace = { region = "…" }, or AWS_REGION' })
end

local function check_credentials(fs)
  local found, err = wait_for(function()
    fs.session:exchange()
    return fs.session:credentials()
  end)
  if found then return ok("credentials come from " .. (found.source or "the options")) end
  fail(tostring(err), { "see :help finspace-settings" })
end

local KEYS = "the service refused the key: see that it is the right one, of this service, and not ended or disabled"
  .. " (:help finspace-settings)"
local PLACE = 'name the service with vim.g.finspace = { endpoint_url = "…" }, and see that it runs'
local ADVICE = {
  credentials = KEYS,
  connect = PLACE,
  timeout = PLACE,
  tls = 'name the authority to trust with vim.g.finspace = { ca_file = "…" }',
}

local function advice_about(err)
  local refused = type(err) == "table" and (err.status == 401 or err.status == 403)
  return refused and KEYS or ADVICE[type(err) == "table" and err.kind] or PLACE
end

local function check_service(fs)
  local page, err = wait_for(function() return fs:list_datasets { maxResults = 1 } end)
  if page then return ok("the service answers") end
  warn(tostring(err), { advice_about(err) })
end

function health.check()
  start("finspace: the module")
  for _, name in ipairs { "finspace.core", "finspace.http", "finspace.sys", "finspace" } do
    if not check_module(name) then return end
  end
  local found, fs = pcall(require("finspace_nvim.client").get)
  if not found then return fail(tostring(fs), { "correct vim.g.finspace" }) end
  start("finspace: the service")
  check_region(fs)
  check_credentials(fs)
  check_service(fs)
end

return health
