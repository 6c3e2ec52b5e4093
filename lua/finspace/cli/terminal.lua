--- How commands speak: to a person at a terminal, to a log in a pipe, or to a program that reads JSON.
---
--- Results go to standard output; everything else (progress, notes, errors) to standard error, so
--- that a pipe carries results alone.
local printable = require("finspace.printable")

local terminal = {}

--- @class finspace.cli.Terminal
--- @field command string|nil  whose help is pointed to
--- @field json boolean
--- @field quiet boolean
--- @field at_end fun(action: fun())  keeps an action for the end of the command
local Terminal = {}
Terminal.__index = Terminal

local COLORS = { red = "31", green = "32", yellow = "33", dim = "2", bold = "1" }

-- Loaded by the first command that needs them: `version` does not.
local function sys() return require("finspace.sys") end
local function json() return require("finspace.cli.json") end

local function has_unicode()
  local locale = os.getenv("LC_ALL") or os.getenv("LC_CTYPE") or os.getenv("LANG") or ""
  return locale:upper():find("UTF%-?8") ~= nil
end

--- @param options { command?: string, json?: boolean, quiet?: boolean }
--- @return finspace.cli.Terminal
function terminal.new(options)
  local last = {}
  return setmetatable({
    command = options.command,
    last = last,
    at_end = function(action) table.insert(last, action) end,
    json = options.json or false,
    quiet = options.quiet or false,
    unicode = has_unicode(),
  }, Terminal)
end

local function redraws() return sys().isatty(2) and os.getenv("TERM") ~= "dumb" end

--- Whether standard error is a terminal that can redraw a line, for somebody who looks at it.
--- @return boolean
function Terminal:is_live()
  if self.live == nil then self.live = not self.quiet and not self.json and redraws() end
  return self.live
end

local function has_colors(self)
  if self.color == nil then self.color = (os.getenv("NO_COLOR") or "") == "" and redraws() end
  return self.color
end

--- The command is over. What waited for its result to be told is done now, as late as can be: a
--- program that is killed before this, or could not write, has told nobody, and is to give the same result again.
--- @return boolean told
function Terminal:finish()
  local flushed, why = io.stdout:flush()
  if not flushed then self.unwritten = self.unwritten or why end
  if self.unwritten then
    io.stderr:write(self:paint("red", "finspace: "), "the result could not be written: ", self.unwritten, "\n")
    return false
  end
  for _, action in ipairs(self.last) do
    action()
  end
  return true
end

--- Text in a colour, where there are any.
--- @param name "red"|"green"|"yellow"|"dim"|"bold"
--- @param text string
--- @return string
function Terminal:paint(name, text)
  if not has_colors(self) then return text end
  return ("\27[%sm%s\27[0m"):format(COLORS[name], text)
end

--- Columns of the terminal.
--- @return integer
function Terminal.width() return sys().terminal_width(2) or 80 end

local function write_line(self, text)
  self:clear_live()
  local written, why = io.stdout:write(text, "\n")
  if not written then self.unwritten = self.unwritten or why end
end

--- A result on standard output. What others wrote in it moves no cursor.
--- @param text string
function Terminal:print(text) write_line(self, printable.text(text)) end

--- A result in JSON: indented on a terminal, on one line in a pipe.
--- @param text string
function Terminal:print_json(text) write_line(self, printable.json(sys().isatty(1) and json().indent(text) or text)) end

--- Something a person may want to know: one line on standard error, unless they want quiet.
--- @param text string
function Terminal:note(text) self:note_painted(printable.text(text)) end

--- The same for a text with colours in it, whose words are our own or `printable`.
--- @param text string
function Terminal:note_painted(text)
  if self.quiet or self.json then return end
  self:clear_live()
  io.stderr:write(text, "\n")
end

--- A line that the next one replaces. Only where the terminal can. Its words are our own or `printable`.
--- @param text string
function Terminal:redraw(text)
  if not self:is_live() then return end
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
    if err[name] then table.insert(members, { name, json().string(tostring(err[name])) }) end
  end
  for _, name in ipairs { "status", "attempts" } do
    if err[name] then table.insert(members, { name, ("%d"):format(err[name]) }) end
  end
  for _, name in ipairs { "retryable", "resumable" } do
    table.insert(members, { name, tostring(err[name] or false) })
  end
  return json().object { { "error", json().object(members) } }
end

local STATUS_OF_KIND = { validation = 2, cancelled = 130 }

--- Tells what went wrong, and gives the exit status for it.
--- @param err finspace.Error
--- @param row? table  the operation whose members were given as options
--- @return integer status
function Terminal:fail(err, row)
  self:clear_live()
  if self.json then
    io.stderr:write(error_json(err), "\n")
  else
    local wording = require("finspace.cli.wording")
    local text = row and wording.of_call(err, row) or wording.of(err)
    io.stderr:write(self:paint("red", "finspace: "), printable.text(text), "\n")
  end
  return STATUS_OF_KIND[err.kind] or 1
end

--- The caller asked for something that makes no sense.
--- @param message string
--- @return integer status
function Terminal:misuse(message)
  self:clear_live()
  io.stderr:write(self:paint("red", "finspace: "), printable.text(message), "\n")
  io.stderr:write("Try `finspace ", self.command, " --help`.\n")
  return 2
end

-- The number of characters, not of bytes: continuation bytes of UTF-8 take no column.
local function columns(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end

local function printable_rows(rows)
  local safe = {}
  for i, row in ipairs(rows) do
    safe[i] = {}
    for k, cell in ipairs(row) do
      safe[i][k] = printable.line(cell)
    end
  end
  return safe
end

local function column_widths(heading, rows)
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
  return widths
end

local function aligned(row, widths)
  local cells = {}
  for i, cell in ipairs(row) do
    cells[i] = i == #row and cell or cell .. (" "):rep(widths[i] - columns(cell))
  end
  return table.concat(cells, "  ")
end

--- Rows in columns, with a heading on a terminal; in a pipe, fields between tabs and no heading.
--- @param heading string[]
--- @param rows string[][]
function Terminal:table(heading, rows)
  rows = printable_rows(rows)
  if not sys().isatty(1) then
    for _, row in ipairs(rows) do
      write_line(self, table.concat(row, "\t"))
    end
    return
  end
  local widths = column_widths(heading, rows)
  write_line(self, self:paint("bold", aligned(heading, widths)))
  for _, row in ipairs(rows) do
    write_line(self, aligned(row, widths))
  end
end

--- Names and values, one a line, and a remark where there is one.
--- @param rows string[][]  { name, value, remark }
function Terminal:pairs(rows)
  local width = 0
  rows = printable_rows(rows)
  for _, row in ipairs(rows) do
    width = math.max(width, #row[1])
  end
  for _, row in ipairs(rows) do
    local name = self:paint("dim", row[1] .. (" "):rep(width - #row[1]))
    local remark = row[3] and "  " .. self:paint("dim", "(" .. row[3] .. ")") or ""
    write_line(self, name .. "  " .. row[2] .. remark)
  end
end

return terminal
