--- What the database need not know any more, forgotten by whoever has that duty.

local clock = require("finspace.service.clock")

local OWNERS = { "idempotency", "keys", "sign_in", "sign_in_tries" }

--- @param db table
return function(db)
  local now = clock.milliseconds()
  for _, name in ipairs(OWNERS) do
    require("finspace.service." .. name).clean_up(db, now)
  end
end
