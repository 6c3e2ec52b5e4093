--- Which files a load is about, found and checked before anything is sent.
---
--- A path names a file, a folder (all of it but what is no data: hidden files, the `_SUCCESS` kind, empty ones), or a pattern
--- with `*`, `?`, `[…]` and `**` (any folders between). What is found is a list of entries, each with
--- the name it gets below the staging prefix.
local core = require("finspace.core")
local errors = require("finspace.errors")
local no_data = require("finspace.formats.no_data")
local sys = require("finspace.sys")

local files = {}

--- @class finspace.load.Entry: finspace.s3.Source
--- @field name string   what it is called below the prefix

--- @class finspace.load.Selection
--- @field entries finspace.load.Entry[]  sorted by name
--- @field skipped { path: string, why: string }[]  what lies in the folders and holds no data
--- @field bytes integer
--- @field single boolean                 a file that was named itself, not a set of files
--- @field fingerprint string             changes when any of the files does

local MAX_OBJECT = 5 * 1024 ^ 4
local MAX_NAME = 700 -- a source path has at most 1,000 characters, and the staging prefix takes some

local function refuse(code, message) return nil, errors.not_sent("io", code, message, "load") end

-- One entry of a selection, or why the file cannot be loaded.
local function entry_of(path, name, stat)
  if stat.type ~= "file" then
    return refuse("NotAFile", ("%s is a %s. Name a file, a folder or a pattern."):format(path, stat.type))
  elseif stat.size == 0 then
    return refuse("EmptyFile", path .. " is empty: there is nothing to load.")
  elseif stat.size > MAX_OBJECT then
    return refuse("FileTooLarge", path .. " is larger than 5 TiB, the most that S3 keeps as one. Split it.")
  elseif #name > MAX_NAME or name:find("%c") then
    return refuse(
      "InvalidFileName",
      ("%q is no name for a staged file: at most %d bytes, and no control " .. "characters. Rename it."):format(
        name,
        MAX_NAME
      )
    )
  end
  return {
    path = path,
    name = name,
    size = stat.size,
    mtime = stat.mtime,
    inode = stat.inode,
    device = stat.device,
  }
end

local function join(folder, name) return folder:sub(-1) == "/" and folder .. name or folder .. "/" .. name end

-- Calls visit(path, name, stat) for all files at most `depth` folders down, and skip(path, why) for what holds no
-- data. A folder that a link leads back to is entered once.
local function walk(folder, prefix, depth, visit, skip, entered)
  local names, message = sys.list(folder)
  if not names then return refuse("FolderUnreadable", message) end
  table.sort(names)
  for _, name in ipairs(names) do
    local path, stat = join(folder, name), sys.stat(join(folder, name))
    local why = stat and no_data.why(name, stat.type == "file" and stat.size or nil)
    if why then
      skip(path, why)
    elseif stat and stat.type == "directory" then
      local id = stat.device .. ":" .. stat.inode
      if depth > 0 and not entered[id] then
        entered[id] = true
        local well, err = walk(path, prefix .. name .. "/", depth - 1, visit, skip, entered)
        if not well then return nil, err end
      end
    elseif stat then
      local well, err = visit(path, prefix .. name, stat)
      if not well then return nil, err end
    end
  end
  return true
end

-- A shell's pattern for whole relative paths, as a Lua pattern.
local function lua_pattern(glob)
  local pattern = glob:gsub("[%^%$%(%)%%%.%+%-]", "%%%0")
  pattern = pattern:gsub("%b[]", function(set) return (set:gsub("^%[!", "[^"):gsub("%%%-", "-")) end)
  pattern = pattern:gsub("%*%*/", "\1"):gsub("%*%*", "\2"):gsub("%*", "[^/]*"):gsub("%?", "[^/]")
  pattern = pattern:gsub("\1", ".-%%f[^/%%z]"):gsub("\2", ".*")
  return "^" .. pattern .. "$"
end

-- How many folders down a pattern can match.
local function pattern_depth(glob)
  if glob:find("**", 1, true) then return math.huge end
  local _, slashes = glob:gsub("/", "")
  return slashes
end

