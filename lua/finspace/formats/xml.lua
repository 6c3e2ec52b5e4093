--- Reads the XML that S3 answers with, and writes the little that it is asked in.
---
--- A document type could name files and grow without bound, and S3 never sends one, so a document
--- that has one is refused whole. LuaExpat is loaded on first use: staging a small file needs no XML.

local xml = {}

--- The largest document that is read. A list of 1,000 long keys stays below 8 MiB.
xml.MAX_BYTES = 16 * 1024 * 1024

local MAX_DEPTH = 32

local function load_expat()
  local found, lxp = pcall(require, "lxp")
  if found then return lxp end
  return nil,
    "LuaExpat is not installed, and AWS answers in XML. Install it with "
      .. "`apt-get install lua-expat` or `luarocks install luaexpat`."
end

--- An element: its `name`, its `text`, and its child elements at 1, 2, 3 …
--- @class finspace.xml.Element
--- @field name string
--- @field text string

local function new_element(name) return { name = name:gsub("^.*:", ""), text = "" } end

local function callbacks(document)
  local open = { document }
  local pieces = { {} }
  return {
    StartDoctypeDecl = function(parser)
      document.refused = "it has a document type declaration"
      parser:stop()
    end,
    StartElement = function(parser, name)
      local element = new_element(name)
      if #open > MAX_DEPTH then
        document.refused = "it is nested too deeply"
        parser:stop()
      end
      table.insert(open[#open], element)
      table.insert(open, element)
      table.insert(pieces, {})
    end,
    EndElement = function() table.remove(open).text = table.concat(table.remove(pieces)) end,
    CharacterData = function(_, text) table.insert(pieces[#pieces], text) end,
  }
end

--- Parses a whole document.
--- @param text string
--- @return finspace.xml.Element|nil root
--- @return string|nil message
function xml.parse(text)
  if #text > xml.MAX_BYTES then return nil, ("the document has %d bytes, more than %d"):format(#text, xml.MAX_BYTES) end
  local lxp, missing = load_expat()
  if not lxp then return nil, missing end
  local document = {}
  local parser = lxp.new(callbacks(document))
  local well, message = parser:parse(text)
  if well and not document.refused then
    well, message = parser:parse()
  end
  pcall(parser.close, parser) -- raises when the document ended early, which is told below
  if document.refused then return nil, "the document is refused: " .. document.refused end
  if not well then return nil, "the document is not well-formed: " .. tostring(message) end
  return document[1]
end

--- The first child element of this name.
--- @param element finspace.xml.Element
--- @param name string
--- @return finspace.xml.Element|nil
function xml.child(element, name)
  for _, child in ipairs(element) do
    if child.name == name then return child end
  end
  return nil
end

--- The text of the first child of this name.
--- @param element finspace.xml.Element
--- @param name string
--- @return string|nil
function xml.text(element, name)
  local child = xml.child(element, name)
  return child and child.text
end

--- All child elements of this name.
--- @param element finspace.xml.Element
--- @param name string
--- @return finspace.xml.Element[]
function xml.children(element, name)
  local found = {}
  for _, child in ipairs(element) do
    if child.name == name then table.insert(found, child) end
  end
  return found
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;" }

--- Text as it may stand between two tags.
--- @param text string
--- @return string
function xml.escape(text) return (text:gsub("[&<>\"']", ENTITIES)) end

return xml
