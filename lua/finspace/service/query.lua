--- Reads what follows the `?` of a request, or a form.

local core = require("finspace.core")

local query = {}

--- @param text string
--- @return table<string, string> values by name; a name without a value has ""
--- @return string|nil twice a name that is there more than once: nobody can say which is meant
function query.parse(text)
  local values, twice = {}, nil
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = core.uri_decode(name)
    if values[name] then twice = name end
    values[name] = core.uri_decode(value)
  end
  return values, twice
end

return query
