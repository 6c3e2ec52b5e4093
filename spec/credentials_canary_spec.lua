--- Every secret of the credential specs has the word "canary" in it. Nothing that was said while they ran
--- may have it.
local support = require("spec.support")

describe("what the credential specs said #once", function()
  local SPECS = { "chain", "providers", "finspace", "shared" }

  local folder
  setup(function() folder = support.temporary_folder() end)
  teardown(function() support.remove_folder(folder) end)

  it("has none of their secrets in it: no error, no log, no text of credentials", function()
    local files = {}
    for index, name in ipairs(SPECS) do files[index] = support.root .. "/spec/credentials_" .. name .. "_spec.lua" end
    local said = folder .. "/said"
    local output, status = support.run("FINSPACE_CANARY=" .. support.quote(said) .. " " .. support.interpreter()
      .. " /usr/bin/busted --exclude-tags=once --helper=spec.support.canary " .. table.concat(files, " "))
    assert.are.equal(0, status, output)
    local texts = assert(support.read_file(said))
    local _, separators = texts:gsub("%z", "")
    assert.is_true(separators > 1000, "only " .. separators .. " texts were caught")
    local found = texts:match("[^%z]*canary[^%z]*") or output:match("[^\n]*canary[^\n]*")
    assert.is_nil(found, found)
  end)
end)
