--- @param text string words with blanks between
--- @return table<string, true> the set of them
return function(text)
  local found = {}
  for word in text:gmatch("%S+") do
    found[word] = true
  end
  return found
end
