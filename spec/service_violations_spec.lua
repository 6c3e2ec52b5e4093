local cjson = require("cjson")
local core = require("finspace.core")
local service = require("spec.support.service")
local violations = require("spec.support.violations")

-- What cannot be said over the wire: text is text in a path, and a path without a member is another path.
local function reaches_the_wire(case)
  for _, member in ipairs(case.row.input) do
    if member.name == case.member and member.place ~= "body" then
      return not (case.rule == "required" and member.place == "path")
        and not (case.rule == "type" and member.type == "string")
    end
  end
  return true
end

-- The 2021-12 form is known by its path; the message names a member as its caller knows it.
local function top_of(name) return name:match("^[%w]+") end

describe("The service #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function ask(row, params)
    local wanted = violations.serialize(row, params)
    return running.ask {
      method = wanted.method,
      path = wanted.path,
      query = wanted.query,
      body = wanted.body,
    }
  end

  it("answers every violation of the model with a ValidationException that names the member", function()
    local tried = 0
    for _, case in ipairs(violations.all()) do
      if reaches_the_wire(case) then
        local what = ("%s %s: %s %s"):format(case.row.name, case.row.generation, case.member, case.rule)
        local answer = ask(case.row, case.params)
        assert.equal(400, answer.status, what .. ": " .. answer.body)
        assert.equal("ValidationException", answer.headers["x-amzn-errortype"], what)
        local message = cjson.decode(answer.body).message
        assert.truthy(message:find(top_of(case.member), 1, true), what .. ": " .. message)
        tried = tried + 1
      end
    end
    assert.is_true(tried > 450, tried .. " violations")
  end)

  it("finds nothing wrong with the members of those requests without their one violation", function()
    for _, row in ipairs(core.operations()) do
      local answer = ask(row, violations.valid(row))
      local message = cjson.decode(answer.body).message or ""
      assert.is_nil(message:find("validation error", 1, true), row.name .. ": " .. message)
      assert.truthy(answer.status < 500, row.name .. ": " .. answer.body)
    end
  end)
end)
