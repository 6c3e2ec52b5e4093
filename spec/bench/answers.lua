--- A large answer read into tables: 10,000 changesets as a list gives them, beside lua-cjson alone, which neither
--- keeps integers of 64 bits exact nor drops nulls nor tells a list from a broken answer.
local cjson = require("cjson")
local core = require("finspace.core")
local measure = require("spec.bench.table")

local COUNT, TURNS = 10000, 9

local ITEM = '{"changesetId":"%022d","changesetArn":"arn:aws:finspace:us-east-1:123456789012:/changesets/%022d",'
  .. '"datasetId":"jew2pqpc56jkxy4j8adtzd","changeType":"APPEND","sourceParams":{"s3SourcePath":'
  .. '"s3://finspace-local/scratch/user/ingestion/prices-%d.csv","sourceType":"S3"},"formatParams":{"formatType":"CSV",'
  .. '"withHeader":"true","separator":","},"createTime":1790000000123,"status":"SUCCESS","activeFromTimestamp":'
  .. "1790000000456}"

local items = {}
for i = 1, COUNT do
  items[i] = ITEM:format(i, i, i)
end
local body = '{"changesets":[' .. table.concat(items, ",") .. '],"nextToken":"next"}'
local response = { status = 200, headers = { ["content-type"] = "application/json" }, body = body }

local function often(read)
  return function()
    collectgarbage()
    return measure.turn(1000, 1, read)
  end
end

local rows = measure.turns(TURNS, {
  { name = "lua-cjson", run = often(function() return cjson.decode(body) end) },
  {
    name = "finspace.core's finish",
    run = often(function() return assert(core.finish("ListChangesets", "2021-12", response)) end),
  },
})
measure.show(("%d changesets into tables, %.1f MB"):format(COUNT, #body / 1e6), "ms", rows)
