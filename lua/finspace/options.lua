--- Options, declared once: a declaration checks what a caller gave and puts the defaults in, and the
--- annotations for editors and the reference are written from it (`make docs`).
---
---     local OPTIONS = options.declare {
---       what = "download",                  -- the function, for messages
---       class = "finspace.DownloadOptions", -- its name in annotations
---       { "source", "name", "`s3://bucket/key`, or a prefix that ends with `/`", required = true },
---       { "timeout", "seconds", "for each object", default = 60 },
---     }
---
--- A mistake in options is a mistake in the caller's code: it raises, names the option, and offers the nearest
--- name. A value is never shown, because it may be a secret.
local options = {}

local function distance(left, right)
  local previous = {}
  for column = 0, #right do
    previous[column] = column
  end
  for row = 1, #left do
    local current = { [0] = row }
    for column = 1, #right do
      local change = left:byte(row) == right:byte(column) and 0 or 1
      current[column] = math.min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + change)
    end
    previous = current
  end
  return previous[#right]
end

--- The name in `names` (a table keyed by name) that was most likely meant, or nil.
--- @param name string
--- @param names table<string, any>
--- @return string|nil
function options.nearest(name, names)
  local best, best_distance
  for candidate in pairs(names) do
    local apart = distance(name:lower(), candidate:lower())
    if not best or apart < best_distance or (apart == best_distance and candidate < best) then
      best, best_distance = candidate, apart
    end
  end
  return best and best_distance <= math.max(1, math.floor(#name * 0.4)) and best or nil
end

--- `; did you mean "x"?`, or nothing.
--- @param name any
--- @param names table<string, any>
--- @return string
function options.suggestion(name, names)
  local nearest = type(name) == "string" and options.nearest(name, names)
  return nearest and ("; did you mean %q?"):format(nearest) or ""
end

-- Types -----------------------------------------------------------------------------------------------

local function is_seconds(value) return type(value) == "number" and value > 0 and value < math.huge end

local function is_whole(value)
  return type(value) == "number" and value == math.floor(value) and value > -math.huge and value < math.huge
end

local function is_count(value) return is_whole(value) and value >= 1 end

local function is_name(value) return type(value) == "string" and value ~= "" end

-- What a type may be called beside Lua's own names: `of` is the Lua type, `annotation` how an editor reads it.
local KINDS = {
  seconds = { of = "number", test = is_seconds, says = "a positive number of seconds", annotation = "number" },
  count = { of = "number", test = is_count, says = "a whole number from 1 up", annotation = "integer" },
  integer = { of = "number", test = is_whole, says = "a whole number", annotation = "integer" },
  name = { of = "string", test = is_name, says = "a string that is not empty", annotation = "string" },
}

-- Alternatives are separated by `|`, but for those within brackets. A function's results may have some of their
-- own, so a function stands last.
local function alternatives(text)
  local parts, depth, from = {}, 0, 1
  for at, mark in text:gmatch("()([%(%)<>{}|])") do
    if text:find("^fun%(", from) then break end
    if mark == "|" and depth == 0 then
      parts[#parts + 1] = text:sub(from, at - 1)
      from = at + 1
    elseif mark ~= "|" then
      depth = depth + (mark:find("[%(<{]") and 1 or -1)
    end
  end
  parts[#parts + 1] = text:sub(from)
  return parts
end

local FUNCTIONS = { ["finspace.Provider"] = true, ["finspace.Transport"] = true }

-- The Lua type of what an annotation calls so.
local function lua_type(part)
  if part:find("^fun%(") or FUNCTIONS[part] then return "function" end
  local is_table = part:find("%[%]$") or part:find("^table<") or part:find("^{") or part:find("^finspace%.")
  return is_table and "table" or part
end

-- The check that one alternative stands for.
local function kind_of(part)
  if KINDS[part] then return KINDS[part] end
  local literal = part:match('^"(.*)"$')
  if literal then
    return { of = "string", test = function(value) return value == literal end, says = part, annotation = part }
  end
  local of = lua_type(part)
  return { of = of, test = function(value) return type(value) == of end, says = "a " .. of, annotation = part }
end

-- Declared types are few, and the same again and again.
local parsed = {}

local function parse(text)
  if not parsed[text] then
    local kinds = {}
    for i, part in ipairs(alternatives(text)) do
      kinds[i] = kind_of(part)
    end
    parsed[text] = kinds
  end
  return parsed[text]
end

local function fits(value, kinds)
  for _, kind in ipairs(kinds) do
    if kind.test(value) then return true end
  end
  return false
end

local function joined(kinds, field, separator)
  local words, seen = {}, {}
  for _, kind in ipairs(kinds) do
    local word = kind[field]
    if not seen[word] then words[#words + 1] = word end
    seen[word] = true
  end
  return table.concat(words, separator)
end

--- A declared type as an annotation writes it.
--- @param text string
--- @return string
function options.annotation(text) return joined(parse(text), "annotation", "|") end

-- Declarations ----------------------------------------------------------------------------------------

--- @class finspace.OptionRow
--- @field [1] string     its name
--- @field [2] string     its type: an annotation's, or "seconds", "count", "integer", "name"; several with `|`
--- @field [3] string     one sentence for the reference, without its full stop
--- @field required? boolean
--- @field default? any   what it is when it is absent
--- @field otherwise? string|number  the same in words, for the reference, where somebody else decides it

--- @class finspace.Declaration
--- @field what? string   the function that takes them; absent for a table that is given out
--- @field class string
--- @field summary? string   what the function does, where no doc comment says it
--- @field returns? string   what it gives first, as an annotation
--- @field rows finspace.OptionRow[]
--- @field by_name table<string, finspace.OptionRow>
--- @field defaults table<string, any>
local Declaration = {}
Declaration.__index = Declaration

--- All declarations, by class, for whoever writes the reference.
options.declared = {}

-- Those of a declaration, then those that it takes over from another.
local function all_rows(given)
  local rows = {}
  for _, list in ipairs { given, given.extends and given.extends.rows or {} } do
    for _, row in ipairs(list) do
      rows[#rows + 1] = row
    end
  end
  return rows
end

--- Declares options: rows, and `what`, `class`, `summary`, `returns`; `extends` takes another's rows over.
--- @param given table
--- @return finspace.Declaration
function options.declare(given)
  local rows, by_name, defaults = all_rows(given), {}, {}
  for _, row in ipairs(rows) do
    by_name[row[1]], defaults[row[1]] = row, row.default
  end
  local declaration = {
    what = given.what,
    class = given.class,
    summary = given.summary,
    returns = given.returns,
    extends = given.extends,
    rows = rows,
    by_name = by_name,
    defaults = defaults,
  }
  options.declared[given.class] = declaration
  return setmetatable(declaration, Declaration)
end

-- Options that had another name once.
local RENAMED = { cancelled = "cancel" }

local function name_fault(self, name)
  local now = RENAMED[name]
  if now and self.by_name[now] then return (": option %q is called %q now"):format(name, now) end
  return (": unknown option %q%s"):format(tostring(name), options.suggestion(name, self.by_name))
end

-- What was given instead, without showing it.
local function describe(value, kinds)
  if value == "" then return "an empty one" end
  if type(value) == "number" then return "another number" end
  for _, kind in ipairs(kinds) do
    if kind.of == type(value) then return "another " .. kind.of end
  end
  return "a " .. type(value)
end

local function type_fault(name, value, kinds)
  return (": option %q must be %s, not %s"):format(name, joined(kinds, "says", " or "), describe(value, kinds))
end

local function fault_of(self, given)
  for name, value in pairs(given) do
    local row = self.by_name[name]
    if not row then return name_fault(self, name) end
    local kinds = parse(row[2])
    if not fits(value, kinds) then return type_fault(name, value, kinds) end
  end
  for _, row in ipairs(self.rows) do
    if row.required and given[row[1]] == nil then return (" needs the option %q"):format(row[1]) end
  end
  return nil
end

--- Options with the defaults of those that are absent. The caller's table stays as it is.
--- @param given table|nil
--- @return table filled
function Declaration:filled(given)
  given = given or {}
  if next(self.defaults) == nil then return given end
  local filled = {}
  for name, default in pairs(self.defaults) do
    filled[name] = default
  end
  for name, value in pairs(given) do
    filled[name] = value
  end
  return filled
end

--- Raises unless every option is declared and has its type, and every required one is there.
--- @param given table|nil
--- @param level? integer  whom error() should blame; 3, the caller of the caller, when absent
--- @param what? string    the function's name in the message, where it is not the declaration's
--- @return table filled   with the defaults
function Declaration:check(given, level, what)
  local fault
  if given ~= nil and type(given) ~= "table" then
    fault = " takes a table of options, not a " .. type(given)
  else
    fault = fault_of(self, given or {})
  end
  if fault then error((what or self.what) .. fault, level or 3) end
  return self:filled(given)
end

return options
