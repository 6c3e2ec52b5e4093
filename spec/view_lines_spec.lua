--- The lines of a view's text.
local support = require("spec.support")

local SEED = tonumber(os.getenv("FINSPACE_SEED")) or os.time()
local RUNS = tonumber(os.getenv("FINSPACE_LINES")) or 1

describe("A view's lines #once", function()
  local folder

  setup(function() folder = support.temporary_folder() end)
  teardown(function() support.remove_folder(folder) end)

  it("are DuckDB's own, byte for byte, of every type, with any separator and quote", function()
    local environment = ('eval "$(make -s env LUA=luajit -C %s)"'):format(support.quote(support.root))
    for run = 1, RUNS do
      local command = ("%s; luajit %s/spec/support/line_writers.lua %s %d"):format(
        environment,
        support.quote(support.root),
        folder,
        SEED + run
      )
      local output, status = support.run(command)
      assert.equal(0, status, output)
      assert.is_true(tonumber(output) > 70, output)
    end
  end)
end)
