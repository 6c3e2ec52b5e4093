-- README's snippets, run as they stand there: the Lua ones as scripts, the shell's in the order of the page.
local service = require("spec.support.service")
local support = require("spec.support")

local README = support.read_file(support.root .. "/README.md")

local function snippets(language)
  local found = {}
  for text in README:gmatch("\n```" .. language .. "\n(.-)\n```") do
    found[#found + 1] = text
  end
  return found
end

describe("README #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  -- Where the page says build/data and 4510, this service has another folder and another port.
  local function here(text)
    return (text:gsub("build/data", function() return running.data end):gsub(":4510", ":" .. running.port))
  end

  local function run(command)
    return support.run(("cd %s && XDG_STATE_HOME=%s %s"):format(support.quote(support.root), running.data, command))
  end

  for number, text in ipairs(snippets("lua")) do
    it(("has a Lua snippet that runs as it stands there (%d)"):format(number), function()
      local script = support.write_file(running.data .. "/snippet.lua", here(text))
      local output, status = run(running.shell() .. " lua5.4 " .. script)
      assert.equal(0, status, text .. "\n" .. output)
      if text:find("fs:load", 1, true) then assert.matches("SUCCESS", output) end
    end)
  end

  for number, text in ipairs(snippets("sh")) do
    it(("has a shell snippet that runs as it stands there (%d)"):format(number), function()
      if text:find("finspace serve", 1, true) then return end -- it is running
      if text:find("^aws ") or text:find("\naws ") then
        local missing = support.absent("aws", "make interop")
        if missing then return pending(missing) end
      end
      local script = support.write_file(running.data .. "/snippet.sh", "set -e\n" .. here(text))
      local output, status = run(running.shell() .. " sh " .. script)
      assert.equal(0, status, text .. "\n" .. output)
    end)
  end

  it("names only targets of make and files that are there", function()
    local makefile = "\n" .. support.read_file(support.root .. "/Makefile")
    for target in README:gmatch("make (%l[%l-]*)") do
      assert.truthy(makefile:find("\n" .. target .. ":", 1, true), "make " .. target)
    end
    for path in README:gmatch("%f[%w.]([%w_]+/[%w_/]+%.%l+)%f[^%w]") do
      local is_ours = path:find("^lua/") or path:find("^spec/") or path:find("^examples/") or path:find("^src/")
      if is_ours then assert.is_string(support.read_file(support.root .. "/" .. path), path) end
    end
  end)
end)
