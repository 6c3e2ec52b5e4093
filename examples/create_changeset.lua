--- The job of fs:load in single steps, for those who need one of them to be different: a changeset of
--- a file that is in S3 already, in the wire form of 2021-05, with tags.
---
---   lua5.4 examples/create_changeset.lua DATASET_ID s3://BUCKET/KEY
local finspace = require("finspace")

local dataset_id, source = assert(arg[1], "which dataset?"), assert(arg[2], "which S3 path?")
local fs = finspace.new {}

local answer = assert(fs:create_changeset {
  datasetId = dataset_id,
  changeType = "APPEND",
  sourceType = "S3",
  sourceParams = { s3SourcePath = source },
  formatType = "CSV",
  formatParams = { withHeader = "true", separator = "," },
  tags = { desk = "rates" },
})
local changeset, err = fs:wait_changeset {
  datasetId = dataset_id,
  changesetId = answer.changeset.id,
  timeout = 600,
  on_status = function(status) print(status) end,
}
if not changeset then
  -- A changeset that failed says why, and the err carries it whole.
  error(("%s\n%s"):format(tostring(err), err.changeset and err.changeset.changesetId or ""), 0)
end
