--- Random CSV files, as people and programs write and break them: what the client reads in one, the service reads too.
local columns = require("finspace.formats.columns")
local csv = require("finspace.formats.csv")
local finspace = require("finspace")
local service = require("spec.support.service")
local support = require("spec.support")

local FILES = tonumber(os.getenv("FINSPACE_CSV_FILES")) or 32
local SEED = tonumber(os.getenv("FINSPACE_SEED")) or os.time()

describe("a CSV file #once", function()
  local server, fs, folder

  setup(function()
    server = service.start()
    fs = finspace.new { getenv = function(name) return server.env[name] end }
    folder = support.temporary_folder()
  end)
  teardown(function()
    server.stop()
    support.remove_folder(folder)
  end)

  -- --- files ----------------------------------------------------------------------------------------

  local function pick(list) return list[math.random(#list)] end

  local function chance(one_in) return math.random(one_in) == 1 end

  local PLAIN = { "a", "b1", '5" pipe', "x y", " z", "w ", "1", "", "", " ", '""', 'a"b"', "é", "\tt" }
  local QUOTED = { "q", "a,b", "a;b", "l\nm", "c\rd", 'dd""e', "", "s ", "k\r\nl", '""', "\n", " " }
  local BESIDE = { "", "", "", " ", "  ", "\t" }
  local AFTER = { "x", " x", '"', '""', 'x"' }
  local ENDS = { "\n", "\r\n", "\r" }
  local NAMES = { "h%d", '"h %d"', ' "n%d" ', "", "same", "2020-01-0%d", '"a,%d"', '"two\nlines %d"', '"b%d" \t' }

  local function field()
    if chance(2) then return pick(PLAIN) end
    local quoted = pick(BESIDE) .. '"' .. pick(QUOTED) .. '"' .. pick(BESIDE)
    return chance(30) and quoted .. pick(AFTER) or quoted
  end

  local function made_file()
    local width, separator, line_end = math.random(1, 3), pick { ",", ",", ";", "\t", "|" }, pick(ENDS)
    local parts = {}
    local function add_line(one)
      local fields = {}
      for i = 1, width do
        fields[i] = one(i)
      end
      parts[#parts + 1] = table.concat(fields, separator) .. (chance(6) and pick(ENDS) or line_end)
      while chance(6) do
        parts[#parts + 1] = pick(ENDS)
      end
    end
    if chance(5) then parts[#parts + 1] = "\239\187\191" end
    if chance(6) then parts[#parts + 1] = "sep=" .. separator .. line_end end
    if chance(8) then parts[#parts + 1] = line_end end
    add_line(function(i) return pick(NAMES):format(i) end)
    for _ = 1, math.random(0, 4) do
      add_line(field)
    end
    local text = table.concat(parts)
    if chance(3) then text = text:gsub("[\r\n]+$", "") end
    if chance(20) then text = text .. line_end .. '"never closed' end
    return text, separator, not chance(4)
  end

  -- --- two readers ----------------------------------------------------------------------------------

  -- A table's names and rows; nil where the file is refused, and where its rows have not one width.
  local function read_by_client(text, separator, has_header)
    local reader = csv.text_reader(text, separator)
    local first, fault = reader:next()
    if not first then return nil, fault or "no line names columns" end
    local records = { has_header and columns.names(first) or columns.numbered(#first), not has_header and first or nil }
    while true do
      local fields
      fields, fault = reader:next()
      if not fields then break end
      if not reader:row(fields, #first) then return nil, ("line %d has another width"):format(reader.line) end
      records[#records + 1] = fields
    end
    return not fault and records, fault
  end

  local function read_by_service(number, text, separator, has_header)
    local path = support.write_file(("%s/%d.csv"):format(folder, number), text)
    local dataset = assert(fs:ensure_dataset { title = ("File %d"):format(number) })
    local loaded, err = fs:load {
      file = path,
      dataset = dataset,
      journal = false,
      format_params = { separator = separator, withHeader = tostring(has_header) },
      min_interval = 0.02,
    }
    if not loaded then return nil, tostring(err) end
    assert(fs:ensure_auto_view { dataset = dataset })
    local written = path .. ".view"
    local done, problem = fs:read_view { dataset = dataset, file = written }
    if not done and problem.code == "EmptyView" then return nil, tostring(problem) end -- neither columns nor rows
    assert(done, problem)
    return (read_by_client(support.read_file(written), ",", true))
  end

  -- Rows have no order in a table.
  local function in_order(records)
    if not records then return nil end
    local lines = {}
    for i, fields in ipairs(records) do
      local shown = {}
      for k, value in ipairs(fields) do
        shown[k] = ("%q"):format(value)
      end
      lines[i] = table.concat(shown, "|")
    end
    local names = table.remove(lines, 1)
    table.sort(lines)
    return names .. "\n" .. table.concat(lines, "\n")
  end

  it(("is read alike by the client and the service, or refused by both: %d of seed %d"):format(FILES, SEED), function()
    math.randomseed(SEED)
    local jobs, differences = { limit = 8 }, {}
    for number = 1, FILES do
      local text, separator, has_header = made_file()
      jobs[number] = function()
        local mine, fault = read_by_client(text, separator, has_header)
        local theirs, problem = read_by_service(number, text, separator, has_header)
        if in_order(mine) == in_order(theirs) then return true end
        local line = "%q, header %s, by %q\n client: %s\n service: %s"
        differences[#differences + 1] =
          line:format(text, tostring(has_header), separator, in_order(mine) or fault, in_order(theirs) or problem)
        return true
      end
    end
    local _, errs = finspace.gather(jobs)
    assert(not errs, errs and tostring(select(2, next(errs))))
    assert.equal("", table.concat(differences, "\n"))
  end)
end)
