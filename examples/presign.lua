--- A URL that lists the datasets without any keys, for fifteen minutes.
---
---   curl "$(lua5.4 examples/presign.lua)"
local finspace = require("finspace")

print((assert(finspace.new({}):presign("list_datasets", {}, { expires = 900 }))))
