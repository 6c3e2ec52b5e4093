--- Where data lies once it is read: Parquet files of changesets and files of views, below DIR/lake. What is written is
--- written aside, and gets its place whole and on disk; a folder that has a place belongs to what the database says.

local sys = require("finspace.sys")
local file = require("finspace.service.s3.segment_file")

local lake = {}

local PRIVATE = tonumber("700", 8)

--- @param dataset_id string
--- @param changeset_id string
--- @return string folder of a changeset's files, below the data folder
function lake.changeset_folder(dataset_id, changeset_id) return "lake/datasets/" .. dataset_id .. "/" .. changeset_id end

--- @param dataset_id string
--- @param view_id string
--- @param generation? string one build of the view
--- @return string folder of a view's files, below the data folder
function lake.view_folder(dataset_id, view_id, generation)
  return "lake/views/" .. dataset_id .. "/" .. view_id .. (generation and "/" .. generation or "")
end

--- @param dataset_id string
--- @param view_id string
--- @param generation? string one build, where it has more files than one transaction should swap
--- @return string prefix of the view's files in the service's bucket
function lake.view_prefix(dataset_id, view_id, generation)
  return "views/" .. dataset_id .. "/" .. view_id .. (generation and "." .. generation or "") .. "/"
end

--- Makes a folder and those above it, as far as they are missing.
--- @param root string that exists
--- @param path string below it
--- @param is_aside? boolean is written aside, and gets to the disk as a whole when it gets its place
function lake.make_folder(root, path, is_aside)
  local at = root
  for name in path:gmatch("[^/]+") do
    at = at .. "/" .. name
    local made, problem, code = sys.mkdir(at, PRIVATE, is_aside)
    if not made and code ~= "EEXIST" then error(problem, 0) end
  end
end

--- Removes a file, or a folder with all that is in it; what is not there is no fault.
--- @param path string
function lake.remove(path)
  local _, _, code = sys.remove(path)
  if code ~= "ENOTEMPTY" and code ~= "EEXIST" then return end -- either may say that there is something in it
  for _, name in ipairs(sys.list(path) or {}) do
    lake.remove(path .. "/" .. name)
  end
  sys.remove(path)
end

--- Writes a file that is not there yet.
--- @param path string
--- @param bytes string
function lake.write(path, bytes)
  local out = file.create(path)
  out:write(bytes)
  out:close()
end

local MOST_SYNCED = 50 -- one by one, each a wait for the disk; many go faster with all else that the disk has to write

-- Files first, each folder after what it names; no more than tell that they are many.
local function add_below(list, path)
  for _, name in ipairs(sys.list(path) or {}) do
    if #list > MOST_SYNCED then return list end
    local below = path .. "/" .. name
    if sys.lstat(below).type == "directory" then
      add_below(list, below)
    else
      list[#list + 1] = { path = below, is_folder = false }
    end
  end
  list[#list + 1] = { path = path, is_folder = true }
  return list
end

--- Waits until a folder and all that is in it are on disk.
--- @param path string
function lake.sync(path)
  local list = add_below({}, path)
  if #list > MOST_SYNCED then return file.sync_disk(path) end
  for _, one in ipairs(list) do
    file.sync(one.path, one.is_folder)
  end
end

-- The disk takes its time: a thread of nginx waits for it, and other jobs go on meanwhile.
local function sync_in_thread(path)
  local commit = require("finspace.service.db.commit") -- here, since the thread loads this module too
  local is_over, has_worked, problem = false, nil, nil
  ngx.thread.spawn(function()
    has_worked, problem = pcall(commit.run_in_thread, "sync", "finspace.service.lake", "sync", path)
    is_over = true
  end)
  coroutine.yield(function() return is_over end)
  if not has_worked then error(problem, 0) end
end

--- @param worker table {name=, slot=} of this process
--- @return string folder of its temporary files, below the data folder
function lake.temporary(worker) return "run/temporary/" .. worker.slot end

local function incoming(worker) return "lake/incoming/" .. worker.name end

--- Begins a folder that is written aside; what an earlier try left there goes.
--- @param data string data folder
--- @param worker table of this process
--- @param name string of the job
--- @return string path, empty
function lake.aside(data, worker, name)
  local path = incoming(worker) .. "/" .. name
  lake.remove(data .. "/" .. path)
  lake.make_folder(data, path)
  return data .. "/" .. path
end

--- Gives a folder that was written aside its place; runs in a job. What is returned from is on disk; what stood there
--- before is gone, so the place must not be one that the database names yet.
--- @param data string
--- @param aside string path from lake.aside
--- @param place string below the data folder
function lake.place(data, aside, place)
  sync_in_thread(aside)
  local parent = place:match("^(.*)/")
  lake.make_folder(data, parent)
  lake.remove(data .. "/" .. place)
  local ok, problem = sys.rename(aside, data .. "/" .. place)
  if not ok then error(problem, 0) end
  file.sync(data .. "/" .. parent, true)
end

--- Empties the folders of temporary files of a process that begins to ingest.
--- @param data string
--- @param worker table of this process
function lake.empty_temporary(data, worker)
  lake.remove(data .. "/" .. lake.temporary(worker))
  lake.make_folder(data, lake.temporary(worker) .. "/engine")
  lake.remove(data .. "/" .. incoming(worker))
  lake.make_folder(data, incoming(worker))
end

return lake
