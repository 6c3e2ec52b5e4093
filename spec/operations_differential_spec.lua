local cjson = require("cjson")
local core = require("finspace.core")
local random_params = require("spec.support.random_params")
local support = require("spec.support")

local CASES_AN_OPERATION = 60

local function case_of(row)
  local params, params_json = random_params.members(row.input)
  local request, faults = core.prepare(row.name, params)
  assert(request, row.name .. ": " .. (faults and faults[1].message or ""))
  local case = {
    operation = row.name,
    method = request.method,
    path = request.path,
    query = request.query,
    body = request.body,
    content_type = request.headers["content-type"],
  }
  -- The parameters are spliced in as text, because only the text tells [] from {}.
  return (cjson.encode(case):gsub("}$", function() return ',"params":' .. params_json .. "}" end))
end

describe("the model beside botocore #once", function()
  it("makes the same request for random parameters of every operation", function()
    local python, missing = support.boto3()
    if missing then return pending(missing) end
    math.randomseed(20210512)
    local cases, operations = {}, 0
    for _, row in ipairs(core.operations()) do
      if not row.chosen_by then -- botocore has no 2021-05 form of CreateChangeset
        operations = operations + 1
        for _ = 1, CASES_AN_OPERATION do
          cases[#cases + 1] = case_of(row)
        end
      end
    end
    local folder = support.temporary_folder()
    finally(function() support.remove_folder(folder) end)
    local file = support.write_file(folder .. "/cases.json", "[" .. table.concat(cases, ",\n") .. "]")
    local output, status = support.run(python .. " " .. support.root .. "/spec/support/botocore_serialize.py " .. file)
    assert.equal(0, status, output)
    assert.equal(31, operations)
    assert.equal("compared " .. 31 * CASES_AN_OPERATION, (output:gsub("%s+$", "")))
  end)
end)
