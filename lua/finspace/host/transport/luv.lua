--- The transport of Neovim: a call waits as a task, and the editor's loop goes on.
local scheduler = require("finspace.host.scheduler")

local luv = {}

--- A transport for coroutines in Neovim: it yields until the answer is there. With a callback it returns at
--- once, from anywhere, and the callback is called from the main loop with the response, or nil and an err.
--- @param options? finspace.HttpOptions
--- @return finspace.Transport transport  takes the callback as its second argument
--- @return fun() close  nothing to do: the connections belong to all clients of the process
function luv.new(options)
  local transport = scheduler.transport(options)
  return function(request, callback)
    if not callback then return transport(request) end
    scheduler.run(function() return transport(request) end, callback)
  end, function() end
end

return luv
