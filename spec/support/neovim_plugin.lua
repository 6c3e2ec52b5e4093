--- Runs in a headless Neovim: drives the plugin's commands against a real service.
local support = require("spec.support")

vim.cmd("set runtimepath+=" .. support.root .. "/examples/neovim")
vim.cmd("runtime plugin/finspace.lua")

local finspace = require("finspace")
local fs = finspace.new {}

local function wait_until(happened) assert.is_true((vim.wait(20000, happened, 5))) end

-- The results of a function that is run as a task.
local function in_task(body)
  local results
  finspace.run(body, function(...) results = { ... } end)
  wait_until(function() return results ~= nil end)
  return results[1], results[2]
end

local function messages() return vim.fn.execute("messages") end

local function floating_text()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
      return table.concat(lines, "\n")
    end
  end
end

local function rows_of(title)
  local dataset = assert(in_task(function() return fs:ensure_dataset { title = title } end))
  return assert(in_task(function() return fs:list_changesets { datasetId = dataset.datasetId } end)).changesets
end

describe("the plugin", function()
  local folder, file

  setup(function()
    folder = support.temporary_folder()
    file = support.write_file(folder .. "/prices.csv", "day,price\n2021-01-04,1\n2021-01-05,2\n2021-01-06,3\n")
    assert(in_task(function() return fs:ensure_dataset { title = "Prices" } end))
  end)

  teardown(function() support.remove_folder(folder) end)

  before_each(function()
    vim.cmd("messages clear")
    vim.cmd("edit! " .. file)
  end)

  it("loads the current file, shows progress in a window, and says the result", function()
    vim.cmd("FinspaceLoad Prices")
    local seen
    wait_until(function()
      seen = seen or (floating_text() or ""):match("prices.csv > Prices")
      return messages():find("changeset") ~= nil
    end)
    assert.is_string(seen)
    assert.matches("Prices: changeset %w+ SUCCESS", messages())
    assert.is_nil(floating_text())
    assert.equal(1, #rows_of("Prices"))
  end)

  it("loads selected lines, with the header", function()
    vim.cmd("3,4FinspaceLoad Prices")
    wait_until(function() return messages():find("SUCCESS") ~= nil end)
    assert.equal(2, #rows_of("Prices"))
  end)

  it("says what is wrong: an unwritten buffer, an unknown dataset", function()
    vim.api.nvim_buf_set_lines(0, 0, 1, false, { "changed" })
    vim.cmd("FinspaceLoad Prices")
    assert.matches("write it first", messages())
    vim.cmd("edit!")
    vim.cmd("FinspaceLoad Nowhere")
    wait_until(function() return messages():find("DatasetNotFound") ~= nil end)
    assert.is_nil(floating_text())
  end)

  it("shows changesets in a buffer that refreshes", function()
    vim.cmd("FinspaceChangesets Prices")
    local buffer = vim.api.nvim_get_current_buf()
    local function text() return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n") end
    wait_until(function() return text():find("SUCCESS") ~= nil end)
    assert.equal(2, select(2, text():gsub("SUCCESS", "")))
    vim.cmd("wincmd p | edit! " .. file .. " | FinspaceLoad Prices")
    wait_until(function() return messages():find("changeset") ~= nil end)
    vim.cmd("wincmd p")
    vim.api.nvim_feedkeys("r", "x", false)
    wait_until(function() return select(2, text():gsub("SUCCESS", "")) == 3 end)
    vim.cmd("close")
    assert.is_false(vim.api.nvim_buf_is_valid(buffer))
  end)

  it("checks its own health", function()
    vim.cmd("checkhealth finspace")
    local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
    assert.matches("finspace.core is loaded", text)
    assert.matches("the service answers", text)
    assert.is_nil(text:find("ERROR", 1, true), text)
  end)

  it("has help", function()
    vim.cmd("help finspace")
    assert.equal("help", vim.bo.buftype)
    for _, tag in ipairs { ":FinspaceLoad", ":FinspaceChangesets", "finspace-health" } do
      vim.cmd("help " .. tag)
    end
  end)
end)
