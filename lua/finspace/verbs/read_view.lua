--- `fs:read_view`: a view's rows, one by one, or as one file; or its files as they are.
local credentials = require("finspace.credentials")
local csv = require("finspace.formats.csv")
local download = require("finspace.verbs.download")
local errors = require("finspace.errors")
local find_dataset = require("finspace.verbs.find_dataset")
local options = require("finspace.options")
local sys = require("finspace.sys")

local read_view = {}

local PIECE = 64 * 1024

local OPTIONS = options.declare {
  what = "read_view",
  class = "finspace.ReadViewOptions",
  find_dataset.OPTION,
  { "view", "string", "its id; the newest that is built when absent, an automatic one before others" },
  { "file", "string", "where its rows go, as one file; without one they are iterated over" },
  { "folder", "string", "where its files go as they are, below the folders of its partition columns" },
}

local function refuse(code, message)
  return nil, errors.new { kind = "client", code = code, operation = "read_view", message = message }
end

-- The view that is meant when none is named.
local function newest_view(client, dataset_id)
  local built, err = client
    :pages("ListDataViews", { datasetId = dataset_id })
    :collect(function(view) return view.status == "SUCCESS" end)
  if not built then return nil, err end
  local best
  for _, view in ipairs(built) do
    if not best or view.autoUpdate or not best.autoUpdate then best = view end
  end
  if best then return best.dataViewId end
  return refuse("NoView", ("dataset %s has no view that is built; make one with ensure_auto_view"):format(dataset_id))
end

local function locate(client, given)
  local dataset_id, err = find_dataset.id(client, given.dataset)
  if not dataset_id then return nil, err end
  local view_id = given.view
  if not view_id then
    view_id, err = newest_view(client, dataset_id)
    if not view_id then return nil, err end
  end
  return client:call("GetDataView", { datasetId = dataset_id, dataViewId = view_id })
end

local SOURCE = "GetExternalDataViewAccessDetails"

local function keys_of(details)
  local given = details.credentials or {}
  return credentials.answered(SOURCE, {
    access_key_id = given.accessKeyId,
    secret_access_key = given.secretAccessKey,
    session_token = given.sessionToken,
    expires_at = given.expiration and math.floor(given.expiration / 1000),
  }, "the service answered")
end

-- The view's place in S3, and S3 with the view's own keys, which are fetched anew when they end.
local function open_place(client, view)
  local ids = { datasetId = view.datasetId, dataViewId = view.dataViewId }
  local details, err = client:call(SOURCE, ids)
  if not details then return nil, err end
  local first = details
  local function provider()
    local current, failure = first, nil
    first = nil
    if not current then
      current, failure = client:call(SOURCE, ids)
    end
    if not current then return nil, failure end
    return keys_of(current)
  end
  local runtime = client.session.runtime
  local supply = credentials.cached(provider, runtime):supplier { runtime = runtime }
  return {
    s3 = client.session:s3(supply),
    bucket = details.s3Location.bucket,
    prefix = details.s3Location.key,
    runtime = runtime,
  }
end

