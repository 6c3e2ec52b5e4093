--- `fs:load`: files on disk become one changeset.
---
--- check the files ▸ find the dataset ▸ stage in S3 ▸ CreateChangeset ▸ wait.
---
--- Whatever happens in between, there is never more than one changeset: the clientToken and the
--- staging prefix are noted before anything is sent (`finspace.load.journal`), and the same load asked
--- for again goes on where the last one was cut off.
local files = require("finspace.verbs.load.files")
local find_dataset = require("finspace.verbs.find_dataset")
local format = require("finspace.verbs.load.format")
local journal = require("finspace.verbs.load.journal")
local options = require("finspace.options")
local staging = require("finspace.verbs.load.staging")

local load = {}

local OPTIONS = options.declare {
  what = "load",
  class = "finspace.LoadOptions",
  { "file", "string|string[]", "a file, a folder, a pattern, or several of them", required = true },
  find_dataset.OPTION,
  { "change_type", '"APPEND"|"REPLACE"', "APPEND adds; REPLACE hides what came before", default = "APPEND" },
  { "format", '"CSV"|"JSON"|"PARQUET"|"XML"', "told by the name and the first bytes when absent" },
  { "format_params", "table<string, string>", "formatParams that are known better than they can be guessed" },
  { "on_progress", "fun(event: finspace.LoadEvent)", "called as it goes on" },
  { "wait", "boolean", "false: return when the changeset is created", default = true },
  { "timeout", "seconds", "to wait for the changeset", default = 3600 },
  { "min_interval", "seconds", "before the second look at it", default = 0.1 },
  { "max_interval", "seconds", "between later looks", default = 15 },
  { "journal", "boolean", "false: keep no notes; a crash cannot be resumed then", default = true },
  { "keep", "boolean", "a load that fails leaves what is staged, to be resumed", default = false },
  { "cancel", "fun(): boolean", "asked often: true stops the load, which can be resumed" },
  {
    "at_end",
    "fun(forget: fun())",
    "for programs: gets the function that forgets a load that is over, to be called when its result has been told; "
      .. "until then the same load gives the same changeset",
  },
}

options.declare {
  class = "finspace.LoadEvent",
  { "stage", '"staging"|"staged"|"creating"|"created"|"ingesting"|"done"', "how far it is", required = true },
  { "bytes", "integer", "staged so far", required = true },
  { "bytes_total", "integer", "of all files", required = true },
  { "files", "integer", "staged so far", required = true },
  { "files_total", "integer", "of the load", required = true },
  { "path", "string", "the file that was staged last" },
  { "resumed", "boolean", "an earlier run had begun it", required = true },
  { "format_params", "table<string, string>", "what the files are taken for", required = true },
  { "columns", "string[]", "the names that a CSV's header gives its columns" },
  {
    "doubtful",
    "boolean",
    "the first line may be the other: a header that looks like data, or data that could be names",
  },
  { "skipped", "{ path: string, why: string }[]", "files in the folders that hold no data", required = true },
  { "dataset_id", "string", "the dataset's id", required = true },
  { "changeset", "table", "the changeset, from the moment that it is created" },
}

-- The service remembers a clientToken for ten minutes; a minute of it is kept for our own retries.
local TOKEN_TRUSTED = 540

--- One load under way.
--- @class finspace.load.Run
--- @field client finspace.Client
--- @field given finspace.LoadOptions
--- @field dataset table
--- @field selection finspace.load.Selection
--- @field journal finspace.load.Journal
--- @field state table            what the journal holds
--- @field event finspace.LoadEvent
local Run = {}
Run.__index = Run

-- The journal ----------------------------------------------------------------------------------------

