--- Text of others that may go to a terminal: what would move its cursor, change its title or ring its bell is
--- written out instead.
local printable = {}

local function escape(char) return ("\\x%02x"):format(char:byte()) end

local function escape_c1(low) return ("\\u%04x"):format(low:byte()) end

-- U+0080 to U+009F, which terminals obey as they do ESC and a letter, are two bytes in UTF-8.
local C1 = "\194([\128-\159])"

--- A text of several lines: its line ends and tabs stay.
--- @param text string
--- @return string
function printable.text(text)
  if not text:find("[%c\194]") then return text end
  return (text:gsub("[^%C\n\t]", escape):gsub(C1, escape_c1))
end

--- A text that stands in one line.
--- @param text string
--- @return string
function printable.line(text)
  if not text:find("[%c\194]") then return text end
  return (text:gsub("%c", escape):gsub(C1, escape_c1))
end

--- JSON, in which the same characters can be written so that they mean the same.
--- @param text string
--- @return string
function printable.json(text) return (text:gsub("\127", "\\u007f"):gsub(C1, escape_c1)) end

return printable
