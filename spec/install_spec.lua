-- Building and installing, as README has it: by LuaRocks, as a rock, and by make below any prefix.
local support = require("spec.support")
local sys = require("finspace.sys")

local quote = support.quote

local function run(folder, command)
  return support.run(("cd %s && env -u LUA_PATH -u LUA_CPATH %s"):format(quote(folder), command))
end

-- Runs a command where nothing tells Lua of this checkout.
local function succeeds(folder, command)
  local output, status = run(folder, command)
  assert.equal(0, status, output)
  return output
end

local function fails(folder, command)
  local output, status = run(folder, command)
  assert.not_equal(0, status, output)
  return output
end

local function entries(folder) return succeeds("/", "find " .. quote(folder) .. " | sort") end

describe("installing #once", function()
  local folder, source

  -- A copy of this checkout, which is built as a user builds it.
  setup(function()
    folder = support.temporary_folder()
    source = folder .. "/source"
    succeeds(support.root, ("sh -c 'mkdir %s && git ls-files -z | xargs -0 cp --parents -t %s'"):format(source, source))
  end)

  teardown(function() support.remove_folder(folder) end)

  after_each(function() succeeds(folder, "rm -rf link data serve.log") end)

  -- The program, called by its path and through a link to it.
  local function assert_works(program)
    local link = folder .. "/link"
    succeeds("/", ("ln -sf %s %s"):format(quote(program), quote(link)))
    for _, name in ipairs { program, link } do
      assert.matches("^finspace %d", succeeds("/", quote(name) .. " version"))
    end
  end

  local function start_service(program)
    local log = folder .. "/serve.log"
    local words = { program, "serve", "--data", folder .. "/data", "--port", tostring(support.free_port()) }
    local argv = support.plain { "env", "-u", "LUA_PATH", "-u", "LUA_CPATH", table.unpack(words) }
    local pid = assert(support.start { argv = argv, stdout = log, stderr = log })
    return pid, function() return support.read_file(log) or "" end
  end

  -- The service needs what was built for LuaJIT.
  local function assert_serves(program)
    local pid, said = start_service(program)
    while not said():find("finspace: ready", 1, true) do
      assert.is_nil(sys.wait(pid, 0.02), said())
    end
    sys.kill(pid)
    sys.wait(pid)
  end

  local HASH = "print(require('finspace').new{region='us-east-1'} and require('finspace.core').sha256('abc'))"

  local function assert_module_works(lua, prefix, version)
    local share, lib = prefix .. "/share/lua/" .. version, prefix .. "/lib/lua/" .. version
    local output = succeeds(
      "/",
      ("LUA_PATH=%s LUA_CPATH=%s %s -e %s"):format(
        quote(share .. "/?.lua;" .. share .. "/?/init.lua;;"),
        quote(lib .. "/?.so;;"),
        lua,
        quote(HASH)
      )
    )
    assert.matches("ba7816bf8f01cfea", output)
  end

  describe("by LuaRocks", function()
    local busted = { it = it, skip = function(why) pending(why) end }
    local if_there = support.unless_missing(busted, function() return support.absent("luarocks") end)

    local function assert_rock(tree, version)
      assert_works(tree .. "/bin/finspace")
      assert_serves(tree .. "/bin/finspace")
      assert_module_works("lua" .. version, tree, version)
      local license =
        succeeds("/", ("cat %s/lib/luarocks/rocks-%s/finspace/*/doc/LICENSE"):format(quote(tree), version))
      assert.matches("the finspace authors", license)
    end

    for _, version in ipairs { "5.4", "5.3", "5.1" } do
      if_there("`luarocks make` needs no variables and no configuration for Lua " .. version, function()
        local tree = folder .. "/tree " .. version
        succeeds(source, ("luarocks --lua-version %s make --deps-mode=none --tree %s"):format(version, quote(tree)))
        assert_rock(tree, version)
      end)
    end

    if_there(
      "what is installed for Lua 5.1 works in LuaJIT",
      function() assert_module_works("luajit", folder .. "/tree 5.1", "5.1") end
    )

    if_there("`make rock` packs a rock that is installed without the checkout", function()
      succeeds(source, "git init -q . && git add . && make -s rock")
      local tree = folder .. "/from-rock"
      succeeds(folder, "mv source/build/rock/finspace-*.src.rock . && mv source away")
      finally(function() succeeds(folder, "mv away source") end)
      succeeds(
        folder,
        ("luarocks --lua-version 5.4 install --deps-mode=none --tree %s finspace-*.src.rock"):format(tree)
      )
      assert_rock(tree, "5.4")
    end)
  end)

  describe("by make", function()
    for _, of in ipairs {
      { lua = "lua5.4", version = "5.4", words = "" },
      { lua = "lua5.3", version = "5.3", words = "LUA_VERSION=5.3" },
      { lua = "lua5.1", version = "5.1", words = "LUA_VERSION=5.1" },
      { lua = "luajit", version = "5.1", words = "LUA=luajit" },
    } do
      it(("works below any prefix, and is taken back whole (%s)"):format(of.lua), function()
        for _, prefix in ipairs { folder .. "/of 5.4/it's", folder .. "/there" } do
          if prefix:find("there$") then succeeds("/", "mkdir -p " .. quote(prefix .. "/bin")) end
          local before = entries(folder)
          local words = ("%s PREFIX=%s"):format(of.words, quote(prefix))
          succeeds(source, "make -s install " .. words)
          assert_works(prefix .. "/bin/finspace")
          local compiled = support.read_file(("%s/lib/lua/%s/finspace/cli.bytecode"):format(prefix, of.version))
          assert.matches("\nfinspace%.cli%.commands%.ls %d", compiled)
          assert_serves(prefix .. "/bin/finspace")
          assert_module_works(of.lua, prefix, of.version)
          succeeds(source, "make -s install " .. words) -- again is harmless
          succeeds(source, "make -s uninstall " .. words)
          succeeds(folder, "rm -rf link data serve.log")
          assert.equal(before, entries(folder))
        end
      end)
    end

    it("works from where it was moved to, and below a package's staging folder", function()
      succeeds(source, ("make -s install DESTDIR=%s PREFIX=/opt/finspace"):format(quote(folder .. "/stage")))
      assert_works(folder .. "/stage/opt/finspace/bin/finspace")
      succeeds(folder, "mv stage/opt/finspace moved")
      assert_works(folder .. "/moved/bin/finspace")
    end)

    it("says which package the service needs where LuaJIT's headers were not there", function()
      local prefix = folder .. "/without"
      succeeds(source, "make -s install INCLUDE_lua5.1= PREFIX=" .. quote(prefix))
      assert_works(prefix .. "/bin/finspace")
      local pid, said = start_service(prefix .. "/bin/finspace")
      assert.are.equal(1, assert(sys.wait(pid, 60)).status)
      assert.matches("libluajit%-5%.1%-dev.*make install", said())
    end)
  end)

  describe("what is missing is named by its package", function()
    -- A PATH and a pkg-config that do not know what matches the patterns of a shell.
    local function without(programs, descriptions)
      local bin, known = folder .. "/bin", folder .. "/known"
      succeeds(
        folder,
        ("sh -c 'rm -rf bin known; mkdir bin known; ln -s /usr/bin/* bin/; cd bin; rm -f %s'"):format(programs)
      )
      succeeds(folder, "sh -c 'find /usr/lib/*/pkgconfig /usr/share/pkgconfig -name *.pc -exec cp {} known/ \\;'")
      succeeds(known, ("sh -c 'rm -f %s'"):format(descriptions))
      return ("PATH=%s PKG_CONFIG_LIBDIR=%s make BUILD=elsewhere "):format(quote(bin), quote(known))
    end

    for _, case in ipairs {
      { "pkg-config", "", "", "pkg%-config" },
      { "cc gcc", "", "", "gcc" },
      { "", "libcurl.pc", "", "libcurl4%-openssl%-dev" },
      { "", "lua*", "", "liblua5%.4%-dev" },
      { "lua5.3", "lua*5.3.pc lua5*3.pc", "LUA=lua5.3", "lua5%.3 liblua5%.3%-dev" },
      { "lua5.3", "lua*5.3.pc lua5*3.pc", "install LUA_VERSION=5.3", "lua5%.3 liblua5%.3%-dev" },
      { "", "", "LUA=lua5.2", "not on lua5%.2" },
    } do
      local programs, descriptions, words, expected = table.unpack(case)
      it(("%s%s (make %s)"):format(programs, descriptions, words), function()
        local output = fails(source, without(programs, descriptions) .. words)
        assert.matches(expected, output)
        assert.is_nil(output:find("traceback", 1, true))
      end)
    end
  end)
end)