local function sorted_pairs_text(map)
  local lines = {}
  for name, value in pairs(map or {}) do
    table.insert(lines, name .. "=" .. tostring(value))
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- What makes it this load and no other: the same again finds its journal, by whatever name the dataset is asked for.
local function journal_name(client, given, dataset)
  local endpoint, err = client.session:endpoint("finspace_data")
  if not endpoint then return nil, err end
  return journal.name(
    endpoint.url,
    dataset.datasetId,
    given.change_type,
    given.format or "",
    sorted_pairs_text(given.format_params),
    table.concat(files.absolute(given.file), "\n")
  )
end

local function open_journal(client, given, dataset)
  if not given.journal then return journal.none() end
  local folder, err = journal.folder(client.session.runtime.getenv)
  if not folder then return nil, err end
  local name
  name, err = journal_name(client, given, dataset)
  if not name then return nil, err end
  return journal.open(folder, name)
end

--- Notes where the load is, before it goes further.
function Run:note(stage)
  self.state.stage = stage
  return self.journal:write(self.state)
end

function Run:report(stage)
  self.event.stage = stage or self.event.stage
  if self.given.on_progress then self.given.on_progress(self.event) end
end

-- A new load: its token and its place are noted before anything is sent.
function Run:begin()
  local runtime = self.client.session.runtime
  local place, err = staging.place(self.client, runtime.uuid())
  if not place then return nil, err end
  if self.selection.single and self.selection.bytes <= self.client.s3.SINGLE then
    place.key = place.prefix .. self.selection.entries[1].name
  end
  self.state = {
    version = 1,
    begun_at = math.floor(runtime.now()),
    place = place,
    dataset_id = self.dataset.datasetId,
    endpoint = assert(self.client.session:endpoint("finspace_data")).url,
    fingerprint = self.selection.fingerprint,
    format_params = self.event.format_params,
    client_token = runtime.uuid(),
    load = { -- what it takes to ask for it again
      file = files.absolute(self.given.file),
      format = self.given.format,
      change_type = self.given.change_type,
      format_params = self.given.format_params,
    },
  }
  return self:note("staging")
end

-- Staging --------------------------------------------------------------------------------------------

local function source_path(self)
  local place = self.state.place
  local name = self.selection.single and self.selection.entries[1].name or ""
  return ("s3://%s/%s%s"):format(place.bucket, place.prefix, name)
end

-- A load that was stopped, or that the caller keeps, is to be resumed. Everything else is cleared.
function Run:is_kept(err)
  if not self.given.journal then return false end
  return err.kind == "cancelled" or self.given.keep == true
end

-- Takes back what is staged. What cannot be reached now stays noted, for the next run to clear.
function Run:clear()
  local removed = staging.remove(self.client, self.state.place)
  if removed then self.journal:remove() end
  return removed
end

function Run:fail(err)
  if not self:is_kept(err) and self:clear() then return nil, err end
  err.resumable = self.given.journal
  return nil, err
end

-- A service past one machine, and Amazon's, have keys of two kinds: those that a call of the API is signed with need not be
-- known where files are staged. Not every store says so: radosgw, with an STS, answers AccessDenied.
local UNKNOWN_KEYS = { InvalidAccessKeyId = true, AccessDenied = true }
local KEYS_OF_THE_API = "; where the FinSpace API takes keys that its store does not know, the environment_id option (any"
  .. " text, for a finspace serve) gets such as both know, and so does the profile of its DIR/config"

function Run:explain(err)
  if UNKNOWN_KEYS[err.code] and not self.client.session:has_temporary_keys() then
    err.message = (err.message or err.code) .. KEYS_OF_THE_API
  end
  return err
end

function Run:stage()
  local event = self.event
  self:report("staging")
  local sent, err = staging.send {
    client = self.client,
    place = self.state.place,
    entries = self.selection.entries,
    resume = event.resumed,
    cancel = self.given.cancel,
    keep = function(failure) return self:is_kept(failure) end,
    on_bytes = function(count)
      event.bytes = event.bytes + count
      self:report()
    end,
    on_file = function(entry)
      event.files, event.path = event.files + 1, entry.path
      self:report()
    end,
  }
  if not sent then return self:fail(self:explain(err)) end
  self:report("staged")
  return self:note("staged")
