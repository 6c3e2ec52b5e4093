--- `:FinspaceChangesets`: a buffer with a dataset's changesets that refreshes itself while it is shown.
local client = require("finspace_nvim.client")
local finspace = require("finspace")

local changesets = {}

local REFRESH_SECONDS = 5

local function when(milliseconds)
  return milliseconds and os.date("%Y-%m-%d %H:%M:%S", math.floor(milliseconds / 1000)) or ""
end

local function line_of(changeset)
  local info = changeset.errorInfo
  return ("%-26s  %-8s  %-10s  %s%s"):format(
    changeset.changesetId,
    changeset.changeType or "",
    changeset.status or "",
    when(changeset.createTime),
    info and "  " .. (info.errorMessage or "") or ""
  )
end

-- A title or an alias is looked up once; then the id is known.
local function dataset_id(fs, wanted)
  local dataset, err = fs:find_dataset { dataset = wanted }
  return dataset and dataset.datasetId, err
end

local function all_changesets(fs, id)
  return fs:pages("ListChangesets", { datasetId = id }):collect(function() return true end)
end

local function write(buffer, lines)
  if not vim.api.nvim_buf_is_valid(buffer) then return end
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
end

local function show(view, list, err)
  local lines = { ("Changesets of %s, %s"):format(view.wanted, os.date("%H:%M:%S")), "" }
  if err then vim.list_extend(lines, vim.split(tostring(err), "\n")) end
  for _, changeset in ipairs(list or {}) do
    lines[#lines + 1] = line_of(changeset)
  end
  if list and #list == 0 then lines[#lines + 1] = "none yet" end
  write(view.buffer, lines)
end

local function fetch(view)
  local fs, err = client.get(), nil
  if fs ~= view.fs then
    view.fs, view.id = fs, nil -- the options were corrected: it may be another service
  end
  if not view.id then
    view.id, err = dataset_id(fs, view.wanted)
  end
  if not view.id then return nil, err end
  return all_changesets(fs, view.id)
end

-- One refresh at a time: a slow answer does not pile up more questions.
local function refresh(view)
  if view.busy then return end
  view.busy = true
  finspace.run(function() return fetch(view) end, function(list, err)
    view.busy = false
    show(view, list, err)
  end)
end

--- Whether a window shows it, in any tab.
--- @param view table { buffer = }
--- @return boolean
function changesets.is_shown(view)
  return vim.api.nvim_buf_is_valid(view.buffer) and #vim.fn.win_findbuf(view.buffer) > 0
end

local function keep_fresh(view)
  local timer = vim.loop.new_timer()
  local pause = REFRESH_SECONDS * 1000
  timer:start(
    pause,
    pause,
    vim.schedule_wrap(function()
      if changesets.is_shown(view) then return refresh(view) end
      if not timer:is_closing() then timer:close() end
    end)
  )
end

local function new_buffer(wanted)
  vim.cmd("new")
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype, vim.bo[buffer].bufhidden, vim.bo[buffer].swapfile = "nofile", "wipe", false
  vim.bo[buffer].filetype, vim.bo[buffer].modifiable = "finspace", false
  pcall(vim.api.nvim_buf_set_name, buffer, "finspace://changesets/" .. wanted)
  return buffer
end

--- @param wanted string  a dataset's id, alias/… or title
function changesets.open(wanted)
  local view = { wanted = wanted, buffer = new_buffer(wanted) }
  vim.keymap.set("n", "r", function() refresh(view) end, { buffer = view.buffer, desc = "Refresh" })
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = view.buffer, desc = "Close" })
  write(view.buffer, { "Changesets of " .. wanted, "", "loading ..." })
  refresh(view)
  keep_fresh(view)
end

return changesets