-- "data/2020-*/x.csv" is "data" and "2020-*/x.csv": the folder to walk, and what to look for in it.
local function split_pattern(path)
  local fixed = path:match("^[^%*%?%[]*/") or ""
  return fixed == "" and "." or (fixed == "/" and "/" or fixed:gsub("/$", "")), path:sub(#fixed + 1)
end

local function collect_folder(folder, glob, entries, skipped)
  local pattern = glob and lua_pattern(glob)
  local function visit(path, name, stat)
    if pattern and not name:match(pattern) then return true end
    local entry, err = entry_of(path, name, stat)
    if not entry then return nil, err end
    table.insert(entries, entry)
    return true
  end
  local function skip(path, why)
    if not pattern then table.insert(skipped, { path = path, why = why }) end
  end
  return walk(folder, "", glob and pattern_depth(glob) or math.huge, visit, skip, {})
end

local function named(skipped)
  if #skipped == 0 then return "" end
  local first = skipped[1]
  return (" (%d left out, like %s: %s)"):format(#skipped, first.path, first.why)
end

local function is_pattern(path) return path:find("[%*%?%[]") ~= nil and not sys.stat(path) end

-- Adds what one path names to the entries.
local function collect(path, entries, skipped)
  local before = #entries
  if is_pattern(path) then
    local folder, glob = split_pattern(path)
    local well, err = collect_folder(folder, glob, entries, skipped)
    if not well then return nil, err end
    if #entries == before then return refuse("NoSuchFile", "no file matches " .. path) end
    return true
  end
  local stat, message, code = sys.stat(path)
  if not stat then return refuse(code == "ENOENT" and "NoSuchFile" or "FileUnreadable", message) end
  if stat.type == "directory" then
    local well, err = collect_folder(path, nil, entries, skipped)
    if not well then return nil, err end
    if #entries == before then
      return refuse("EmptyFolder", path .. " is a folder without files to load" .. named(skipped) .. ".")
    end
    return true
  end
  local entry, err = entry_of(path, path:match("[^/]+$"), stat)
  if not entry then return nil, err end
  table.insert(entries, entry)
  return true
end

-- Two files of one name come from two folders: a number keeps them apart.
local function tell_apart(entries)
  local taken = {}
  for number, entry in ipairs(entries) do
    if taken[entry.name] then entry.name = ("%d/%s"):format(number, entry.name) end
    taken[entry.name] = true
  end
end

-- It leaves the paths out: the same files may be named from another folder next time.
local function fingerprint_of(entries)
  local stream = core.sha256_stream()
  for _, entry in ipairs(entries) do
    stream:update(
      ("%s\0%.0f\0%.9f\0%.0f\0%.0f\n"):format(entry.name, entry.size, entry.mtime, entry.inode, entry.device)
    )
  end
  local hex = stream:hex()
  stream:close()
  return hex
end

local function check_readable(entries)
  for _, entry in ipairs(entries) do
    local handle, message = io.open(entry.path, "rb")
    if not handle then return refuse("FileUnreadable", "cannot read " .. message) end
    handle:close()
  end
  return true
end

--- Finds and checks the files that these paths name.
--- @param paths string|string[]
--- @return finspace.load.Selection|nil, finspace.Error|nil err
function files.select(paths)
  local list = type(paths) == "table" and paths or { paths }
  local entries, skipped, bytes = {}, {}, 0
  for _, path in ipairs(list) do
    local well, err = collect(path, entries, skipped)
    if not well then return nil, err end
  end
  if #entries == 0 then return refuse("NoSuchFile", "no file was named.") end
  tell_apart(entries)
  table.sort(entries, function(left, right) return left.name < right.name end)
  for _, entry in ipairs(entries) do
    bytes = bytes + entry.size
  end
  local readable, err = check_readable(entries)
  if not readable then return nil, err end
  local only = #list == 1 and sys.stat(list[1])
  return {
    entries = entries,
    skipped = skipped,
    bytes = bytes,
    single = only and only.type == "file" or false,
    fingerprint = fingerprint_of(entries),
  }
end

--- The paths as they are meant from any folder, so that a later process finds the same files.
--- @param paths string|string[]
--- @return string[]
function files.absolute(paths)
  local found = {}
  for _, path in ipairs(type(paths) == "table" and paths or { paths }) do
    local folder, rest = path, nil
    if is_pattern(path) then
      folder, rest = split_pattern(path)
    end
    local absolute = sys.realpath(folder) or folder
    table.insert(found, rest and join(absolute, rest) or absolute)
  end
  table.sort(found)
  return found
end

return files
