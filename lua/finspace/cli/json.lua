--- The little JSON that commands write themselves; answers of the service are written by the model.
local printable = require("finspace.printable")

local json = {}

--- A string as JSON. Bytes that are no UTF-8 stay as they are.
--- @param text string
--- @return string
function json.string(text)
  local inner = text:gsub('[%c"\\]', function(char) return ("\\u%04x"):format(char:byte()) end)
  return '"' .. printable.json(inner) .. '"'
end

--- An object, its members in the order given.
--- @param members string[][]  { name, value as JSON already }
--- @return string
function json.object(members)
  local written = {}
  for i, member in ipairs(members) do
    written[i] = json.string(member[1]) .. ":" .. member[2]
  end
  return "{" .. table.concat(written, ",") .. "}"
end

--- JSON for people: the same text with line breaks and indents.
--- @param compact string  valid JSON
--- @return string
function json.indent(compact)
  local pieces, depth, at = {}, 0, 1
  local function line_break() table.insert(pieces, "\n" .. ("  "):rep(depth)) end
  while at <= #compact do
    local char = compact:sub(at, at)
    if char == '"' then
      local stop = at + 1
      while compact:sub(stop, stop) ~= '"' do
        stop = stop + (compact:sub(stop, stop) == "\\" and 2 or 1)
      end
      table.insert(pieces, compact:sub(at, stop))
      at = stop
    elseif (char == "{" or char == "[") and not compact:match("^[%]}]", at + 1) then
      depth = depth + 1
      table.insert(pieces, char)
      line_break()
    elseif char == "}" or char == "]" then
      if not compact:sub(at - 1, at - 1):match("[{%[]") then
        depth = depth - 1
        line_break()
      end
      table.insert(pieces, char)
    elseif char == "," then
      table.insert(pieces, char)
      line_break()
    else
      table.insert(pieces, char == ":" and ": " or char)
    end
    at = at + 1
  end
  return table.concat(pieces)
end

return json
