--- `fs:download`: an object, or all objects below a prefix, as files.
local errors = require("finspace.errors")
local options = require("finspace.options")
local printable = require("finspace.printable")
local sys = require("finspace.sys")

local download = {}

local OPTIONS = options.declare {
  what = "download",
  class = "finspace.DownloadOptions",
  { "source", "name", "`s3://bucket/key`, or `s3://bucket/prefix/` for everything below it", required = true },
  { "to", "name", "the file, or for a prefix the folder", required = true },
  { "on_progress", "fun(event: finspace.DownloadEvent)", "called as it goes on" },
  { "cancel", "fun(): boolean", "asked often: true stops the download" },
}

options.declare {
  class = "finspace.DownloadEvent",
  { "path", "string", "the file that is being written", required = true },
  { "bytes", "integer", "written so far", required = true },
  { "bytes_total", "integer", "of all objects; 0 for a single one", required = true },
  { "files", "integer", "that are whole", required = true },
}

local FOLDER_MODE = tonumber("755", 8)

local function refuse(kind, code, message) return nil, errors.not_sent(kind, code, message, "download") end

local NAMES = { [""] = "an empty part", ["."] = "a part `.`", [".."] = "a part `..`" }

-- A key is somebody else's text: as a path it must stay below the folder that it goes to. Gives why it would not.
local function why_unsafe(name)
  if name == "" then return "it is the prefix itself" end
  if name ~= printable.line(name) then return "it holds a control character" end
  for segment in (name .. "/"):gmatch("(.-)/") do
    if NAMES[segment] then return "its path has " .. NAMES[segment] end
  end
end

local function make_folders(folder, below)
  for segment in below:gmatch("([^/]+)/") do
    folder = folder .. "/" .. segment
    local stat = sys.lstat(folder)
    if stat and stat.type ~= "directory" then return refuse("io", "FileUnwritable", folder .. " is not a folder") end
    local made, message = stat ~= nil, nil
    if not stat then
      made, message = sys.mkdir(folder, FOLDER_MODE, true)
    end
    if not made then return refuse("io", "FileUnwritable", message) end
  end
  return true
end

local function one(client, given, event, bucket, key, path)
  event.path = path
  local object, err = client.s3:download_file {
    bucket = bucket,
    key = key,
    path = path,
    cancel = given.cancel,
    on_bytes = function(count)
      event.bytes = event.bytes + count
      if given.on_progress then given.on_progress(event) end
    end,
  }
  if not object then return nil, err end
  event.files = event.files + 1
  if given.on_progress then given.on_progress(event) end
  return object
end

local function unsafe(why)
  return errors.new {
    kind = "integrity",
    code = "UnsafeKey",
    operation = "download",
    message = "it makes no file below the folder: " .. why .. "; download it alone, under a name of your own",
  }
end

-- Why a listed object becomes no file; nil and false for one that only stands for a folder.
local function fault_of(object, prefix)
  local key = object.key
  if key:sub(1, #prefix) ~= prefix then return unsafe("it does not begin with the prefix that was asked for") end
  local name = key:sub(#prefix + 1)
  if name == "" or name:sub(-1) == "/" then
    return object.size > 0 and unsafe("it is called like a folder, and holds bytes") or nil, false
  end
  local why = why_unsafe(name)
  return why and unsafe(why), true
end

-- The objects below a prefix that become files, and those that cannot.
local function listed(client, bucket, prefix, event)
  local objects, failed = {}, {}
  for object, err in client.s3:each_object { bucket = bucket, prefix = prefix } do
    if not object then return nil, err end
    local fault, is_file = fault_of(object, prefix)
    if fault then
      table.insert(failed, { key = object.key, err = fault })
    elseif is_file then
      table.insert(objects, object)
      event.bytes_total = event.bytes_total + object.size
    end
  end
  if #objects == 0 and #failed == 0 then
    return refuse("client", "NoSuchKey", ("there is nothing below s3://%s/%s"):format(bucket, prefix))
  end
  return objects, failed
end

-- What is wrong with one key, and not with all: its path, its bytes, its permissions.
local OF_ONE_KEY = { integrity = true, io = true, client = true, protocol = true, service = true }
-- What cannot get better with the next key.
local OF_ALL = { cancelled = true, credentials = true, config = true, memory = true }
-- Anything else may: but not after so many in a row.
local MOST_IN_A_ROW = 3

local SHOWN = 10

local function incomplete(event, failed, total)
  local lines = {}
  for i, failure in ipairs(failed) do
    lines[i] = i <= SHOWN and ("\n  %q: %s"):format(failure.key, failure.err.message or failure.err.code) or nil
  end
  if #failed > SHOWN then table.insert(lines, ("\n  and %d more"):format(#failed - SHOWN)) end
  local first = failed[1].err
  return errors.new {
    kind = first.kind,
    code = first.code,
    operation = "download",
    failed = failed,
    files = event.files,
    bytes = event.bytes,
    message = ("%d of %d keys could not be fetched; the others are there:%s"):format(
      #failed,
      total,
      table.concat(lines)
    ),
  }
end

local function fetch(client, given, event, place, key)
  local name = key:sub(#place.prefix + 1)
  local made, err = make_folders(place.folder, name)
  if not made then return nil, err end
  return one(client, given, event, place.bucket, key, place.folder .. "/" .. name)
end

-- Fetches what can be fetched, and adds the others to `failed`. An err ends it before the last.
local function fetch_all(client, given, event, place, objects, failed)
  local in_a_row = 0
  for _, object in ipairs(objects) do
    local well, err = fetch(client, given, event, place, object.key)
    in_a_row = (well or OF_ONE_KEY[err.kind]) and 0 or in_a_row + 1
    if not well and (OF_ALL[err.kind] or in_a_row == MOST_IN_A_ROW) then return nil, err end
    if not well then table.insert(failed, { key = object.key, err = err }) end
  end
  return true
end

local function all_below(client, given, event, bucket, prefix)
  local objects, failed = listed(client, bucket, prefix, event)
  if not objects then return nil, failed end
  local folder = given.to:gsub("(.)/+$", "%1")
  if not sys.stat(folder) then sys.mkdir(folder, FOLDER_MODE) end
  local place = { bucket = bucket, prefix = prefix, folder = folder }
  local total = #objects + #failed
  local well, err = fetch_all(client, given, event, place, objects, failed)
  if not well then return nil, err end
  if #failed > 0 then return nil, incomplete(event, failed, total) end
  return event
end

--- Downloads an object of S3, or all below a prefix. Each file appears under its name whole, or not at all. Of many
--- keys all are fetched that can be; the err then tells of the others, in `failed` as `{ key, err }`.
--- @param client finspace.Client
--- @param given finspace.DownloadOptions
--- @return { files: integer, bytes: integer }|nil done, finspace.Error|nil err
function download.run(client, given)
  OPTIONS:check(given)
  local bucket, key = given.source:match("^s3://([^/]+)/?(.*)$")
  if not bucket then error("download: source must be s3://bucket/key or s3://bucket/prefix/", 2) end
  local event = { bytes = 0, bytes_total = 0, files = 0 }
  if key == "" or key:sub(-1) == "/" then return all_below(client, given, event, bucket, key) end
  local object, err = one(client, given, event, bucket, key, given.to)
  if not object then return nil, err end
  return event
end

--- The last part of a key, where it makes a file's name.
--- @param key string
--- @return string|nil
function download.file_name(key)
  local name = key:match("([^/]+)$")
  return name and not why_unsafe(name) and name or nil
end

return download
