--- Finds nginx and its Lua module, and writes the configuration that runs the service in them.

local sys = require("finspace.sys")

local nginx = {}

local PLACES = { "/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx" }
local ADVICE = "apt-get install nginx-light libnginx-mod-http-lua"
local MODULES = { "ndk_http_module.so", "ngx_http_lua_module.so" }

local function is_file(path)
  local stat = sys.stat(path)
  return stat ~= nil and stat.type == "file"
end

local function find_program()
  for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    if is_file(folder .. "/nginx") then return folder .. "/nginx" end
  end
  for _, path in ipairs(PLACES) do
    if is_file(path) then return path end
  end
end

-- Where the module is: loaded from a folder that nginx names, or built in.
local function find_modules(path)
  local answer = sys.spawn { argv = { path, "-V" }, timeout = 10, max_output = 65536 }
  local about = answer and (answer.stdout .. answer.stderr) or ""
  local folder = about:match("%-%-modules%-path=(%S+)")
  if folder and is_file(folder .. "/" .. MODULES[2]) then return folder end
  if about:find("ngx_lua", 1, true) or about:find("lua-nginx-module", 1, true) then return false end
  return nil, path .. " has no Lua module: " .. ADVICE
end

--- @return table|nil program {path=, modules=folder or false when built in}
--- @return string|nil problem
function nginx.find()
  local path = find_program()
  if not path then return nil, "nginx is not installed: " .. ADVICE end
  local modules, problem = find_modules(path)
  if modules == nil then return nil, problem end
  return { path = path, modules = modules }
end

