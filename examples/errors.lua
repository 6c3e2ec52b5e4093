--- What an err holds, and how to tell the kinds apart.
---
---   lua5.4 examples/errors.lua
local finspace = require("finspace")

local fs = finspace.new {}

-- Refused before anything was sent: every fault at once.
local _, err = fs:create_dataset { kind = "TABLE", alias = "prices" }
print(err)

-- Refused by the service.
_, err = fs:get_dataset { datasetId = "nosuchdataset" }
print(err.kind, err.code, err.status, err.outcome, err.attempts)

-- Worth another try later? The client has made its own attempts already.
if err.retryable then print("later, perhaps") end
