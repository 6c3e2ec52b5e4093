--- Builds and starts the sink: an S3 that reads everything and keeps nothing.
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

local sink = {}

--- @param folder string where it is built
--- @return { url: string, stop: fun() }
function sink.start(folder)
  local command = ("cc -O2 -w %s/spec/bench/sink.c -o %s/sink -pthread"):format(support.root, folder)
  local output, status = support.run(command)
  assert(status == 0, output)
  local port = support.free_port()
  local pid = assert(sys.start { argv = { folder .. "/sink", tostring(port) } })
  assert(nginx.await_port(port, pid))
  return {
    url = "http://127.0.0.1:" .. port,
    stop = function() nginx.end_process(pid) end,
  }
end

return sink
