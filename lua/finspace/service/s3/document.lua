--- Reads the small XML documents that requests bring: a list of elements with text in theirs. A
-- document type is refused, and with it every entity that could name a file or grow without end.

local lxp = require("lxp")
local wire = require("finspace.service.s3.wire")

local document = {}

local function handlers(found, of)
  local record, name
  return {
    StartElement = function(_, element)
      name = element
      if element == of then record = {} end
    end,
    EndElement = function(_, element)
      if element == of then
        found[#found + 1] = record
        record = nil
      end
      name = nil
    end,
    CharacterData = function(_, characters)
      if record and name then record[name] = (record[name] or "") .. characters end
    end,
    StartDoctypeDecl = function(parser)
      found.has_doctype = true
      parser:stop()
    end,
  }
end

--- @param text string
--- @param of string name of the elements that are wanted
--- @return table[] one table for each, with its elements' texts by their names
function document.read(text, of)
  local found = {}
  local parser = lxp.new(handlers(found, of))
  local is_sound = parser:parse(text) and parser:parse() and not found.has_doctype
  pcall(parser.close, parser)
  if not is_sound or #found == 0 then
    wire.refuse("MalformedXML", "the document is not one that lists " .. of .. " elements")
  end
  return found
end

return document
