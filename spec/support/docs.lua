--- Writes what is generated: the annotations for editors (lua/finspace/meta/) and the reference
--- (lua/finspace/reference.md), from the model's rows, the declared options and the doc comments of functions.
---
---     make docs
local functions = require("spec.support.docs_functions")
local docs_options = require("spec.support.docs_options")
local operations = require("finspace.call.operations")
local support = require("spec.support")

local docs = {}

local function path_of(name) return support.root .. "/lua/finspace/" .. name end

docs.ANNOTATIONS = path_of("meta/operations.lua")
docs.METHODS = path_of("meta/methods.lua")
docs.OPTIONS = path_of("meta/options.lua")
docs.REFERENCE = path_of("reference.md")

-- What an operation is for, where its name does not say it all.
local SUMMARIES = {
  CreateChangeset = "Makes a changeset of files in S3: data that is added to a dataset, or replaces what is there.",
  CreateDataView = "Makes a view of a dataset as of a time, or one that follows later changesets.",
  CreateDataset = "Makes a dataset: a title, a schema, and who may use it.",
  CreatePermissionGroup = "Makes a group whose members may do the same things.",
  CreateUser = "Makes a user of the environment.",
  DisableUser = "Takes a user's access away, without forgetting the user.",
  DisassociateUserFromPermissionGroup = "Takes a user out of a group.",
  AssociateUserToPermissionGroup = "Puts a user into a group.",
  EnableUser = "Gives a disabled user access again.",
  GetChangeset = "Describes a changeset: its status above all, and its error when it failed.",
  GetDataset = "Describes a dataset, by its id or its alias.",
  GetExternalDataViewAccessDetails = "Gives the place of a view's files in S3, and temporary keys that open it.",
  GetProgrammaticAccessCredentials = "Exchanges IAM keys for FinSpace's own temporary ones. The option "
    .. "`environment_id` of `finspace.new` does this by itself.",
  GetWorkingLocation = "Gives a place in S3 where files may be staged.",
  ListPermissionGroupsByUser = "Lists the groups that a user is in.",
  ListUsersByPermissionGroup = "Lists the users in a group.",
  ResetUserPassword = "Gives a user a temporary password.",
  UpdateChangeset = "Replaces a changeset's files by others.",
}

local VERBS = { Create = "Makes", Delete = "Deletes", Get = "Describes", List = "Lists", Update = "Changes" }

local function words_of(name) return (name:gsub("(%l)(%u)", "%1 %2"):lower()) end

local function summary_of(row)
  if SUMMARIES[row.name] then return SUMMARIES[row.name] end
  local verb, rest = row.name:match("^(%u%l+)(.+)$")
  local article = verb == "List" and "" or "a "
  return ("%s %s%s."):format(VERBS[verb] or verb .. "s", article, words_of(rest))
end

-- Types -----------------------------------------------------------------------------------------------

local SCALARS = { string = "string", integer = "integer", long = "integer", boolean = "boolean", timestamp = "number" }

local function enumeration(values)
  local words = {}
  for i, value in ipairs(values) do
    words[i] = ("%q"):format(value)
  end
  return table.concat(words, "|")
end

--- The Lua type of a shape, as an annotation writes it.
local function annotation(shape)
  if shape.enum then return enumeration(shape.enum) end
  if shape.type == "structure" then return "finspace." .. shape.structure end
  if shape.type == "map" then return ("table<string, %s>"):format(annotation(shape.value)) end
  if shape.type == "list" then
    local element = annotation(shape.of)
    return (element:find("|", 1, true) and "(" .. element .. ")" or element) .. "[]"
  end
  return SCALARS[shape.type]
end

local function bounds(shape)
  if not shape.min and not shape.max then return nil end
  local range = shape.min and shape.max and ("%d to %d"):format(shape.min, shape.max)
    or shape.max and ("at most %d"):format(shape.max)
    or ("at least %d"):format(shape.min)
  return shape.type == "string" and range .. " characters" or range
end

