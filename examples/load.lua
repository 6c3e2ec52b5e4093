--- Loads a CSV into a dataset that is found, or created, by its title.
---
---   lua5.4 examples/load.lua prices.csv "Daily prices"
local finspace = require("finspace")

local path, title = arg[1] or "examples/data/sp500-2000.csv", arg[2] or "Daily prices"
local fs = finspace.new {}

local schema = assert(fs:infer_schema { file = path })
local dataset = assert(fs:ensure_dataset { title = title, schema = schema })
local changeset, err = fs:load {
  file = path,
  dataset = dataset.datasetId,
  on_progress = function(event)
    io.stderr:write(("\r%-9s %d of %d bytes"):format(event.stage, event.bytes, event.bytes_total))
  end,
}
io.stderr:write("\n")
if not changeset then error(tostring(err), 0) end
print(changeset.changesetId, changeset.status)
