--- A real nginx with its Lua module for specs: on loopback, in a temporary folder, stopped by pid.
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")

local nginx = {}

local MODULES = "/usr/lib/nginx/modules/"

-- nginx carries LuaJIT, whichever Lua runs the spec.
local FOR_LUAJIT = support.root .. "/build/lua5.1/?.so"

local CONFIGURATION = [[
load_module %sndk_http_module.so;
load_module %sngx_http_lua_module.so;
daemon off;
%s
pid %s/nginx.pid;
error_log %s/error.log warn;
worker_processes %d;
%s
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path %s/body;
  proxy_temp_path %s/proxy;
  fastcgi_temp_path %s/fastcgi;
  uwsgi_temp_path %s/uwsgi;
  scgi_temp_path %s/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000;
  lua_package_path "%s;;";
  lua_package_cpath "%s;;";
  %s
  %s
}
]]

local function accepts(port)
  local connection = socket.tcp()
  connection:settimeout(0.2)
  local connected = connection:connect("127.0.0.1", port)
  connection:close()
  return connected ~= nil
end

--- Waits until a port on loopback accepts connections, or the process has ended.
--- @param port integer
--- @param pid integer of the process that will listen there
--- @return boolean|nil ready
--- @return string|nil why not
function nginx.await_port(port, pid)
  for _ = 1, 6000 do
    if accepts(port) then return true end
    if sys.wait(pid, 0.01) then return nil, "it ended" end
  end
  return nil, "it does not listen on port " .. port
end

--- Ends a process that a spec started, and waits for its end.
--- @param pid integer
--- @param signal integer|nil default SIGTERM
function nginx.end_process(pid, signal)
  sys.kill(pid, signal or 15)
  if sys.wait(pid, 30) then return end
  sys.kill(pid, 9)
  sys.wait(pid, 30)
end

--- Starts nginx and waits until it listens.
---
--- In every text given, `{{folder}}` stands for the server's temporary folder.
--- @param servers string server blocks; they should listen on 127.0.0.1
--- @param options table ports (list to wait for); http, main (more directives); workers (default 1);
---   master (true: a master process with workers, for reloads); package_path, package_cpath; files
---   (map of name to content, written into the folder before the start)
--- @return table server {pid, folder, stop, reload, errors}
function nginx.start(servers, options)
  local folder = support.temporary_folder()
  local function expand(text)
    return (tostring(text or ""):gsub("{{folder}}", function() return folder end))
  end
  for name, content in pairs(options.files or {}) do
    support.write_file(folder .. "/" .. name, expand(content))
  end
  local configuration = CONFIGURATION:format(
    MODULES,
    MODULES,
    options.master and "user root;" or "master_process off;",
    folder,
    folder,
    options.workers or 1,
    expand(options.main),
    folder,
    folder,
    folder,
    folder,
    folder,
    options.package_path or package.path,
    options.package_cpath or FOR_LUAJIT,
    expand(options.http),
    expand(servers)
  )
  support.write_file(folder .. "/nginx.conf", configuration)
  local pid = assert(support.start {
    argv = support.plain { "nginx", "-p", folder, "-e", folder .. "/error.log", "-c", folder .. "/nginx.conf" },
    stderr = folder .. "/stderr.log",
  })
  local server = { pid = pid, folder = folder }

  --- What nginx wrote to its error log.
  function server.errors()
    return (support.read_file(folder .. "/stderr.log") or "") .. (support.read_file(folder .. "/error.log") or "")
  end

  --- Reads the configuration anew; only with a master process. It listens before it heeds signals, which would
  --- end it until then: it has written its process id when it does.
  function server.reload()
    for _ = 1, 6000 do
      if sys.stat(folder .. "/nginx.pid") then break end
      sys.sleep(0.01)
    end
    assert(sys.kill(pid, 1))
  end

  --- Stops nginx and removes its folder. Again is harmless.
  --- @param signal integer|nil default SIGTERM
  function server.stop(signal)
    if not server.pid then return end
    nginx.end_process(server.pid, signal)
    server.pid = nil
    support.remove_folder(folder)
  end

  for _, port in ipairs(options.ports) do
    local ready, why = nginx.await_port(port, pid)
    if not ready then
      local log = server.errors()
      server.stop()
      error("nginx: " .. why .. "\n" .. log, 2)
    end
  end
  return server
end

return nginx
