local options = require("finspace.options")

local RULES = { region = "string", timeout = "seconds", max_attempts = "count", credentials = "table|function" }

-- A function that takes options, as a library has them. No tail calls: Lua 5.1 forgets who made one.
local function new(given)
  local checked = options.check("finspace.new", given, RULES)
  return checked
end

local function message_of(given)
  local ok, message = pcall(function()
    local result = new(given)
    return result
  end)
  assert.is_false(ok)
  return message
end

describe("a table of options", function()
  it("is handed back when all of it is known and right", function()
    local given = { region = "us-east-1", timeout = 0.5, max_attempts = 1, credentials = function() end }
    assert.equal(given, options.check("finspace.new", given, RULES))
    assert.same({}, options.check("finspace.new", nil, RULES))
  end)

  it("raises on an unknown option, and offers the nearest", function()
    assert.matches('finspace.new: unknown option "reigon"; did you mean "region"%?', message_of { reigon = "x" })
    assert.matches('unknown option "maxAttempts"; did you mean "max_attempts"%?', message_of { maxAttempts = 1 })
  end)

  it("offers nothing when nothing is near", function()
    assert.not_matches("did you mean", message_of { colour = "blue" })
    assert.matches('unknown option "1"', message_of { "us-east-1" })
  end)

  it("raises on an option's former name, and says what it is called now", function()
    local ok, message = pcall(options.check, "load", { cancelled = print }, { cancel = "function" })
    assert.is_false(ok)
    assert.matches('load: option "cancelled" is called "cancel" now', message, 1, true)
  end)

  it("raises on a wrong type, and names the option but never shows the value", function()
    local message = message_of { credentials = "SECRETCANARY" }
    assert.matches('option "credentials" must be a table or a function, not a string', message)
    assert.not_matches("SECRETCANARY", message)
  end)

  it("refuses times and counts that are none", function()
    for _, value in ipairs { 0, -1, math.huge, 0 / 0 } do
      assert.matches('option "timeout" must be a positive number of seconds', message_of { timeout = value })
    end
    assert.matches('option "max_attempts" must be a whole number from 1 up', message_of { max_attempts = 1.5 })
  end)

  it("blames the caller's line", function() assert.matches("options_spec", message_of { reigon = "x" }) end)

  it("must be a table", function()
    local _, message = pcall(options.check, "finspace.new", "us-east-1", RULES)
    assert.matches("finspace.new takes a table of options, not a string", message)
  end)
end)
