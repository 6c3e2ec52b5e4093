local has_luv, uv = pcall(require, "luv")
local finspace = require("finspace")
local luv = require("finspace.host.luv")
local transport_of_luv = require("finspace.host.transport.luv")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")

local SERVER = [[
server {
  listen 127.0.0.1:%d;
  location / { content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_for) or 0); ngx.print("waited") } }
}
]]

describe("under libuv", function()
  local server, url, transport

  setup(function()
    local port = support.free_port()
    server = nginx.start(SERVER:format(port), { ports = { port } })
    url = ("http://127.0.0.1:%d/"):format(port)
    if has_luv then luv.attach(finspace.loop(), uv) end
    transport = transport_of_luv.new()
  end)

  teardown(function()
    if has_luv then
      finspace.loop().detach()
      uv.run()
    end
    server.stop()
  end)

  local function test(sentence, body)
    it(sentence, function()
      if not has_luv then return pending(support.lacking("lua-luv")) end
      body()
    end)
  end

  test("uv.run ends when the last task has, and at once when there is none", function()
    uv.run()
    local body
    finspace.spawn(function() body = transport({ method = "GET", url = url .. "?for=0.05" }).body end)
    uv.run()
    assert.equal("waited", body)
    uv.run()
  end)

  test("other timers go on while a call waits, and tasks may sleep", function()
    local ticks, slept = 0, false
    local timer = uv.new_timer()
    timer:start(5, 5, function() ticks = ticks + 1 end)
    finspace.spawn(function()
      transport { method = "GET", url = url .. "?for=0.1" }
      finspace.sleep(0.02)
      slept = true
      timer:close()
    end)
    uv.run()
    assert.is_true(slept)
    assert.is_true(ticks >= 5)
  end)

  test("a failure that nobody waits for is shown, as luv shows what a callback raises", function()
    local script = [[
      local finspace = require("finspace")
      finspace.attach(require("luv"))
      finspace.spawn(function() error("boom") end)
      require("luv").run()
    ]]
    local output = support.run(support.interpreter() .. " -e " .. support.quote(script))
    assert.matches("boom", output)
  end)

  test("fifty calls take the time of one", function()
    local jobs, results = {}, nil
    for index = 1, 50 do
      jobs[index] = function() return transport { method = "GET", url = url .. "?for=0.2" } end
    end
    local started = uv.hrtime()
    finspace.spawn(function() results = finspace.gather(jobs) end)
    uv.run()
    assert.equal(50, #results)
    assert.is_true((uv.hrtime() - started) / 1e9 < 2)
  end)

  test("a descriptor that is taken back keeps no loop alive", function()
    local loop = require("finspace.host.loop").new()
    luv.attach(loop, uv)
    loop.detach()
    loop.detach()
    uv.run()
  end)
end)

describe("the event loop examples #once", function()
  local backend

  setup(function() backend = service.start() end)
  teardown(function() backend.stop() end)

  for _, name in ipairs { "luv", "cqueues" } do
    it(name .. " drives the calls", function()
      if not pcall(require, name) then return pending(support.lacking("lua-" .. name)) end
      local command = ("cd %s && %s timeout 20 %s examples/%s.lua"):format(
        support.quote(support.root),
        backend.shell(),
        support.interpreter(),
        name
      )
      assert.matches("0 datasets", (support.run(command)))
    end)
  end
end)
