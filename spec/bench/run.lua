--- Runs every bench, one after another. Figures are ratios within one run: absolute times drift.
local support = require("spec.support")

local own = { run = true, table = true, sink = true }
local only = arg[1]

for path in support.run("ls " .. support.quote(support.root) .. "/spec/bench/*.lua"):gmatch("[^\n]+") do
  local name = path:match("([^/]+)%.lua$")
  if not own[name] and (not only or only == name) then
    local ok, why = pcall(dofile, path)
    if not ok then print(("\n%s: not measured: %s"):format(name, tostring(why))) end
    io.stdout:flush()
  end
end
