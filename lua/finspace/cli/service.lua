--- The service, for the commands that run on its side of the wire: the one place where the client knows of it.
local service = {}

--- @return table|nil module
--- @return string|nil message  what to do where the service was left out
function service.load()
  local found, module = pcall(require, "finspace.service")
  if found then return module end
  if not tostring(module):find("module 'finspace.service' not found", 1, true) then error(module, 0) end
  return nil,
    "the service is not part of this installation; install finspace whole, with `luarocks make` or `make install`"
end

--- Lets this process become what the service does: its start, or its move. Returns only when it could not.
--- @param verb "start"|"migrate"
--- @param options table as that function of finspace.service takes them
--- @param out finspace.cli.Terminal
--- @return integer status
function service.become(verb, options, out)
  local module, problem = service.load()
  if module then problem = select(2, module[verb](options)) end
  io.stderr:write(out:paint("red", "finspace: "), tostring(problem), "\n")
  return 1
end

return service
