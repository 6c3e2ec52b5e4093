--- A PostgreSQL cluster of its own for specs: on loopback, in a temporary folder, as an ordinary user, stopped by pid.
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

local postgres = {}

local STOP, CONTINUE = 19, 18

-- The newest server that is installed; Debian keeps its programs off the PATH.
local function programs()
  local newest = support.run("ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -V | tail -n 1"):match("^(/%S+)")
  return newest
end

--- Why there can be no cluster here, or nil.
--- @return string|nil
function postgres.missing()
  if programs() then return nil end
  return "PostgreSQL is not installed: apt-get install postgresql"
end

local SETTINGS = [[
listen_addresses = '127.0.0.1'
port = %d
unix_socket_directories = ''
max_connections = 200
fsync = off
dynamic_shared_memory_type = mmap
]]

-- PostgreSQL refuses to run as root.
local function as_ordinary_user(argv)
  if support.run("id -u"):match("%d+") ~= "0" then return argv end
  local words = { "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups" }
  for _, word in ipairs(argv) do
    table.insert(words, word)
  end
  return words
end

local function quoted(argv)
  local words = {}
  for i, word in ipairs(argv) do
    words[i] = support.quote(word)
  end
  return table.concat(words, " ")
end

--- Runs SQL on a database.
--- @param url string
--- @param statement string
--- @return string rows as psql prints them
function postgres.sql(url, statement)
  return (support.run(("%s/psql -AtqX %s -c %s"):format(programs(), support.quote(url), support.quote(statement))))
end

--- What a thief of a database would have.
--- @param url string
--- @return string SQL
function postgres.dump(url)
  local folder = support.temporary_folder()
  local output, status = support.run(("%s/pg_dump -f %s/dump %s"):format(programs(), folder, support.quote(url)))
  assert(status == 0, output)
  local text = support.read_file(folder .. "/dump")
  support.remove_folder(folder)
  return text
end

--- Starts a cluster.
--- @return table server { url, pid, sql, add_standby, freeze, thaw, kill, restart, stop }
function postgres.start()
  local bin, folder, port = programs(), support.temporary_folder(), support.free_port()
  local data = folder .. "/data"
  support.run("chmod 777 " .. folder)
  local output, status = support.run(quoted(as_ordinary_user {
    bin .. "/initdb",
    "-D",
    data,
    "-U",
    "finspace",
    "--auth=trust",
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
  }))
  assert(status == 0, output)
  local settings = data .. "/postgresql.conf"
  support.write_file(settings, support.read_file(settings) .. SETTINGS:format(port))
  local self = { url = ("postgresql://finspace@127.0.0.1:%d/postgres"):format(port) }

  -- Starts a server, and waits until it answers.
  local function serve(of_data, at)
    local argv = { bin .. "/postgres", "-D", of_data, "-p", tostring(at) }
    local pid = assert(sys.start { argv = support.plain(as_ordinary_user(argv)), stderr = folder .. "/log" })
    for _ = 1, 100 do
      local _, ready = support.run(("%s/pg_isready -q -h 127.0.0.1 -p %d"):format(bin, at))
      if ready == 0 then return pid end
      assert(not sys.wait(pid, 0.05), support.read_file(folder .. "/log"))
    end
    error("PostgreSQL did not start: " .. support.read_file(folder .. "/log"))
  end

  local function launch() self.pid = serve(data, port) end

  --- Runs SQL past the service.
  --- @param statement string
  --- @return string rows as psql prints them
  function self.sql(statement) return postgres.sql(self.url, statement) end

  local databases = 0

  --- Makes a database of its own.
  --- @return string url
  function self.new_database()
    databases = databases + 1
    self.sql("CREATE DATABASE d" .. databases)
    return (self.url:gsub("/postgres$", "/d" .. databases))
  end

  --- Adds a server that has what this one has, and must have it before anything is acknowledged. It is stopped with it.
  --- @return table standby { port, promote() }
  function self.add_standby()
    local at, place = support.free_port(), folder .. "/standby"
    local source = self.url:gsub("/postgres$", "/postgres?application_name=standby")
    local argv = { bin .. "/pg_basebackup", "-d", source, "-D", place, "-R", "--checkpoint=fast", "--no-sync" }
    local said, failed = support.run(quoted(as_ordinary_user(argv)))
    assert(failed == 0, said)
    self.standby_pid = serve(place, at)
    self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    self.sql("SELECT pg_reload_conf()")
    return {
      port = at,
      promote = function() postgres.sql(self.url:gsub(":%d+/", ":" .. at .. "/"), "SELECT pg_promote()") end,
    }
  end

  local function signal_all(number)
    local children = support.run(("grep -l '^PPid:[[:space:]]*%d$' /proc/[0-9]*/status"):format(self.pid))
    sys.kill(self.pid, number)
    for pid in children:gmatch("/proc/(%d+)/") do
      sys.kill(tonumber(pid), number)
    end
  end

  --- Lets it hang: its connections stay, and nobody answers on them.
  function self.freeze() signal_all(STOP) end

  --- Lets it go on.
  function self.thaw() signal_all(CONTINUE) end

  --- Ends it as a power failure would.
  function self.kill() nginx.end_process(self.pid, 3) end

  --- Stops it at once, with the connections that it has, and starts it again.
  function self.restart()
    nginx.end_process(self.pid, 2)
    launch()
  end

  --- Stops it and removes its folder.
  function self.stop()
    nginx.end_process(self.pid, 2)
    if self.standby_pid then nginx.end_process(self.standby_pid, 2) end
    support.remove_folder(folder)
  end

  launch()
  return self
end

return postgres
