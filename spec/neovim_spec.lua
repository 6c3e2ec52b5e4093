local hosts = require("spec.support.hosts")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")

local SLOW = [[
server { listen 127.0.0.1:%d; location / { content_by_lua_block { ngx.sleep(0.2) ngx.print("slow") } } }
]]

describe("in Neovim #once", function()
  local backend, folder

  setup(function()
    backend = service.start()
    folder = support.temporary_folder()
  end)

  teardown(function()
    backend.stop()
    support.remove_folder(folder)
  end)

  -- Runs a script in a headless Neovim; it prints what the spec looks at.
  local function run(script)
    local file = support.write_file(folder .. "/script.lua", script)
    return hosts.neovim_file(file, backend.env)
  end

  it("the plugin's commands do what they say", function()
    local output, status =
      support.run("nvim --headless -u NONE -i NONE -n -c 'helptags " .. support.root .. "/examples/neovim/doc' -c q")
    assert.equal(0, status, output)
    local passed, report = hosts.neovim("spec/support/neovim_plugin.lua", backend.env)
    os.remove(support.root .. "/examples/neovim/doc/tags")
    assert.is_true(passed, report)
    assert.equal(21, hosts.successes(report), report)
  end)

  it("fifty slow calls take the time of one, and the editor's timers keep ticking", function()
    local port = support.free_port()
    local server = nginx.start(SLOW:format(port), { ports = { port } })
    local url = ("http://127.0.0.1:%d/"):format(port)
    local passed, report = hosts.neovim("spec/support/editor_free.lua", { FINSPACE_SLOW = url })
    server.stop()
    assert.is_true(passed, report)
  end)

  it("a call outside of a task says how to make it inside of one", function()
    local _, output = run([[
      local fs = require("finspace").new {}
      local _, err = fs:list_datasets {}
      io.stdout:write(tostring(err))
      vim.cmd("qall!")
    ]])
    assert.matches("make it inside finspace.run", output)
  end)

  it("any coroutine may call, and a raised error in a callback is shown and stops nothing else", function()
    local _, output = run([[
      local finspace = require("finspace")
      local fs, done = finspace.new {}, 0
      coroutine.wrap(function()
        local page = assert(fs:list_datasets {})
        done = done + #page.datasets + 1
      end)()
      finspace.run(function() return 1 end, function() error("from the callback") end)
      finspace.run(function() return fs:list_datasets {} end, function(page) done = done + (page and 1 or 0) end)
      local all = vim.wait(5000, function() return done >= 2 end, 5)
      vim.wait(50, function() end)
      io.stdout:write(all and "both went on" or "stuck")
      vim.cmd("qall!")
    ]])
    assert.matches("both went on", output)
    assert.matches("from the callback", output)
  end)

  it("quitting with calls in flight neither hangs nor crashes", function()
    for _, leave in ipairs { "qall!", "cquit 0" } do
      local passed, output = run(([[
        local finspace = require("finspace")
        local fs = finspace.new {}
        for _ = 1, 20 do finspace.run(function() return fs:list_datasets {} end) end
        vim.wait(2, function() end)
        vim.cmd("%s")
      ]]):format(leave))
      assert.is_true(passed, output)
      assert.equal("", output)
    end
  end)
end)
