local contract = require("spec.support.contract")
local curl = require("finspace.transport.curl")
local hosts = require("spec.support.hosts")
local scheduler = require("finspace.scheduler")

describe("the transport contract #once", function()
  local world = {}

  setup(function()
    for name, value in pairs(contract.start()) do world[name] = value end
  end)

  teardown(function() world.stop() end)

  local blocking = curl.new()

  contract.describe({ describe = describe, it = it }, {
    name = "curl",
    call = function(request)
      request.ca_file = request.ca_file or world.authority
      return blocking(request)
    end,
    gather = function(requests)
      local results, errs = {}, nil
      for index, request in ipairs(requests) do
        local response, err = blocking(request)
        results[index] = response
        if err then errs = { err } end
      end
      return results, errs
    end,
  }, world)

  local parallel = scheduler.transport()

  contract.describe({ describe = describe, it = it }, {
    name = "tasks",
    concurrent = true,
    call = function(request)
      request.ca_file = request.ca_file or world.authority
      return scheduler.run(function() return parallel(request) end)
    end,
    gather = function(requests, limit)
      local jobs = { limit = limit }
      for index, request in ipairs(requests) do jobs[index] = function() return parallel(request) end end
      return scheduler.gather(jobs)
    end,
    cancelled = function(request, seconds)
      return scheduler.run(function()
        local task = scheduler.spawn(parallel, request)
        scheduler.sleep(seconds)
        task:cancel()
        return task:wait()
      end)
    end,
  }, world)

  -- The same sentences, run by a busted inside the host.
  local function kept(passed, output)
    assert.is_true(passed, output)
    assert.is_true(hosts.successes(output) >= 30, output)
  end

  it("is kept in nginx, by its cosockets", function()
    kept(hosts.nginx("spec/support/contract_in_host.lua", {
      env = { FINSPACE_WORLD = world.file },
      http = "lua_ssl_trusted_certificate " .. world.authority .. ";",
    }))
  end)

  it("is kept in Neovim, by libuv", function()
    kept(hosts.neovim("spec/support/contract_in_host.lua", { FINSPACE_WORLD = world.file }))
  end)
end)
