--- Small floating windows in the corner that show how far loads are, one below the other.
local progress = {}

local WIDTH, BAR, HEIGHT = 44, 30, 3
-- A window with its border, and what stays free for the command line and the status line.
local ROWS, FREE_ROWS, BORDER = HEIGHT + 2, 3, 2

local Window = {}
Window.__index = Window

local open = {} -- the loads under way, in the order in which they began

local function bar(done, total)
  local filled = total > 0 and math.floor(BAR * math.min(done / total, 1)) or 0
  return ("[%s%s] %3d%%"):format(
    ("#"):rep(filled),
    (" "):rep(BAR - filled),
    total > 0 and math.floor(100 * math.min(done / total, 1)) or 0
  )
end

local function place(position)
  return {
    relative = "editor",
    anchor = "NE",
    row = 1 + (position - 1) * ROWS,
    col = vim.o.columns - 1,
    width = math.max(1, math.min(WIDTH, vim.o.columns - BORDER - 1)),
    height = HEIGHT,
    style = "minimal",
    border = "rounded",
    focusable = false,
  }
end

local function has_window(self) return self.window ~= nil and vim.api.nvim_win_is_valid(self.window) end

local function hide(self)
  if has_window(self) then pcall(vim.api.nvim_win_close, self.window, true) end
  self.window = nil
end

-- There are places where no window may be opened, as the command-line window; the load goes on without.
local function show(self, position)
  if has_window(self) then return vim.api.nvim_win_set_config(self.window, place(position)) end
  if self.window then return end -- somebody closed it
  local opened, window = pcall(vim.api.nvim_open_win, self.buffer, false, place(position))
  self.window = opened and window or nil
end

-- Every load has its place, as far as the screen has room.
local function arrange()
  local room = math.floor((vim.o.lines - FREE_ROWS) / ROWS)
  for position, self in ipairs(open) do
    if position <= room then
      show(self, position)
    else
      hide(self)
    end
  end
end

local function write(self, stage, detail)
  if not vim.api.nvim_buf_is_valid(self.buffer) then return end
  vim.api.nvim_buf_set_lines(self.buffer, 0, -1, false, { " " .. self.title, " " .. stage, " " .. detail })
end

local function follow_resizes()
  local group = vim.api.nvim_create_augroup("finspace_progress", { clear = true })
  vim.api.nvim_create_autocmd("VimResized", { group = group, callback = arrange })
end

--- @param title string
function progress.open(title)
  local self = setmetatable({ buffer = vim.api.nvim_create_buf(false, true), title = title:gsub("%c", "?") }, Window)
  table.insert(open, self)
  write(self, "checking", "")
  follow_resizes()
  arrange()
  return self
end

--- @param event finspace.LoadEvent
function Window:update(event)
  local staging = event.stage == "staging" or event.stage == "staged"
  local status = event.changeset and event.changeset.status
  write(
    self,
    event.stage .. (status and " (" .. status .. ")" or ""),
    staging and bar(event.bytes, event.bytes_total) or bar(1, 1)
  )
end

--- Again is harmless, also when the window was closed by hand.
function Window:close()
  for position, other in ipairs(open) do
    if other == self then table.remove(open, position) end
  end
  hide(self)
  if vim.api.nvim_buf_is_valid(self.buffer) then vim.api.nvim_buf_delete(self.buffer, { force = true }) end
  arrange()
end

return progress
