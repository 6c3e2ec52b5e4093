--- The secrets of the specs have the word "canary" in them, or are AWS's well-known example. Nothing that
--- was said while they ran may have one.
local support = require("spec.support")

describe("what the specs said #once", function()
  local SPECS = { "credentials_chain", "credentials_providers", "credentials_finspace", "credentials_shared",
    "client", "client_faults", "exchange", "s3", "load", "sigv4", "host" }

  local SECRETS = { "canary", "wjalrxutnfemi" }

  local folder
  setup(function() folder = support.temporary_folder() end)
  teardown(function() support.remove_folder(folder) end)

  local function listen()
    local files = {}
    for index, name in ipairs(SPECS) do files[index] = support.root .. "/spec/" .. name .. "_spec.lua" end
    local said = folder .. "/said"
    local output, status = support.run("FINSPACE_SAID=" .. support.quote(said) .. " " .. support.interpreter()
      .. " /usr/bin/busted --exclude-tags=once --helper=spec.support.listener " .. table.concat(files, " "))
    assert.are.equal(0, status, output)
    return assert(support.read_file(said)), output
  end

  it("has none of their secrets in it: no error, no log, no text of keys", function()
    local texts, output = listen()
    local _, count = texts:gsub("%z", "")
    assert.is_true(count > 5000, "only " .. count .. " texts were heard")
    for _, secret in ipairs(SECRETS) do
      local found = texts:lower():match("[^%z]*" .. secret .. "[^%z]*")
        or output:lower():match("[^\n]*" .. secret .. "[^\n]*")
      assert.is_nil(found, found)
    end
  end)
end)
