--- Calls in a cqueues controller, beside whatever else it runs.
---
---   lua5.4 examples/cqueues.lua
local cqueues = require("cqueues")
local finspace = require("finspace")

local fs = finspace.new {}
local loop = finspace.loop()
local controller = cqueues.new()

finspace.spawn(function()
  local page, err = fs:list_datasets { maxResults = 10 }
  print(page and #page.datasets .. " datasets" or err)
end)

-- finspace's tasks, driven by the controller: a descriptor to read from, and a time to look without it.
controller:wrap(function()
  local readable = { pollfd = loop:fd(), events = "r" }
  while loop.alive > 0 do
    loop:step()
    if loop.alive > 0 then cqueues.poll(readable, loop:timeout()) end
  end
end)

controller:wrap(function()
  while loop.alive > 0 do
    io.stderr:write(".")
    cqueues.sleep(0.01)
  end
  io.stderr:write("\n")
end)

assert(controller:loop())
