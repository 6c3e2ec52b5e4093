--- `finspace version`
local version = {}

function version.define(command) command:epilog("Example: finspace version") end

function version.run(_, out)
  local host = rawget(_G, "jit") and jit.version or _VERSION
  out:print(("finspace %s (%s)"):format(require("finspace.version"), host))
end

return version
