--- What went wrong, as the user of a command line reads it: with options to type where the library names those of
--- Lua code.
local members = require("finspace.cli.members")

local wording = {}

-- Options of the library that the command line has, too.
local OPTIONS = {
  profile = true,
  region = true,
  endpoint_url = true,
  s3_endpoint_url = true,
  environment_id = true,
  ca_file = true,
  timeout = true,
}

local function flag(name) return "--" .. name:gsub("_", "-") end

-- Sentences that tell Lua code what to do next, and what a shell does instead.
local SENTENCES = {
  { "`ensure_dataset` creates one", "`finspace load --create` creates one" },
  { ", name a profile with AWS_PROFILE, or give the credentials option", " or name a profile with --profile" },
  { "name an endpoint with the option endpoint_url,", "name an endpoint with --endpoint-url," },
  { "make one with ensure_auto_view", "make one with `finspace call create-data-view`" },
  { "Give the format: CSV", "Give it with --format: CSV" },
  { 'with format_params = { withHeader = "true" or "false" }', "with --header or --no-header" },
  { "format_params.separator", "--separator" },
  { "format_params.", "--format-param " },
  { "give a longer timeout", "give a longer --timeout" },
}

local function replace(text, from, to)
  local first, last = text:find(from, 1, true)
  return first and text:sub(1, first - 1) .. to .. text:sub(last + 1) or text
end

--- Names options as they are typed.
--- @param text string
--- @return string
function wording.of_text(text)
  for _, sentence in ipairs(SENTENCES) do
    text = replace(text, sentence[1], sentence[2])
  end
  return (text:gsub("the ([%l%d_]+) option", function(name) return OPTIONS[name] and flag(name) or nil end))
end

-- The service's own words come with its code and request id; ours say it all in the message.
local function is_ours(err) return not err.status and err.message and (not err.operation or err.operation:find("^%l")) end

--- One line or more for people.
--- @param err finspace.Error
--- @return string
function wording.of(err) return wording.of_text(is_ours(err) and err.message or tostring(err)) end

--- The same for an operation whose members were given as options.
--- @param err finspace.Error
--- @param row table  of the model
--- @return string
function wording.of_call(err, row)
  local text = wording.of(err)
  if not err.faults then return text end
  for _, member in ipairs(row.input) do
    text = text:gsub("(\n  )" .. member.name .. "%f[^%w]", "%1--" .. members.kebab(member.name))
  end
  return text
end

return wording
