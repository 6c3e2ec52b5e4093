--- Reads doc comments out of the sources: what a function is for, what it takes and gives; and classes.
local support = require("spec.support")

local source = {}

--- @class spec.DocFunction
--- @field name string       as it is written: "load.run", "Client:call"
--- @field arguments string
--- @field prose string[]    lines
--- @field tags string[]     lines that begin with @param or @return, and what continues them

--- @class spec.DocClass
--- @field name string       with what it extends
--- @field prose string[]
--- @field fields { name: string, type: string, text: string }[]

-- A comment's lines, parted into prose and tags. A line after a tag that is set in belongs to the tag.
local function part(lines)
  local prose, tags = {}, {}
  for _, line in ipairs(lines) do
    if line:find("^@") then
      tags[#tags + 1] = line
    elseif #tags > 0 and line:find("^%s") then
      tags[#tags] = tags[#tags] .. " " .. line:match("^%s*(.*)$")
    elseif #tags == 0 then
      prose[#prose + 1] = line
    end
  end
  return prose, tags
end

-- A type may hold blanks within brackets, and after the colon of a function's result.
local function split_type(text)
  local depth, at = 0, 1
  while at <= #text do
    local mark = text:sub(at, at)
    if mark:find("[%(<{%[]") then depth = depth + 1 end
    if mark:find("[%)>}%]]") then depth = depth - 1 end
    if mark == " " and depth == 0 and text:sub(at - 1, at - 1) ~= ":" then break end
    at = at + 1
  end
  return text:sub(1, at - 1), text:sub(at):match("^%s*(.-)%s*$")
end

local function fields_of(tags)
  local fields = {}
  for _, tag in ipairs(tags) do
    local name, rest = tag:match("^@field (%S+) (.*)$")
    if name then
      local type_, text = split_type(rest)
      fields[#fields + 1] = { name = name, type = type_, text = text }
    end
  end
  return fields
end

local function take_class(result, lines)
  local prose, tags = part(lines)
  local name = tags[1] and tags[1]:match("^@class ([^%s].-)%s*$")
  if not name then return end
  local short, text = name:match("^(%S+:? ?%S*)%s%s+(.*)$")
  if text then table.insert(prose, text) end
  table.insert(result.classes, { name = short or name, prose = prose, fields = fields_of(tags) })
end

--- The functions and classes of a file, in their order.
--- @param path string  below lua/finspace
--- @return { functions: spec.DocFunction[], classes: spec.DocClass[] }
function source.read(path)
  local result, lines = { functions = {}, classes = {} }, {}
  local text = assert(support.read_file(support.root .. "/lua/finspace/" .. path), path)
  for line in text:gmatch("([^\n]*)\n") do
    local comment = line:match("^%-%-%- ?(.*)$") or line:match("^%-%-%-$") and ""
    local name, arguments = line:match("^function ([%w_.:]+)%((.-)%)")
    if comment then
      lines[#lines + 1] = comment
    else
      if name and #lines > 0 then
        local prose, tags = part(lines)
        table.insert(result.functions, { name = name, arguments = arguments, prose = prose, tags = tags })
      end
      take_class(result, lines)
      lines = {}
    end
  end
  return result
end

--- One function of a file.
--- @param path string  below lua/finspace
--- @param name string  as it is written there
--- @return spec.DocFunction
function source.find(path, name)
  for _, found in ipairs(source.read(path).functions) do
    if found.name == name then return found end
  end
  error(("%s has no function %s with a doc comment"):format(path, name))
end

--- The type and the text of a tag's rest.
source.split_type = split_type

return source
