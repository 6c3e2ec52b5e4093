--- What specs share: temporary folders, programs that may be absent, and the project's own paths.
local support = {}

--- The project's root, whichever folder busted was started in.
support.root = os.getenv("FINSPACE_ROOT") or "."

--- The folder of other people's vectors and facts beside the project, or nil where it is absent.
--- @return string|nil
function support.shared()
  local folder = support.root .. "/../shared"
  local file = io.open(folder .. "/spec/finspace-data.json")
  if not file then return nil end
  file:close()
  return folder
end

--- Quotes one argument for a POSIX shell.
--- @param text string
--- @return string
function support.quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end

-- Under sanitizers only the Lua that runs the specs is watched: other programs are left alone, and a Lua
-- among them loads the ordinary build.
local UNWATCHED = os.getenv("FINSPACE_SANITIZED")
    and { "env", "-u", "LD_PRELOAD", "LUA_CPATH=" .. support.root .. "/build/lua5.4/?.so;;" }
  or {}

--- The words that start a program which the sanitizers are to leave alone.
--- @param argv string[]
--- @return string[]
function support.plain(argv)
  local words = {}
  for _, list in ipairs { UNWATCHED, argv } do
    for _, word in ipairs(list) do
      words[#words + 1] = word
    end
  end
  return words
end

--- Runs a shell command and gives its output (both streams) and exit status.
--- @param command string
--- @return string output, integer status
function support.run(command)
  local shell = "{ " .. command .. "\n} 2>&1; printf '\\n%d' $?"
  if #UNWATCHED > 0 then shell = ("env -u LD_PRELOAD '%s' sh -c %s"):format(UNWATCHED[4], support.quote(shell)) end
  local pipe = assert(io.popen(shell))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = text:match("^(.*)\n(%d+)$")
  return output, tonumber(status)
end

--- @param path string
--- @return string|nil content
function support.read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local content = file:read("*a")
  file:close()
  return content
end

--- @param path string
--- @param content string
--- @return string path
function support.write_file(path, content)
  local file = assert(io.open(path, "wb"))
  assert(file:write(content))
  assert(file:close())
  return path
end

--- A file of 3 GiB that takes no room, with `ending` at its end: offsets in it are beyond 32 bits with a sign.
--- @param path string
--- @param ending string
--- @return integer size
function support.write_sparse(path, ending)
  local file = assert(io.open(path, "wb"))
  local size = assert(file:seek("set", 3 * 1024 ^ 3 - #ending)) + #ending
  assert(file:write(ending))
  assert(file:close())
  return size
end

--- A new folder of its own below $TMPDIR, readable by any user, because nginx's workers may be
--- another one.
--- @return string path
function support.temporary_folder()
  local output = support.run("d=$(mktemp -d) && chmod 755 $d && printf %s $d")
  assert(output:match("^/"), output)
  return output
end

--- @param path string a folder that temporary_folder made
function support.remove_folder(path)
  assert(path:match("^/.+/"), "refusing to remove " .. path)
  support.run("rm -rf " .. support.quote(path))
end

-- Debian's python3 need not be the first on the PATH; `make interop` makes one with more modules.
local PYTHONS = { "python3", "/usr/bin/python3", support.root .. "/build/interop/python/bin/python3" }

--- The first python3 that can import these modules, or nil: specs that ask other people's clients skip,
--- and say so, where there is none.
--- @param modules string for example "botocore" or "boto3, botocore"
--- @return string|nil program
function support.python(modules)
  for _, program in ipairs(PYTHONS) do
    local _, status = support.run(program .. " -c " .. support.quote("import " .. modules))
    if status == 0 then return program end
  end
  return nil
end

--- The first python3 whose boto3 finds the service in a profile and knows the last API. Debian 12 has an older
--- one; `make interop` brings a newer.
--- @return string|nil program
--- @return string|nil reason  why there is none
function support.boto3()
  local python =
    support.python("boto3, botocore; assert hasattr(botocore.configprovider, 'ConfiguredEndpointProvider')")
  return python, not python and support.lacking("python3 with boto3 from 1.28 on", "make interop") or nil
end

--- Whether a program is on the PATH.
--- @param name string
--- @return boolean
function support.has_program(name)
  local _, status = support.run("command -v " .. support.quote(name))
  return status == 0
end

--- Why a sentence is skipped: what is missing, and the command that installs it.
--- @param what string        for example "rclone"
--- @param command? string    "make interop" for what is not among the packages of `make test`
--- @return string reason
function support.lacking(what, command)
  return ("%s is not installed: as root, %s"):format(what, command or "make packages-test")
end

--- The same for a program; nil where it is on the PATH.
--- @param program string
--- @param command? string
--- @return string|nil reason
function support.absent(program, command)
  if not support.has_program(program) then return support.lacking(program, command) end
end

--- Starts a program that ends with this process, however this one ends: a server of a spec that fails
--- is not left behind.
--- @param options table as for finspace.sys.start
--- @return integer|nil pid
--- @return string|nil problem
function support.start(options)
  local argv = { "setpriv", "--pdeathsig", "TERM" }
  for _, word in ipairs(options.argv) do
    argv[#argv + 1] = word
  end
  return require("finspace.sys").start { argv = argv, stdout = options.stdout, stderr = options.stderr }
end

-- Below the range that the system takes for outgoing connections, so that none of those gets in between.
local FIRST_PORT, PORTS = 10240, 20000
local next_port

local function is_free(port)
  local socket = require("socket").bind("127.0.0.1", port)
  if socket then socket:close() end
  return socket ~= nil
end

--- A TCP port on loopback that nobody listens on at this moment. No process gets one twice, and two
--- processes begin to look in different places.
--- @return integer
function support.free_port()
  next_port = next_port or require("finspace.sys").pid() * 61
  repeat
    next_port = next_port + 1
    local port = FIRST_PORT + next_port % PORTS
    if is_free(port) then return port end
  until false
end

--- An `it` for sentences about what may be missing: then they are skipped, and say why.
--- @param busted table            { it =, skip = }: the spec's own. A sentence's `pending` is another function than a
---   describe's, which would let it pass; so skip is `function(why) pending(why) end`
--- @param reason fun(): string|nil why it is missing; asked when a sentence is run
--- @return fun(sentence: string, body: fun())
function support.unless_missing(busted, reason)
  return function(sentence, body)
    busted.it(sentence, function()
      local missing = reason()
      if missing then return busted.skip(missing) end
      body()
    end)
  end
end

--- The interpreter that runs this spec, for specs that start a second process of the same kind.
--- @return string
function support.interpreter()
  if rawget(_G, "jit") then return "luajit" end
  return "lua" .. _VERSION:match("%d%.%d")
end

return support
