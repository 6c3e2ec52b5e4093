local support = require("spec.support")

--- Runs a command in the project's root, and asserts that it succeeds.
local function succeeds(command)
  local output, status = support.run("cd " .. support.quote(support.root) .. " && " .. command)
  assert.equal(0, status, output)
  return output
end

describe("the project #once", function()
  it("keeps every module to its layer", function() succeeds("make -s layers") end)

  it("is formatted, and clean for luacheck", function()
    if not support.has_program("clang-format-14") then
      return pending("clang-format-14 is not here; Debian 12 has it")
    end
    succeeds("make -s lint")
  end)

  it("exports nothing from its shared objects but what opens them", function()
    for _, name in ipairs { "core", "http", "sys", "hashing" } do
      local symbols = succeeds("nm -D --defined-only build/lua5.4/finspace/" .. name .. ".so")
      for symbol in symbols:gmatch("%x+ T (%S+)") do
        assert.equal("luaopen_finspace_" .. name, symbol)
      end
    end
  end)

  it("has nothing at its top level but what the design names", function()
    local rockspec = ("finspace-%s-1.rockspec"):format(require("finspace.version"))
    local allowed = {
      [rockspec] = true,
      src = true,
      lua = true,
      spec = true,
      examples = true,
      Makefile = true,
      ["README.md"] = true,
      LICENSE = true,
    }
    for name in succeeds("git ls-tree --name-only HEAD"):gmatch("[^\n]+") do
      assert.is_true(allowed[name] or name:sub(1, 1) == ".", name .. " stands at the top level")
    end
    local version = succeeds("cat " .. rockspec):match('\nversion = "(.-)"')
    assert.equal(require("finspace.version") .. "-1", version)
  end)
end)
