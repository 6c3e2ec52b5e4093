--- Two of other people's S3 servers that compute every signature anew, for specs: OpenStack Swift's s3api and
--- Ceph's radosgw. On Debian they are the packages
---
---   swift-proxy swift-account swift-container swift-object
---   radosgw ceph-mon ceph-osd ceph-common
---
--- Each is started alone, on loopback, with its data in a temporary folder, and ends with the spec, however
--- that ends.
local core = require("finspace.core")
local curl = require("finspace.host.transport.curl")
local nginx = require("spec.support.nginx")
local support = require("spec.support")
local sys = require("finspace.sys")

local strict = {}

local REGION = "us-east-1"
local ACCESS_KEY, SECRET_KEY = "test:tester", "a+secret/of=theirs"
-- No more than a ceiling, for machines that have other things to do, too.
local SECONDS_TO_START = 90
-- Bytes of a server's output that say why it failed.
local LAST_WORDS = 4000

--- @class StrictServer
--- @field name string
--- @field endpoint string
--- @field region string
--- @field credentials table
--- @field folder string
--- @field pids integer[]
local StrictServer = {}
StrictServer.__index = StrictServer

local function new_server(name)
  local port = support.free_port()
  return setmetatable({
    name = name,
    port = port,
    endpoint = "http://127.0.0.1:" .. port,
    region = REGION,
    credentials = { access_key_id = ACCESS_KEY, secret_access_key = SECRET_KEY },
    folder = support.temporary_folder(),
    pids = {},
  }, StrictServer)
end

function StrictServer:path(name) return self.folder .. "/" .. name end

function StrictServer:start(argv)
  local output = self:path("output")
  local pid = assert(support.start { argv = support.plain(argv), stdout = output, stderr = output })
  table.insert(self.pids, pid)
  return pid
end

function StrictServer:output() return support.read_file(self:path("output")) or "" end

function StrictServer:fail(why)
  local output = self:output()
  self:stop()
  error(("%s: %s\n%s"):format(self.name, why, output:sub(-LAST_WORDS)), 0)
end

-- Waits until a program is ready; where it ends before, it said why.
function StrictServer:await(pid, is_ready)
  local deadline = sys.monotonic() + SECONDS_TO_START
  while not is_ready() do
    if sys.wait(pid, 0.02) then self:fail("it ended") end
    if sys.monotonic() > deadline then self:fail("it was not ready after " .. SECONDS_TO_START .. " s") end
  end
end

--- Ends it and removes its data. Again is harmless.
function StrictServer:stop()
  for i = #self.pids, 1, -1 do
    nginx.end_process(table.remove(self.pids, i), 9)
  end
  if self.folder then support.remove_folder(self.folder) end
  self.folder = nil
end

--- A URL that our signer has signed, with the signature in its query.
--- @param method string
--- @param path string  as it goes over the wire
--- @param credentials? table
--- @return string url
function StrictServer:presign(method, path, credentials)
  local made = core.sign {
    method = method,
    path = path,
    query = "",
    headers = { { "Host", "127.0.0.1:" .. self.port } },
    payload_hash = "UNSIGNED-PAYLOAD",
    credentials = credentials or self.credentials,
    region = self.region,
    service = "s3",
    time = math.floor(sys.now()),
    form = "query",
    expires = 600,
  }
  return self.endpoint .. path .. "?" .. made.query
end

--- Asks with such a URL.
--- @param method string
--- @param path string
--- @param body? string
--- @param credentials? table
--- @return table response
function StrictServer:ask(method, path, body, credentials)
  local transport, close = curl.new {}
  local response = assert(transport {
    method = method,
    url = self:presign(method, path, credentials),
    headers = {},
    body = body,
    timeout = 60,
  })
  close()
  return response
end

--- @param name string
function StrictServer:create_bucket(name)
  local response = self:ask("PUT", "/" .. name, "")
  if response.status ~= 200 then self:fail("no bucket: " .. tostring(response.body)) end
end

-- Swift ----------------------------------------------------------------------------------------------

-- Debian's packages are for its own Python, and another one may be the first on the PATH.
local function python_with_swift()
  for _, program in ipairs { "python3", "/usr/bin/python3" } do
    local _, status = support.run(program .. " -c 'import swift.proxy, swift.obj, xattr, eventlet'")
    if status == 0 then return program end
  end
  return nil
end

local function has_attributes(python, folder)
  local _, status = support.run(
    ([[%s -c 'import os, sys; os.setxattr(sys.argv[1], "user.swift", bytes(2048))' %s]]):format(
      python,
      support.quote(folder)
    )
  )
  return status == 0
end

