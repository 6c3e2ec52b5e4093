--- Refuses C initialisers that use the object that they initialise.
---
---   slice s = {.ptr = luaL_checklstring(L, 1, &s.len)};
---
--- C11 (6.7.9, paragraphs 19 and 23) leaves open whether the members that are not named become zero before
--- the call or after it: gcc keeps the length, clang sets it to 0, and neither warns.
local initialisers = {}

-- Words that may stand before a name without making it a declaration.
local KEYWORDS = { ["return"] = true, ["else"] = true, ["do"] = true, ["goto"] = true, ["case"] = true }

-- How what is no code begins, and how it ends.
local LITERALS = { ["/*"] = "%*/", ["//"] = "\n", ['"'] = '"', ["'"] = "'" }

local function blank(part) return (part:gsub("[^\n]", " ")) end

--- The first and the last byte of the next comment, string or character from `at` on.
local function next_literal(text, at)
  local first, last
  for opening, ending in pairs(LITERALS) do
    local start, stop = text:find(opening, at, true)
    if start and (not first or start < first) then
      first, last = start, select(2, text:find(ending, stop + 1)) or #text
    end
  end
  return first, last
end

--- The text with comments, strings, characters and subscripts replaced by blanks: every offset and line stays.
local function code_of(text)
  text = text:gsub("\\.", blank)
  local parts, at = {}, 1
  local first, last = next_literal(text, at)
  while first do
    parts[#parts + 1] = text:sub(at, first - 1) .. blank(text:sub(first, last))
    at = last + 1
    first, last = next_literal(text, at)
  end
  local code = (table.concat(parts) .. text:sub(at)):gsub("%b[]", blank)
  return code
end

--- What stands between `from` and the end of this declarator: a comma or semicolon outside all brackets, or the
--- next directive.
local function initialiser_at(text, from)
  local depth = 0
  for at, byte in text:gmatch("()([%(%){},;#])", from) do
    if byte:find("[%({]") then
      depth = depth + 1
    elseif byte:find("[%)}]") then
      depth = depth - 1
    end
    if depth < 0 or byte == "#" or (depth == 0 and byte:find("[,;]")) then return text:sub(from, at - 1) end
  end
  return text:sub(from)
end

--- Whether the name stands in the text as an object of its own: not as a member, not below sizeof.
local function mentions(text, name)
  text = text:gsub("sizeof%s*%(?%s*%*?%s*[%w_]+", " "):gsub("[%.>]%s*[%w_]+", " ")
  return text:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

local function is_declared(before)
  local word = before:match("([%a_][%w_]*)%s+%**$") or before:match("([%a_][%w_]*)%s*%*+%s*$")
  return word ~= nil and not KEYWORDS[word]
end

local function is_bad(before, name, value)
  if is_declared(before) then return mentions(value, name) end
  return value:find("{", 1, true) ~= nil and value:find("&%s*" .. name .. "%f[^%w_]") ~= nil
end

--- @param source string C
--- @return table faults a list of {line=, name=}
function initialisers.find(source)
  local text, faults = code_of(source), {}
  for start, name, stop in text:gmatch("()%f[%w_]([%a_][%w_]*)%s*=()") do
    local is_assignment = not text:sub(stop, stop):find("=", 1, true)
    if is_assignment and is_bad(text:sub(math.max(1, start - 80), start - 1), name, initialiser_at(text, stop)) then
      local _, newlines = text:sub(1, start):gsub("\n", "")
      faults[#faults + 1] = { line = newlines + 1, name = name }
    end
  end
  return faults
end

--- Prints the faults of the files; gives their number.
--- @param paths string[]
--- @return integer
function initialisers.report(paths)
  local count = 0
  for _, path in ipairs(paths) do
    local file = assert(io.open(path))
    for _, fault in ipairs(initialisers.find(file:read("*a"))) do
      count = count + 1
      print(
        ("%s:%d: the initialiser of '%s' uses '%s' itself; assign its members after it, one by one"):format(
          path,
          fault.line,
          fault.name,
          fault.name
        )
      )
    end
    file:close()
  end
  return count
end

-- As a program: the files are its arguments. As a module it is only loaded.
if arg and arg[0] and arg[0]:find("initialisers%.lua$") then os.exit(initialisers.report(arg) == 0) end

return initialisers
