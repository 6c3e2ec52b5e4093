--- Session policies: what AssumeRole's caller takes away from the keys that it is given. They allow nothing that the role's
--- user may not do; what they do not name they forbid. What this reader does not know it refuses: a policy that is half
--- understood would open more than it says.
---
--- The grammar and its meaning: IAM's User Guide, "Policies and permissions" and "IAM JSON policy elements".

local cjson = require("cjson.safe")

local session_policy = {}

local LONGEST = 2048 -- characters, as STS has it
local MOST_STATEMENTS = 64

local Policy = {}
Policy.__index = Policy

-- --- patterns ---------------------------------------------------------------------------------------

local STAR, QUESTION = ("*?"):byte(1, 2)

-- Whether a text is what a pattern of `*` and `?` describes; in a time that grows with the product of their lengths.
local function is_like(text, pattern)
  local at, in_pattern, star, resume = 1, 1, nil, nil
  while at <= #text do
    local byte = pattern:byte(in_pattern)
    if byte == STAR then
      star, resume = in_pattern, at
      in_pattern = in_pattern + 1
    elseif byte and (byte == QUESTION or byte == text:byte(at)) then
      at, in_pattern = at + 1, in_pattern + 1
    elseif star then
      resume = resume + 1
      at, in_pattern = resume, star + 1
    else
      return false
    end
  end
  return pattern:find("^%**$", in_pattern) ~= nil
end

local function is_any(text, patterns)
  for _, pattern in ipairs(patterns) do
    if is_like(text, pattern) then return true end
  end
  return false
end

-- --- reading ----------------------------------------------------------------------------------------

local function refuse(text, ...) error({ policy = text:format(...) }, 0) end

local function texts_of(value, what)
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" or #value == 0 then refuse("%s must be a text, or a list of them", what) end
  for _, text in ipairs(value) do
    if type(text) ~= "string" then refuse("%s must be a text, or a list of them", what) end
    if text:find("${", 1, true) then refuse("%s has a variable, which this service does not know", what) end
  end
  return value
end

local function check_members(value, known, what)
  for name in pairs(value) do
    if not known[name] then refuse("%s has a member %q, which this service does not know", what, tostring(name)) end
  end
end

local function equals(text, values)
  for _, value in ipairs(values) do
    if text == value then return true end
  end
  return false
end

-- What is compared must be there, but for the negated operators, which hold without it.
local OPERATORS = {
  StringEquals = function(text, values) return text ~= nil and equals(text, values) end,
  StringNotEquals = function(text, values) return text == nil or not equals(text, values) end,
  StringLike = function(text, values) return text ~= nil and is_any(text, values) end,
  StringNotLike = function(text, values) return text == nil or not is_any(text, values) end,
}

local KEYS = { ["s3:prefix"] = true, ["s3:delimiter"] = true }

local function conditions_of(given)
  local conditions = {}
  if given == nil then return conditions end
  if type(given) ~= "table" then refuse("Condition must be an object") end
  for operator, keys in pairs(given) do
    local holds = OPERATORS[operator]
    if not holds or type(keys) ~= "table" then
      refuse(
        "Condition has %q: there are %s",
        tostring(operator),
        "StringEquals, StringNotEquals, StringLike and StringNotLike"
      )
    end
    for key, values in pairs(keys) do
      if not KEYS[tostring(key):lower()] then
        refuse("Condition asks for %q: there are s3:prefix and s3:delimiter", tostring(key))
      end
      conditions[#conditions + 1] = { key = key:lower(), holds = holds, values = texts_of(values, "Condition") }
    end
  end
  return conditions
end

local function lower(patterns)
  local list = {}
  for i, pattern in ipairs(patterns) do
    list[i] = pattern:lower()
  end
  return list
end

local STATEMENT =
  { Sid = true, Effect = true, Action = true, NotAction = true, Resource = true, NotResource = true, Condition = true }

-- One of two members that say what is meant, or what is not.
local function choice_of(given, name)
  local plain, negated = given[name], given["Not" .. name]
  if (plain == nil) == (negated == nil) then refuse("a statement needs either %s or Not%s", name, name) end
  return texts_of(plain or negated, name), negated ~= nil
end

local function statement_of(given)
  if type(given) ~= "table" then refuse("Statement must be an object, or a list of them") end
  check_members(given, STATEMENT, "a statement")
  if given.Effect ~= "Allow" and given.Effect ~= "Deny" then refuse("Effect must be Allow or Deny") end
  local statement = { effect = given.Effect, conditions = conditions_of(given.Condition) }
  local actions
  actions, statement.is_other_action = choice_of(given, "Action")
  statement.actions = lower(actions)
  statement.resources, statement.is_other_resource = choice_of(given, "Resource")
  return statement
end

local function statements_of(given)
  if type(given) ~= "table" then refuse("Statement is missing") end
  local list = given.Effect and { given } or given
  if #list == 0 or #list > MOST_STATEMENTS then refuse("Statement must have 1 to %d statements", MOST_STATEMENTS) end
  local statements = {}
  for i, statement in ipairs(list) do
    statements[i] = statement_of(statement)
  end
  return statements
end

local DOCUMENT = { Version = true, Id = true, Statement = true }

local function read(text)
  if #text > LONGEST then refuse("it is longer than %d characters", LONGEST) end
  local document = cjson.decode(text)
  if type(document) ~= "table" then refuse("it is no JSON object") end
  check_members(document, DOCUMENT, "the policy")
  if document.Version ~= nil and document.Version ~= "2012-10-17" then refuse("Version must be 2012-10-17") end
  return setmetatable(statements_of(document.Statement), Policy)
end

--- @param text string JSON
--- @return table|nil policy
--- @return string|nil problem
function session_policy.read(text)
  local ok, result = pcall(read, text)
  if ok then return result end
  if type(result) ~= "table" or not result.policy then error(result, 0) end
  return nil, result.policy
end

-- --- judging ----------------------------------------------------------------------------------------

local function applies(statement, action, resource, context)
  if is_any(action:lower(), statement.actions) == statement.is_other_action then return false end
  if is_any(resource, statement.resources) == statement.is_other_resource then return false end
  for _, condition in ipairs(statement.conditions) do
    if not condition.holds(context[condition.key], condition.values) then return false end
  end
  return true
end

--- @param action string for example s3:GetObject
--- @param resource string an ARN
--- @param context? table<string, string> what conditions may ask for, by names in lower case
--- @return boolean
function Policy:allows(action, resource, context)
  local is_allowed = false
  for _, statement in ipairs(self) do
    if applies(statement, action, resource, context or {}) then
      if statement.effect == "Deny" then return false end
      is_allowed = true
    end
  end
  return is_allowed
end

return session_policy
