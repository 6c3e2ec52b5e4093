--- What was read from the database since the last commit of anybody: until there is another one it is still so, and
--- need not be read again.

local remembered = {}

local Memory = {}
Memory.__index = Memory

local function forget(self, version)
  self.version, self.values, self.count, self.bytes = version, {}, 0, 0
end

-- What a value takes, where that is told: texts alone are held by their bytes.
local function size(self, name, value) return self.most_bytes < math.huge and #name + #value or 0 end

local function keep(self, name, value)
  local added = size(self, name, value)
  if added > self.most_bytes then return end
  if self.count == self.most or self.bytes + added > self.most_bytes then forget(self, self.version) end
  self.values[name], self.count, self.bytes = value, self.count + 1, self.bytes + added
end

--- What `read` gives, remembered by name where it is not nil.
--- @param db table
--- @param name string what tells it from all else that this memory holds
--- @param read fun(...): any must depend on nothing but the database and its arguments
--- @return any
function Memory:of(db, name, read, ...)
  local version = db.version and db:version()
  if not version then return read(...) end
  if version ~= self.version then forget(self, version) end
  local known = self.values[name]
  if known ~= nil then return known end
  local value = read(...)
  -- Another request may have gone on to the next version while this one read.
  if value ~= nil and version == self.version then keep(self, name, value) end
  return value
end

--- @param most integer how many values it holds; one more, and it begins anew
--- @param most_bytes? integer how many bytes they and their names may have together, where values are text
--- @return table memory
function remembered.new(most, most_bytes)
  local self = setmetatable({ most = most, most_bytes = most_bytes or math.huge }, Memory)
  forget(self, nil)
  return self
end

return remembered
