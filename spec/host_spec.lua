local host = require("finspace.host")
local support = require("spec.support")

describe("a host", function()
  it("is plain Lua unless nginx or an editor shows itself", function() assert.equal("plain", host.detect()) end)

  it("gives everything that a client needs", function()
    local runtime = host.runtime()
    assert.equal("plain", runtime.name)
    assert.is_true(runtime.now() > 1600000000)
    assert.is_true(runtime.monotonic() <= runtime.monotonic())
    assert.matches("^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$", runtime.uuid())
    assert.not_equal(runtime.uuid(), runtime.uuid())
    assert.equal(os.getenv("PATH"), runtime.getenv("PATH"))
  end)

  it("gives random numbers from 0 up to 1, other ones in every process", function()
    local random, seen = host.runtime().random, {}
    for _ = 1, 1000 do
      local number = random()
      assert.is_true(number >= 0 and number < 1)
      seen[number] = true
    end
    local count = 0
    for _ in pairs(seen) do
      count = count + 1
    end
    assert.is_true(count > 990)
    local command = ("%s -e 'print(require(\"finspace.host\").runtime().random())'"):format(support.interpreter())
    assert.not_equal((support.run(command)), (support.run(command)))
  end)

  it("takes what it is given in place of its own", function()
    local function transport() end
    local runtime = host.runtime { transport = transport, now = function() return 7 end, name = "plain" }
    assert.equal(transport, runtime.transport)
    assert.equal(7, runtime.now())
  end)

  it("loads neither curl nor a JSON reader for a client that has not called yet", function()
    local script = [[
      local fs = require("finspace").new { region = "us-east-1" }
      fs:operations()
      fs:close()
      assert(not package.loaded["finspace.http"] and not package.loaded["cjson"])
      io.write("lazy")
    ]]
    local output = support.run(("%s -e %s"):format(support.interpreter(), support.quote(script)))
    assert.equal("lazy", (output:gsub("%s", "")))
  end)
end)
