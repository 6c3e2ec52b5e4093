--- What a full disk says, whoever wrote to it.

local database = require("finspace.service.db")

local disk = {}

--- @param problem any what was raised
--- @return boolean whether there was no room for what was to be written
function disk.is_full(problem)
  if database.is_full(problem) then return true end
  local text = type(problem) == "table" and problem.message or tostring(problem)
  return text:find("No space left on device", 1, true) ~= nil or text:find("Disk quota exceeded", 1, true) ~= nil
end

return disk
