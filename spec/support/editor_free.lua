--- Runs in a headless Neovim: while fifty calls wait for the server at FINSPACE_SLOW, which thinks for 200 ms,
--- the editor goes on.
local scheduler = require("finspace.host.scheduler")

describe("the editor", function()
  it("goes on while fifty calls wait", function()
    local transport = require("finspace.host").runtime().transport
    local uv = vim.loop
    local worst, last, results, errs = 0, uv.hrtime(), nil, nil
    local timer = uv.new_timer()
    timer:start(10, 10, function()
      local now = uv.hrtime()
      worst, last = math.max(worst, now - last), now
    end)
    local started = uv.hrtime()
    scheduler.run(function()
      local jobs = {}
      for index = 1, 50 do
        jobs[index] = function() return transport { method = "GET", url = os.getenv("FINSPACE_SLOW") } end
      end
      return scheduler.gather(jobs)
    end, function(...)
      results, errs = ...
    end)
    vim.wait(10000, function() return results ~= nil end, 1)
    local spent = (uv.hrtime() - started) / 1e6
    timer:close()
    io.stderr:write(("50 calls of 200 ms: %.0f ms, worst gap of a 10 ms timer %.1f ms\n"):format(spent, worst / 1e6))
    assert.is_nil(errs)
    assert.equal(50, #results)
    assert.is_true(spent < 2000, spent)
    assert.is_true(worst / 1e6 < 500, worst / 1e6)
  end)
end)
