--- Why a changeset or a view failed: what its errorInfo says.

local failure = {}
failure.__index = failure

local LONGEST = 1000 -- what errorMessage holds by the model

-- Cut between characters, not inside of one.
local function shortened(message)
  if #message <= LONGEST then return message end
  return (message:sub(1, LONGEST - 3):gsub("[\128-\191]*$", ""):gsub("[\192-\255]$", "")) .. "..."
end

--- @param category string one of the model's errorCategory
--- @param message string
function failure.raise(category, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  message = shortened(message:gsub("[%z\1-\31\127]", "?")) -- what is quoted from data reaches terminals
  error(setmetatable({ category = category, message = message }, failure), 0)
end

--- @param value any
--- @return boolean
function failure.is(value) return getmetatable(value) == failure end

return failure
