--- Lists every dataset with its changesets, page by page, without holding more than one page.
---
---   lua5.4 examples/list.lua
local finspace = require("finspace")

local fs = finspace.new {}
for dataset in fs:each("list_datasets") do
  print(dataset.datasetId, dataset.datasetTitle)
  for item in fs:each("list_changesets", { datasetId = dataset.datasetId }) do
    local changeset = finspace.changeset(item)
    print("", changeset.id, changeset.status, changeset.change_type)
  end
end
