--- The reader of each format: they all count rows, and refuse what is not in the format.

local csv = require("finspace.service.ingest.csv")
local failure = require("finspace.service.ingest.failure")

local counters = {}

local KINDS = { CSV = csv.counter }

--- @param format table from formats.read
--- @return table counter {begin(name), feed(piece), finish() -> rows so far}
function counters.new(format)
  local make = KINDS[format.type]
  if not make then failure.raise("VALIDATION", "%s is not read here", format.type) end
  return make(format)
end

return counters
