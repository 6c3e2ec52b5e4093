--- `finspace console`
local service = require("finspace.cli.service")
local sys = require("finspace.sys")
local values = require("finspace.cli.values")

local console = {}

function console.define(command)
  command
    :option(
      "--data",
      "Folder that the service keeps everything in ($XDG_DATA_HOME/finspace, or ~/.local/share/finspace)."
    )
    :convert(values.text("--data"))
    :argname("DIR")
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

-- The link that signs the owner in, and the folder that the service keeps everything in.
local function find_link(options)
  local module, problem = service.load()
  if not module then return nil, problem end
  local data = options.data or module.default_data()
  local link, reason = module.console_link { data = data }
  return link, link and data or reason
end

function console.run(options, out)
  local link, data = find_link(options)
  if not link then
    io.stderr:write(out:paint("red", "finspace: "), data, "\n")
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
