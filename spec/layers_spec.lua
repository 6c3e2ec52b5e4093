local support = require("spec.support")
local sys = require("finspace.sys")

local quote = support.quote

-- A tree with these modules, by path below lua/finspace, and what the check says of it.
local function check(modules)
  local tree = support.temporary_folder()
  for path, code in pairs(modules) do
    local file = tree .. "/lua/finspace/" .. path
    support.run("mkdir -p " .. quote(file:match("^(.*)/")))
    support.write_file(file, code)
  end
  local output, status = support.run(("cd %s && lua5.4 spec/support/layers.lua %s"):format(support.root, tree))
  support.remove_folder(tree)
  return output, status
end

local function refuses(message, modules)
  local output, status = check(modules)
  assert.equal(1, status, output)
  assert.matches(message, output, 1, true)
end

describe("the check of who requires whom #once", function()
  it("lets a higher layer require a lower one, and a folder's own files each other", function()
    local output, status = check {
      ["errors.lua"] = "return {}",
      ["host/init.lua"] = 'return require("finspace.host.loop")',
      ["host/loop.lua"] = 'return require("finspace.errors")',
      ["verbs/load.lua"] = 'return require("finspace.host")',
      ["service/init.lua"] = 'return require("finspace.core")',
    }
    assert.equal(0, status, output)
  end)

  it("refuses a circle, and shows the way round, lazy or not", function()
    refuses("finspace.call.a > finspace.call.b > finspace.call.a", {
      ["call/a.lua"] = 'local b = require("finspace.call.b")',
      ["call/b.lua"] = 'return function() return require("finspace.call.a") end',
    })
    refuses("finspace.call.a > finspace.call.b > finspace.call.a", {
      ["call/a.lua"] = 'return function(name) return require("finspace.call." .. name) end',
      ["call/b.lua"] = 'return require("finspace.call.a")',
    })
  end)

  it("refuses a part of the client that requires what stands above it", function()
    refuses("call does not stand above client", {
      ["call/exchange.lua"] = 'return function() return require("finspace.client") end',
      ["client.lua"] = "return {}",
    })
    refuses("no layer names", { ["novel.lua"] = 'return require("finspace.errors")' })
  end)

  it("refuses a hand in a folder that has a door", function()
    local modules = {
      ["s3/init.lua"] = "return {}",
      ["s3/upload.lua"] = "return {}",
      ["verbs/load.lua"] = 'local PLACES = { upload = "finspace.s3.upload" }',
    }
    refuses("reach into it through finspace.s3", modules)
    modules["verbs/load.lua"] = '-- "finspace.s3.upload"\nreturn require("finspace.s3")'
    assert.equal(0, select(2, check(modules)))
  end)

  it("keeps client and service apart", function()
    refuses("the client knows the service through finspace.cli.service", {
      ["service/init.lua"] = "return {}",
      ["session.lua"] = 'return function() return require("finspace.service") end',
    })
    refuses("the service needs nothing of the client", {
      ["service/init.lua"] = 'return require("finspace.errors")',
      ["errors.lua"] = "return {}",
    })
  end)
end)

describe("finspace without its service #once", function()
  local tree, paths

  setup(function()
    tree = support.temporary_folder()
    support.run(("cp -r %s/lua %s/lua && rm -r %s/lua/finspace/service"):format(support.root, tree, tree))
    local root = sys.realpath(support.root)
    paths = ("LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/build/lua5.4/?.so;;' "):format(
      tree,
      tree,
      root,
      root,
      root
    )
  end)

  teardown(function() support.remove_folder(tree) end)

  local function program(words)
    local script = 'os.exit(require("finspace.cli").main(arg))'
    support.write_file(tree .. "/main.lua", script)
    return support.run(("%s lua5.4 %s/main.lua %s"):format(paths, tree, words))
  end

  it("loads every module that is left", function()
    local output, status = support.run(
      ("cd %s/lua && find finspace -name '*.lua' -not -path '*/meta/*' -not -path '*/cli/main.lua' "):format(tree)
        .. "| sed 's/.lua$//; s#/init$##; s#/#.#g' | grep -v -e host.nginx -e transport.resty | while read -r name; do "
        .. paths
        .. [[lua5.4 -e "require('$name')" || exit 1; done]]
    )
    assert.equal(0, status, output)
  end)

  it("keeps the client's own sentences", function()
    local specs = {}
    for _, name in ipairs { "client", "find_dataset", "ensure_dataset", "exchange", "pages", "poller", "csv", "sigv4" } do
      specs[#specs + 1] = ("spec/%s_spec.lua"):format(name)
    end
    local output, status =
      support.run(("cd %s && %s lua5.4 $(command -v busted) %s"):format(support.root, paths, table.concat(specs, " ")))
    assert.equal(0, status, output)
    assert.matches("0 failures / 0 errors", output, 1, true)
  end)

  it("has every command but serve, which says so in one line", function()
    assert.equal(0, select(2, program("version")))
    local completion, status = program("completion bash")
    assert.equal(0, status, completion)
    local output
    output, status = program("serve --port 1")
    assert.equal(1, status)
    assert.matches("^finspace: the service is not part of this installation[^\n]*\n?$", output)
  end)
end)
