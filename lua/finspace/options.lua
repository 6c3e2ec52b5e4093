--- Tables of named options. A mistake in one is a mistake in the caller's code: it raises, names the
--- option, and offers the nearest name. A value is never shown, because it may be a secret.
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

local function is_seconds(value) return type(value) == "number" and value > 0 and value < math.huge end

local function is_count(value)
  return type(value) == "number" and value >= 1 and value < math.huge and value == math.floor(value)
end

local kinds = {
  seconds = { test = is_seconds, says = "a positive number of seconds" },
  count = { test = is_count, says = "a whole number from 1 up" },
}

local function fits(value, rule)
  if kinds[rule] then return kinds[rule].test(value) end
  return ("|" .. rule .. "|"):find("|" .. type(value) .. "|", 1, true) ~= nil
end

local function expectation(rule) return kinds[rule] and kinds[rule].says or "a " .. rule:gsub("|", " or a ") end

-- Options that had another name once.
local RENAMED = { cancelled = "cancel" }

local function refuse_name(what, name, rules, level)
  local now = RENAMED[name]
  if now and rules[now] then error(("%s: option %q is called %q now"):format(what, name, now), level) end
  error(("%s: unknown option %q%s"):format(what, tostring(name), options.suggestion(name, rules)), level)
end

--- Raises unless every option in `given` is one of `rules` and has its type. A rule is a Lua type,
--- several of them joined by `|`, "seconds" or "count".
--- @param what string           the function that was called, for the message
--- @param given table|nil
--- @param rules table<string, string>
--- @param level? integer        whom error() should blame; 3, the caller of the caller, when absent
--- @return table given
function options.check(what, given, rules, level)
  level = level or 3
  if given == nil then return {} end
  if type(given) ~= "table" then error(("%s takes a table of options, not a %s"):format(what, type(given)), level) end
  for name, value in pairs(given) do
    local rule = rules[name]
    if not rule then
      refuse_name(what, name, rules, level + 1)
    elseif not fits(value, rule) then
      local is = type(value) == "number" and "another number" or "a " .. type(value)
      error(("%s: option %q must be %s, not %s"):format(what, name, expectation(rule), is), level)
    end
  end
  return given
end

--- Raises unless the option is there.
--- @param what string
--- @param given table
--- @param name string
--- @param level? integer
function options.require(what, given, name, level)
  if given[name] == nil then error(("%s needs the option %q"):format(what, name), level or 3) end
  return given[name]
end

return options