-- nginx has another current folder than this process: its patterns must be absolute.
local function add(patterns, pattern)
  if pattern:sub(1, 1) ~= "/" then pattern = sys.realpath(".") .. "/" .. pattern end
  if patterns[pattern] then return end
  patterns[pattern] = true
  patterns[#patterns + 1] = pattern
end

-- The same place for Lua 5.1: only the last number is the version, one before it belongs to the prefix.
local function for_lua_5_1(pattern) return (pattern:gsub("^(.*)5%.%d", "%15.1")) end

-- nginx runs LuaJIT, which loads what is built for Lua 5.1: it stands beside what this Lua loaded. An
-- installation for another Lua brings it along in a folder of its own.
local function luajit_paths()
  local roots, libraries = {}, {}
  for pattern in package.path:gmatch("[^;]+") do
    add(roots, for_lua_5_1(pattern))
    add(roots, pattern)
  end
  for pattern in package.cpath:gmatch("[^;]+") do
    add(libraries, (pattern:gsub("%?", "finspace/luajit/?", 1)))
    add(libraries, for_lua_5_1(pattern))
  end
  return roots, libraries
end

local NOT_BUILT = "finspace.core is not built for LuaJIT, which nginx runs: install LuaJIT's headers (apt-get install "
  .. "libluajit2-5.1-dev; libluajit-5.1-dev from Debian 13 on), then run make, make install or luarocks make again"

local function find_core(libraries)
  for _, pattern in ipairs(libraries) do
    if is_file((pattern:gsub("%?", "finspace/core"))) then return true end
  end
end

local function quoted(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

local TEMPLATE = [=[
# Written by finspace serve at each start; changes here are lost.
$load
$user
daemon off;
worker_processes $workers;
worker_shutdown_timeout 5s;
pid run/nginx.pid;
env FINSPACE_DUCKDB; # nginx forgets the others
$environment
error_log stderr crit; # its lines hold whole queries; see finspace.service.log
thread_pool sync threads=4; # waits for disks
thread_pool log threads=1; # waits for the database's log, which none of the others may hold
thread_pool passwords threads=1 max_queue=32; # hashes, 32 MiB each
worker_rlimit_nofile 20000; # a connection, and the file that its body goes to

events {
    worker_connections 8192;
    # The last workers ingest and never take the mutex, so they never take a connection.
    accept_mutex on;
    accept_mutex_delay 5ms;
}

http {
    access_log off;
    server_tokens off;
    lua_package_path $path;
    lua_package_cpath $cpath;
    lua_shared_dict finspace_service 1m;
    lua_shared_dict finspace_metrics 2m;
    lua_worker_thread_vm_pool_size 128; # 64 wait for disks, 33 for passwords; the default differs by version
    lua_socket_log_errors off;
    $outward
    lua_socket_buffer_size 8k; # bodies of objects, of which thousands may be unfinished

    client_body_temp_path run/body;
    proxy_temp_path run/proxy;
    fastcgi_temp_path run/fastcgi;
    uwsgi_temp_path run/uwsgi;
    scgi_temp_path run/scgi;

    client_max_body_size 6g; # a part of 5 GiB, and the frame of its chunks
    client_body_buffer_size 16k;
    client_header_buffer_size 2k;
    large_client_header_buffers 8 32k;
    keepalive_requests 1000000;
    merge_slashes off;
    ignore_invalid_headers off;
    underscores_in_headers on;
    default_type application/json;

    init_by_lua_block { require("finspace.service.node.worker").prepare($settings) }
    init_worker_by_lua_block { require("finspace.service.node.worker").begin($settings) }
    exit_worker_by_lua_block { require("finspace.service.node.worker").finish() }

    server {
        $listen
        $tls
        location / {
            content_by_lua_block { require("finspace.service.node.worker").answer() }
        }
        error_page 400 404 405 408 411 413 414 494 495 496 500 501 502 503 504 505 /-/refused;
        error_page 497 /-/plain;
        location = /-/plain {
            internal;
            content_by_lua_block { require("finspace.service.node.worker").refuse(497) }
        }
        location = /-/closing {
            internal;
            keepalive_timeout 0;
            content_by_lua_block { require("finspace.service.node.worker").refuse_and_close() }
        }
        location = /-/refused { # no bucket can have this name
            internal;
            content_by_lua_block { require("finspace.service.node.worker").refuse() }
        }
    }
}
]=]

local function listen_line(settings)
  local host = settings.host
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  return ("listen %s:%d%s backlog=1024;"):format(host, settings.port, settings.tls_certificate and " ssl" or "")
end

local function load_lines(modules)
  if not modules then return "" end
  local lines = {}
  for _, name in ipairs(MODULES) do
    if is_file(modules .. "/" .. name) then
      lines[#lines + 1] = "load_module " .. quoted(modules .. "/" .. name) .. ";"
    end
  end
  return table.concat(lines, "\n")
end

-- Started by root, the workers stay root: all that they may touch belongs to who started them.
-- Elsewhere nginx warns about a `user` line, so there is none.
local function user_line() return sys.stat("/proc/self").uid == 0 and "user root;" or "" end

local LONGEST_ENVIRONMENT = 4 * 1024 * 1024 -- the kernel's own bound is 6 MiB of arguments and environment together
local NOT_PASSED_ON = { FINSPACE_DATABASE = true, FINSPACE_DUCKDB = true, NGINX = true } -- a secret; always is; nginx's own

-- nginx keeps from its workers all variables that no `env` names. Where keys of a store and what a database's URL leaves
-- out are looked for is our client's and libpq's affair, and a program that gives keys may want others: what held for the
-- check at the start holds in the workers. Of a variable whose name is no word nginx could not be told.
local function environment_lines(settings)
  if not settings.store and not settings.has_database then return "" end
  local lines = {}
  for name in ("\0" .. (sys.read_limited("/proc/self/environ", LONGEST_ENVIRONMENT) or "")):gmatch("%z([%a_][%w_]*)=") do
    if not NOT_PASSED_ON[name] then lines[#lines + 1] = ("env %s;"):format(name) end
  end
  return table.concat(lines, "\n")
end

local AUTHORITIES = { os.getenv("AWS_CA_BUNDLE") or "", "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem" }

-- Without an address of its own for IPv6 beyond this link, addresses of others only cost attempts.
local function has_ipv6()
  for scope in (sys.read_limited("/proc/net/if_inet6", 65536) or ""):gmatch("%x+ %x+ %x+ (%x+)") do
    if scope == "00" then return true end -- global
  end
  return false
end

-- nginx asks nobody about names and trusts nobody unless it is told whom.
local function outward_lines(settings)
  if not settings.store then return "" end
  local servers, lines = {}, {}
  for server in (sys.read_limited("/etc/resolv.conf", 65536) or ""):gmatch("\n?nameserver%s+(%S+)") do
    servers[#servers + 1] = server:find(":", 1, true) and "[" .. server:gsub("%%.*", "") .. "]" or server
  end
  if #servers > 0 then
    lines[1] = ("resolver %s%s;"):format(table.concat(servers, " "), has_ipv6() and "" or " ipv6=off")
  end
  for _, path in ipairs(AUTHORITIES) do
    if path ~= "" and is_file(path) then
      lines[#lines + 1] = "lua_ssl_trusted_certificate " .. quoted(sys.realpath(path)) .. ";"
      lines[#lines + 1] = "lua_ssl_verify_depth 9;"
      break
    end
  end
  return table.concat(lines, "\n    ")
end

local TLS = [[ssl_certificate %s;
        ssl_certificate_key %s;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:2m;]]

local function tls_lines(settings)
  if not settings.tls_certificate then return "" end
  return TLS:format(quoted(settings.tls_certificate), quoted(settings.tls_key))
end

local SETTINGS = {
  "host",
  "port",
  "region",
  "endpoint",
  "ingest_memory_mib",
  "ingest_disk_mib",
  "workers",
  "ingest_workers",
  "has_database",
  "owner_key_file",
  "store",
  "browsers_word",
  "console_url",
  "seal_key_file",
}

local function lua_literal(settings)
  local members = {}
  for _, name in ipairs(SETTINGS) do
    local value = settings[name]
    local written = type(value) == "string" and ("%q"):format(value):gsub("\n", "n") or tostring(value)
    members[#members + 1] = name .. " = " .. written
  end
  return "{ " .. table.concat(members, ", ") .. " }"
end

local MIGRATION = [=[
# Written by finspace migrate; changes here are lost.
$load
$user
daemon off;
master_process off;
pid run/migrate.pid;
$environment
error_log stderr crit;
events { worker_connections 256; }
http {
    access_log off;
    lua_package_path $path;
    lua_package_cpath $cpath;
    lua_shared_dict finspace_metrics 1m;
    lua_socket_log_errors off;
    $outward
    init_worker_by_lua_block { require("finspace.service.migration").begin($settings) }
}
]=]

-- What both configurations are filled with.
local function common_values(program, settings, roots, libraries)
  return {
    load = load_lines(program.modules),
    user = user_line(),
    environment = environment_lines(settings),
    outward = outward_lines(settings),
    path = quoted(table.concat(roots, ";") .. ";;"),
    cpath = quoted(table.concat(libraries, ";") .. ";;"),
    settings = lua_literal(settings),
  }
end

--- Writes DIR/run/migrate.conf, for a process that moves what is there and answers nobody.
--- @param program table from nginx.find
--- @param settings table {data=, store=, has_database=}
--- @return boolean|nil ok
--- @return string|nil problem
function nginx.write_migration(program, settings)
  local roots, libraries = luajit_paths()
  if not find_core(libraries) then return nil, NOT_BUILT end
  local text = MIGRATION:gsub("%$(%l+)", common_values(program, settings, roots, libraries))
  return sys.write_private(settings.data .. "/run/migrate.conf", text)
end

--- Writes DIR/run/nginx.conf.
--- @param program table from nginx.find
--- @param settings table {host=, port=, region=, endpoint=, data=}
--- @return boolean|nil ok
--- @return string|nil problem
function nginx.write_configuration(program, settings)
  local roots, libraries = luajit_paths()
  if not find_core(libraries) then return nil, NOT_BUILT end
  local values = common_values(program, settings, roots, libraries)
  values.workers = settings.workers + settings.ingest_workers -- those that answer, and the last ones, which ingest
  values.listen = listen_line(settings)
  values.tls = tls_lines(settings)
  local text = TEMPLATE:gsub("%$(%l+)", values)
  return sys.write_private(settings.data .. "/run/nginx.conf", text)
end

return nginx
