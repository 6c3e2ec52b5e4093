--- What the benches share: medians, and a table whose figures are ratios of one run on one machine.
local measure = {}

--- The median of what `run` returns, over several turns.
--- @param turns integer
--- @param run fun(): number
--- @return number
function measure.median(turns, run)
  local values = {}
  for i = 1, turns do
    values[i] = run()
  end
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

--- Gives each row the median of what its `run` returns. All of them take turns, so that whatever else the
--- machine does falls on all.
--- @param turns integer
--- @param rows table[] list of {run=}
function measure.turn_about(turns, rows)
  local values = {}
  for turn = 1, turns do
    for i, row in ipairs(rows) do
      values[i] = values[i] or {}
      values[i][turn] = row.run()
    end
  end
  for i, row in ipairs(rows) do
    row.value = measure.median(turns, function() return table.remove(values[i]) end)
  end
end

--- Prints a title and its rows. The first row is the yardstick: the others are shown as multiples.
--- @param title string
--- @param rows table[] list of {name=, value=, unit=}; value nil: not measured here, and `why` says so
function measure.show(title, rows)
  print("\n" .. title)
  local yardstick = rows[1].value
  for _, row in ipairs(rows) do
    if row.value then
      print(("  %-44s %12.2f %-8s %7.2f x"):format(row.name, row.value, row.unit, row.value / yardstick))
    else
      print(("  %-44s %s"):format(row.name, row.why or "not measured"))
    end
  end
end

return measure
