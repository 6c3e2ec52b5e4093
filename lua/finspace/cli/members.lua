--- The members of an operation as options of the command line, made from the model.
local core = require("finspace.core")

local members = {}

--- `datasetId` as `dataset-id`, `CreateDataset` as `create-dataset`.
--- @param name string
--- @return string
function members.kebab(name) return (name:gsub("(%l)(%u)", "%1-%2"):lower()) end

local PLAIN = { string = "TEXT", integer = "N", long = "N", timestamp = "N", boolean = "true|false" }

local function argument_name(member)
  if member.enum and #table.concat(member.enum, "|") < 50 then return table.concat(member.enum, "|") end
  return PLAIN[member.type] or "JSON"
end

local function explanation(member)
  local words = { member.required and "Required." or nil }
  if member.client_token then table.insert(words, "One is made when it is absent.") end
  if not PLAIN[member.type] then table.insert(words, "As JSON, or @FILE.") end
  if member.min and member.max then
    table.insert(words, ("%g to %g%s."):format(member.min, member.max, member.type == "string" and " characters" or ""))
  end
  return table.concat(words, " ")
end

local function read_file(path)
  local handle, message = io.open(path, "rb")
  local text = handle and handle:read("*a")
  if handle then handle:close() end
  return text, "cannot read " .. (message or path)
end

local function read_json(text)
  local message
  if text:sub(1, 1) == "@" then
    text, message = read_file(text:sub(2))
    if not text then return nil, message end
  end
  local value
  value, message = core.decode(text)
  if value == nil then return nil, "it is not JSON: " .. tostring(message) end
  return value
end

local function read_number(text)
  local number = tonumber(text)
  if not number then return nil, ("%q is not a number"):format(text) end
  return math.tointeger and math.tointeger(number) or number
end

local function read_boolean(text)
  if text == "true" or text == "false" then return text end
  return nil, ("%q is neither true nor false"):format(text)
end

local READERS = {
  string = tostring,
  integer = read_number,
  long = read_number,
  timestamp = read_number,
  boolean = read_boolean,
}

-- A member as command lines spell it.
local function option_name(member) return "--" .. members.kebab(member.name) end

-- The reader of a member, whose messages name its option.
local function reader_of(member)
  local read = READERS[member.type] or read_json
  return function(text)
    local value, message = read(text)
    if value ~= nil then return value end
    return nil, option_name(member) .. ": " .. message
  end
end

--- Adds an option for each member.
--- @param command table  an argparse command
--- @param row table      of the model
function members.define(command, row)
  local options = {}
  for _, member in ipairs(row.input) do
    table.insert(
      options,
      command
        :option(option_name(member), explanation(member))
        :target("member_" .. member.name)
        :argname(argument_name(member))
        :convert(reader_of(member))
    )
  end
  if #options > 0 then
    command:group("Members", (table.unpack or unpack)(options)) -- luacheck: ignore
  end
end

--- The members that were given.
--- @param options table what argparse made of the command line
--- @param row table
--- @return table params
function members.collect(options, row)
  local params = {}
  for _, member in ipairs(row.input) do
    local value = options["member_" .. member.name]
    if member.type == "boolean" and value ~= nil then value = value == "true" end
    params[member.name] = value
  end
  return params
end

local function all_rows()
  local rows = {}
  for _, row in pairs(require("finspace.call.operations").methods()) do
    table.insert(rows, row)
  end
  table.sort(rows, function(left, right) return left.name < right.name end)
  return rows
end

local function is_named(row, arguments)
  local name = members.kebab(row.name)
  for _, word in ipairs(arguments) do
    if word == row.name or word:gsub("_", "-") == name then return true end
  end
  return false
end

--- The operation that a command line names.
--- @param arguments string[]
--- @return string|nil name  as commands are spelt
function members.named_in(arguments)
  for _, row in ipairs(all_rows()) do
    if is_named(row, arguments) then return members.kebab(row.name) end
  end
end

--- Adds a command for each operation. Only those that occur in `arguments` get their members: to
--- define all of them takes longer than most calls.
--- @param command table
--- @param arguments string[]|nil  nil: define all
--- @param extend fun(command: table, row: table)
function members.define_operations(command, arguments, extend)
  command:require_command(true):command_target("operation")
  for _, row in ipairs(all_rows()) do
    local operation = command
      :command(members.kebab(row.name))
      :hidden_name(row.name)
      :hidden_name((members.kebab(row.name):gsub("-", "_")))
    operation:summary(("%s %s"):format(row.method, row.path))
    if not arguments or is_named(row, arguments) then
      members.define(operation, row)
      extend(operation, row)
    end
  end
end

return members
