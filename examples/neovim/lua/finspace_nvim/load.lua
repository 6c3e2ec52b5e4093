--- `:FinspaceLoad`: the current file, or the selected lines of it, into a dataset.
local background_file = require("finspace_nvim.background_file")
local client = require("finspace_nvim.client")
local finspace = require("finspace")
local progress = require("finspace_nvim.progress")
local selection = require("finspace_nvim.selection")

local load = {}

local function current_file()
  local path = vim.api.nvim_buf_get_name(0)
  if vim.bo.buftype ~= "" then return nil, "this buffer is no file" end
  if path == "" then return nil, "this buffer has no file: write it first, or select lines" end
  if vim.fn.isdirectory(path) == 1 then return nil, path .. " is a directory: open one of its files" end
  if vim.bo.modified then return nil, "this buffer has changes that its file has not: write it first" end
  return path
end

local function report(changeset, err, dataset)
  if not changeset then return client.complain(err) end
  client.say(("%s: changeset %s %s"):format(dataset, changeset.changesetId, changeset.status or "created"))
end

-- Does the work as a task, and shows how far it is until it has ended, in whatever way.
local function shown(title, dataset, work, ended)
  local window = progress.open(title .. " > " .. dataset)
  finspace.run(function() return work(window) end, function(changeset, err)
    window:close()
    if ended then ended() end
    report(changeset, err, dataset)
  end)
end

local function load_file(window, given)
  given.on_progress = function(event) window:update(event) end
  return client.get():load(given)
end

--- Loads a file beside the editor's work, and shows how far it is.
--- @param path string
--- @param dataset string  id, alias/… or title
function load.file(path, dataset)
  shown(
    vim.fn.fnamemodify(path, ":t"),
    dataset,
    function(window) return load_file(window, { file = path, dataset = dataset }) end
  )
end

--- Loads lines of a buffer beside the editor's work. Lines below a header get it all the same.
--- @param buffer integer
--- @param first integer
--- @param last integer
--- @param dataset string
function load.lines(buffer, first, last, dataset)
  local chosen = selection.of(buffer, first, last)
  local path = vim.fn.tempname() .. "." .. chosen.extension
  local title = ("%s:%d-%d"):format(vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":t"), first, last)
  shown(title, dataset, function(window)
    local written, problem = selection.write(path, chosen)
    if not written then return nil, "FinspaceLoad: " .. problem end
    -- Nothing could resume it: its file goes when it ends.
    return load_file(window, { file = path, dataset = dataset, format_params = chosen.format_params, journal = false })
  end, function() background_file.remove(path) end)
end

--- @param command table what nvim_create_user_command gives
function load.command(command)
  if command.range > 0 then
    return load.lines(vim.api.nvim_get_current_buf(), command.line1, command.line2, command.args)
  end
  local path, problem = current_file()
  if not path then return client.say("FinspaceLoad: " .. problem, "ErrorMsg") end
  load.file(path, command.args)
end

return load
