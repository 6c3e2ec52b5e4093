--- The dialect of the shared AWS files, as the AWS SDKs have agreed on it: `[default]`, `[profile x]`,
--- `[sso-session x]` and `[services x]` in the config file, `[x]` in the credentials file; `name = value` or,
--- as botocore's parser takes it, `name: value`; an indented line continues a value, or is a setting of its own
--- below an empty one. Every step is linear in the text's size, so whoever bounds the text bounds the time and
--- the memory.
local words = require("finspace.formats.shell_words")

local dialect = {}

local BYTE_ORDER_MARK = "\239\187\191"

-- Linear on any input, unlike the usual "^%s*(.-)%s*$".
local function trim(text) return text:match("^%s*(.*%S)") or "" end

local KINDS = { ["profile"] = "profiles", ["sso-session"] = "sso_sessions", ["services"] = "services" }

local function is_name(text) return text:find("^[%w_%-/%.%%@:%+]+$") ~= nil end

-- A quoted name may be anything that can be printed.
local function is_quoted_name(text) return text ~= "" and not text:find("%c") end

-- What `aws configure` writes into the credentials file for a name with blanks is that name as it is.
local function credentials_target(header)
  local prefix = header:match("^(%S+)%s")
  if prefix ~= "profile" and is_name((header:gsub("[ \t]", ""))) then return "profiles", header end
  return nil, "a profile's name has letters, digits, blanks and - _ / . % @ : + only, and no prefix in this file"
end

-- `kind name`, and the name in quotes where it has blanks.
local function config_target(header)
  local prefix, name = header:match("^(%S+)%s+(.+)$")
  local group = KINDS[prefix]
  if not group then return nil, "in this file a profile is written [profile " .. header .. "]" end
  if is_name(name) then return group, name, prefix == "profile" end
  local parts = name:find("[\"'\\]") and words.split(name)
  if parts and #parts == 1 and is_quoted_name(parts[1]) then return group, parts[1], prefix == "profile" end
  return nil,
    ("a name has letters, digits and - _ / . %% @ : + only, or stands in quotes: [%s '%s']"):format(prefix, name)
end

-- What a section's header stands for in this kind of file: where its settings go (profiles,
-- sso_sessions, services) and under which name, or nil and why it counts for nothing.
local function section_target(header, kind)
  if kind == "credentials" then return credentials_target(header) end
  if header == "default" then return "profiles", "default" end
  return config_target(header)
end

local function new_parser(kind, file)
  return {
    kind = kind,
    file = file,
    line = 0,
    section = nil, -- of the current section: { settings = {}, places = {} }
    setting = nil, -- the current setting, which an indented line continues
    result = { profiles = {}, sso_sessions = {}, services = {}, ignored = {} },
  }
end

local function fault(parser, message) return nil, message .. " (" .. parser.file .. " line " .. parser.line .. ")" end

-- A value that goes on over lines is kept in pieces, so that a long one stays linear.
local function finish_setting(parser)
  local setting = parser.setting
  parser.setting = nil
  if not setting or setting.ignored then return end
  parser.section.settings[setting.name] = setting.nested or table.concat(setting.pieces, "\n")
  parser.section.places[setting.name] = parser.file .. " line " .. setting.line
end

local function open_section(parser, group, name)
  local sections = parser.result[group]
  sections[name] = sections[name] or { settings = {}, places = {}, line = parser.line }
  return sections[name]
end

-- `[profile default]` hides every `[default]`, before it or after it.
local function open_profile(parser, group, name, prefixed)
  if group ~= "profiles" or name ~= "default" or parser.kind == "credentials" then
    return open_section(parser, group, name)
  end
  local profiles = parser.result.profiles
  local known = profiles.default
  if known and known.prefixed and not prefixed then return { settings = {}, places = {} } end
  if known and prefixed and not known.prefixed then profiles.default = nil end
  local section = open_section(parser, group, name)
  section.prefixed = prefixed
  return section
end

local function read_header(parser, line)
  local header, rest = line:match("^%[([^%]]*)%](.*)$")
  if not header then return fault(parser, "a section's name must end with ']'") end
  if trim(rest):find("^[^#;]") then return fault(parser, "nothing but a comment may follow ']'") end
  header = trim(header)
  local group, name, prefixed = section_target(header, parser.kind)
  if group then
    parser.section = open_profile(parser, group, name, prefixed)
  else
    parser.section = { settings = {}, places = {} }
    local section = { header = header, why = name, line = parser.line, file = parser.file }
    table.insert(parser.result.ignored, section)
  end
  return true
end

local function read_setting(parser, line)
  if not parser.section then
    return fault(parser, "a setting stands before any section: put [default] or [profile NAME] above it")
  end
  local name, value = line:match("^([^=:]*)[=:](.*)$")
  if not name then return fault(parser, "a setting is written name = value, and this line has no '='") end
  name = trim(name):lower()
  if name == "" then return fault(parser, "a setting has no name before its '='") end
  local comment = value:find("%s[#;]")
  value = trim(comment and value:sub(1, comment - 1) or value)
  parser.setting = { name = name, line = parser.line, pieces = { value }, ignored = not is_name(name) }
  return true
end

local function read_nested(parser, line)
  local setting = parser.setting
  local name, value = line:match("^([^=]*)=(.*)$")
  if not name then
    return fault(parser, "below '" .. setting.name .. " =' every line is name = value, and this one has no '='")
  end
  name = trim(name):lower()
  if name == "" then return fault(parser, "a setting below '" .. setting.name .. " =' has no name") end
  setting.nested = setting.nested or {}
  setting.nested[name] = trim(value)
  return true
end

local function read_continuation(parser, line)
  local setting = parser.setting
  if not setting then
    return fault(parser, "an indented line continues a setting, and there is none above it: remove the spaces")
  end
  if setting.ignored then return true end
  if setting.pieces[1] == "" then return read_nested(parser, trim(line)) end
  table.insert(setting.pieces, trim(line))
  return true
end

local function read_line(parser, line)
  if not line:find("%S") or line:find("^%s*[#;]") then return true end
  if line:find("^%s") then return read_continuation(parser, line) end
  finish_setting(parser)
  if line:find("^%[") then return read_header(parser, line) end
  return read_setting(parser, line)
end

--- Parses one file's text. Pure.
--- @param text string
--- @param kind "config"|"credentials"
--- @param file string the name that messages give it
--- @return table|nil parsed { profiles = { [name] = { settings, places, line } }, sso_sessions, services, ignored }
--- @return string|nil message what is wrong, and the file and line
function dialect.parse(text, kind, file)
  local parser = new_parser(kind, file)
  if text:sub(1, 3) == BYTE_ORDER_MARK then text = text:sub(4) end
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    parser.line = parser.line + 1
    if line:find("%z") then return fault(parser, "a NUL byte: this is not a text file in UTF-8") end
    local ok, message = read_line(parser, line)
    if not ok then return nil, message end
  end
  finish_setting(parser)
  return parser.result
end

return dialect
