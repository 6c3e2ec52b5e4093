--- Words as a POSIX shell would split a text into them by its blanks, quotes and backslashes, without
--- anything else of a shell.
local words = {}

-- Reads one piece of a word at `at`: the text it stands for and where the next piece begins.
local function read_piece(text, at)
  local first = text:sub(at, at)
  if first == "'" then
    local piece, stop = text:match("^'([^']*)'()", at)
    return piece, stop
  elseif first == '"' then
    local stop = at + 1
    while text:find('^[^"]', stop) do
      stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
    end
    if text:sub(stop, stop) ~= '"' then return nil end
    return text:sub(at + 1, stop - 1):gsub('\\(["\\])', "%1"), stop + 1
  elseif first == "\\" then
    local piece = text:sub(at + 1, at + 1)
    return piece ~= "" and piece or nil, at + 2
  end
  return text:match("^([^%s'\"\\]+)()", at)
end

--- @param text string
--- @return string[]|nil list, string|nil message
function words.split(text)
  local list, word, at = {}, nil, 1
  while at <= #text do
    if text:find("^%s", at) then
      table.insert(list, word and table.concat(word))
      word, at = nil, text:match("^%s+()", at)
    else
      local piece, stop = read_piece(text, at)
      if not piece then return nil, "a quote or a backslash at its end has no partner" end
      word, at = word or {}, stop
      table.insert(word, piece)
    end
  end
  table.insert(list, word and table.concat(word))
  return list
end

return words
