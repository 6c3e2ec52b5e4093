--- XML sources: each element directly below the root is a record, its attributes and its elements are the columns. LuaExpat
--- reads them, and they go to DuckDB as JSON, a record a line. A document type is refused, and with it every entity that
--- could name a file or grow without end; depth, attributes and a record's size are bounded.

local cjson = require("cjson.safe")
local failure = require("finspace.service.ingest.failure")
local json = require("finspace.service.ingest.json")
local lxp = require("lxp")
local staging = require("finspace.service.ingest.staging")

local xml = {}

local DEEPEST, MOST_ATTRIBUTES = 100, 1000
local MOST_ELEMENTS = 100000 -- of a record: each is a table of Lua until the record ends
local LARGEST_RECORD = 16 * 1024 * 1024
local LONGEST_TAG = 1024 * 1024 -- looked at again from its start with each piece that comes before its end
local SMALL_PIECE = 64 * 1024

local function refuse(self, what, ...)
  failure.raise("VALIDATION", "record %d of %s " .. what, self.records + 1, self.name, ...)
end

-- --- elements as JSON, their members in the order in which they were met -----------------------------

local function new_element(name) return { name = name, text = {}, order = {}, members = {} } end

-- What comes a second time under a name makes a list.
local function put(element, name, json_text)
  local values = element.members[name]
  if not values then
    values = {}
    element.members[name] = values
    element.order[#element.order + 1] = name
  end
  values[#values + 1] = json_text
end

local function object_text(element)
  local members = {}
  for i, name in ipairs(element.order) do
    local values = element.members[name]
    local value = #values == 1 and values[1] or "[" .. table.concat(values, ",") .. "]"
    members[i] = cjson.encode(name) .. ":" .. value
  end
  return "{" .. table.concat(members, ",") .. "}"
end

-- A leaf is its text; another element is what is in it, and its text, where it has one, is its member "text".
local function value_of(element)
  local text = table.concat(element.text)
  if #element.order == 0 then return cjson.encode(text) end
  if text:find("%S") then put(element, "text", cjson.encode(text)) end
  return object_text(element)
end

-- --- a reader -------------------------------------------------------------------------------------------

local function open(self, name, attributes)
  self.silent = 0
  self.depth = self.depth + 1
  if self.depth > DEEPEST then refuse(self, "is nested more than %d levels deep", DEEPEST) end
  if self.depth == 1 then return end
  self.elements = self.elements + 1
  if self.elements > MOST_ELEMENTS then refuse(self, "has more than %d elements", MOST_ELEMENTS) end
  if #attributes > MOST_ATTRIBUTES then refuse(self, "has an element with more than %d attributes", MOST_ATTRIBUTES) end
  local element = new_element(name)
  for _, attribute in ipairs(attributes) do
    put(element, attribute, cjson.encode(attributes[attribute]))
  end
  self.stack[#self.stack + 1] = element
end

-- A record without members is one column, named as it is.
local function end_record(self, element)
  if #element.order == 0 then put(element, element.name, cjson.encode(table.concat(element.text))) end
  self.lines[#self.lines + 1] = object_text(element)
  self.records, self.size, self.elements = self.records + 1, 0, 0
end

local function close(self)
  self.silent = 0
  self.depth = self.depth - 1
  local element = table.remove(self.stack)
  if not element then return end
  local parent = self.stack[#self.stack]
  if not parent then return end_record(self, element) end
  put(parent, element.name, value_of(element))
end

local function add_text(self, text)
  self.silent = 0
  local element = self.stack[#self.stack]
  if element then element.text[#element.text + 1] = text end
end

local function handlers(self)
  return {
    StartElement = function(_, name, attributes) open(self, name, attributes) end,
    EndElement = function() close(self) end,
    CharacterData = function(_, text) add_text(self, text) end,
    StartDoctypeDecl = function() failure.raise("VALIDATION", "%s has a document type, which is not read", self.name) end,
  }
end

-- Expat calls back from C: what a handler raises comes through it as it is.
local function parse(self, piece)
  self.size = self.size + #(piece or "")
  self.silent = self.silent + #(piece or "")
  if self.size > LARGEST_RECORD then refuse(self, "is larger than 16 MiB") end
  if self.silent > LONGEST_TAG then refuse(self, "has a tag or a comment longer than 1 MiB") end
  local ok, problem, line = self.parser:parse(piece)
  if not ok then failure.raise("VALIDATION", "line %s of %s is not XML: %s", tostring(line), self.name, problem) end
end

local function small_pieces(next_piece)
  local piece, at = nil, 1
  return function()
    if not piece or at > #piece then
      piece, at = next_piece(), 1
      if not piece then return nil end
    end
    local part = piece:sub(at, at + SMALL_PIECE - 1)
    at = at + SMALL_PIECE
    coroutine.yield()
    return part
  end
end

-- The records of a source as lines of JSON.
local function lines_of(job, source)
  local self =
    { name = source.name, depth = 0, stack = {}, lines = {}, records = 0, size = 0, elements = 0, silent = 0 }
  self.parser = lxp.new(handlers(self))
  local next_piece, is_whole = small_pieces(staging.pieces(job, source)), false
  return function()
    while #self.lines == 0 and not is_whole do
      local piece = next_piece()
      parse(self, piece)
      is_whole = piece == nil
    end
    if #self.lines == 0 then
      self.parser:close()
      return nil
    end
    local text = table.concat(self.lines, "\n") .. "\n"
    self.lines = {}
    return text
  end
end

--- Gives files that are alike to `work` together, in their order.
--- @param job table
--- @param sources table[]
--- @param work fun(unit: table)
function xml.each_unit(job, sources, work)
  local at = 0
  json.each_staged_unit(job, function()
    at = at + 1
    local source = sources[at]
    if not source then return nil end
    return {
      name = source.name,
      path = staging.write(job, lines_of(job, source)),
      is_copy = true,
      partition = source.partition,
      shape = "unstructured",
    }
  end, work)
end

return xml
