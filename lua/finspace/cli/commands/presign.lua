--- `finspace presign OPERATION`
local members = require("finspace.cli.members")
local shared = require("finspace.cli.options")
local values = require("finspace.cli.values")

local presign = {}

function presign.define(command, arguments)
  command:epilog(
    "Example: finspace presign get-working-location --expires 900\n\n"
      .. "Whoever has the URL may use it until it expires."
  )
  members.define_operations(command, arguments, function(operation)
    shared.help(operation)
    operation
      :option("--expires", "Seconds that it lasts, at most 604800 (3600).")
      :convert(values.whole("--expires", 1, 604800))
      :argname("SECONDS")
    shared.connection(operation)
    shared.output(operation)
  end)
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- How to use it where a bare GET is not enough.
local function curl_line(url, request)
  if request.method == "GET" and not request.body then return nil end
  local words = { "curl -X " .. request.method }
  for name, value in pairs(request.headers) do
    table.insert(words, "-H " .. quote(name .. ": " .. value))
  end
  if request.body then table.insert(words, "--data-binary " .. quote(request.body)) end
  table.insert(words, quote(url))
  return table.concat(words, " ")
end

function presign.run(options, out)
  local row = require("finspace.call.operations").find((options.operation:gsub("-", "_")))
  local fs = shared.client(options)
  local url, request = fs:presign(row.name, members.collect(options, row), { expires = options.expires })
  if not url then return out:fail(request, row) end
  out:print(url)
  local line = curl_line(url, request)
  if line then out:note("Use it so:\n  " .. line) end
end

return presign
