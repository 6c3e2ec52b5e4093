local core = require("finspace.core")
local support = require("spec.support")

--- The facts, or nil where they are absent.
local function facts()
  local folder = support.shared()
  if not folder then return nil end
  return core.decode(support.read_file(folder .. "/spec/finspace-data.json"))
end

local differences

local function compare(where, ours, theirs)
  if ours ~= theirs then
    differences[#differences + 1] = ("%s: ours is %s, the facts say %s"):format(where, tostring(ours), tostring(theirs))
  end
end

local function compare_lists(where, ours, theirs)
  compare(where, table.concat(ours or {}, "|"), table.concat(theirs or {}, "|"))
end

local function concat_lists(first, second)
  local all = {}
  for _, list in ipairs { first or {}, second or {} } do
    for _, value in ipairs(list) do
      all[#all + 1] = value
    end
  end
  return all
end

local compare_members

local function compare_shape(where, ours, fact, types)
  compare(where .. " type", ours.type, fact.type)
  compare(where .. " min", ours.min, fact.min)
  compare(where .. " max", ours.max, fact.max)
  compare(where .. " pattern", ours.pattern, fact.pattern)
  compare_lists(where .. " enum", ours.enum, concat_lists(fact.enum or fact.enum_2021_05, fact.also))
  if fact.type == "structure" then
    compare(where .. " structure", ours.structure, fact.of)
    compare_members(where, ours.members, types[fact.of], types)
  elseif fact.type == "list" then
    compare_shape(where .. "[]", ours.of, fact.of, types)
  elseif fact.type == "map" then
    compare_shape(where .. " key", ours.key, fact.key, types)
    compare_shape(where .. " value", ours.value, fact.value, types)
  end
end

function compare_members(where, ours, theirs, types)
  compare(where .. " member count", #ours, #theirs)
  for i, fact in ipairs(theirs) do
    local member = ours[i] or {}
    local name = where .. "." .. fact.name
    compare(name .. " name", member.name, fact.name)
    compare(name .. " wire", member.wire, fact.wire or fact.name)
    compare(name .. " place", member.place, fact["in"] or "body")
    compare(name .. " required", member.required, fact.required or false)
    compare(name .. " sensitive", member.sensitive, fact.sensitive or false)
    compare(name .. " client token", member.client_token, fact.idempotency_token or false)
    compare_shape(name, member, fact, types)
  end
end

local function compare_operation(row, fact, types)
  local where = fact.name .. " " .. fact.generation
  compare(where .. " method", row.method, fact.method)
  compare(where .. " path", row.path, fact.path)
  compare_lists(where .. " errors", row.errors, fact.errors)
  local pages, paginate = row.pagination or {}, fact.paginate or {}
  compare(where .. " page token", pages.token, paginate.token)
  compare(where .. " page limit", pages.limit, paginate.limit)
  compare(where .. " page result", pages.result, paginate.result)
  compare_members(where .. " input", row.input, fact.input, types)
  compare_members(where .. " output", row.output, fact.output, types)
end

describe("model", function()
  it("agrees with the facts about the service in every row, member, bound, enum, pattern and error", function()
    local known = facts()
    if not known then return pending("others' vectors are not beside this checkout (../shared)") end
    differences = {}
    compare("operation count", #core.operations(), #known.operations)
    for _, fact in ipairs(known.operations) do
      local row = core.operation(fact.name, fact.generation)
      assert.is_table(row, fact.name .. " " .. fact.generation .. " has no row")
      compare_operation(row, fact, known.types)
    end
    assert.same({}, differences)
  end)

  it("agrees with the facts about every error code, its statuses and whether it is retried", function()
    local known = facts()
    if not known then return pending("others' vectors are not beside this checkout (../shared)") end
    local ours, count = {}, 0
    for _, err in ipairs(core.errors()) do
      ours[err.code] = err
    end
    differences = {}
    for code, fact in pairs(known.errors) do
      count = count + 1
      compare_lists(code .. " statuses", ours[code].statuses, fact.status)
      compare(code .. " retryable", ours[code].retryable, fact.retry or false)
      compare(code .. " throttle", ours[code].throttle, fact.throttle or false)
      compare(code .. " clock", ours[code].clock, fact.clock or false)
    end
    assert.same({}, differences)
    assert.equal(24, count)
  end)

  it("gives every operation of one name a different generation", function()
    local seen = {}
    for _, row in ipairs(core.operations()) do
      local key = row.name .. " " .. row.generation
      assert.is_nil(seen[key], key)
      seen[key] = true
    end
  end)

  it("has a member for every label of every path", function()
    for _, row in ipairs(core.operations()) do
      for label in row.path:gmatch("{(%w+)}") do
        local found = false
        for _, member in ipairs(row.input) do
          found = found or (member.place == "path" and member.wire == label and member.required)
        end
        assert.is_true(found, row.name .. " has no path member for {" .. label .. "}")
      end
    end
  end)

  it("documents only error codes that it knows", function()
    local known = {}
    for _, err in ipairs(core.errors()) do
      known[err.code] = true
    end
    for _, row in ipairs(core.operations()) do
      for _, code in ipairs(row.errors) do
        assert.is_true(known[code], code)
      end
    end
  end)

  it("answers nil for an operation that does not exist", function()
    assert.is_nil(core.operation("DeleteEverything"))
    assert.is_nil(core.operation("GetChangeset", "1999-01"))
  end)
end)
