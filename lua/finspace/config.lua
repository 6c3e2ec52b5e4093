--- The shared AWS files: ~/.aws/config and ~/.aws/credentials, read into profiles, single sign-on
--- sessions and services sections, with the place of every setting kept for messages.
local dialect = require("finspace.config.dialect")
local errors = require("finspace.errors")
local host = require("finspace.host")

local config = {}

-- A real file has a few kilobytes; whatever is larger than this is not one.
local MAX_FILE = 1024 * 1024

-- Where the files are --------------------------------------------------------------------------

local function set(value) return value ~= nil and value ~= "" and value or nil end

-- The home folder of the first user in the system's list of whom `is_wanted` says so.
local function home_of(is_wanted)
  local users = require("finspace.sys").read_limited("/etc/passwd", MAX_FILE) or ""
  for name, id, folder in ("\n" .. users):gmatch("\n([^:\n]*):[^:\n]*:(%d+):[^:\n]*:[^:\n]*:([^:\n]*)") do
    if is_wanted(name, tonumber(id)) then return folder end
  end
end

-- Whoever runs the process, as boto3 (Python's expanduser) has it where no variable names a folder.
local function own_home()
  local process = require("finspace.sys").stat("/proc/self")
  return process and home_of(function(_, id) return id == process.uid end)
end

--- The user's home folder. A `getenv` other than the process' own says all that there is to say.
--- @param getenv fun(name: string): string|nil
--- @return string|nil folder
function config.home(getenv)
  local drive, path = getenv("HOMEDRIVE"), getenv("HOMEPATH")
  local named = set(getenv("HOME")) or set(getenv("USERPROFILE")) or (drive and path and drive .. path)
  return named or (getenv == os.getenv and own_home() or nil)
end

-- As boto3 does it: variables first, then a tilde at the start; what is not known stays as it is.
local function expand(path, getenv, folder)
  path = path:gsub("%$([%w_]+)", getenv):gsub("%${([^}]*)}", getenv)
  local name, rest = path:match("^~([^/]*)(.*)$")
  local start = name == "" and folder or name and home_of(function(user) return user == name end)
  return start and start .. rest or path
end

--- Where the two files and the cache of single sign-on tokens are, by the environment.
--- @param getenv fun(name: string): string|nil
--- @param separator string|nil "\\" on Windows; default: this system's
--- @return table locations { config =, credentials =, sso_cache = } each nil where there is no home folder
function config.locations(getenv, separator)
  separator = separator or package.config:sub(1, 1)
  local folder = config.home(getenv)
  local function place(variable, ...)
    local named = variable and set(getenv(variable))
    if named then return expand(named, getenv, folder) end
    return folder and table.concat({ folder, ".aws", ... }, separator)
  end
  return {
    config = place("AWS_CONFIG_FILE", "config"),
    credentials = place("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    sso_cache = place(nil, "sso", "cache"),
  }
end

-- Loading --------------------------------------------------------------------------------------

--- Where files come from: the runtime's own reader in specs, the system's otherwise.
--- @return table files { read_limited = function(path, max), stat = function(path) }
function config.files(runtime) return runtime.files or require("finspace.sys") end

-- /dev/null is how people say "no file".
local function is_absent(path, stat, code)
  return path == "/dev/null" or (not stat and (code == "ENOENT" or code == "ENOTDIR"))
end

local function warn_of_open_permissions(runtime, path, stat)
  if not runtime.logger or not stat.mode or stat.mode % 64 == 0 then return end
  runtime.logger {
    level = "warn",
    message = ("others may read %s (mode %04o); close it with: chmod 600 %s"):format(path, stat.mode, path),
  }
end

local VARIABLES = { config = "AWS_CONFIG_FILE", credentials = "AWS_SHARED_CREDENTIALS_FILE" }

local function unreadable(kind, path, message)
  return nil,
    errors.new {
      kind = "config",
      code = "UnreadableConfigFile",
      file = path,
      message = message
        .. "; make it a plain text file of at most 1 MiB that you may read, or name another "
        .. kind
        .. " file with "
        .. VARIABLES[kind],
    }
end

-- What tells one version of a file from the next.
local function version(stat)
  if not stat then return "absent" end
  return table.concat({ tostring(stat.mtime), tostring(stat.size), tostring(stat.inode) }, ":")
end

local function load_file(runtime, kind, path)
  local file = { kind = kind, path = path, exists = false, version = "absent" }
  if not path then return file end
  local files = config.files(runtime)
  local stat, message, code = files.stat(path)
  file.version = version(stat)
  if is_absent(path, stat, code) then return file end
  file.exists = true
  local text
  if stat then
    text, message = files.read_limited(path, MAX_FILE)
  end
  if not text then return unreadable(kind, path, message) end
  if kind == "credentials" then warn_of_open_permissions(runtime, path, stat) end
  file.parsed, message = dialect.parse(text, kind, path)
  if not file.parsed then
    return nil, errors.new { kind = "config", code = "InvalidConfigFile", file = path, message = message }
  end
  return file
end

-- A session token belongs to its pair: it does not stay behind when another file brings another pair.
local function drop_old_token(settings, arriving)
  if not (arriving.aws_access_key_id and arriving.aws_secret_access_key) then return end
  settings.aws_session_token, settings.aws_security_token = nil, nil
end

-- Lays one file's sections over what is there: the credentials file comes second and wins.
local function merge(result, places, parsed)
  for _, group in ipairs { "profiles", "sso_sessions", "services" } do
    for name, section in pairs(parsed[group]) do
      local settings = result[group][name] or {}
      local where = places[group][name] or { [1] = section.line }
      drop_old_token(settings, section.settings)
      for key, value in pairs(section.settings) do
        settings[key], where[key] = value, section.places[key]
      end
      result[group][name], places[group][name] = settings, where
    end
  end
  for _, section in ipairs(parsed.ignored) do
    table.insert(result.ignored, section)
  end
end

--- The profile that is asked for, and by whom: the option, AWS_PROFILE, AWS_DEFAULT_PROFILE, or nobody.
--- @return string name, string|nil named_by
function config.profile_name(runtime, options)
  if options and options.profile then return options.profile, "the profile option" end
  for _, variable in ipairs { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" } do
    local named = set(runtime.getenv(variable))
    if named then return named, variable end
  end
  return "default", nil
end

-- A profile that is not there ------------------------------------------------------------------

local function looked_at(loaded)
  local list = {}
  for _, file in ipairs(loaded.files) do
    if file.path then table.insert(list, file.path .. (file.exists and "" or " (does not exist)")) end
  end
  return #list > 0 and "not in " .. table.concat(list, " and ") or "in no file, because HOME is not set"
end

-- A section that was meant for this profile but is not written as the file wants it.
local function near_miss(loaded, name)
  for _, section in ipairs(loaded.ignored) do
    if section.header == name or section.header:match("^%S+%s+(.+)$") == name then
      return ("; [%s] in %s line %d does not count: %s"):format(section.header, section.file, section.line, section.why)
    end
  end
  return ""
end

--- Why the files do not have a profile: where it was looked for, and what comes near.
--- @return string
function config.absence(loaded, name) return looked_at(loaded) .. near_miss(loaded, name) end

local function check_profile(loaded)
  if not loaded.profile_from or loaded.profiles[loaded.profile] then return loaded end
  return nil,
    errors.new {
      kind = "config",
      code = "ProfileNotFound",
      message = "profile " .. loaded.profile .. ", which " .. loaded.profile_from .. " names, is " .. config.absence(
        loaded,
        loaded.profile
      ) .. "; add it or correct the name",
    }
end

local function empty()
  return {
    profiles = {},
    sso_sessions = {},
    services = {},
    ignored = {},
    files = {},
    with_keys = {},
    profile = "default",
    places = { profiles = {}, sso_sessions = {}, services = {} },
  }
end

-- boto3 takes keys of the credentials file before a program that the profile names, and those of the config
-- file after it.
local function profiles_with_keys(parsed)
  local names = {}
  for name, section in pairs(parsed.profiles) do
    local settings = section.settings
    names[name] = (settings.aws_access_key_id or settings.aws_secret_access_key) ~= nil
  end
  return names
end

--- Reads the config file and the credentials file. A profile that somebody named must be in them.
--- @param runtime table getenv, and optionally files and logger
--- @param options table|nil { profile = name }
--- @return table|nil config { profiles, sso_sessions, services: name → settings (text, or a table when nested);
---   places: the same shape with "FILE line N"; ignored: sections that count for nothing;
---   with_keys: the profiles that the credentials file has keys for; files: what was read; profile: the selected name; profile_from: who selected it }
--- @return table|nil err
function config.load(runtime, options)
  local where = config.locations(runtime.getenv)
  local result = empty()
  result.sso_cache = where.sso_cache
  result.profile, result.profile_from = config.profile_name(runtime, options)
  for _, kind in ipairs { "config", "credentials" } do
    local file, err = load_file(runtime, kind, where[kind])
    if not file then return nil, err end
    if file.parsed then merge(result, result.places, file.parsed) end
    if file.parsed and kind == "credentials" then result.with_keys = profiles_with_keys(file.parsed) end
    file.parsed = nil
    table.insert(result.files, file)
  end
  return check_profile(result)
end

--- Whether one of a config's files has changed, appeared or gone since it was read.
--- @return boolean
function config.is_stale(runtime, loaded)
  local files = config.files(runtime)
  for _, file in ipairs(loaded.files) do
    if file.path and version(files.stat(file.path)) ~= file.version then return true end
  end
  return false
end

--- A function that gives the current config: read once, and anew when a file changed.
--- @return fun(): table|nil, table|nil
function config.reader(runtime, options)
  local loaded
  return function()
    if loaded and not config.is_stale(runtime, loaded) then return loaded end
    local err
    loaded, err = config.load(runtime, options)
    return loaded, err
  end
end

-- Looking things up ----------------------------------------------------------------------------

--- The config itself, whether it is given or the function that reads it.
--- @param source table|fun(): table|nil, table|nil
--- @return table|nil config, table|nil err
function config.of(source)
  if type(source) == "function" then return source() end
  return source or empty()
end

--- The settings of the selected profile; an empty table where the files do not have it.
--- @return table settings
function config.selected(loaded) return loaded.profiles[loaded.profile] or {} end

--- Where a setting stands, for messages: "FILE line N".
--- @param group "profiles"|"sso_sessions"|"services"
--- @return string
function config.place(loaded, group, name, key)
  local places = loaded.places and loaded.places[group][name]
  return places and places[key] or "the configuration"
end

--- Looks a setting up: the first environment variable that is set, else the selected profile.
--- @param variables string[] names, in order
--- @param key string|nil the profile's setting
--- @return string|nil value, string|nil origin for messages; or nil, nil, err when the files are broken
function config.setting(runtime, source, variables, key)
  for _, name in ipairs(variables) do
    local value = set(runtime.getenv(name))
    if value then return value, name end
  end
  if not key then return nil end
  local loaded, err = config.of(source)
  if not loaded then return nil, nil, err end
  local value = config.selected(loaded)[key]
  if type(value) ~= "string" or value == "" then return nil end
  return value, key .. " in " .. config.place(loaded, "profiles", loaded.profile, key)
end

--- A setting that is true or false, in any case.
--- @return boolean|nil value; or nil, err
function config.flag(runtime, source, variable, key)
  local value, origin, err = config.setting(runtime, source, { variable }, key)
  if err then return nil, err end
  local text = value and value:lower()
  if text == nil or text == "false" then return false end
  if text == "true" then return true end
  return nil,
    errors.new {
      kind = "config",
      code = "InvalidFlag",
      message = origin .. " is neither true nor false; write one of them, or remove it",
    }
end

-- Region ---------------------------------------------------------------------------------------

-- A region becomes part of a host name, so nothing but a host label is taken for one.
local function is_host_label(text)
  if #text > 63 or text:find("%-$") or not text:find("%D") then return false end
  return text:find("^[%l%d][%l%d%-]*$") ~= nil
end

--- The region: the option, AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`.
--- @param runtime table
--- @param source table|function|nil a config, or what reads one; consulted only when needed
--- @param options table|nil { region = }
--- @return string|nil region, table|nil err
function config.region(runtime, source, options)
  local region, origin, err = options and options.region, "the region option"
  if not region then
    region, origin, err = config.setting(runtime, source, { "AWS_REGION", "AWS_DEFAULT_REGION" }, "region")
  end
  if err then return nil, err end
  if not region then
    return nil,
      errors.new {
        kind = "config",
        code = "MissingRegion",
        message = "no region: give the region option, set AWS_REGION (us-east-1, for example), or write"
          .. " region = us-east-1 into the profile"
          .. host.hidden_environment(runtime, "AWS_REGION"),
      }
  end
  if not is_host_label(region) then
    return nil,
      errors.new {
        kind = "config",
        code = "InvalidRegion",
        message = origin .. " is not a region's name; write one like us-east-1 (small letters, digits and hyphens)",
      }
  end
  return region
end

return config
