--- `finspace console`
local sys = require("finspace.sys")

local console = {}

function console.define(command)
  command:option("--data", "Folder that the service keeps everything in."):argname("DIR")
  command:flag("--print", "Only print the link; open nothing.")
  command:epilog(
    "Example: finspace console\n\n"
      .. "Opens the web page of the service that runs on this machine and signs its owner in. The link is\n"
      .. "good once and for ten minutes."
  )
end

local PAGE = [[<!doctype html><meta charset="utf-8"><title>finspace</title>
<meta http-equiv="refresh" content="0;url=%s"><a href="%s">finspace</a>
]]

-- The browser is given a file that only its owner may read: a program's arguments are for all to see.
local function private_page(data, link)
  local path = sys.realpath(data) .. "/run/console.html"
  local ok, problem = sys.write_private(path, PAGE:format(link, link))
  return ok and path, problem
end

local OPENERS = { { "xdg-open" }, { "open" } }

local function open(path)
  for _, opener in ipairs(OPENERS) do
    local answer = sys.spawn { argv = { opener[1], path }, timeout = 10, max_output = 4096 }
    if answer and answer.status == 0 then return true end
  end
  return false
end

function console.run(options, out)
  local service = require("finspace.service")
  local data = options.data or service.default_data()
  local link, problem = service.console_link { data = data }
  if not link then
    io.stderr:write(out:paint("red", "finspace: "), problem, "\n")
    return 1
  end
  io.stdout:write(link, "\n")
  if options.print then return 0 end
  local path = private_page(data, link)
  if path and open(path) then return 0 end
  io.stderr:write("finspace: no browser could be opened here: open the link above in yours\n")
  return 1
end

return console
