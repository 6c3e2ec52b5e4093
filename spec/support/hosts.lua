--- Runs a spec file inside another host: in a worker of a real nginx, or in a headless Neovim.
---
--- The host gets a busted of its own; what it prints comes back, and so does whether all went well.
--- busted ends by exiting, which would end an embedding host in the wrong way, so that is taken over.
local support = require("spec.support")
local sys = require("finspace.sys")

local hosts = {}

local TIMEOUT = 600

local RUNNER = [[
local args = { [0] = "busted", "-o", "plainTerminal", SPEC }
rawset(_G, "arg", args)
local code = 70
require("busted.compatibility").exit = function(status)
  code = status == 0 and 0 or 1
  error("busted-exit", 0)
end
local ok, raised = xpcall(function() require("busted.runner")({ standalone = false }) end, function(message)
  return message == "busted-exit" and message or debug.traceback(tostring(message))
end)
if not ok and raised ~= "busted-exit" then io.stderr:write(tostring(raised), "\n") end
if ok then code = 0 end
io.stdout:flush()
]]

local function runner(spec) return ("local SPEC = %q\n"):format(spec) .. RUNNER end

-- Both hosts carry LuaJIT, whichever Lua runs the spec that starts them.
local function environment(more)
  local root = support.root
  local list = {
    "FINSPACE_ROOT=" .. root,
    (
      "LUA_PATH=%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;%s/?/init.lua;/usr/share/lua/5.1/?.lua;"
      .. "/usr/share/lua/5.1/?/init.lua;;"
    ):format(root, root, root, root),
    ("LUA_CPATH=%s/build/lua5.1/?.so;/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;"):format(root),
  }
  for name, value in pairs(more or {}) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

local function run(argv, more)
  local command = support.plain { "env" }
  for _, setting in ipairs(environment(more)) do
    command[#command + 1] = setting
  end
  for _, word in ipairs(argv) do
    command[#command + 1] = word
  end
  local result = assert(sys.spawn { argv = command, timeout = TIMEOUT, max_output = 4 * 1024 * 1024 })
  return result.status == 0, result.stdout .. result.stderr
end

local NGINX = [[
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off;
master_process off;
pid %s/nginx.pid;
error_log stderr emerg;
env PATH;
%s
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path %s/body;
  proxy_temp_path %s/proxy;
  fastcgi_temp_path %s/fastcgi;
  uwsgi_temp_path %s/uwsgi;
  scgi_temp_path %s/scgi;
  lua_socket_log_errors off;
  lua_ssl_protocols TLSv1.2 TLSv1.3;
  %s
  init_worker_by_lua_block {
    ngx.timer.at(0, function()
      local run = assert(loadfile("%s/runner.lua"))
      run()
    end)
  }
}
]]

--- Runs a spec file in a timer of nginx, where it may use cosockets.
--- @param spec string path
--- @param options? { env?: table<string, string>, http?: string }  `http`: more directives
--- @return boolean passed, string output
function hosts.nginx(spec, options)
  options = options or {}
  local folder = support.temporary_folder()
  local env = {}
  for _, setting in ipairs(environment(options.env)) do
    env[#env + 1] = "env " .. setting:match("^[^=]+") .. ";"
  end
  support.write_file(folder .. "/runner.lua", runner(spec) .. "os.exit(code)\n")
  support.write_file(
    folder .. "/nginx.conf",
    NGINX:format(folder, table.concat(env, " "), folder, folder, folder, folder, folder, options.http or "", folder)
  )
  local passed, output = run({ "nginx", "-p", folder, "-e", "stderr", "-c", folder .. "/nginx.conf" }, options.env)
  support.remove_folder(folder)
  return passed, output
end

--- Runs a Lua file in a headless Neovim that has no configuration.
--- @param file string path
--- @param env? table<string, string>
--- @return boolean passed, string output
function hosts.neovim_file(file, env)
  return run({ "nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", "luafile " .. file }, env)
end

--- Runs a spec file in a headless Neovim.
--- @param spec string path
--- @param env? table<string, string>
--- @return boolean passed, string output
function hosts.neovim(spec, env)
  local folder = support.temporary_folder()
  local file = support.write_file(folder .. "/runner.lua", runner(spec) .. "vim.cmd(code .. 'cquit')\n")
  local passed, output = hosts.neovim_file(file, env)
  support.remove_folder(folder)
  return passed, output
end

--- How many sentences passed, from what busted printed.
--- @param output string
--- @return integer
function hosts.successes(output) return tonumber(output:match("(%d+) success")) or 0 end

return hosts
