--- Calls in a libuv loop, beside whatever else the loop does.
---
---   lua5.4 examples/luv.lua
local finspace = require("finspace")
local uv = require("luv")

finspace.attach(uv)

local fs = finspace.new {}
local ticker = uv.new_timer()
ticker:start(0, 10, function() io.stderr:write(".") end)

finspace.spawn(function()
  local page, err = fs:list_datasets { maxResults = 10 }
  ticker:close()
  io.stderr:write("\n")
  print(page and #page.datasets .. " datasets" or err)
end)

uv.run()
