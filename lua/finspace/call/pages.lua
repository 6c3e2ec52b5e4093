--- Lists that come in pages, walked lazily: a page is asked for when somebody gets there.
local errors = require("finspace.errors")
local page_guard = require("finspace.call.page_guard")

local pages = {}

--- @class finspace.Pages
local Pages = {}
Pages.__index = Pages

-- The most that a page may hold, by the model.
local function page_limit(row)
  for _, member in ipairs(row.input) do
    if member.name == row.pagination.limit then return member.max end
  end
end

local function copy(params)
  local result = {}
  for name, value in pairs(params or {}) do
    result[name] = value
  end
  return result
end

--- @param client finspace.Client
--- @param row table   the row of a paged operation
--- @param params? table  members; without a page size, pages are as large as may be
--- @return finspace.Pages
function pages.new(client, row, params)
  if not row.pagination then error(row.name .. " has no pages; call it as a method", 3) end
  local request = copy(params)
  local limit = row.pagination.limit
  request[limit] = request[limit] or page_limit(row)
  return setmetatable({ client = client, row = row, request = request, guard = page_guard.new() }, Pages)
end

local function endless(row, why)
  return nil,
    errors.new {
      kind = "protocol",
      code = "EndlessList",
      operation = row.name,
      message = ("the list is not complete: %s; check that the endpoint is FinSpace and that no cache stands before it"):format(
        why
      ),
    }
end

--- The next page as the service gave it; nil after the last one; nil and an err when it failed. After
--- an err it may be asked for again.
--- @return table|nil page, finspace.Error|nil err
function Pages:next()
  if self.ended then return nil end
  local page, err = self.client:call(self.row.name, self.request)
  if not page then return nil, err end
  local names = self.row.pagination
  local token = page[names.token]
  self.ended = not token or token == ""
  if self.ended then return page end
  local why = self.guard:check(token, #(page[names.result] or {}))
  if why then return endless(self.row, why) end
  self.request[names.token] = token
  return page
end

--- So that `for page in pages do`. A failure is raised.
function Pages:__call()
  local page, err = self:next()
  if err then error(err, 0) end
  return page
end

-- A page may be filtered down to nothing; but what ends a list says so with a list.
local function listless(row)
  return nil,
    errors.new {
      kind = "protocol",
      code = "InvalidAnswer",
      operation = row.name,
      message = ("the answer has no '%s', not even an empty one; check that the endpoint is FinSpace"):format(
        row.pagination.result
      ),
    }
end

--- The items of all pages for which `keep` holds. For those who conclude something from what is not there.
--- @param keep fun(item: table): any
--- @return table[]|nil items, finspace.Error|nil err
function Pages:collect(keep)
  local items = {}
  local page, err = self:next()
  while page do
    if self.ended and not page[self.row.pagination.result] then return listless(self.row) end
    for _, item in ipairs(page[self.row.pagination.result] or {}) do
      if keep(item) then items[#items + 1] = item end
    end
    page, err = self:next()
  end
  if err then return nil, err end
  return items
end

--- The items of all pages. A failure is raised.
--- @return fun(): table|nil
function Pages:items()
  local items, index = {}, 0
  return function()
    index = index + 1
    while items and items[index] == nil do
      local page = self()
      items, index = page and (page[self.row.pagination.result] or {}), 1
    end
    return items and items[index]
  end
end

return pages
