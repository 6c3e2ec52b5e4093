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

-- What a load took the first line for, where that may be wrong.
local function doubt_about(event)
  if not (event and event.doubtful) then return "" end
  if event.format_params.withHeader == "true" then
    return "; its first line was taken for the names of the columns (:FinspaceLoad! where there are none)"
  end
  return "; its first line was taken for data"
end

local function report(changeset, err, dataset, event)
  if not changeset then return client.complain(err) end
  local status = changeset.status or "created"
  client.say(("%s: changeset %s %s%s"):format(dataset, changeset.changesetId, status, doubt_about(event)))
end

-- Does the work as a task, and shows how far it is until it has ended, in whatever way.
local function shown(title, dataset, work, ended)
  local window, last = progress.open(title .. " > " .. dataset), nil
  local function on_progress(event)
    last = event
    window:update(event)
  end
  finspace.run(function() return work(on_progress) end, function(changeset, err)
    window:close()
    if ended then ended() end
    report(changeset, err, dataset, last)
  end)
end

--- Loads a file beside the editor's work, and shows how far it is.
--- @param path string
--- @param dataset string  id, alias/… or title
--- @param is_bare? boolean  no line of it names the columns
function load.file(path, dataset, is_bare)
  shown(
    vim.fn.fnamemodify(path, ":t"),
    dataset,
    function(on_progress)
      return client.get():load {
        file = path,
        dataset = dataset,
        format_params = is_bare and { withHeader = "false" } or nil,
        on_progress = on_progress,
      }
    end
  )
end

-- The columns of the dataset's schema; nil where it has none, or may not be looked at.
local function columns_of(fs, dataset)
  local found = dataset.schemaDefinition and dataset or fs:get_dataset { datasetId = dataset.datasetId }
  local definition = found and found.schemaDefinition
  local columns = definition and (definition.tabularSchemaConfig or {}).columns
  return columns and columns[1] and columns
end

local function load_lines(chosen, path, wanted, is_bare, on_progress)
  local fs = client.get()
  local dataset, err = fs:find_dataset { dataset = wanted }
  if not dataset then return nil, err end
  selection.settle_header(chosen, columns_of(fs, dataset), is_bare)
  local written, problem = selection.write(path, chosen)
  if not written then return nil, "FinspaceLoad: " .. problem end
  return fs:load {
    file = path,
    dataset = dataset,
    format_params = chosen.format_params,
    on_progress = on_progress,
    journal = false, -- nothing could resume it: its file goes when it ends
  }
end

--- Loads lines of a buffer beside the editor's work. Lines below a header get it all the same.
--- @param buffer integer
--- @param first integer
--- @param last integer
--- @param dataset string
--- @param is_bare? boolean  no line of the buffer names the columns
function load.lines(buffer, first, last, dataset, is_bare)
  local chosen = selection.of(buffer, first, last)
  local path = vim.fn.tempname() .. "." .. chosen.extension
  local title = ("%s:%d-%d"):format(vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":t"), first, last)
  shown(
    title,
    dataset,
    function(on_progress) return load_lines(chosen, path, dataset, is_bare, on_progress) end,
    function() background_file.remove(path) end
  )
end

--- @param command table what nvim_create_user_command gives
function load.command(command)
  if command.range > 0 then
    return load.lines(vim.api.nvim_get_current_buf(), command.line1, command.line2, command.args, command.bang)
  end
  local path, problem = current_file()
  if not path then return client.say("FinspaceLoad: " .. problem, "ErrorMsg") end
  load.file(path, command.args, command.bang)
end

return load
