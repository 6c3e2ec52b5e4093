--- `:checkhealth finspace`: what the commands need, and what is missing of it.
local client = require("finspace_nvim.client")

local health = {}

-- Neovim 0.8 gave the reports shorter names.
local report = vim.health or require("health")
local start = report.start or report.report_start
local ok = report.ok or report.report_ok
local warn = report.warn or report.report_warn
local fail = report.error or report.report_error

local PATIENCE_MS = 5000

local function check_module(name, advice)
  local found, why = pcall(require, name)
  if found then return ok(name .. " is loaded") end
  fail(name .. " cannot be loaded: " .. tostring(why):match("^[^\n]*"), { advice })
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

local function check_service(fs)
  local page, err = wait_for(function() return fs:list_datasets { maxResults = 1 } end)
  if page then return ok("the service answers") end
  warn(tostring(err), { 'name the service with vim.g.finspace = { endpoint_url = "…" }' })
end

function health.check()
  start("finspace: the module")
  check_module("finspace.core", "put the build on LUA_CPATH, or install the rock for Lua 5.1")
  check_module("finspace.http", "install libcurl 4")
  local found, fs = pcall(client.get)
  if not found then return fail(tostring(fs), { "correct vim.g.finspace" }) end
  start("finspace: the service")
  check_region(fs)
  check_credentials(fs)
  check_service(fs)
end

return health
