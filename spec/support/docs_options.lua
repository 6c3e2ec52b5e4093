--- What is written from the declared options: classes for editors, tables for the reference.
local options = require("finspace.options")

local docs_options = {}

-- Every module that declares options, so that all of them are there. Order is the reference's.
for _, module in ipairs {
  "finspace.client",
  "finspace.call.exchange",
  "finspace.credentials",
  "finspace.s3",
  "finspace.verbs.load",
  "finspace.verbs.download",
  "finspace.verbs.find_dataset",
  "finspace.verbs.ensure_dataset",
  "finspace.verbs.infer_schema",
  "finspace.verbs.ensure_auto_view",
  "finspace.verbs.read_view",
  "finspace.verbs.sign",
  "finspace.verbs.wait",
} do
  require(module)
end

--- The names of all declared classes, sorted.
--- @return string[]
function docs_options.classes()
  local names = {}
  for name in pairs(options.declared) do
    if name:find("^finspace%.") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- The declaration of what a function takes.
--- @param what string  for example "load"
--- @return finspace.Declaration|nil
function docs_options.of(what)
  for _, declaration in pairs(options.declared) do
    if declaration.what == what then return declaration end
  end
  return nil
end

local function default_of(row)
  if row.default ~= nil then return row.default end
  return row.otherwise
end

-- "seconds, for one attempt (60)"
local function sentence(row)
  local text = row[2] == "seconds" and "seconds, " .. row[3] or row[3]
  local default = default_of(row)
  return default ~= nil and ("%s (%s)"):format(text, tostring(default)) or text
end

-- How many of a declaration's rows are its own; the others are taken over.
local function own_count(declaration)
  return #declaration.rows - (declaration.extends and #declaration.extends.rows or 0)
end

--- A class as an editor reads it.
--- @param lines string[]  what it is added to
--- @param name string
function docs_options.add_class(lines, name)
  local declaration = options.declared[name]
  local base = declaration.extends and ": " .. declaration.extends.class or ""
  lines[#lines + 1] = ("--- @class %s%s"):format(name, base)
  for i = 1, own_count(declaration) do
    local row = declaration.rows[i]
    local mark = row.required and "" or "?"
    lines[#lines + 1] = ("--- @field %s%s %s  %s"):format(row[1], mark, options.annotation(row[2]), sentence(row))
  end
  lines[#lines + 1] = ""
end

local READABLE = { seconds = "seconds", count = "integer, from 1", name = "string" }

local function cell(text) return (text:gsub("|", "\\|")) end

local function type_cell(text)
  local readable = READABLE[text] or options.annotation(text):gsub('"', "")
  return readable:find("[%(<{%.]") and "`" .. cell(readable) .. "`" or cell(readable)
end

local function default_cell(row)
  local default = default_of(row)
  if default == nil or default == "" then return "" end
  return type(default) == "string" and default:find(" ") and default or "`" .. tostring(default) .. "`"
end

--- A table of options, or of what an event tells. **Bold** ones are required.
--- @param lines string[]  what it is added to
--- @param declaration finspace.Declaration
function docs_options.add_table(lines, declaration)
  lines[#lines + 1] = ("| %s | type | default | |"):format(declaration.what and "option" or "field")
  lines[#lines + 1] = "|---|---|---|---|"
  for _, row in ipairs(declaration.rows) do
    local name = row.required and "**" .. row[1] .. "**" or row[1]
    lines[#lines + 1] = ("| %s | %s | %s | %s |"):format(name, type_cell(row[2]), default_cell(row), cell(row[3]))
  end
  lines[#lines + 1] = ""
end

return docs_options
