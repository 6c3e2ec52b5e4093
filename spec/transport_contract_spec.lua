local contract = require("spec.support.contract")
local curl = require("finspace.host.transport.curl")
local hosts = require("spec.support.hosts")
local scheduler = require("finspace.host.scheduler")

describe("the transport contract #once", function()
  local world = {}

  setup(function()
    for name, value in pairs(contract.start()) do
      world[name] = value
    end
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

  local subject = contract.in_tasks(parallel, scheduler.run)
  local call = subject.call
  subject.name = "tasks"
  function subject.call(request)
    request.ca_file = request.ca_file or world.authority
    return call(request)
  end
  contract.describe({ describe = describe, it = it }, subject, world)

  -- The same sentences, run by a busted inside the host.
  local function kept(passed, output)
    assert.is_true(passed, output)
    assert.is_true(hosts.successes(output) >= 30, output)
  end

  it(
    "is kept in nginx, by its cosockets",
    function()
      kept(hosts.nginx("spec/support/contract_in_host.lua", {
        env = { FINSPACE_WORLD = world.file },
        http = "lua_ssl_trusted_certificate " .. world.authority .. ";",
      }))
    end
  )

  it(
    "is kept in Neovim, by libuv",
    function() kept(hosts.neovim("spec/support/contract_in_host.lua", { FINSPACE_WORLD = world.file })) end
  )
end)
