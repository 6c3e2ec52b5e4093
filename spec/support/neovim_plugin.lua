--- Runs in a headless Neovim: drives the plugin's commands against a real service.
local support = require("spec.support")
local thread_time = require("spec.support.thread_time")

vim.cmd("set runtimepath+=" .. support.root .. "/examples/neovim")
vim.cmd("runtime plugin/finspace.lua")

local finspace = require("finspace")
local fs = finspace.new {}

-- Of the large selections: FINSPACE_SELECTION_MB=200 makes them as large as they may be.
local MEGABYTES = tonumber(os.getenv("FINSPACE_SELECTION_MB") or 10)

local function wait_until(happened) assert.is_true((vim.wait(600000, happened, 5))) end

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

  local function floats()
    local found = {}
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      local config = vim.api.nvim_win_get_config(window)
      -- Neovim 0.7 gives numbers in a table of their own.
      local function number(value) return type(value) == "table" and value[false] or value end
      config.row, config.col = number(config.row), number(config.col)
      if config.relative ~= "" then found[#found + 1] = config end
    end
    table.sort(found, function(a, b) return a.row < b.row end)
    return found
  end

  local function scratch_file(name, text)
    local path = support.write_file(folder .. "/" .. name, text)
    vim.cmd("edit! " .. path)
    return path
  end

  -- The file that a command would load into a dataset of these columns, in place of the load.
  local function loaded_by(command, columns)
    local client, seen = require("finspace_nvim.client"), nil
    local real = client.get
    local dataset = { datasetId = "d", schemaDefinition = columns and { tabularSchemaConfig = { columns = columns } } }
    client.get = function()
      return {
        find_dataset = function() return dataset end,
        get_dataset = function() return dataset end,
        load = function(_, given)
          seen = { text = support.read_file(given.file), given = given }
          return { changesetId = "c", status = "SUCCESS" }
        end,
      }
    end
    vim.cmd(command)
    wait_until(function() return seen ~= nil end)
    client.get = real
    return seen
  end

  it("gives a selection the header that it has, and none to JSON lines or a file without one", function()
    assert.equal("day,price\n2021-01-06,3\n", loaded_by("4,4FinspaceLoad Prices").text)
    scratch_file("bare.csv", "2021-01-04,1\n2021-01-05,2\n")
    local bare = loaded_by("2,2FinspaceLoad Prices")
    assert.equal("2021-01-05,2\n", bare.text)
    assert.equal("false", bare.given.format_params.withHeader)
    for _, name in ipairs { "lines.jsonl", "lines.json", "lines.txt" } do
      scratch_file(name, '{"a":1}\n{"a":2}\n')
      local lines = loaded_by("2,2FinspaceLoad Prices")
      assert.equal('{"a":2}\n', lines.text)
      assert.matches("%.jsonl?$", lines.given.file)
    end
  end)

  it("tells a header of years and dates from data, by the schema or by what stands below it", function()
    local STRING, DATE = { columnName = "name", dataType = "STRING" }, { columnName = "day", dataType = "DATE" }
    for _, case in ipairs {
      { "country,2019,2020\nAT,1,2\nBE,3,4\n", nil, "country,2019,2020\nBE,3,4\n", nil },
      { "2019;2020\n1,5;2\n3;4\n", nil, "2019;2020\n3;4\n", nil },
      { "AT,2019\nBE,2020\nCH,2021\n", nil, "CH,2021\n", "false" },
      { '"a\nb",c\n1,2\n', nil, '"a\nb",c\n1,2\n', nil },
      { "sep=;\na;b\n1;2\n", nil, "sep=;\na;b\n1;2\n", nil },
      { "AT,2019-01-01\nBE,x\nCH,2021-01-01\n", { STRING, DATE }, "CH,2021-01-01\n", nil },
      { "day,name\n2021-01-01,BE\n2021-01-02,CH\n", { STRING, DATE }, "day,name\n2021-01-02,CH\n", nil },
      { "a,b\nc,d\ne,f\n", { STRING, { columnName = "x", dataType = "CHAR" } }, "e,f\n", nil },
    } do
      scratch_file("header.csv", case[1])
      local seen = loaded_by("3,3FinspaceLoad Prices", case[2])
      assert.equal(case[3], seen.text)
      assert.equal(case[4], (seen.given.format_params or {}).withHeader)
    end
  end)

  it("takes with a bang every line for data", function()
    local seen = loaded_by("3,3FinspaceLoad! Prices")
    assert.equal("2021-01-05,2\n", seen.text)
    assert.equal("false", seen.given.format_params.withHeader)
    assert.equal("false", loaded_by("FinspaceLoad! Prices").given.format_params.withHeader)
  end)

  it("says what it took the first line for where that may be wrong", function()
    scratch_file("years.csv", "country,2019\nAT,1\n")
    vim.cmd("FinspaceLoad Prices")
    wait_until(function() return messages():find("Prices: changeset", 1, true) ~= nil end)
    assert.matches("taken for the names of the columns (:FinspaceLoad!", messages(), 1, true)
  end)

  -- The editor's longest turn during some work, in the processor time of its own thread: a machine that does
  -- something else meanwhile does not count.
  local function assert_short_turns(what, work)
    local worst, at = 0, thread_time()
    local function tick()
      worst, at = math.max(worst, thread_time() - at), thread_time()
    end
    local timer = vim.loop.new_timer()
    timer:start(1, 1, tick)
    work()
    tick()
    timer:close()
    local said = ("%s of %d MB: longest turn %.1f ms"):format(what, MEGABYTES, worst * 1000)
    io.stderr:write(said, "\n")
    assert.is_true(worst < 0.05, said)
  end

  local function load_selection(range)
    vim.cmd(range .. "FinspaceLoad Large")
    wait_until(function() return messages():find("Large: changeset", 1, true) ~= nil end)
    assert.matches("SUCCESS", messages(), 1, true)
    assert.is_nil(floating_text())
  end

  it("loads a large selection in turns of less than 50 ms", function()
    assert(in_task(function() return fs:ensure_dataset { title = "Large" } end))
    local rows = vim.fn["repeat"]({ ("x"):rep(99) }, 10000)
    vim.cmd("enew!")
    vim.bo.undolevels = -1
    vim.api.nvim_buf_set_lines(0, 0, -1, false, { "name" })
    for _ = 1, MEGABYTES do
      vim.api.nvim_buf_set_lines(0, -1, -1, false, rows)
    end
    assert_short_turns("a selection", function() load_selection("2,$") end)
    assert.equal(MEGABYTES * 10000, rows_of("Large")[1].rowCount)
    vim.bo.modified = false
  end)

  it("writes one line of any length from the buffer's file, and asks for that file where it has changed", function()
    scratch_file("line.json", '{"a":"1"}\n{"a":"' .. ("x"):rep(MEGABYTES * 1000000) .. '"}\n')
    vim.bo.undolevels = -1
    local selection, path = require("finspace_nvim.selection"), folder .. "/copy"
    assert_short_turns("a line", function()
      local chosen = selection.of(vim.api.nvim_get_current_buf(), 2, 2)
      assert(in_task(function() return selection.write(path, chosen) end))
    end)
    assert.equal(MEGABYTES * 1000000 + 9, vim.fn.getfsize(path))
    os.remove(path)
    vim.api.nvim_buf_set_lines(0, 0, 1, false, { "{}" })
    vim.cmd("2,2FinspaceLoad Prices")
    wait_until(function() return messages():find("write the buffer to its file first", 1, true) ~= nil end)
    vim.cmd("edit!")
  end)

  it("says that a selection could not be written, and why", function()
    local selection = require("finspace_nvim.selection")
    local chosen = selection.of(vim.api.nvim_get_current_buf(), 1, 2)
    local written, problem = in_task(function() return selection.write("/dev/full", chosen) end)
    assert.is_falsy(written)
    assert.matches("ENOSPC", problem, 1, true)
    written, problem = in_task(function() return selection.write(folder .. "/absent/file", chosen) end)
    assert.is_falsy(written)
    assert.matches("ENOENT", problem, 1, true)
  end)

  it("stops writing a selection when its buffer changes, and closes its window", function()
    vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.fn["repeat"]({ "a,b" }, 100000))
    vim.cmd("2,99999FinspaceLoad Prices")
    vim.api.nvim_buf_set_lines(0, 0, 1, false, { "changed" })
    wait_until(function() return messages():find("buffer changed") ~= nil end)
    assert.is_nil(floating_text())
    vim.cmd("edit!")
  end)

  it("refuses a directory, and a buffer that is no file", function()
    vim.cmd("edit " .. folder)
    vim.cmd("FinspaceLoad Prices")
    assert.is_truthy(messages():find("is a directory", 1, true) or messages():find("is no file", 1, true))
    vim.cmd("help | FinspaceLoad Prices")
    assert.matches("is no file", messages(), 1, true)
    vim.cmd("close")
  end)

  it("uses corrected options with the next command, and leaves no window when they are wrong", function()
    vim.g.finspace = { regoin = "us-east-1" }
    vim.cmd("FinspaceLoad Prices")
    wait_until(function() return messages():find('did you mean "region"', 1, true) ~= nil end)
    assert.is_nil(floating_text())
    vim.g.finspace = nil
    vim.cmd("FinspaceLoad Prices")
    wait_until(function() return messages():find("SUCCESS") ~= nil end)
    assert.is_nil(floating_text())
  end)

  it("puts windows below each other, follows resizes, and shows no more than fit", function()
    local progress = require("finspace_nvim.progress")
    local windows = {}
    for number = 1, 10 do
      windows[number] = progress.open("load " .. number)
    end
    local function check()
      local placed = floats()
      for index, config in ipairs(placed) do
        assert.is_true(config.col <= vim.o.columns - 1 and config.width < vim.o.columns)
        assert.is_true(config.row + config.height + 2 <= vim.o.lines)
        local below = placed[index + 1]
        assert.is_true(not below or below.row >= config.row + config.height + 2)
      end
      return #placed
    end
    local most = check()
    assert.is_true(most >= 2 and most < 10)
    vim.o.columns, vim.o.lines = 30, 12
    vim.cmd("doautocmd VimResized")
    assert.is_true(check() < most)
    vim.o.columns, vim.o.lines = 80, 24
    vim.cmd("doautocmd VimResized")
    assert.equal(most, check())
    for _, window in ipairs(windows) do
      window:close()
      check()
    end
    assert.equal(0, #floats())
  end)

  it("refreshes changesets in any tab, and stops when they are shown in none", function()
    vim.cmd("FinspaceChangesets Prices")
    local buffer = vim.api.nvim_get_current_buf()
    local shown = vim.fn.win_findbuf(buffer)
    vim.cmd("tabnew")
    assert.equal(1, #shown)
    local refreshed = require("finspace_nvim.changesets").is_shown { buffer = buffer }
    assert.is_true(refreshed)
    vim.cmd("tabclose | close")
    assert.is_false(require("finspace_nvim.changesets").is_shown { buffer = buffer })
  end)

  it("calls the callback of a body that raises, with the error", function()
    local result, err = in_task(function() error("boom") end)
    assert.is_nil(result)
    assert.matches("boom", tostring(err))
    assert.equal("TaskFailed", err.code)
  end)

  it("lets a callback wait, and check the health", function()
    local waited, checked
    finspace.run(function() return fs:list_datasets {} end, function()
      local inner
      finspace.run(function() return fs:list_datasets {} end, function(page) inner = page end)
      waited = vim.wait(10000, function() return inner ~= nil end, 5)
      vim.cmd("checkhealth finspace")
      checked = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
    end)
    wait_until(function() return checked ~= nil end)
    assert.is_true(waited)
    assert.matches("the service answers", checked)
  end)

  it("advises in its health what helps", function()
    local function health()
      vim.cmd("checkhealth finspace")
      return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n")
    end
    vim.g.finspace = { credentials = { access_key_id = "AKIAUNKNOWN", secret_access_key = "canary" } }
    assert.matches("refused the key", health())
    vim.g.finspace = { endpoint_url = "http://127.0.0.1:1", max_attempts = 1 }
    assert.matches("name the service", health())
    vim.g.finspace = { regoin = "x" }
    assert.matches("correct vim.g.finspace", health())
    vim.g.finspace = nil
    package.loaded["finspace.http"] = nil
    package.preload["finspace.http"] = function() error("libcurl.so.4: cannot open shared object file") end
    local text = health()
    package.preload["finspace.http"], package.loaded["finspace.http"] = nil, nil
    assert.matches("apt%-get install libcurl4", text)
    assert.is_nil(text:find("correct vim.g.finspace", 1, true))
    assert.is_nil(text:find("canary", 1, true))
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
