--- One provider after the other, until one has keys. A source that is configured and broken ends the
--- search: stepping over it would sign with keys that nobody meant.
local errors = require("finspace.errors")
local host = require("finspace.host")
local keys = require("finspace.credentials.keys")

local chain = {}

local function nothing_found(runtime, missed)
  local lines = { "no AWS credentials found; looked at" }
  for _, err in ipairs(missed) do
    table.insert(lines, "  " .. err.source .. ": " .. err.why)
  end
  table.insert(
    lines,
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with AWS_PROFILE,"
      .. " or give the credentials option"
      .. host.hidden_environment(runtime, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "HOME")
      .. "."
  )
  return nil,
    errors.new {
      kind = "credentials",
      code = "NoCredentials",
      message = table.concat(lines, "\n"),
      sources = missed,
    }
end

--- @param providers function[]
--- @return function provider
function chain.new(providers)
  return function(context, unwanted)
    local missed = {}
    for _, provider in ipairs(providers) do
      local found, err = provider(context, unwanted)
      if found or not keys.is_none(err) then return found, err end
      table.insert(missed, err)
    end
    return nothing_found(context.runtime, missed)
  end
end

return chain
