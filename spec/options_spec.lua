local options = require("finspace.options")

local OPTIONS = options.declare {
  what = "finspace.new",
  class = "spec.Options",
  { "region", "string", "where" },
  { "timeout", "seconds", "for one attempt", default = 60 },
  { "max_attempts", "count", "of one call", default = 3 },
  { "credentials", "table|fun(context: table|nil): table|nil", "keys" },
  { "kind", '"TABULAR"|"NON_TABULAR"', "of what" },
  { "cancel", "fun(): boolean", "stops it" },
}

-- A function that takes options, as a library has them. No tail calls: Lua 5.1 forgets who made one.
local function new(given)
  local checked = OPTIONS:check(given)
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
    assert.same(given, OPTIONS:check(given))
  end)

  it("gets the defaults of what is absent, in a table of its own", function()
    local given = { timeout = 0.5 }
    assert.same({ timeout = 0.5, max_attempts = 3 }, OPTIONS:check(given))
    assert.same({ timeout = 0.5 }, given)
    assert.same({ timeout = 60, max_attempts = 3 }, OPTIONS:check(nil))
  end)

  it("keeps what is false, and what another decides stays absent", function()
    local declared = options.declare {
      what = "load",
      class = "spec.Absent",
      { "wait", "boolean", "until it is there", default = true },
      { "timeout", "seconds", "for one attempt", otherwise = 60 },
    }
    assert.same({ wait = false }, declared:check { wait = false })
    assert.same({ wait = true }, declared:check {})
  end)

  it("raises on an unknown option, and offers the nearest", function()
    assert.matches('finspace.new: unknown option "reigon"; did you mean "region"%?', message_of { reigon = "x" })
    assert.matches('unknown option "maxAttempts"; did you mean "max_attempts"%?', message_of { maxAttempts = 1 })
  end)

  it("offers nothing when nothing is near", function()
    assert.not_matches("did you mean", message_of { colour = "blue" })
    assert.matches('unknown option "1"', message_of { "us-east-1" })
  end)

  it(
    "raises on an option's former name, and says what it is called now",
    function()
      assert.matches(
        'finspace.new: option "cancelled" is called "cancel" now',
        message_of { cancelled = print },
        1,
        true
      )
    end
  )

  it("raises on a wrong type, and names the option but never shows the value", function()
    local message = message_of { credentials = "SECRETCANARY" }
    assert.matches('option "credentials" must be a table or a function, not a string', message)
    assert.not_matches("SECRETCANARY", message)
  end)

  it("takes one of the declared words, and no other", function()
    assert.equal("TABULAR", new({ kind = "TABULAR" }).kind)
    assert.matches(
      'option "kind" must be "TABULAR" or "NON_TABULAR", not another string',
      message_of { kind = "SECRETCANARY" },
      1,
      true
    )
    assert.matches("not another number", message_of { kind = 5 }, 1, true)
  end)

  it("refuses times and counts that are none", function()
    for _, value in ipairs { 0, -1, math.huge, 0 / 0 } do
      assert.matches('option "timeout" must be a positive number of seconds', message_of { timeout = value })
    end
    assert.matches('option "max_attempts" must be a whole number from 1 up', message_of { max_attempts = 1.5 })
  end)

  it("blames the caller's line", function() assert.matches("options_spec", message_of { reigon = "x" }) end)

  it("must be a table", function()
    local _, message = pcall(OPTIONS.check, OPTIONS, "us-east-1")
    assert.matches("finspace.new takes a table of options, not a string", message)
  end)
end)

describe("a declaration", function()
  it("asks for what is required, by the name of whoever takes it", function()
    local declared = options.declare {
      what = "read",
      class = "spec.Required",
      { "file", "name", "which", required = true },
      { "header", "boolean", "whether there is one", default = true },
    }
    assert.has_error(function() declared:check({}, 1) end, 'read needs the option "file"')
    assert.has_error(function() declared:check(nil, 1, "fs:read") end, 'fs:read needs the option "file"')
    assert.has_error(
      function() declared:check({ file = "" }, 1) end,
      'read: option "file" must be a string that is not empty, not an empty one'
    )
  end)

  it("takes over another's rows", function()
    local base = options.declare { class = "spec.Base", { "timeout", "seconds", "in all" } }
    local longer =
      options.declare { what = "wait", class = "spec.Longer", extends = base, { "id", "string", "of what" } }
    assert.same({ id = "a", timeout = 1 }, longer:check { id = "a", timeout = 1 })
    assert.is_nil(base.by_name.id)
  end)

  it("writes its types as annotations do", function()
    assert.equal("number", options.annotation("seconds"))
    assert.equal("string|integer", options.annotation("name|count"))
    assert.equal("fun(a: string|nil): table|nil", options.annotation("fun(a: string|nil): table|nil"))
    assert.equal("table<string, string>|string[]", options.annotation("table<string, string>|string[]"))
  end)
end)
