--- `finspace version`
local version = {}

function version.define(command)
  command:epilog("Example: finspace version")
end

function version.run(_, out)
  out:print(("finspace %s (%s)"):format(require("finspace.cli").VERSION, rawget(_G, "jit") and jit.version or _VERSION))
end

return version
