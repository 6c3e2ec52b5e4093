--- `:FinspaceLoad`: the current file, or the selected lines of it, into a dataset.
local client = require("finspace_nvim.client")
local finspace = require("finspace")
local progress = require("finspace_nvim.progress")

local load = {}

-- The selected lines as a file of their own. A selection that begins below the header gets it all the same.
local function write_selection(first, last)
  local lines = vim.api.nvim_buf_get_lines(0, first - 1, last, false)
  if first > 1 then table.insert(lines, 1, vim.fn.getline(1)) end
  local path = vim.fn.tempname() .. ".csv"
  vim.fn.writefile(lines, path)
  return path
end

local function current_file()
  local path = vim.api.nvim_buf_get_name(0)
  if path == "" then return nil, "this buffer has no file: write it first, or select lines" end
  if vim.bo.modified then return nil, "this buffer has changes that its file has not: write it first" end
  return path
end

local function report(changeset, err, dataset)
  if not changeset then return client.complain(err) end
  client.say(("%s: changeset %s %s"):format(dataset, changeset.changesetId, changeset.status or "created"))
end

--- Loads a file beside the editor's work, and shows how far it is.
--- @param path string
--- @param dataset string  id, alias/… or title
--- @param ended? fun()
function load.file(path, dataset, ended)
  local window = progress.open(vim.fn.fnamemodify(path, ":t") .. " > " .. dataset)
  finspace.run(function()
    return client.get():load {
      file = path,
      dataset = dataset,
      on_progress = function(event) window:update(event) end,
    }
  end, function(changeset, err)
    window:close()
    if ended then ended() end
    report(changeset, err, dataset)
  end)
end

--- @param command table what nvim_create_user_command gives
function load.command(command)
  if command.range > 0 then
    local path = write_selection(command.line1, command.line2)
    return load.file(path, command.args, function() os.remove(path) end)
  end
  local path, problem = current_file()
  if not path then return client.say("FinspaceLoad: " .. problem, "ErrorMsg") end
  load.file(path, command.args)
end

return load
