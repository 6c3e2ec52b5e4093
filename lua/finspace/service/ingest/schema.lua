--- A dataset's schema as the engine needs it.

local cjson = require("cjson.safe")
local types = require("finspace.service.engine.types")

local schema = {}

--- @param dataset table row
--- @return table[]|nil columns {name=, kind=} in their order; nil without a schema
function schema.columns(dataset)
  local decoded = dataset.schema and cjson.decode(dataset.schema)
  local tabular = decoded and decoded.tabularSchemaConfig
  local columns = {}
  for i, column in ipairs(tabular and tabular.columns or {}) do
    columns[i] = { name = column.columnName, kind = types.named(column.dataType) or types.named("STRING") }
  end
  return #columns > 0 and columns or nil
end

return schema
