--- The XML that S3 and STS speak: written as a list of elements, and read within bounds. Both take a
--- time that grows with the text's length and with nothing else.

local lxp = require("lxp")

local xml = {}

-- --- writing --------------------------------------------------------------------------------------

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;" }
local SPECIAL = "[&<>\"'%c\127]"

local function escaped(character) return ESCAPES[character] or ("&#x%X;"):format(character:byte()) end

--- @param value any
--- @return string
function xml.escape(value)
  local text = tostring(value)
  if not text:find(SPECIAL) then return text end
  return (text:gsub(SPECIAL, escaped))
end

local function append(out, content)
  for _, element in ipairs(content) do
    local name, value = element[1], element[2]
    if type(element) == "string" then
      out[#out + 1] = element
    elseif value ~= nil then
      out[#out + 1] = "<" .. name .. ">"
      if type(value) == "table" then
        append(out, value)
      else
        out[#out + 1] = xml.escape(value)
      end
      out[#out + 1] = "</" .. name .. ">"
    end
  end
end

--- Writes elements in order. Each is `{name, value}`, where the value is text, a list of elements, or nil
--- (then it is left out); or a string that is XML already.
--- @param content table[]
--- @return string
function xml.elements(content)
  local out = {}
  append(out, content)
  return table.concat(out)
end

--- @param root string
--- @param namespace? string
--- @param content table[] as for xml.elements
--- @return string
function xml.document(root, namespace, content)
  local attribute = namespace and (' xmlns="' .. namespace .. '"') or ""
  local out = { '<?xml version="1.0" encoding="UTF-8"?>\n<', root, attribute, ">" }
  append(out, content)
  out[#out + 1] = "</" .. root .. ">"
  return table.concat(out)
end

local last_second, last_date -- a page's rows are often of the same second

--- @param milliseconds integer
--- @return string for example 2026-11-22T17:05:00.123Z
function xml.time(milliseconds)
  local seconds = math.floor(milliseconds / 1000)
  if seconds ~= last_second then
    last_second, last_date = seconds, os.date("!%Y-%m-%dT%H:%M:%S", seconds)
  end
  return ("%s.%03dZ"):format(last_date, milliseconds % 1000)
end

-- --- reading --------------------------------------------------------------------------------------

local LONGEST_TEXT = 4096 -- of one element
local MOST_ELEMENTS = 16 -- for each record that there may be

local Reader = {}
Reader.__index = Reader

-- A stopped parser calls nothing more: what is wrong first is what is said.
local function stop(self, parser, problem)
  self.problem = problem
  parser:stop()
end

local function begin(self, parser, name)
  self.depth, self.elements = self.depth + 1, self.elements + 1
  local is_out_of_bounds = self.depth > self.record_depth + 2 or self.elements > self.most_elements
  if is_out_of_bounds then return stop(self, parser, "malformed") end
  if self.depth == 1 then return end
  self.name, self.text, self.length = name, {}, 0
  if self.depth == self.record_depth and name == self.record_name then
    self.record = {}
    self.records[#self.records + 1] = self.record
    if #self.records > self.most then stop(self, parser, "too many") end
  end
end

-- The text of an element goes to its record, or to the document.
local function keep_text(self, parser, name)
  local owner, text = self.record or self.fields, table.concat(self.text)
  if self.lists[name] then
    owner[name] = owner[name] or {}
    table.insert(owner[name], text)
  elseif owner[name] then
    stop(self, parser, "malformed")
  else
    owner[name] = text
  end
end

local function finish(self, parser, name)
  self.depth = self.depth - 1
  if self.name == name and self.text and name ~= self.record_name then keep_text(self, parser, name) end
  self.text = nil
  if self.depth < self.record_depth then self.record = nil end
end

local function collect(self, parser, characters)
  if not self.text then return end
  self.length = self.length + #characters
  if self.length > LONGEST_TEXT then return stop(self, parser, "malformed") end
  self.text[#self.text + 1] = characters
end

local function callbacks(self)
  return {
    StartElement = function(parser, name) begin(self, parser, name) end,
    EndElement = function(parser, name) finish(self, parser, name) end,
    CharacterData = function(parser, characters) collect(self, parser, characters) end,
    -- A document type could name a file, or entities that grow without end.
    StartDoctypeDecl = function(parser) stop(self, parser, "malformed") end,
  }
end

--- Reads a document of records: a root, in it elements `record_name` with texts below each, and texts beside
--- them, each under its element's name. Other elements are read and of no account.
--- @param text string
--- @param record_name string
--- @param most integer records that there may be
--- @param record_depth? integer how deep a record stands; the root is 1, and 2 is the default
--- @param lists? table<string, true> elements that may stand more than once in a record, whose texts become a list
--- @return table|nil records a table for each, with texts by their elements' names
--- @return table|string fields the texts beside the records; or the problem: "malformed" or "too many"
function xml.read(text, record_name, most, record_depth, lists)
  local self = setmetatable({
    record_name = record_name,
    record_depth = record_depth or 2,
    lists = lists or {},
    most = most,
    most_elements = (most + 1) * MOST_ELEMENTS,
    records = {},
    fields = {},
    depth = 0,
    elements = 0,
  }, Reader)
  local parser = lxp.new(callbacks(self))
  local is_whole = parser:parse(text) and parser:parse()
  pcall(parser.close, parser)
  if self.problem or not is_whole then return nil, self.problem or "malformed" end
  return self.records, self.fields
end

return xml
