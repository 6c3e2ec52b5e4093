--- What a load has done so far, kept where a crash leaves it: one small file a load in
--- `$XDG_STATE_HOME/finspace/loads`, 0600, replaced by rename.
---
--- It holds what a second run must not invent again: the staging prefix, the clientToken, the
--- changeset once there is one. What has arrived below the prefix is asked of S3 itself, so the
--- journal stays small however many files there are. It never holds a key or a token of AWS.
---
--- While a load runs it holds a lock on its journal. The kernel lets go of it when the process dies.
local cjson = require("cjson").new()
local config = require("finspace.config")
local core = require("finspace.core")
local errors = require("finspace.errors")
local sys = require("finspace.sys")

local journal = {}

local MAX_BYTES = 1024 * 1024

--- @class finspace.load.Journal
--- @field path string
--- @field state table|nil  what an earlier run left
local Journal = {}
Journal.__index = Journal

local function failure(code, message) return nil, errors.not_sent("io", code, message, "load") end

--- The folder of all journals, whether it exists or not.
--- @param getenv fun(name: string): string|nil
--- @return string|nil folder, finspace.Error|nil err
function journal.folder(getenv)
  local state = getenv("XDG_STATE_HOME")
  if not state or state:sub(1, 1) ~= "/" then
    local home = config.home(getenv)
    if not home then
      return failure(
        "NoStateFolder",
        "there is no place to note what a load has done: neither "
          .. "XDG_STATE_HOME nor HOME is set. Set one, or load with journal = false."
      )
    end
    state = home .. "/.local/state"
  end
  return state .. "/finspace/loads"
end

local function make_folders(path)
  local stat = sys.stat(path)
  if stat and stat.type == "directory" then return true end
  local parent = path:match("^(.+)/[^/]+$")
  if parent then
    local made, message = make_folders(parent)
    if not made then return nil, message end
  end
  local made, message, code = sys.mkdir(path, tonumber("700", 8))
  if made or code == "EEXIST" then return true end
  return nil, message
end

--- The name of a load's journal: the same load asked for again finds it.
--- @param ... string  what makes it this load and no other
--- @return string
function journal.name(...) return core.sha256(table.concat({ ... }, "\0")):sub(1, 32) end

local function read_state(path)
  local text = sys.read_limited(path, MAX_BYTES)
  if not text then return nil end
  local well, state = pcall(cjson.decode, text)
  return well and type(state) == "table" and state or nil
end

local function locked_elsewhere(path)
  return failure(
    "LoadInProgress",
    "the same load is under way in another process, which holds " .. path .. ".lock. Wait for it, or end it."
  )
end

-- A run that was killed while it wrote leaves a file of a temporary name.
local function remove_leftovers(folder, name)
  local prefix = name .. ".json."
  for _, found in ipairs(sys.list(folder) or {}) do
    if found:sub(1, #prefix) == prefix and found:match("%.tmp$") then sys.remove(folder .. "/" .. found) end
  end
end

--- Opens a load's journal, and holds it until close.
--- @param folder string
--- @param name string
--- @return finspace.load.Journal|nil, finspace.Error|nil err
function journal.open(folder, name)
  local made, message = make_folders(folder)
  if not made then return failure("JournalUnwritable", message) end
  local path = folder .. "/" .. name .. ".json"
  local lock, refusal, code = sys.lock(path .. ".lock")
  if not lock and code == "EAGAIN" then return locked_elsewhere(path) end
  if not lock then return failure("JournalUnwritable", refusal) end
  remove_leftovers(folder, name)
  return setmetatable({ path = path, lock = lock, state = read_state(path) }, Journal)
end

--- Writes what is known now. It is on the disk when this returns.
--- @param state table  plain values, no secrets
--- @return true|nil, finspace.Error|nil err
function Journal:write(state)
  self.state = state
  local well, message = sys.write_private(self.path, cjson.encode(state))
  if well then return true end
  return failure("JournalUnwritable", message)
end

--- The load is over: nothing is left to resume.
function Journal:remove()
  self.state = nil
  sys.remove(self.path)
end

--- Lets go of the lock. Idempotent.
function Journal:close()
  if not self.lock then return end
  if not self.state then sys.remove(self.path .. ".lock") end
  self.lock:close()
  self.lock = nil
end

--- What earlier loads left behind, oldest first.
--- @param folder string
--- @return table[] states
function journal.unfinished(folder)
  local states = {}
  for _, name in ipairs(sys.list(folder) or {}) do
    local state = name:match("%.json$") and read_state(folder .. "/" .. name)
    if state then table.insert(states, state) end
  end
  table.sort(states, function(left, right) return (left.begun_at or 0) < (right.begun_at or 0) end)
  return states
end

--- A journal that forgets: for callers who want none.
--- @return finspace.load.Journal
function journal.none()
  local nothing = { state = nil }
  function nothing.write() return true end
  function nothing.remove() end
  function nothing.close() end
  return nothing
end

return journal
