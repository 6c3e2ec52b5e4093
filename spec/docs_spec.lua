local docs = require("spec.support.docs")
local operations = require("finspace.call.operations")
local options = require("finspace.options")
local support = require("spec.support")

describe("what is generated", function()
  for path, text in pairs {
    [docs.ANNOTATIONS] = docs.annotations,
    [docs.METHODS] = docs.methods,
    [docs.OPTIONS] = docs.options,
    [docs.REFERENCE] = docs.reference,
  } do
    it(
      "is up to date: " .. path:match("[^/]+$"),
      function() assert.is_true(support.read_file(path) == text(), "stale: run `make docs`") end
    )
  end

  it("is the same on every Lua and in every run", function()
    assert.equal(docs.annotations(), docs.annotations())
    assert.equal(docs.reference(), docs.reference())
    assert.not_matches("%d%.0[^%d]", docs.annotations())
  end)

  it("is Lua: the annotations can be loaded", function()
    for _, text in ipairs { docs.annotations(), docs.methods(), docs.options() } do
      local chunk, message = (loadstring or load)(text) -- luacheck: ignore
      assert.is_truthy(chunk, message)
      assert.has_no_error(chunk)
    end
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

local FIELD_READS = {
  'lbind_push_text%(L, [^,]+, "([%w_]+)"',
  'lbind_require_text%(L, [^,]+, "([%w_]+)"',
  'lbind_%l+_field%(L, [^,]+, "([%w_]+)"',
  'lbind_push_word%(L, [^,]+, "([%w_]+)"',
  'lua_getfield%(L, %w+, "([%w_]+)"',
}

-- The names by which a binding's C reads fields of the tables that it is given.
local function fields_read(module)
  local code, names = support.run(("cat %s/src/l%s*.c"):format(support.quote(support.root), module)), {}
  for _, pattern in ipairs(FIELD_READS) do
    for name in code:gmatch(pattern) do
      names[#names + 1] = name
    end
  end
  return names
end

describe("the reference", function()
  local reference = docs.reference()

  local function has_section(name) return reference:find("\n### " .. name, 1, true) ~= nil end

  it("tells of every option of finspace.new, by its name", function()
    for _, name in ipairs { "max_attempts", "logger", "ca_file", "mfa_code", "environment_id", "shared_dict" } do
      assert.matches("\n| " .. name .. " |", reference, 1, true)
    end
  end)

  it("tells of every declared option, with a sentence each", function()
    for name, declaration in pairs(options.declared) do
      for _, row in ipairs(name:find("^finspace%.") and declaration.rows or {}) do
        assert.is_true(#row[3] > 0, name .. "." .. row[1])
        local mark = row.required and "**" or ""
        assert.matches(("\n| %s%s%s |"):format(mark, row[1], mark), reference, 1, true)
      end
    end
  end)

  it("knows every table of options, because each is declared", function()
    local output = support.run("cd " .. support.root .. " && grep -rlE 'options[.](check|require)[(]' lua || true")
    assert.equal("", output)
  end)

  it("has everything that the module, the client's verbs, fs.s3 and the providers offer", function()
    local finspace = require("finspace")
    for name, value in pairs(finspace) do
      if type(value) == "function" then assert.is_true(has_section("finspace." .. name), name) end
    end
    for _, name in ipairs(require("finspace.client").VERBS) do
      assert.is_true(has_section("fs:" .. name), name)
    end
    for name, value in pairs(getmetatable(finspace.new({ region = "us-east-1" }).s3)) do
      if type(value) == "function" then assert.is_true(has_section("fs.s3:" .. name), name) end
    end
    for name, value in pairs(require("finspace.credentials")) do
      if type(value) == "function" then assert.is_true(has_section("credentials." .. name), name) end
    end
  end)

  for _, module in ipairs { "core", "hashing", "http", "sys" } do
    it("has every function of finspace." .. module .. ", and none that is not there", function()
      local there, told = require("finspace." .. module), 0
      local text = support.read_file(support.root .. "/lua/finspace/meta/" .. module .. ".lua")
      for name in text:gmatch("\nfunction " .. module .. "%.([%w_]+)%(") do
        assert.is_function(there[name], name)
        assert.is_true(has_section(("%s.%s("):format(module, name)), name)
        told = told + 1
      end
      for name in pairs(there) do
        assert.matches(("function %s.%s("):format(module, name), text, 1, true)
        told = told - 1
      end
      assert.equal(0, told)
    end)

    it("has every field that finspace." .. module .. " reads from a table", function()
      local text = support.read_file(support.root .. "/lua/finspace/meta/" .. module .. ".lua")
      if module == "http" then -- whose requests are those of every transport
        text = text .. support.read_file(support.root .. "/lua/finspace/host/transport/init.lua")
      end
      for _, name in ipairs(fields_read(module)) do
        assert.truthy(text:find("%f[%w_]" .. name .. "%??:? "), name)
      end
    end)
  end
end)

describe("the annotations of methods", function()
  it("name methods that are there", function()
    local fs = require("finspace").new { region = "us-east-1" }
    for class, name in docs.methods():gmatch("function (%w+):([%w_]+)") do
      assert.is_function(class == "S3" and fs.s3[name] or fs[name], name)
    end
  end)
end)