end

-- The changeset --------------------------------------------------------------------------------------

-- The changeset that was made of this load's staged files, if there is one: false means none.
function Run:find_changeset()
  local wanted = source_path(self)
  local found, err = self.client:pages("ListChangesets", { datasetId = self.state.dataset_id }):collect(
    function(item) return item.changesetId and (item.sourceParams or {}).s3SourcePath == wanted end
  )
  if not found then return nil, err end
  return found[1] and found[1].changesetId or false
end

-- Past the token's ten minutes the service no longer knows a repetition: look before creating.
function Run:adopt_changeset()
  local state, now = self.state, self.client.session.runtime.now()
  if not state.token_used_at or now - state.token_used_at < TOKEN_TRUSTED then return false end
  local id, err = self:find_changeset()
  if id == false then
    state.client_token, state.token_used_at = self.client.session.runtime.uuid(), nil
  end
  return id, err
end

function Run:send_create()
  local state = self.state
  state.token_used_at = state.token_used_at or math.floor(self.client.session.runtime.now())
  local noted, err = self:note("creating")
  if not noted then return nil, err end
  local created
  created, err = self.client:call("CreateChangeset", {
    datasetId = state.dataset_id,
    changeType = self.given.change_type,
    sourceParams = { sourceType = "S3", s3SourcePath = source_path(self) },
    formatParams = format.to_send(state.format_params),
    clientToken = state.client_token,
  })
  if created then return created.changesetId end
  if err.outcome == "unknown" then
    err.resumable = self.given.journal -- the staged files may be needed: they stay
    return nil, err
  end
  return self:fail(err)
end

function Run:create()
  self:report("creating")
  local id, err = self:adopt_changeset()
  if id == nil then return nil, err end
  if not id then
    id, err = self:send_create()
  end
  if not id then return nil, err end
  self.state.changeset_id = id
  self.event.changeset = { datasetId = self.state.dataset_id, changesetId = id }
  self:report("created")
  return self:note("created")
end

local function has_failed(err) return err.changeset ~= nil and err.changeset.status == "FAILED" end

function Run:wait()
  local given = self.given
  local changeset, err = self.client:wait_changeset {
    datasetId = self.state.dataset_id,
    changesetId = self.state.changeset_id,
    timeout = given.timeout,
    min_interval = given.min_interval,
    max_interval = given.max_interval,
    cancel = given.cancel,
    on_status = function(_, item)
      self.event.changeset = item
      self:report("ingesting")
    end,
  }
  if changeset then
    self.over = true
    self:report("done")
    return changeset
  end
  if has_failed(err) then return self:fail(err) end
  err.resumable = given.journal
  return nil, err
end

-- The whole ------------------------------------------------------------------------------------------

-- What an earlier run left of files that are others now: it ends here. A changeset that it created,
-- or may have, keeps its files.
function Run:settle()
  local state = self.state
  if state.stage == "created" then
    self.journal:remove()
    return true
  end
  if state.stage == "creating" then
    local id, err = self:find_changeset()
    if id == nil then return nil, err end
    if id then
      self.journal:remove()
      return true
    end
  end
  local removed, err = staging.remove(self.client, state.place)
  if not removed then return nil, err end
  self.journal:remove()
  return true
end

-- Takes up what an earlier run noted. True when this run goes on with it.
function Run:take_up()
  local state = self.journal.state
  if not state or state.version ~= 1 then return false end
  self.state = state
  if state.fingerprint == self.selection.fingerprint then
    self.event.resumed, self.event.format_params = true, state.format_params
    return true
  end
  local settled, err = self:settle()
  if not settled then return nil, err end
  return false
end

