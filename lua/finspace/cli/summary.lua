--- What a changeset holds, as the service keeps it beside the data: an object `summary.json` in the service's own bucket.
local cjson = require("cjson.safe")

local summary = {}

local function key_of(changeset)
  return ("datasets/%s/%s/summary.json"):format(changeset.datasetId, changeset.changesetId)
end

--- Fetches a changeset's summary. There is none while it is at work, after it failed, and at services that keep none.
--- @param fs finspace.Client
--- @param changeset table as GetChangeset tells it
--- @return table|nil summary {rows, bytes, files, columns, text=its JSON}
function summary.fetch(fs, changeset)
  if changeset.status ~= "SUCCESS" then return nil end
  local location = fs:get_working_location { locationType = "INGESTION" }
  if not location then return nil end
  local s3 = fs.session:s3(nil, "finspace_data") -- the service's own half, wherever the bytes lie
  local object = s3:get_object { bucket = location.s3Bucket, key = key_of(changeset) }
  local found = object and cjson.decode(object.body or "")
  if type(found) ~= "table" or type(found.columns) ~= "table" then return nil end
  found.text = object.body
  return found
end

local function shown(value) return type(value) == "string" and value or "" end

--- @param found table from fetch
--- @return string[][] rows for a table: name, type, smallest, largest, NULLs
function summary.rows(found)
  local rows = {}
  for i, column in ipairs(found.columns) do
    rows[i] = {
      tostring(column.name),
      tostring(column.type),
      shown(column.min),
      shown(column.max),
      ("%d"):format(tonumber(column.nulls) or 0),
    }
  end
  return rows
end

summary.HEADING = { "COLUMN", "TYPE", "SMALLEST", "LARGEST", "NULLS" }

return summary
