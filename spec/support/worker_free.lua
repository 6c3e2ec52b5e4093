--- Runs in nginx: while fifty calls wait for a slow server, everything else on the worker goes on.
local nginx = require("spec.support.nginx")
local scheduler = require("finspace.host.scheduler")
local support = require("spec.support")

describe("a worker", function()
  it("goes on while fifty calls wait", function()
    local port = support.free_port()
    local server = nginx.start(
      ("server { listen 127.0.0.1:%d; location / { content_by_lua_block { ngx.sleep(0.2) ngx.print('slow') } } }"):format(
        port
      ),
      { ports = { port } }
    )
    local transport = require("finspace.host").runtime().transport
    local turns, going = 0, true
    ngx.timer.at(0, function()
      while going do
        ngx.sleep(0.01)
        turns = turns + 1
      end
    end)
    local jobs = {}
    for index = 1, 50 do
      jobs[index] = function() return transport { method = "GET", url = "http://127.0.0.1:" .. port .. "/" } end
    end
    local results, errs = scheduler.gather(jobs)
    going = false
    server.stop()
    assert.is_nil(errs)
    assert.equal(50, #results)
    assert.is_true(turns >= 3, turns) -- a worker that waited would have had none
  end)
end)
