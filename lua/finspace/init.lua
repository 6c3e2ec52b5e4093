--- finspace: a client for the Amazon FinSpace Data API.
---
---     local finspace = require("finspace")
---     local fs = finspace.new { region = "us-east-1" }
---     local changeset, err = fs:load { file = "prices.csv", dataset = "Daily prices" }
---
--- What the world does wrong comes back as `nil, err`; what the caller's code does wrong raises.
local client = require("finspace.client")
local errors = require("finspace.errors")
local host = require("finspace.host")

return {
  _VERSION = require("finspace.version"),
  new = client.new,
  --- Many calls at once, in every host; see finspace.host.scheduler.
  run = host.run,
  spawn = host.spawn,
  gather = host.gather,
  sleep = host.sleep,
  loop = host.loop,
  attach = host.attach,
  --- One normal form for a changeset, whichever wire form it came in.
  changeset = function(given) return require("finspace.verbs.changeset").normalize(given) end,
  --- Whether the first line of a text names the columns of what follows.
  names_columns = function(...) return require("finspace.formats.first_line").names_columns(...) end,
  --- Whether a value is an err of this library.
  is_error = errors.is,
}
