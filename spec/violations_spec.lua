local core = require("finspace.core")
local violations = require("spec.support.violations")

--- Whether the faults name the member. The top-level `sourceType` decides which row a request means, so
--- without it the other row speaks.
local function names(faults, case)
  for _, fault in ipairs(faults) do
    if fault.member == case.member then return true end
  end
  return case.row.chosen_by == case.member
end

describe("prepare", function()
  it("refuses every violation of every rule of every member, and names the member", function()
    local cases = violations.all()
    for _, case in ipairs(cases) do
      local request, faults = core.prepare(case.row.name, case.params)
      local what = ("%s %s: %s %s"):format(case.row.name, case.row.generation, case.member, case.rule)
      assert.is_nil(request, what)
      assert.is_true(names(faults, case), what .. " is not named: " .. faults[1].message)
    end
    assert.is_true(#cases > 500, #cases .. " cases")
  end)

  it("accepts each of those requests without its one violation", function()
    for _, row in ipairs(core.operations()) do
      local request, faults = core.prepare(row.name, violations.valid(row))
      assert(request, row.name .. ": " .. (faults and faults[1].message or ""))
      assert.equal(row.generation, request.generation)
    end
  end)
end)

describe("check", function()
  it("refuses the same violations in a request that was received", function()
    for _, case in ipairs(violations.all()) do
      local ok, faults = core.check(case.row.name, case.row.generation, case.params)
      assert.is_nil(ok, case.row.name .. " " .. case.member .. " " .. case.rule)
      assert.equal(case.member, faults[1].member)
    end
  end)
end)
