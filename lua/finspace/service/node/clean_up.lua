--- What the database need not know any more, forgotten by whoever has that duty.

local clock = require("finspace.service.clock")
local idempotency = require("finspace.service.idempotency")
local keys = require("finspace.service.auth.keys")
local sign_in = require("finspace.service.auth.sign_in")
local tries = require("finspace.service.auth.sign_in_tries")

--- @param db table
return function(db)
  local now = clock.milliseconds()
  idempotency.clean_up(db, now)
  keys.clean_up(db, now)
  sign_in.clean_up(db, now)
  tries.clean_up(db, now)
end
