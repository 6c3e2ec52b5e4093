--- What a person sees while a load is under way: a bar with rate and time left, a line for each file
--- that has arrived, and the changeset's states. In a pipe: plain lines, and not many.
local formats = require("finspace.formats.sniff")
local printable = require("finspace.printable")
local sys = require("finspace.sys")
local text = require("finspace.cli.text")

local progress = {}

-- Seconds between two looks of a person at a terminal, and between two lines of a log.
local REDRAW_EVERY, LOG_EVERY = 0.1, 10
local LINES_FOR_FILES = 1000 -- more files than that have no line each

--- @class finspace.cli.Progress
--- @field out finspace.cli.Terminal
local Progress = {}
Progress.__index = Progress

--- @param out finspace.cli.Terminal
--- @return finspace.cli.Progress
function progress.new(out)
  local now = sys.monotonic()
  return setmetatable({ out = out, began = now, drawn_at = out:is_live() and 0 or now, files = 0 }, Progress)
end

local function bar(out, share, width)
  local full = math.floor(share * width + 0.5)
  local done, left = "#", "-"
  if out.unicode then
    done, left = "█", "░"
  end
  return done:rep(full) .. out:paint("dim", left:rep(width - full))
end

-- Bytes a second, and the seconds that are left at this rate.
local function pace(self, event)
  local elapsed = sys.monotonic() - self.staging_began
  if event.bytes <= 0 or elapsed < 0.2 then return nil end
  local rate = event.bytes / elapsed
  return rate, (event.bytes_total - event.bytes) / rate
end

local function figures_of(self, event, share)
  local words = {
    ("%3d%%"):format(math.floor(share * 100)),
    text.bytes(event.bytes) .. " of " .. text.bytes(event.bytes_total),
  }
  if event.files_total > 1 then
    table.insert(words, ("file %d of %d"):format(math.min(event.files + 1, event.files_total), event.files_total))
  end
  local rate, left = pace(self, event)
  if rate then
    table.insert(words, text.bytes(rate) .. "/s")
    table.insert(words, text.duration(left) .. " left")
  end
  return table.concat(words, "  ")
end

local function status_line(self, event)
  local share = event.bytes / math.max(event.bytes_total, 1)
  local figures = figures_of(self, event, share)
  if not self.out:is_live() then return "  " .. figures end
  local room = self.out.width() - #figures - 5
  if room < 10 then return figures end
  return "  " .. bar(self.out, share, math.min(room, 30)) .. " " .. figures
end

function Progress:draw(event)
  local now = sys.monotonic()
  if now - self.drawn_at < (self.out:is_live() and REDRAW_EVERY or LOG_EVERY) then return end
  self.drawn_at = now
  if self.out:is_live() then
    self.out:redraw(status_line(self, event))
  else
    self.out:note_painted(status_line(self, event))
  end
end

local COLUMNS_SHOWN, SKIPPED_SHOWN = 12, 5

local DOUBTS = {
  header = "This line looks like data; if it is, load with --no-header.",
  data = "The first line is taken for data, as the schema has no such names; if it names columns, load with --header.",
}

local function note_doubt(self, event)
  if not event.doubtful then return end
  local doubt = event.columns and DOUBTS.header or DOUBTS.data
  self.out:note_painted(self.out:paint("yellow", doubt))
end

-- The names that a header gives, so that a line of data which was taken for one is seen.
local function note_columns(self, event)
  local names = event.columns
  if not names then return end
  local rest = #names > COLUMNS_SHOWN and (" and %d more"):format(#names - COLUMNS_SHOWN) or ""
  local shown = table.concat(names, ", ", 1, math.min(#names, COLUMNS_SHOWN))
  self.out:note(("Columns, by the first line: %s%s"):format(shown, rest))
end

local function note_skipped(self, event)
  for i, file in ipairs(event.skipped or {}) do
    if i > SKIPPED_SHOWN then return self.out:note(("and %d more"):format(#event.skipped - SKIPPED_SHOWN)) end
    self.out:note(("Left out: %s (%s)"):format(file.path, file.why))
  end
end

local function begin_staging(self, event)
  if self.staging_began then return end
  self.staging_began = sys.monotonic()
  note_skipped(self, event)
  note_columns(self, event)
  note_doubt(self, event)
  self.out:note(
    ("%s, %s: %s"):format(
      text.count(event.files_total, "file"),
      text.bytes(event.bytes_total),
      formats.describe(event.format_params)
    )
  )
  if event.resumed then self.out:note("An earlier load of it was cut off; going on from there.") end
end

local function note_file(self, event)
  if event.files == self.files then return end
  self.files = event.files
  if event.files_total > LINES_FOR_FILES or not self.out:is_live() then return end
  local mark = self.out:paint("green", self.out.unicode and "✓" or "+")
  self.out:note_painted(("  %s %s"):format(mark, printable.line(event.path)))
end

local handlers = {}

function handlers.staging(self, event)
  begin_staging(self, event)
  note_file(self, event)
  self:draw(event)
end

function handlers.staged(self, event)
  local elapsed = sys.monotonic() - self.staging_began
  self.out:note(
    ("Staged %s, %s, in %s (%s/s)."):format(
      text.count(event.files_total, "file"),
      text.bytes(event.bytes_total),
      text.duration(elapsed),
      text.bytes(event.bytes_total / math.max(elapsed, 0.001))
    )
  )
end

function handlers.created(self, event)
  self.out:note(("Changeset %s in dataset %s"):format(event.changeset.changesetId, event.dataset_id))
end

local STATUS_COLORS = { SUCCESS = "green", FAILED = "red" }

function handlers.ingesting(self, event)
  local status = event.changeset.status
  self.out:note_painted(
    "  "
      .. self.out:paint(STATUS_COLORS[status] or "yellow", printable.line(status))
      .. self.out:paint("dim", "  after " .. text.duration(sys.monotonic() - self.began))
  )
end

--- Shows what has happened.
--- @param event finspace.LoadEvent
function Progress:show(event)
  local handler = handlers[event.stage]
  if handler then handler(self, event) end
end

return progress
