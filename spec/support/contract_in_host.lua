--- The contract's sentences for the transport of the host that this runs in; hosts.lua starts it.
local contract = require("spec.support.contract")
local finspace_host = require("finspace.host")
local scheduler = require("finspace.host.scheduler")

local world = dofile(os.getenv("FINSPACE_WORLD"))
local name = finspace_host.detect()

-- Neovim's main loop goes on while a task runs; a spec has to wait for it.
local function in_task(body)
  if name ~= "neovim" then return scheduler.run(body) end
  local results
  scheduler.run(body, function(...) results = { n = select("#", ...), ... } end)
  assert(vim.wait(60000, function() return results ~= nil end, 1), "the task did not end")
  return (table.unpack or unpack)(results, 1, results.n) -- luacheck: ignore
end

local transport = finspace_host.runtime().transport

local subject = contract.in_tasks(transport, in_task)
subject.name, subject.ca_file = name, name == "neovim" and world.authority or nil
contract.describe({ describe = describe, it = it }, subject, world)
