--- The names of a table's columns, as the line that names them is understood by the client and by the service:
--- every column keeps a name of its own, so that none is merged with another.
local columns = {}

--- @param text string
--- @return string text  without blanks around it
function columns.trim(text) return (text:match("^%s*(.-)%s*$")) end

-- The first of name_2, name_3, … that nobody has.
local function numbered(name, taken)
  local number = 2
  while taken[(name .. "_" .. number):lower()] do
    number = number + 1
  end
  return name .. "_" .. number
end

--- Names without blanks around them. An empty one (pandas and R write it over their index) is named by its
--- place, `column_3`; one that was there before by a number, `price_2`. Case tells no names apart, because it
--- does not for those who read the tables later.
--- @param fields string[]  the line that names the columns
--- @return string[] names
function columns.names(fields)
  local names, is_written, taken = {}, {}, {}
  for i, field in ipairs(fields) do
    local name = columns.trim(field)
    names[i] = name ~= "" and name or ("column_%d"):format(i)
    is_written[names[i]:lower()] = true
  end
  for i, name in ipairs(names) do
    if taken[name:lower()] then names[i] = numbered(name, is_written) end
    taken[name:lower()], is_written[names[i]:lower()] = true, true
  end
  return names
end

--- Names for columns of which nothing is known but how many they are.
--- @param count integer
--- @return string[] names
function columns.numbered(count)
  local names = {}
  for i = 1, count do
    names[i] = ("column_%d"):format(i)
  end
  return names
end

return columns
