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
    if not support.has_program("clang-format-14") then return pending("clang-format-14 is not installed") end
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
    local allowed = {
      ["finspace-1.0.0-1.rockspec"] = true,
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
  end)

  for _, version in ipairs { "5.4", "5.1" } do
    it("is installed by LuaRocks for Lua " .. version .. ", offline, and works from there", function()
      if not support.has_program("luarocks") then return pending("luarocks is not installed") end
      local tree = support.temporary_folder()
      finally(function() support.remove_folder(tree) end)
      succeeds(
        (
          "git archive HEAD | tar -x -C %s && cd %s && LUAROCKS_CONFIG=%s/spec/support/luarocks-config.lua "
          .. "luarocks --lua-version %s make --deps-mode=none --tree %s/rocks"
        ):format(tree, tree, tree, version, tree)
      )
      local paths = (
        "LUA_PATH='%s/rocks/share/lua/%s/?.lua;%s/rocks/share/lua/%s/?/init.lua;;' "
        .. "LUA_CPATH='%s/rocks/lib/lua/%s/?.so;;' "
      ):format(tree, version, tree, version, tree, version)
      local program = "print(require('finspace').new{region='us-east-1'} and require('finspace.core').sha256('abc'))"
      local output = succeeds("cd / && env " .. paths .. "lua" .. version .. " -e " .. support.quote(program))
      assert.truthy(output:find("ba7816bf8f01cfea", 1, true))
      succeeds(("cd / && %s/rocks/bin/finspace version"):format(tree))
    end)
  end

  it("is installed by make below any prefix", function()
    local prefix = support.temporary_folder()
    finally(function() support.remove_folder(prefix) end)
    succeeds("make -s install PREFIX=" .. prefix)
    local share, lib = prefix .. "/share/lua/5.4", prefix .. "/lib/lua/5.4"
    local paths = ("LUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;' "):format(share, share, lib)
    succeeds("cd / && env " .. paths .. prefix .. "/bin/finspace version")
  end)
end)
