--- The reader of each format: they all count rows, and refuse what is not in the format.

local counters = {}

local KINDS = {
  CSV = require("finspace.service.ingest.csv_counter").counter,
  JSON = require("finspace.service.ingest.json").counter,
  PARQUET = require("finspace.service.ingest.parquet").counter,
  XML = require("finspace.service.ingest.xml").counter,
}

counters.resumed = require("finspace.service.ingest.csv_counter").resumed

--- @param format table from formats.read
--- @return table counter {begin(object), feed(piece) or none, finish() -> rows so far, snapshot() or none}
function counters.new(format) return KINDS[format.type](format) end

return counters