local function list_files(place, view)
  local names = {}
  for object, err in place.s3:each_object { bucket = place.bucket, prefix = place.prefix } do
    if not object then return nil, err end
    if object.size > 0 then names[#names + 1] = object.key end
  end
  if #names > 0 then return names end
  local why = view.status == "SUCCESS" and "its dataset has neither columns nor rows"
    or "wait for it with wait_data_view"
  return refuse("EmptyView", ("view %s is %s and has no files; %s"):format(view.dataViewId, view.status, why))
end

local function fetch(place, key, path) return place.s3:download_file { bucket = place.bucket, key = key, path = path } end

local TAB = { ["\\T"] = "\t", TAB = "\t" } -- as a delimiter may be spelled

local function layout_of(view)
  local destination = view.destinationTypeParams or {}
  local given = destination.s3DestinationExportFileFormatOptions or {}
  return {
    is_text = destination.s3DestinationExportFileFormat == "DELIMITED_TEXT"
      and (given.compression or "none"):lower() == "none",
    header = given.header ~= "false",
    separator = TAB[(given.delimiter or ""):upper()] or given.delimiter or ",",
  }
end

-- Into a file -----------------------------------------------------------------------------------------

-- A column's name in quotes may have lines of its own.
local function skip_header(source)
  local quotes = 0
  repeat
    local line = source:read("*l")
    quotes = quotes + select(2, (line or ""):gsub('"', ""))
  until not line or quotes % 2 == 0
end

local function append(target, path, without_header)
  local source, fault = io.open(path, "rb")
  if not source then return nil, fault end
  if without_header then skip_header(source) end
  local piece = source:read(PIECE)
  while piece do
    local written, message = target:write(piece)
    if not written then
      source:close()
      return nil, message
    end
    piece = source:read(PIECE)
  end
  source:close()
  return true
end

local function append_all(place, names, target, temporary, header)
  for number, key in ipairs(names) do
    local fetched, err = fetch(place, key, temporary)
    if not fetched then return nil, err end
    local appended, message = append(target, temporary, header and number > 1)
    sys.remove(temporary)
    if not appended then
      return nil, errors.new { kind = "io", code = "FileUnwritable", operation = "read_view", message = message }
    end
  end
  return true
end

local function unwritable(message)
  return nil,
    errors.new {
      kind = "io",
      code = "FileUnwritable",
      operation = "read_view",
      message = "cannot write " .. tostring(message),
    }
end

-- All files one after the other under a temporary name: the file appears whole, or not at all.
local function assemble(place, names, path, header)
  local temporary = ("%s.%s.part"):format(path, place.runtime.uuid():sub(1, 8))
  local target, message = io.open(temporary, "wb")
  if not target then return unwritable(message) end
  local done, err = append_all(place, names, target, temporary .. ".piece", header)
  local closed
  closed, message = target:close()
  if done and closed then
    local renamed
    renamed, message = sys.rename(temporary, path)
    if renamed then return true end
  end
  sys.remove(temporary)
  if done then return unwritable(message) end
  return nil, err
end

local function read_to_file(place, names, view, path)
  local layout = layout_of(view)
  local done, err
  if #names == 1 then
    done, err = fetch(place, names[1], path)
  elseif not layout.is_text then
    return refuse("SeveralFiles", ("the view has %d files, which do not make one: give a folder"):format(#names))
  else
    done, err = assemble(place, names, path, layout.is_text and layout.header)
  end
  if not done then return nil, err end
  local stat, message = sys.stat(path)
  if not stat then return unwritable(message) end
  return { file = path, bytes = stat.size, objects = #names, dataViewId = view.dataViewId }
end

-- Its files as they are ------------------------------------------------------------------------------

local function read_to_folder(place, view, folder)
  local source = ("s3://%s/%s"):format(place.bucket, place.prefix)
  local done, err = download.run({ s3 = place.s3 }, { source = source, to = folder })
  if not done then return nil, err end
  return { folder = folder, bytes = done.bytes, objects = done.files, dataViewId = view.dataViewId }
end

-- As rows ---------------------------------------------------------------------------------------------

-- A reader of one of the view's files. Its name is gone as soon as it is open, so that a loop that is
-- left early leaves nothing behind.
local function open_file(place, key, layout)
  local named, path = pcall(os.tmpname)
  if not named then error(select(2, unwritable("a temporary file")), 0) end
  local fetched, err = fetch(place, key, path)
  local handle, message = nil, nil
  if fetched then
    handle, message = io.open(path, "rb")
  end
  os.remove(path)
  if not fetched then error(err, 0) end
  if not handle then error(select(2, unwritable(message)), 0) end
  return csv.reader(function() return handle:read(PIECE) end, layout.separator)
end

local function next_record(reader, key)
  local record, message = reader:next()
  if message then
    error(
      errors.new {
        kind = "protocol",
        code = "MalformedFile",
        operation = "read_view",
        message = key .. ", " .. message,
      },
      0
    )
  end
  return record
end

local function name_fields(record, names)
  for i, name in ipairs(names or {}) do
    record[name] = record[i]
  end
  return record
end

-- The rows of all files, each file fetched when the loop gets there.
local function rows_of(place, keys_in_s3, layout)
  local number, reader, names = 0, nil, nil
  return function()
    while true do
      local record = reader and next_record(reader, keys_in_s3[number])
      if record then return name_fields(record, names) end
      number = number + 1
      if not keys_in_s3[number] then return nil end
      reader = open_file(place, keys_in_s3[number], layout)
      if layout.header then names = next_record(reader, keys_in_s3[number]) end
    end
  end
end

--- Reads a view back. With `file` its rows go there, as one file. Without it they are iterated over:
---
---     for row in assert(fs:read_view { dataset = "Daily prices" }) do print(row.date, row.close) end
---
--- where a row's fields stand under their column's name and its number, all of them text. What fails
--- within the loop is raised (the err table). With `folder` the view's files go there as they are: that is how a
--- view of PARQUET comes.
--- @param client finspace.Client
--- @param given finspace.ReadViewOptions
--- @return table|(fun(): table|nil)|nil result  { file or folder, bytes, objects, dataViewId }, or the iterator
--- @return finspace.Error|nil err
function read_view.run(client, given)
  OPTIONS:check(given)
  local view, err = locate(client, given)
  if not view then return nil, err end
  local layout = layout_of(view)
  if given.file and given.folder then error("read_view takes a file or a folder, not both", 2) end
  if not given.file and not given.folder and not layout.is_text then
    return refuse(
      "NotText",
      "only a view of DELIMITED_TEXT, not compressed, has rows to iterate over; give a folder for its files"
    )
  end
  local place
  place, err = open_place(client, view)
  if not place then return nil, err end
  if given.folder then return read_to_folder(place, view, given.folder) end
  local names
  names, err = list_files(place, view)
  if not names then return nil, err end
  if given.file then return read_to_file(place, names, view, given.file) end
  return rows_of(place, names, layout)
end

return read_view
