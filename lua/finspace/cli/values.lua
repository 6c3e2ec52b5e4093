--- What an option of the command line takes: readers for argparse's `convert`, each of which names its option
--- when it refuses. So a mistake is told before anything is done.
---
---     command:option("--timeout", "…"):convert(values.seconds("--timeout"))
local values = {}

-- A reader of what `read` understands. What was given is not shown: it may hold a secret.
local function reader(option, takes, read)
  return function(text)
    local value = read(text)
    if value ~= nil then return value end
    return nil, ("%s takes %s"):format(option, takes)
  end
end

--- Any text but an empty one.
--- @param option string
--- @return fun(text: string): string|nil, string|nil message
function values.text(option)
  return reader(option, "a text that is not empty", function(text) return text ~= "" and text or nil end)
end

--- @param option string
--- @return fun(text: string): number|nil, string|nil message
function values.seconds(option)
  return reader(option, "a positive number of seconds", function(text)
    local number = tonumber(text)
    return number and number > 0 and number < math.huge and number or nil
  end)
end

--- @param option string
--- @param least integer
--- @param most integer
--- @return fun(text: string): integer|nil, string|nil message
function values.whole(option, least, most)
  return reader(option, ("a whole number from %d to %.0f"):format(least, most), function(text)
    local number = text:match("^%d+$") and tonumber(text)
    return number and number >= least and number <= most and number or nil
  end)
end

--- The URL of an endpoint.
--- @param option string
--- @return fun(text: string): string|nil, string|nil message
function values.url(option)
  return function(text)
    local url, message = require("finspace.endpoint").parse(text)
    if url then return text end
    return nil, ("%s takes a URL like https://host:port, and this one %s"):format(option, message)
  end
end

--- @param option string
--- @return fun(text: string): string|nil, string|nil message
function values.region(option)
  return reader(option, "a region's name like us-east-1", function(text) return text:match("^%l[%l%d%-]*$") end)
end

--- A file that can be read.
--- @param option string
--- @return fun(text: string): string|nil, string|nil message
function values.file(option)
  return function(text)
    local handle, message = io.open(text, "rb")
    local well = handle and handle:read(0) ~= nil
    if handle then handle:close() end
    if well then return text end
    return nil, ("%s: cannot read %s"):format(option, message or text)
  end
end

--- What stands between the fields of a CSV.
--- @param option string
--- @return fun(text: string): string|nil, string|nil message
function values.separator(option)
  return reader(option, "one ASCII character that is no quote and no line end (TAB for a tab)", function(text)
    if text == "TAB" then return "\t" end
    return text:match('^[^"\r\n%z\128-\255]$')
  end)
end

return values
