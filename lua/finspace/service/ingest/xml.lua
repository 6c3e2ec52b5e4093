--- Counts the records of an XML file: the elements directly below the root. A document type is
-- refused, and with it every entity that could name a file or grow without end.

local lxp = require("lxp")
local failure = require("finspace.service.ingest.failure")

local Counter = {}
Counter.__index = Counter

local function handlers(self)
  return {
    StartElement = function()
      self.depth = self.depth + 1
      if self.depth == 2 then self.rows = self.rows + 1 end
    end,
    EndElement = function() self.depth = self.depth - 1 end,
    StartDoctypeDecl = function(parser)
      self.has_doctype = true
      parser:stop()
    end,
  }
end

local function check(self, ok, problem, line)
  if self.has_doctype then failure.raise("VALIDATION", "%s has a document type, which is not read", self.name) end
  if not ok then failure.raise("VALIDATION", "line %s of %s is not XML: %s", tostring(line), self.name, problem) end
end

--- @param piece string
function Counter:feed(piece) check(self, self.parser:parse(piece)) end

--- @return integer rows so far, of all files
function Counter:finish()
  check(self, self.parser:parse())
  self.parser:close()
  return self.rows
end

--- @param object table {name=}
function Counter:begin(object)
  self.name, self.depth = object.name, 0
  self.parser = lxp.new(handlers(self))
end

local xml = {}

--- @return table counter {begin(object), feed(piece), finish() -> rows}
function xml.counter() return setmetatable({ rows = 0 }, Counter) end

return xml
