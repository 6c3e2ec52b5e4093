--- The INSERT of a row that is given by column name; both databases take it as it is.

--- @param db table a database
--- @param into string table
--- @param row table<string, any>  what is nil is left to the column's default
return function(db, into, row)
  local names, values, marks = {}, {}, {}
  for name in pairs(row) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    values[i], marks[i] = row[name], "?"
  end
  local columns = table.concat(names, ", ")
  db:run(("INSERT INTO %s (%s) VALUES (%s)"):format(into, columns, table.concat(marks, ", ")), unpack(values))
end
