--- A request as it would be sent, with everything secret hidden: what `fs:dry_run` shows. It is
--- signed with keys that are none, so nothing can leak, and none have to be looked up.
local core = require("finspace.core")

local dry_run = {}

--- @class finspace.DryRun
--- @field method string
--- @field url string
--- @field headers table<string, string>
--- @field body string|nil
local DryRun = {}
DryRun.__index = DryRun

local HIDDEN = "(hidden)"

-- Stands in for a secret member until the request is written: it satisfies the rules of all of them.
local STAND_IN = "hidden@finspace.hide"

local hide_members

local function hide_value(shape, value)
  if type(value) ~= "table" then return shape.sensitive and STAND_IN or value end
  if shape.members then return hide_members(shape.members, value) end
  if not shape.of then return value end
  local list = {}
  for i, element in ipairs(value) do
    list[i] = hide_value(shape.of, element)
  end
  return list
end

function hide_members(members, params)
  local hidden = {}
  for name, value in pairs(params) do
    hidden[name] = value
  end
  for _, member in ipairs(members) do
    if params[member.name] ~= nil then hidden[member.name] = hide_value(member, params[member.name]) end
  end
  return hidden
end

-- The request once more, written with stand-ins. The real one has passed all checks before.
local function without_secrets(row, params, token)
  local request = assert(core.prepare(row.name, hide_members(row.input, params or {}), token))
  local plain = STAND_IN:gsub("%p", "%%%0")
  request.body = request.body and request.body:gsub(plain, HIDDEN)
  return request
end

local function sign_with_nothing(exchange, call, temporary)
  local nobody = { access_key_id = "HIDDEN", secret_access_key = HIDDEN, session_token = temporary and HIDDEN or nil }
  local request = exchange:compose(call)
  local signed = assert(core.signer(nobody, call.region, call.service):sign(request, exchange:time()))
  signed.headers.authorization = signed.headers.authorization
    :gsub("Credential=HIDDEN", "Credential=" .. HIDDEN)
    :gsub("Signature=%x+", "Signature=" .. HIDDEN)
  return signed
end

--- @param exchange finspace.Exchange
--- @param row table
--- @param params table|nil
--- @param call finspace.Send       checked and composed
--- @param temporary boolean        whether the keys would come with a session token
--- @return finspace.DryRun
function dry_run.new(exchange, row, params, call, temporary)
  call.request = without_secrets(row, params, call.client_token)
  local request = sign_with_nothing(exchange, call, temporary)
  return setmetatable(
    { method = request.method, url = request.url, headers = request.headers, body = request.body },
    DryRun
  )
end

--- Prints as a request reads.
function DryRun:__tostring()
  local names, lines = {}, { self.method .. " " .. self.url }
  for name in pairs(self.headers) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = name .. ": " .. self.headers[name]
  end
  if self.body then lines[#lines + 1] = "\n" .. self.body end
  return table.concat(lines, "\n")
end

return dry_run
