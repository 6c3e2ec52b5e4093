local docs = require("spec.support.docs")
local operations = require("finspace.call.operations")
local support = require("spec.support")

describe("what is generated from the model", function()
  it(
    "is up to date: the annotations",
    function() assert.is_true(support.read_file(docs.ANNOTATIONS) == docs.annotations(), "stale: run `make docs`") end
  )

  it(
    "is up to date: the reference",
    function() assert.is_true(support.read_file(docs.REFERENCE) == docs.reference(), "stale: run `make docs`") end
  )

  it("is the same on every Lua and in every run", function()
    assert.equal(docs.annotations(), docs.annotations())
    assert.not_matches("%d%.0[^%d]", docs.annotations())
  end)

  it("is Lua: the annotations can be loaded", function()
    local chunk, message = (loadstring or load)(docs.annotations()) -- luacheck: ignore
    assert.is_truthy(chunk, message)
    assert.has_no_error(chunk)
  end)

  it("names every operation, and every member of each", function()
    local reference, annotations = docs.reference(), docs.annotations()
    for _, row in ipairs(operations.rows()) do
      assert.truthy(reference:find("\n## " .. row.name .. "\n", 1, true), row.name)
      assert.truthy(annotations:find("function Client:" .. operations.snake_case(row.name) .. "(", 1, true), row.name)
      for _, member in ipairs(row.input) do
        assert.truthy(annotations:find("--- @field " .. member.name, 1, true), member.name)
      end
    end
  end)
end)

describe("the annotations of the client's verbs", function()
  it("name methods that are there, and all of them", function()
    local verbs = support.read_file(support.root .. "/lua/finspace/meta/verbs.lua")
    local fs = require("finspace").new { region = "us-east-1" }
    local count = 0
    for name in verbs:gmatch("function Client:([%w_]+)") do
      assert.is_function(fs[name], name)
      count = count + 1
    end
    assert.equal(11, count)
  end)
end)
