--- The filter of Glue's GetPartitions: comparisons of partition keys with literals, joined by AND, OR and NOT. Numbers are
--- compared as numbers where the key is one, all else as text, as dates can be.
---
--- https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html, Expression.

local partition_filter = {}

local LONGEST, DEEPEST = 2048, 50
local NUMERIC = { tinyint = true, smallint = true, int = true, bigint = true, float = true, double = true }
local NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

local function fail(text) error({ problem = text }, 0) end

-- --- words ------------------------------------------------------------------------------------------

-- 'text', in which a doubled quote is one.
local function literal_at(text, from)
  local parts, at = {}, from + 1
  while true do
    local quote = text:find("'", at, true) or fail("a quote does not end")
    parts[#parts + 1] = text:sub(at, quote - 1)
    if text:sub(quote + 1, quote + 1) ~= "'" then
      return { kind = "literal", text = table.concat(parts, "'") }, quote + 1
    end
    at = quote + 2
  end
end

local WORDS = { "^[<>!]=()", "^<>()", "^[=<>(),]()", "^[%w_%.%-%+]+()", '^"[^"]+"()', "^`[^`]+`()" }

local function word_at(text, from)
  if text:sub(from, from) == "'" then return literal_at(text, from) end
  for _, pattern in ipairs(WORDS) do
    local after = text:match(pattern, from)
    if after then return { kind = "word", text = text:sub(from, after - 1) }, after end
  end
  return fail("it is not understood at " .. text:sub(from, from + 10))
end

local function words_of(text)
  local words, at = {}, text:match("^%s*()")
  while at <= #text do
    words[#words + 1], at = word_at(text, at)
    at = text:match("^%s*()", at)
  end
  return words
end

-- --- a parser, a function a rule --------------------------------------------------------------------

local Parser = {}
Parser.__index = Parser

function Parser:peek()
  local word = self.words[self.at]
  return word and word.kind == "word" and word.text:upper() or nil
end

function Parser:take(wanted)
  if self:peek() ~= wanted then return false end
  self.at = self.at + 1
  return true
end

function Parser:expect(wanted)
  if not self:take(wanted) then fail("there should be a " .. wanted) end
end

function Parser:next()
  local word = self.words[self.at] or fail("it ends too early")
  self.at = self.at + 1
  return word
end

local COMPARE = {
  ["="] = function(a, b) return a == b end,
  ["!="] = function(a, b) return a ~= b end,
  ["<>"] = function(a, b) return a ~= b end,
  ["<"] = function(a, b) return a < b end,
  ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end,
  [">="] = function(a, b) return a >= b end,
}

local function literal_of(parser, key)
  local text = parser:next().text
  if not key.is_number then return text end
  return tonumber(text) or fail(key.name .. " is a number, and " .. text .. " is none")
end

-- A key without a value is equal to nothing, and not unlike anything either.
local function value_of(key, values)
  local value = values[key.at]
  if value == NO_VALUE then return nil end
  return key.is_number and tonumber(value) or value
end

local function between(parser, key)
  local low = literal_of(parser, key)
  parser:expect("AND")
  local high = literal_of(parser, key)
  return function(values)
    local value = value_of(key, values)
    return value ~= nil and value >= low and value <= high
  end
end

local function one_of(parser, key)
  local wanted = {}
  parser:expect("(")
  repeat
    wanted[literal_of(parser, key)] = true
  until not parser:take(",")
  parser:expect(")")
  return function(values)
    local value = value_of(key, values)
    return value ~= nil and wanted[value] == true
  end
end

local function is_null(parser, key)
  local is_not = parser:take("NOT")
  parser:expect("NULL")
  return function(values) return (value_of(key, values) == nil) ~= is_not end
end

-- % is any text, _ any character.
local function like(parser, key)
  local pattern = parser:next().text:gsub(".", function(character)
    if character == "%" then return ".*" end
    return character == "_" and "." or character:gsub("%p", "%%%0")
  end)
  return function(values)
    local value = value_of(key, values)
    return value ~= nil and tostring(value):find("^" .. pattern .. "$") ~= nil
  end
end

local PREDICATES = { BETWEEN = between, IN = one_of, IS = is_null, LIKE = like }

local function comparison(parser)
  local name = parser:next().text:gsub('^["`](.*)["`]$', "%1"):lower()
  local key = parser.keys[name] or fail("there is no partition key " .. name)
  local is_not = parser:take("NOT")
  local word = parser:next().text:upper()
  local predicate = PREDICATES[word]
  if predicate then
    local holds = predicate(parser, key)
    return is_not and function(values) return not holds(values) end or holds
  end
  local compare = COMPARE[word] or fail("there is no operator " .. word)
  local wanted = literal_of(parser, key)
  return function(values)
    local value = value_of(key, values)
    return value ~= nil and compare(value, wanted)
  end
end

local function enter(parser)
  parser.depth = parser.depth + 1
  if parser.depth > DEEPEST then fail("it is nested too deeply") end
end

local any_of

local function primary(parser)
  if parser:take("NOT") then
    enter(parser)
    local holds = primary(parser)
    return function(values) return not holds(values) end
  end
  if not parser:take("(") then return comparison(parser) end
  enter(parser)
  local holds = any_of(parser)
  parser:expect(")")
  return holds
end

local function all_of(parser)
  local left = primary(parser)
  while parser:take("AND") do
    local first, second = left, primary(parser)
    left = function(values) return first(values) and second(values) end
  end
  return left
end

function any_of(parser)
  local left = all_of(parser)
  while parser:take("OR") do
    local first, second = left, all_of(parser)
    left = function(values) return first(values) or second(values) end
  end
  return left
end

local function by_name(keys)
  local found = {}
  for at, key in ipairs(keys) do
    found[key.Name] = { name = key.Name, at = at, is_number = NUMERIC[key.Type] or key.Type:find("^decimal") ~= nil }
  end
  return found
end

--- @param expression string|nil
--- @param keys table[] {Name=, Type=Hive's}
--- @return (fun(values: string[]): boolean)|nil keeps  every partition without an expression
--- @return string|nil problem
function partition_filter.compile(expression, keys)
  if not expression or expression:find("^%s*$") then
    return function() return true end
  end
  if #expression > LONGEST then return nil, ("it is longer than %d bytes"):format(LONGEST) end
  local ok, result = pcall(function()
    local parser = setmetatable({ words = words_of(expression), at = 1, keys = by_name(keys), depth = 0 }, Parser)
    local holds = any_of(parser)
    if parser.words[parser.at] then fail("there is more than it should have") end
    return holds
  end)
  if ok then return result end
  if type(result) ~= "table" or not result.problem then error(result, 0) end
  return nil, result.problem
end

return partition_filter
