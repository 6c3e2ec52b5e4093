--- `fs:download`: an object, or all objects below a prefix, as files.
local errors = require("finspace.errors")
local options = require("finspace.options")
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

local function refuse(kind, code, message)
  return nil,
    errors.new {
      kind = kind,
      code = code,
      operation = "download",
      message = message,
      outcome = "not_sent",
    }
end

-- A key is somebody else's text: as a path it must stay below the folder that it goes to.
local function safe_path(name)
  if name == "" or name:find("[%z\1-\31]") or name:sub(1, 1) == "/" then return nil end
  for segment in (name .. "/"):gmatch("(.-)/") do
    if segment == "" or segment == "." or segment == ".." then return nil end
  end
  return name
end

local function make_folders(folder, below)
  for segment in below:gmatch("([^/]+)/") do
    folder = folder .. "/" .. segment
    local stat = sys.lstat(folder)
    if stat and stat.type ~= "directory" then return refuse("io", "FileUnwritable", folder .. " is not a folder") end
    local made, message = stat ~= nil, nil
    if not stat then
      made, message = sys.mkdir(folder, 493)
    end -- 0755
    if not made then return refuse("io", "FileUnwritable", message) end
  end
  return true
end

local function one(fs, given, event, bucket, key, path)
  event.path = path
  local object, err = fs.s3:download_file {
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

-- The objects below a prefix; the empty ones that stand for folders are none.
local function listed(fs, bucket, prefix, event)
  local objects = {}
  for object, err in fs.s3:each_object { bucket = bucket, prefix = prefix } do
    if not object then return nil, err end
    if object.key:sub(-1) ~= "/" then
      if not safe_path(object.key:sub(#prefix + 1)) then
        return refuse(
          "integrity",
          "UnsafeKey",
          ("the key %q would leave the folder; download it alone, " .. "under a name of your own"):format(object.key)
        )
      end
      table.insert(objects, object)
      event.bytes_total = event.bytes_total + object.size
    end
  end
  if #objects == 0 then
    return refuse("client", "NoSuchKey", ("there is nothing below s3://%s/%s"):format(bucket, prefix))
  end
  return objects
end

local function all_below(fs, given, event, bucket, prefix)
  local objects, err = listed(fs, bucket, prefix, event)
  if not objects then return nil, err end
  local folder = given.to:gsub("(.)/+$", "%1")
  if not sys.stat(folder) then sys.mkdir(folder, 493) end
  for _, object in ipairs(objects) do
    local name = object.key:sub(#prefix + 1)
    local made, well
    made, err = make_folders(folder, name)
    if made then
      well, err = one(fs, given, event, bucket, object.key, folder .. "/" .. name)
    end
    if not well then return nil, err end
  end
  return event
end

--- Downloads an object of S3, or all below a prefix. Each file appears under its name whole, or not at all.
--- @param fs finspace.Client
--- @param given finspace.DownloadOptions
--- @return { files: integer, bytes: integer }|nil done, finspace.Error|nil err
function download.run(fs, given)
  OPTIONS:check(given)
  local bucket, key = given.source:match("^s3://([^/]+)/?(.*)$")
  if not bucket then error("download: source must be s3://bucket/key or s3://bucket/prefix/", 2) end
  local event = { bytes = 0, bytes_total = 0, files = 0 }
  if key == "" or key:sub(-1) == "/" then return all_below(fs, given, event, bucket, key) end
  local object, err = one(fs, given, event, bucket, key, given.to)
  if not object then return nil, err end
  return event
end

--- The last part of a key, where it makes a file's name.
--- @param key string
--- @return string|nil
function download.file_name(key)
  local name = key:match("([^/]+)$")
  return name and safe_path(name)
end

return download
