--- How commands speak: to a person at a terminal, to a log in a pipe, or to a program that reads JSON.
--
-- Results go to standard output; everything else (progress, notes, errors) to standard error, so
-- that a pipe carries results alone.
local json = require("finspace.cli.json")
local sys = require("finspace.sys")

local terminal = {}

--- @class finspace.cli.Terminal
--- @field json boolean
--- @field quiet boolean
--- @field live boolean   standard error is a terminal that can redraw a line
--- @field color boolean
--- @field at_end fun(action: fun())  keeps an action for the end of the command
local Terminal = {}
Terminal.__index = Terminal

local COLORS = { red = "31", green = "32", yellow = "33", dim = "2", bold = "1" }

local function is_live() return sys.isatty(2) and os.getenv("TERM") ~= "dumb" end

local function has_unicode()
  local locale = os.getenv("LC_ALL") or os.getenv("LC_CTYPE") or os.getenv("LANG") or ""
  return locale:upper():find("UTF%-?8") ~= nil
end

--- @param options { json?: boolean, quiet?: boolean }
--- @return finspace.cli.Terminal
function terminal.new(options)
  local live, last = is_live(), {}
  return setmetatable({
    last = last,
    at_end = function(action) table.insert(last, action) end,
    json = options.json or false,
    quiet = options.quiet or false,
    live = live and not options.quiet and not options.json,
    color = live and (os.getenv("NO_COLOR") or "") == "",
    unicode = has_unicode(),
  }, Terminal)
end

--- The command is over. What waited for its result to be told is done now, as late as can be: a
--- program that is killed before this has told nobody, and is to give the same result again.
function Terminal:finish()
  io.stdout:flush()
  for _, action in ipairs(self.last) do
    action()
  end
end

--- Text in a colour, where there are any.
--- @param name "red"|"green"|"yellow"|"dim"|"bold"
--- @param text string
--- @return string
function Terminal:paint(name, text)
  if not self.color then return text end
  return ("\27[%sm%s\27[0m"):format(COLORS[name], text)
end

--- Columns of the terminal.
--- @return integer
function Terminal.width() return sys.terminal_width(2) or 80 end

--- A result: one line on standard output.
--- @param text string
function Terminal:print(text)
  self:clear_live()
  io.stdout:write(text, "\n")
end

--- A result in JSON: indented on a terminal, on one line in a pipe.
--- @param text string
function Terminal:print_json(text) self:print(sys.isatty(1) and json.indent(text) or text) end

--- Something a person may want to know: one line on standard error, unless they want quiet.
--- @param text string
function Terminal:note(text)
  if self.quiet or self.json then return end
  self:clear_live()
  io.stderr:write(text, "\n")
end

--- A line that the next one replaces. Only where the terminal can.
--- @param text string
function Terminal:redraw(text)
  if not self.live then return end
  io.stderr:write("\r\27[K", text)
  self.drawn = true
end

--- Removes the line that was drawn last.
function Terminal:clear_live()
  if not self.drawn then return end
  io.stderr:write("\r\27[K")
  self.drawn = false
end

local ERROR_FIELDS = {
  "kind",
  "code",
  "message",
  "operation",
  "reason",
  "outcome",
  "client_token",
  "request_id",
}

local function error_json(err)
  local members = {}
  for _, name in ipairs(ERROR_FIELDS) do
    if err[name] then table.insert(members, ("%q:%s"):format(name, json.string(tostring(err[name])))) end
  end
  for _, name in ipairs { "status", "attempts" } do
    if err[name] then table.insert(members, ('"%s":%d'):format(name, err[name])) end
  end
  for _, name in ipairs { "retryable", "resumable" } do
    table.insert(members, ('"%s":%s'):format(name, tostring(err[name] or false)))
  end
  return '{"error":{' .. table.concat(members, ",") .. "}}"
end

local STATUS_OF_KIND = { validation = 2, cancelled = 130 }

--- Tells what went wrong, and gives the exit status for it.
--- @param err finspace.Error
--- @return integer status
function Terminal:fail(err)
  self:clear_live()
  if self.json then
    io.stderr:write(error_json(err), "\n")
  else
    io.stderr:write(self:paint("red", "finspace: "), tostring(err), "\n")
  end
  return STATUS_OF_KIND[err.kind] or 1
end

--- The caller asked for something that makes no sense.
--- @param message string
--- @return integer status
function Terminal:misuse(message)
  self:clear_live()
  io.stderr:write(self:paint("red", "finspace: "), message, "\n")
  return 2
end

-- The number of characters, not of bytes: continuation bytes of UTF-8 take no column.
local function columns(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end

--- Rows in columns, with a heading on a terminal; in a pipe, fields between tabs and no heading.
--- @param heading string[]
--- @param rows string[][]
function Terminal:table(heading, rows)
  if not sys.isatty(1) then
    for _, row in ipairs(rows) do
      self:print(table.concat(row, "\t"))
    end
    return
  end
  local widths = {}
  local function measure(row)
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, columns(cell))
    end
  end
  measure(heading)
  for _, row in ipairs(rows) do
    measure(row)
  end
  local function line(row)
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = i == #row and cell or cell .. (" "):rep(widths[i] - columns(cell))
    end
    return table.concat(cells, "  ")
  end
  self:print(self:paint("bold", line(heading)))
  for _, row in ipairs(rows) do
    self:print(line(row))
  end
end

--- Names and values, one a line.
--- @param rows string[][]  { name, value }
function Terminal:pairs(rows)
  local width = 0
  for _, row in ipairs(rows) do
    width = math.max(width, #row[1])
  end
  for _, row in ipairs(rows) do
    self:print(self:paint("dim", row[1] .. (" "):rep(width - #row[1])) .. "  " .. row[2])
  end
end

return terminal
