local support = require("spec.support")

local function compile(folder, arguments)
  local output, status = support.run("cc -O1 " .. arguments .. " -I/usr/include/lua5.4")
  assert.equal(0, status, output)
  return folder
end

describe("the core when memory runs out #once", function()
  local script = support.root .. "/spec/support/memory_script.lua"
  local folder

  setup(function() folder = support.temporary_folder() end)
  teardown(function() support.remove_folder(folder) end)

  it("raises Lua's own error at every allocation of Lua's that fails, and leaks nothing", function()
    compile(folder, support.root .. "/spec/support/failing_lua.c -o " .. folder .. "/failing_lua -llua5.4")
    local output, status = support.run(folder .. "/failing_lua " .. script)
    assert.equal(0, status, output)
    local points = output:match("survived (%d+)%s*$")
    assert.is_truthy(points, output)
    assert.is_true(tonumber(points) > 500)
  end)

  it("raises an error at every allocation of its own that fails, or does without it", function()
    compile(
      folder,
      "-shared -fPIC " .. support.root .. "/spec/support/failing_malloc.c -o " .. folder .. "/failing.so -ldl"
    )
    local function run(settings)
      return support.run(
        "LD_PRELOAD=" .. folder .. "/failing.so FAIL_OBJECT=finspace/core.so " .. settings .. " lua5.4 " .. script
      )
    end
    local undisturbed = run("FAIL_AT=0")
    local made = tonumber(run("FAIL_COUNT=1"):match("made (%d+)"))
    assert.is_true(made > 5)
    for point = 1, made do
      local output, status = run("FAIL_AT=" .. point)
      if status == 0 then
        assert.equal(undisturbed, output)
      else
        assert.equal(1, status, output)
        assert.is_truthy(output:find("memory") or output:find("too large"), output)
      end
    end
  end)
end)
