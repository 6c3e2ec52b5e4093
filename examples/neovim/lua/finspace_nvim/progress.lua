--- A small floating window in the corner that shows how far a load is.
local progress = {}

local WIDTH, BAR = 44, 30

local Window = {}
Window.__index = Window

local function bar(done, total)
  local filled = total > 0 and math.floor(BAR * math.min(done / total, 1)) or 0
  return ("[%s%s] %3d%%"):format(
    ("#"):rep(filled),
    (" "):rep(BAR - filled),
    total > 0 and math.floor(100 * math.min(done / total, 1)) or 0
  )
end

--- @param title string
function progress.open(title)
  local buffer = vim.api.nvim_create_buf(false, true)
  local window = vim.api.nvim_open_win(buffer, false, {
    relative = "editor",
    anchor = "NE",
    row = 1,
    col = vim.o.columns - 1,
    width = WIDTH,
    height = 3,
    style = "minimal",
    border = "rounded",
    focusable = false,
  })
  local self = setmetatable({ buffer = buffer, window = window, title = title }, Window)
  self:show("checking", "")
  return self
end

function Window:show(stage, detail)
  if not vim.api.nvim_buf_is_valid(self.buffer) then return end
  vim.api.nvim_buf_set_lines(self.buffer, 0, -1, false, { " " .. self.title, " " .. stage, " " .. detail })
end

--- @param event finspace.LoadEvent
function Window:update(event)
  local staging = event.stage == "staging" or event.stage == "staged"
  local status = event.changeset and event.changeset.status
  self:show(
    event.stage .. (status and " (" .. status .. ")" or ""),
    staging and bar(event.bytes, event.bytes_total) or bar(1, 1)
  )
end

--- Again is harmless, also when the window was closed by hand.
function Window:close()
  if vim.api.nvim_win_is_valid(self.window) then vim.api.nvim_win_close(self.window, true) end
  if vim.api.nvim_buf_is_valid(self.buffer) then vim.api.nvim_buf_delete(self.buffer, { force = true }) end
end

return progress