function Run:start()
  local resumed, err = self:take_up()
  if resumed == nil then return nil, err end
  if not resumed then
    local settled, begun
    settled, err = format.settle(self.client, self.given, self.dataset, self.event)
    if not settled then return nil, err end
    begun, err = self:begin()
    if not begun then return nil, err end
  end
  self.event.dataset_id = self.state.dataset_id
  return true
end

local AFTER_STAGING = { staged = true, creating = true, created = true }

function Run:perform()
  local well, err = self:start()
  if well and not AFTER_STAGING[self.state.stage] then
    well, err = self:stage()
  end
  if well and self.state.stage ~= "created" then
    well, err = self:create()
  end
  if not well then return nil, err end
  if self.given.wait then return self:wait() end
  self.over = true
  return self.client:call("GetChangeset", {
    datasetId = self.state.dataset_id,
    changesetId = self.state.changeset_id,
  })
end

-- A callback of the caller's that raises ends the load: its lock must not outlive it.
local function unlocking(callback, notes)
  if not callback then return nil end
  return function(...)
    local well, result = pcall(callback, ...)
    if well then return result end
    notes:close()
    error(result, 0)
  end
end

local function with_unlocking_callbacks(given, notes)
  local copy = {}
  for name, value in pairs(given) do
    copy[name] = value
  end
  copy.on_progress, copy.cancel = unlocking(given.on_progress, notes), unlocking(given.cancel, notes)
  return copy
end

--- Finds the files of a load and looks at them: what can be refused without asking anybody.
--- @param given finspace.LoadOptions
--- @return finspace.load.Selection|nil selection, table|nil described, finspace.Error|nil err
function load.check(given)
  local selection, err = files.select(given.file)
  if not selection then return nil, nil, err end
  local described
  described, err = format.describe(given, selection.entries[1])
  if not described then return nil, nil, err end
  return selection, described
end

local function first_event(selection, described)
  return {
    bytes = 0,
    bytes_total = selection.bytes,
    files = 0,
    files_total = #selection.entries,
    resumed = false,
    format_params = described.params,
    first_record = described.first_record,
    skipped = selection.skipped,
  }
end

--- Loads files into a dataset: they are staged in S3, become one changeset, and are waited for. The same load
--- asked for again goes on where the last one was cut off.
--- @param client finspace.Client
--- @param given finspace.LoadOptions
--- @return finspace.GetChangesetOutput|nil changeset
--- @return finspace.Error|nil err  `err.resumable`: the same load goes on from here
function load.run(client, given)
  given = OPTIONS:check(given)
  local selection, described, err = load.check(given)
  if not selection then return nil, err end
  local dataset, notes
  dataset, err = find_dataset.run(client, { dataset = given.dataset })
  if not dataset then return nil, err end
  notes, err = open_journal(client, given, dataset)
  if not notes then return nil, err end
  local run = setmetatable({
    client = client,
    given = with_unlocking_callbacks(given, notes),
    dataset = dataset,
    selection = selection,
    journal = notes,
    event = first_event(selection, described),
  }, Run)
  local changeset
  changeset, err = run:perform()
  local function forget()
    if run.over then notes:remove() end
    notes:close()
  end
  if given.at_end then
    given.at_end(forget)
  else
    forget()
  end
  return changeset, err
end

--- The loads that were cut off, as `fs:load` takes them: those into this client's service. Others wait for theirs.
--- @param client finspace.Client
--- @return finspace.LoadOptions[]|nil, finspace.Error|nil err
function load.unfinished(client)
  local folder, err = journal.folder(client.session.runtime.getenv)
  if not folder then return nil, err end
  local endpoint
  endpoint, err = client.session:endpoint("finspace_data")
  if not endpoint then return nil, err end
  local loads = {}
  for _, state in ipairs(journal.unfinished(folder)) do
    if type(state.load) == "table" and state.endpoint == endpoint.url then
      state.load.dataset = { datasetId = state.dataset_id }
      table.insert(loads, state.load)
    end
  end
  return loads
end

return load