--- @return StrictServer|nil server
--- @return string|nil why not
function strict.swift()
  local python = support.has_program("setpriv") and python_with_swift()
  if not python then return nil, support.lacking("Swift", "make interop") end
  local server = new_server("Swift")
  if not has_attributes(python, server.folder) then
    server:stop()
    return nil, "the file system of temporary files has no extended attributes, which Swift needs"
  end
  local pid = server:start {
    python,
    support.root .. "/spec/support/swift_s3.py",
    server.folder,
    tostring(server.port),
    ACCESS_KEY,
    SECRET_KEY,
  }
  server:await(pid, function() return server:output():find("ready", 1, true) end)
  return server
end

-- radosgw --------------------------------------------------------------------------------------------

-- One monitor and one object store in memory, without keys among themselves. The monitor agrees with
-- nobody but itself, so it need not wait for others; its waits are what a start would take.
local CEPH = [[
[global]
fsid = {{id}}
mon host = v2:127.0.0.1:{{mon_port}}/0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
ms mon cluster mode = crc
ms mon service mode = crc
ms mon client mode = crc
keyring = /dev/null
run dir = {{folder}}
crash dir = {{folder}}
admin socket =
pid file =
log file =
log to stderr = false
err to stderr = true
mon cluster log file =
mon data = {{folder}}/mon
paxos propose interval = 0.01
paxos min wait = 0.01
mon allow pool size one = true
osd data = {{folder}}/osd
osd objectstore = memstore
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
rgw frontends = beast endpoint=127.0.0.1:{{port}} tcp_nodelay=1
rgw data = {{folder}}/rgw
]]
local PAGES_OF_5 = "rgw max listing results = 5\n"

-- Keys for a while, by AssumeRole; a role's own policy is what session policies take away from.
local STS = [[
rgw sts key = abcdefghijklmnop
rgw s3 auth use sts = true
]]
local ROLE = "arn:aws:iam:::role/finspace"
local TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/tester"]},'
  .. '"Action":["sts:AssumeRole"]}]}'
local EVERYTHING =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}'

local PROGRAMS = { "setpriv", "radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "monmaptool" }

local function missing_program()
  for _, program in ipairs(PROGRAMS) do
    if not support.has_program(program) then return program end
  end
  return nil
end

local function accepts(port)
  local connection = require("socket").connect("127.0.0.1", port)
  if connection then connection:close() end
  return connection ~= nil
end

local function write_configuration(server)
  local values = {
    id = sys.uuid(),
    mon_port = support.free_port(),
    port = server.port,
    folder = server.folder,
  }
  local text = CEPH:gsub("{{([%w_]+)}}", values) .. (server.role and STS or PAGES_OF_5)
  support.write_file(server:path("ceph.conf"), text)
  for _, name in ipairs { "mon", "osd", "rgw" } do
    assert(sys.mkdir(server:path(name), 493))
  end
  return values
end

local function add_role(run)
  run(
    ("radosgw-admin role create --role-name=finspace --path=/ --assume-role-policy-doc=%s"):format(support.quote(TRUST))
  )
  run(
    ("radosgw-admin role-policy put --role-name=finspace --policy-name=everything --policy-doc=%s"):format(
      support.quote(EVERYTHING)
    )
  )
end

local function start_radosgw(server)
  local values = write_configuration(server)
  local function run(command)
    local output, status = support.run(
      ("cd %s && CEPH_CONF=ceph.conf timeout %d %s"):format(support.quote(server.folder), SECONDS_TO_START, command)
    )
    if status ~= 0 then server:fail(command .. "\n" .. output) end
  end
  local function start(program, flag, name)
    return server:start { program, "-f", "-c", server:path("ceph.conf"), flag, name }
  end
  local osd = sys.uuid()

  run(("monmaptool --create --fsid %s --addv a '[v2:127.0.0.1:%d/0]' monmap"):format(values.id, values.mon_port))
  run("ceph-mon -i a --mkfs --monmap monmap")
  start("ceph-mon", "-i", "a")
  run("ceph osd new " .. osd)
  run("ceph-osd -i 0 --mkfs --osd-uuid " .. osd)
  start("ceph-osd", "-i", "0")
  run(
    ("radosgw-admin user create --uid=tester --display-name=tester --access-key=%s --secret-key=%s"):format(
      support.quote(ACCESS_KEY),
      support.quote(SECRET_KEY)
    )
  )
  if server.role then add_role(run) end
  server:await(start("radosgw", "--name", "client.rgw"), function() return accepts(server.port) end)
end

--- @param options? table {has_sts=true: with AssumeRole, and a role as `role`}
--- @return StrictServer|nil server
--- @return string|nil why not
function strict.radosgw(options)
  local missing = missing_program()
  if missing then return nil, support.lacking(("radosgw (%s)"):format(missing), "make interop") end
  local server = new_server("radosgw")
  server.role = options and options.has_sts and ROLE or nil
  start_radosgw(server)
  return server
end

return strict
