--- The public functions, told by the doc comments in their sources: methods for editors, sections for the
--- reference.
local client = require("finspace.client")
local docs_options = require("spec.support.docs_options")
local operations = require("finspace.call.operations")
local options = require("finspace.options")
local source = require("spec.support.docs_source")

local docs_functions = {}

--- @class spec.Public
--- @field name string           "load"
--- @field call string           "fs:load"
--- @field arguments string      "given"
--- @field prose string[]
--- @field tags string[]
--- @field takes? finspace.Declaration  the options of its one argument

local function public(name, call, found, first, takes)
  local arguments = found.arguments:gsub("^" .. (first or "\0") .. ",? ?", "")
  local tags = {}
  for _, tag in ipairs(found.tags) do
    if not first or not tag:find("^@param " .. first .. " ") then tags[#tags + 1] = tag end
  end
  return { name = name, call = call, arguments = arguments, prose = found.prose, tags = tags, takes = takes }
end

-- What `require "finspace"` gives, with where it is written.
local FRONT = {
  { "new", "client.lua", "client.new", "finspace.new" },
  { "run", "host/scheduler.lua", "scheduler.run" },
  { "spawn", "host/scheduler.lua", "scheduler.spawn" },
  { "gather", "host/scheduler.lua", "scheduler.gather" },
  { "sleep", "host/scheduler.lua", "scheduler.sleep" },
  { "loop", "host/scheduler.lua", "scheduler.loop" },
  { "attach", "host/scheduler.lua", "scheduler.attach" },
  { "changeset", "verbs/changeset.lua", "changeset.normalize" },
  { "names_columns", "formats/first_line.lua", "first_line.names_columns" },
  { "is_error", "errors.lua", "errors.is" },
}

--- @return spec.Public[]
function docs_functions.front()
  local list = {}
  for i, row in ipairs(FRONT) do
    local takes = row[4] and docs_options.of(row[4])
    list[i] = public(row[1], "finspace." .. row[1], source.find(row[2], row[3]), nil, takes)
  end
  return list
end

-- A method that is made from data has its words there, too.
local function waits()
  local list = {}
  for _, subject in ipairs { "changeset", "data_view", "dataset" } do
    local takes = docs_options.of("wait_" .. subject)
    local tags = { "@param given " .. takes.class, "@return " .. takes.returns, "@return finspace.Error|nil err" }
    list[#list + 1] = {
      name = "wait_" .. subject,
      call = "fs:wait_" .. subject,
      arguments = "given",
      prose = { takes.summary },
      tags = tags,
      takes = takes,
    }
  end
  return list
end

--- The methods that do a whole job: one file each in verbs/, and the waits.
--- @return spec.Public[]
function docs_functions.verbs()
  local list = {}
  for _, name in ipairs(client.VERBS) do
    local found = source.find(("verbs/%s.lua"):format(name), name .. ".run")
    local first = found.arguments:match("^([%w_]+),")
    list[#list + 1] = public(name, "fs:" .. name, found, first, docs_options.of(name))
  end
  for _, wait in ipairs(waits()) do
    list[#list + 1] = wait
  end
  return list
end

--- The other methods of the client, as client.lua has them.
--- @return spec.Public[]
function docs_functions.methods()
  local list = {}
  for _, found in ipairs(source.read("client.lua").functions) do
    local name = found.name:match("^Client[:.](%l[%w_]+)$")
    if name then list[#list + 1] = public(name, "fs:" .. name, found, nil, docs_options.of(name)) end
  end
  return list
end

local S3_NAMES = {
  ["upload.file"] = "upload_file",
  ["upload.sweep"] = "abort_uploads",
  ["download.file"] = "download_file",
}

--- The methods of fs.s3.
--- @return spec.Public[]
function docs_functions.s3()
  local list = {}
  for _, file in ipairs { "objects", "multipart", "upload", "download", "buckets" } do
    for _, found in ipairs(source.read(("s3/%s.lua"):format(file)).functions) do
      local name = S3_NAMES[found.name] or (found.arguments:find("^self") and found.name:match("%.([%w_]+)$"))
      local first = found.arguments:match("^([%w_]+)")
      if name then list[#list + 1] = public(name, "fs.s3:" .. name, found, first, docs_options.of(name)) end
    end
  end
  return list
end

--- The providers of finspace.credentials.
--- @return spec.Public[]
function docs_functions.credentials()
  local list = {}
  for _, found in ipairs(source.read("credentials.lua").functions) do
    local name = found.name:match("^credentials%.([%w_]+)$")
    local takes = name and docs_options.of("credentials." .. name)
    if name then list[#list + 1] = public(name, "credentials." .. name, found, nil, takes) end
  end
  return list
end

-- What calls give that has methods: the class, its source, and those of its methods that are for scripts.
local OBJECTS = {
  { "task", "host/scheduler.lua", "Task", { "wait", "cancel" } },
  { "pages", "call/pages.lua", "Pages", { "next", "items", "collect" } },
  { "loop", "host/loop.lua", "Loop", { "fd", "timeout", "step", "busy" } },
}

--- The methods of tasks, pages and loops.
--- @return spec.Public[]
function docs_functions.objects()
  local list = {}
  for _, object in ipairs(OBJECTS) do
    for _, name in ipairs(object[4]) do
      local found = source.find(object[2], ("%s:%s"):format(object[3], name))
      list[#list + 1] = public(name, ("%s:%s"):format(object[1], name), found)
    end
  end
  return list
end

-- For editors ------------------------------------------------------------------------------------------

--- Methods as an editor reads them.
--- @param lines string[]  what they are added to
--- @param class string    the local that holds the class
--- @param list spec.Public[]
function docs_functions.add_annotations(lines, class, list)
  for _, one in ipairs(list) do
    for _, text in ipairs(one.prose) do
      lines[#lines + 1] = text == "" and "---" or "--- " .. text
    end
    for _, tag in ipairs(one.tags) do
      lines[#lines + 1] = "--- " .. tag
    end
    lines[#lines + 1] = ("function %s:%s(%s) end"):format(class, one.name, one.arguments)
    lines[#lines + 1] = ""
  end
end

-- For the reference ------------------------------------------------------------------------------------

local function code(text) return "`" .. text .. "`" end

-- A result's type and name, and after two blanks what it is.
local function given_back(tag)
  local text = tag:match("^@return (.*)$")
  if not text then return nil end
  local type_, what = text:match("^(.-)%s%s+(.*)$")
  return type_ and ("%s (%s)"):format(code(type_), what) or code(text)
end

-- One line of a list for each argument that is not told by a table; then the results.
local function add_tags(lines, one)
  local gives = {}
  for _, tag in ipairs(one.tags) do
    local name, rest = tag:match("^@param (%S+) (.*)$")
    if name and not (one.takes and rest:find(one.takes.class, 1, true)) then
      local type_, text = source.split_type(rest)
      lines[#lines + 1] = ("- `%s`, %s%s"):format(name:gsub("%?$", ""), code(type_), text ~= "" and ": " .. text or "")
    end
    gives[#gives + 1] = given_back(tag)
  end
  if lines[#lines]:find("^%- ") then lines[#lines + 1] = "" end
  if #gives > 0 then lines[#lines + 1] = "Gives " .. table.concat(gives, ", ") .. ".\n" end
end

local function add_prose(lines, prose)
  local fenced = false
  for _, text in ipairs(prose) do
    local indented = text:find("^    ") ~= nil
    if indented ~= fenced then lines[#lines + 1] = indented and "```lua" or "```" end
    fenced = indented
    lines[#lines + 1] = indented and text:sub(5) or text
  end
  if fenced then lines[#lines + 1] = "```" end
  lines[#lines + 1] = ""
end

--- Sections of the reference.
--- @param lines string[]  what they are added to
--- @param list spec.Public[]
function docs_functions.add_sections(lines, list)
  for _, one in ipairs(list) do
    local arguments = one.takes and one.arguments:find("^given%??$") and " { … }" or "(" .. one.arguments .. ")"
    lines[#lines + 1] = ("### %s%s\n"):format(one.call, arguments)
    add_prose(lines, one.prose)
    add_tags(lines, one)
    if one.takes then docs_options.add_table(lines, one.takes) end
  end
end

-- "fs:load { file, dataset }"
local function usage(one)
  if not one.takes or one.arguments ~= "given" then return ("%s(%s)"):format(one.call, one.arguments) end
  local required = {}
  for _, row in ipairs(one.takes.rows) do
    if row.required then required[#required + 1] = row[1] end
  end
  return ("%s { %s }"):format(one.call, #required > 0 and table.concat(required, ", ") or "…")
end

-- The first sentence.
local function job(one)
  local text = table.concat(one.prose, " ")
  return (text:match("^(.-[%.:])%s") or text):gsub("[%.:]$", "")
end

--- A table of what there is: usage and job.
--- @param lines string[]  what it is added to
--- @param list spec.Public[]
function docs_functions.add_overview(lines, list)
  lines[#lines + 1] = "| call | job |\n|---|---|"
  for _, one in ipairs(list) do
    lines[#lines + 1] = ("| `%s` | %s |"):format(usage(one), (job(one):gsub("|", "\\|")))
  end
  lines[#lines + 1] = ""
end

-- A class as a table of its fields.
local function add_class(lines, class)
  lines[#lines + 1] = ("### %s\n\n| field | type | |\n|---|---|---|"):format(class.name:gsub(":.*", ""))
  for _, field in ipairs(class.fields) do
    local type_ = code((field.type:gsub("|", "\\|")))
    lines[#lines + 1] = ("| %s | %s | %s |"):format(field.name:gsub("%?$", ""), type_, (field.text:gsub("|", "\\|")))
  end
  lines[#lines + 1] = ""
end

--- The fields of an err.
--- @param lines string[]  what they are added to
function docs_functions.add_error(lines)
  for _, class in ipairs(source.read("errors.lua").classes) do
    if class.name == "finspace.Error" or class.name == "finspace.Fault" then add_class(lines, class) end
  end
end

--- What a module in C offers, as its annotations tell.
--- @param lines string[]  what it is added to
--- @param module "core"|"http"|"sys"|"hashing"
function docs_functions.add_module(lines, module)
  local read = source.read(("meta/%s.lua"):format(module))
  lines[#lines + 1] = "## finspace." .. module .. "\n"
  for _, found in ipairs(read.functions) do
    local name = found.name:gsub("^" .. module .. "%.", module .. ".")
    lines[#lines + 1] = ("### %s(%s)\n"):format(name, found.arguments)
    add_prose(lines, found.prose)
    add_tags(lines, { tags = found.tags })
    lines[#lines + 1] = ""
  end
  for _, class in ipairs(read.classes) do
    if #class.fields > 0 then add_class(lines, class) end
  end
end

--- Whether a name is one of the client's operations.
--- @param name string
--- @return boolean
function docs_functions.is_operation(name) return operations.methods()[name] ~= nil end

--- A declaration by its class.
--- @param class string
--- @return finspace.Declaration
function docs_functions.declaration(class) return assert(options.declared[class], class) end

return docs_functions
