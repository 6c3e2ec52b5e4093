--- Pages of a list in creation order. A token names the last row that was shown, so rows that come or
--- go meanwhile neither repeat nor hide another; it is sealed, so nobody can make one up.

local core = require("finspace.core")
local fault = require("finspace.service.fault")

local pages = {}

pages.LARGEST = 100

local function hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function seal(call, seq)
  local subject = call.operation.name .. ":" .. (call.params.datasetId or "") .. ":" .. seq
  return hex(core.hmac_sha256(call.settings.page_key, subject)):sub(1, 24)
end

local function read_token(call)
  local token = call.params.nextToken
  if not token or token == "" then return 0 end
  local seq, sealed = token:match("^(%d+)%-(%x+)$")
  if not seq or sealed ~= seal(call, seq) then
    fault.raise("ValidationException", "nextToken is not one that this list gave out")
  end
  return tonumber(seq)
end

--- @param call table
--- @param find fun(after: integer, limit: integer): table[] rows with a `seq` above `after`, ascending
--- @param describe fun(row: table): table what the answer says of a row
--- @return table[] items
--- @return string|nil next_token
function pages.take(call, find, describe)
  local limit = call.params.maxResults or pages.LARGEST
  local rows = find(read_token(call), limit + 1)
  local next_token
  if #rows > limit then
    rows[#rows] = nil
    local last = ("%d"):format(rows[#rows].seq)
    next_token = last .. "-" .. seal(call, last)
  end
  for i, row in ipairs(rows) do
    rows[i] = describe(row)
  end
  return rows, next_token
end

return pages
