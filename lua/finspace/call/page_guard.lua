--- Watches a list that comes in pages: one that leads round in a circle, or never ends, would pass for a
--- complete one, or keep its reader for ever.
local page_guard = {}

-- No list of the API or of S3 is longer: ten thousand pages hold a million items, or ten million objects.
local MOST_PAGES = 10000
-- A service may filter a page down to nothing, but not hundreds in a row.
local MOST_EMPTY = 500

local Guard = {}
Guard.__index = Guard

--- @return table guard
function page_guard.new() return setmetatable({ seen = {}, pages = 0, empty = 0 }, Guard) end

--- Takes in where a page says that the list goes on.
--- @param token string  the next page's
--- @param count integer  items of this page
--- @return string|nil why  what is wrong with such a list
function Guard:check(token, count)
  self.pages = self.pages + 1
  self.empty = count == 0 and self.empty + 1 or 0
  if self.seen[token] then return "a page leads back to one that has been there before" end
  if self.empty > MOST_EMPTY then return ("%d pages in a row were empty"):format(self.empty) end
  if self.pages >= MOST_PAGES then return ("it does not end within %d pages"):format(MOST_PAGES) end
  self.seen[token] = true
end

return page_guard