-- What a member must keep to, in words; nothing for a member without rules.
local function rules(member)
  local list = { bounds(member) }
  if member.pattern then list[#list + 1] = "matches `" .. member.pattern .. "`" end
  for _, part in ipairs { { "each", member.of }, { "keys", member.key }, { "values", member.value } } do
    local inner = part[2] and bounds(part[2])
    if inner then list[#list + 1] = part[1] .. " " .. inner end
  end
  if member.sensitive then list[#list + 1] = "never shown in errors and logs" end
  if member.client_token then list[#list + 1] = "made for each call when absent" end
  return table.concat(list, "; ")
end

-- All structures that a list of members leads to, by name.
local function collect(members, types)
  for _, member in ipairs(members) do
    local shape = member
    while shape.of or shape.value do
      shape = shape.of or shape.value
    end
    if shape.structure and not types[shape.structure] then
      types[shape.structure] = shape.members
      collect(shape.members, types)
    end
  end
end

local function all_types()
  local types, names = {}, {}
  for _, row in ipairs(operations.rows()) do
    collect(row.input, types)
    collect(row.output, types)
  end
  for name in pairs(types) do
    names[#names + 1] = name
  end
  table.sort(names)
  return types, names
end

-- "CreateChangeset", or with its form where there are two.
local function form_name(row)
  local newest = operations.methods()[operations.snake_case(row.name)]
  return newest.generation == row.generation and row.name or row.name .. "_" .. row.generation:gsub("-", "_")
end

-- The forms of each operation, newest first, in the rows' order.
local function by_name()
  local order, forms = {}, {}
  for _, row in ipairs(operations.rows()) do
    if not forms[row.name] then
      forms[row.name] = {}
      order[#order + 1] = row.name
    end
    table.insert(forms[row.name], row)
    table.sort(forms[row.name], function(left, right) return left.generation > right.generation end)
  end
  return order, forms
end

-- Annotations -----------------------------------------------------------------------------------------

local function add_class(lines, name, members)
  lines[#lines + 1] = "--- @class finspace." .. name
  for _, member in ipairs(members) do
    local note = rules(member)
    lines[#lines + 1] = ("--- @field %s%s %s%s"):format(
      member.name,
      member.required and "" or "?",
      annotation(member),
      note ~= "" and "  " .. note or ""
    )
  end
  lines[#lines + 1] = ""
end

local function add_method(lines, forms)
  local inputs, outputs = {}, {}
  for i, row in ipairs(forms) do
    inputs[i], outputs[i] = ("finspace.%sInput"):format(form_name(row)), ("finspace.%sOutput"):format(form_name(row))
  end
  local optional = true
  for _, member in ipairs(forms[1].input) do
    optional = optional and not member.required
  end
  lines[#lines + 1] = "--- " .. summary_of(forms[1])
  lines[#lines + 1] = ("--- @param params%s %s"):format(optional and "?" or "", table.concat(inputs, "|"))
  lines[#lines + 1] = "--- @param call_options? finspace.CallOptions"
  lines[#lines + 1] = ("--- @return %s|nil result"):format(table.concat(outputs, "|"))
  lines[#lines + 1] = "--- @return finspace.Error|nil err"
  lines[#lines + 1] = ("function Client:%s(params, call_options) end"):format(operations.snake_case(forms[1].name))
  lines[#lines + 1] = ""
end

--- The annotations file.
--- @return string
function docs.annotations()
  local lines = { "--- @meta", "-- Written by `make docs` from the model. Do not edit.", "-- luacheck: ignore", "" }
  local types, names = all_types()
  for _, name in ipairs(names) do
    add_class(lines, name, types[name])
  end
  local order, forms = by_name()
  for _, name in ipairs(order) do
    for _, row in ipairs(forms[name]) do
      add_class(lines, form_name(row) .. "Input", row.input)
      add_class(lines, form_name(row) .. "Output", row.output)
    end
  end
  lines[#lines + 1] = "--- @class finspace.Client"
  lines[#lines + 1] = "local Client = {}\n"
  for _, name in ipairs(order) do
    add_method(lines, forms[name])
  end
  lines[#lines] = nil
  return table.concat(lines, "\n") .. "\n"
end

local function annotated(kind, class)
  local lines =
    { "--- @meta", "-- Written by `make docs` from " .. kind .. ". Do not edit.", "-- luacheck: ignore", "" }
  if class then lines[#lines + 1] = class end
  return lines
end

local function finished(lines)
  lines[#lines] = nil
  return table.concat(lines, "\n") .. "\n"
end

--- The annotations of what the client and fs.s3 do beside the operations.
--- @return string
function docs.methods()
  local lines = annotated("the doc comments", "--- @class finspace.Client\nlocal Client = {}\n")
  functions.add_annotations(lines, "Client", functions.verbs())
  lines[#lines + 1] = "--- @class finspace.S3\nlocal S3 = {}\n"
  functions.add_annotations(lines, "S3", functions.s3())
  return finished(lines)
end

--- The annotations of all declared options.
--- @return string
function docs.options()
  local lines = annotated("the declared options")
  for _, name in ipairs(docs_options.classes()) do
    docs_options.add_class(lines, name)
  end
  return finished(lines)
end

-- The reference ---------------------------------------------------------------------------------------

-- A shape for people, with a link where it is a structure.
local function readable(shape)
  if shape.enum then return table.concat(shape.enum, ", ") end
  if shape.type == "structure" then return ("[%s](#%s)"):format(shape.structure, shape.structure:lower()) end
  if shape.type == "map" then return "map of string to " .. readable(shape.value) end
  if shape.type == "list" then return "list of " .. readable(shape.of) end
  if shape.type == "long" then return "integer (64 bits)" end
  if shape.type == "timestamp" then return "epoch seconds, with a fraction" end
  return shape.type
end

local function cell(text) return (text:gsub("|", "\\|")) end

local function add_members(lines, members, with_place)
  lines[#lines + 1] = with_place and "| member | in | type | rules |" or "| member | type | rules |"
  lines[#lines + 1] = with_place and "|---|---|---|---|" or "|---|---|---|"
  for _, member in ipairs(members) do
    local name = member.required and ("**%s**"):format(member.name) or member.name
    local place = with_place and (" %s |"):format(member.place) or ""
    lines[#lines + 1] = ("| %s |%s %s | %s |"):format(name, place, cell(readable(member)), cell(rules(member)))
  end
  lines[#lines + 1] = ""
end

local function example_value(shape)
  if shape.enum then return ("%q"):format(shape.enum[1]) end
  if shape.type == "string" then return '"…"' end
  if shape.type == "structure" or shape.type == "list" then return "{ … }" end
  if shape.type == "map" then return '{ … = "…" }' end
  return shape.type == "boolean" and "true" or tostring(shape.max or 1)
end

local function example(row)
  local parts = {}
  for _, member in ipairs(row.input) do
    if member.required then parts[#parts + 1] = ("%s = %s"):format(member.name, example_value(member)) end
  end
  local arguments = #parts > 0 and " { " .. table.concat(parts, ", ") .. " }" or "()"
  return ("local result, err = fs:%s%s"):format(operations.snake_case(row.name), arguments)
end

local function traits(row)
  local list = {}
  if row.pagination then
    list[#list + 1] = ("A list in pages: `fs:each(%q, …)` walks all of it."):format(operations.snake_case(row.name))
  end
  if row.client_token then
    list[#list + 1] = "Safe to repeat: it carries a clientToken, the same for all attempts of one call."
  elseif row.method ~= "GET" and not row.name:find("^Get") then
    list[#list + 1] = "Without a clientToken: repeated only when it surely was not applied."
  end
  return table.concat(list, " ")
end

local function add_form(lines, row, alone)
  local form = alone and "" or ("**The %s form.** "):format(row.generation)
  lines[#lines + 1] = ("%s`%s %s`\n"):format(form, row.method, row.path)
  lines[#lines + 1] = "```lua\n" .. example(row) .. "\n```\n"
  local notes = traits(row)
  if notes ~= "" then lines[#lines + 1] = notes .. "\n" end
  if #row.input > 0 then add_members(lines, row.input, true) end
  lines[#lines + 1] = "Gives:\n"
  add_members(lines, row.output)
  lines[#lines + 1] = "Errors: " .. table.concat(row.errors, ", ") .. ".\n"
end

local INTRODUCTION = [[
# Reference

Written by `make docs` from the model, the declared options and the doc comments. Do not edit.

- [finspace](#finspace): the module
- [Methods that do a whole job](#methods-that-do-a-whole-job)
- [Other methods of the client](#other-methods-of-the-client)
- [Tasks, pages and loops](#tasks-pages-and-loops)
- [The err](#the-err)
- [What a logger is told](#what-a-logger-is-told)
- [fs.s3](#fss3)
- [finspace.credentials](#finspacecredentials)
- [Operations](#operations)
- [Types](#types)
- [Modules in C](#modules-in-c): finspace.core, finspace.hashing, finspace.http, finspace.sys

**Bold** members and options are required. An option that is unknown or of another type raises, and is named.
]]

local OPERATIONS = [[
# Operations

Each operation is a method of the client, in snake_case; its members keep the wire's spelling. Every call takes a
table of members and, after it, options of its own. It gives a table, or `nil` and an err. All times are epoch
milliseconds, but for the one that says otherwise.
]]

local C_MODULES = [[
# Modules in C

What the client and the service are built on. They are there for those who write a host or a service of their own.
]]

local function add_functions(lines)
  lines[#lines + 1] = '# finspace\n\n`local finspace = require("finspace")`\n'
  functions.add_sections(lines, functions.front())
  lines[#lines + 1] = "# Methods that do a whole job\n"
  functions.add_overview(lines, functions.verbs())
  functions.add_sections(lines, functions.verbs())
  lines[#lines + 1] = "# Other methods of the client\n"
  functions.add_sections(lines, functions.methods())
  lines[#lines + 1] = "# Tasks, pages and loops\n"
  functions.add_sections(lines, functions.objects())
  lines[#lines + 1] = "# The err\n"
  functions.add_error(lines)
  lines[#lines + 1] = "# What a logger is told\n"
  for _, class in ipairs { "finspace.LogEvent", "finspace.LogWarning", "finspace.LoadEvent", "finspace.DownloadEvent" } do
    lines[#lines + 1] = ("### %s\n"):format(class)
    docs_options.add_table(lines, functions.declaration(class))
  end
  lines[#lines + 1] = "# fs.s3\n\nS3, with the client's keys and retries.\n"
  functions.add_sections(lines, functions.s3())
  lines[#lines + 1] = '# finspace.credentials\n\n`local credentials = require("finspace.credentials")`\n'
  functions.add_sections(lines, functions.credentials())
end

local function add_operations(lines)
  local order, forms = by_name()
  lines[#lines + 1] = OPERATIONS
  docs_options.add_table(lines, functions.declaration("finspace.CallOptions"))
  for _, name in ipairs(order) do
    lines[#lines + 1] = ("- [%s](#%s)"):format(name, name:lower())
  end
  lines[#lines + 1] = ""
  for _, name in ipairs(order) do
    lines[#lines + 1] = "## " .. name .. "\n"
    lines[#lines + 1] = summary_of(forms[name][1]) .. "\n"
    for _, row in ipairs(forms[name]) do
      add_form(lines, row, #forms[name] == 1)
    end
  end
end

local function add_types(lines)
  lines[#lines + 1] = "# Types\n"
  local types, names = all_types()
  for _, name in ipairs(names) do
    lines[#lines + 1] = "## " .. name .. "\n"
    add_members(lines, types[name])
  end
end

--- The reference page.
--- @return string
function docs.reference()
  local lines = { INTRODUCTION }
  add_functions(lines)
  add_operations(lines)
  add_types(lines)
  lines[#lines + 1] = C_MODULES
  for _, module in ipairs { "core", "hashing", "http", "sys" } do
    functions.add_module(lines, module)
  end
  return (finished(lines):gsub("\n\n\n+", "\n\n"))
end

--- Writes all files.
function docs.write()
  support.write_file(docs.ANNOTATIONS, docs.annotations())
  support.write_file(docs.METHODS, docs.methods())
  support.write_file(docs.OPTIONS, docs.options())
  support.write_file(docs.REFERENCE, docs.reference())
end

if arg and arg[0] and arg[0]:find("docs%.lua$") then docs.write() end

return docs
