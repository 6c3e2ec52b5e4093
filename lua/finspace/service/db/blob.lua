--- Bytes that are no text, to be bound to a statement: databases count and cut text by characters.
local blob = {}

local Blob = {}

--- @param bytes string
--- @return table to be bound
function blob.new(bytes) return setmetatable({ bytes = bytes }, Blob) end

--- @param value any
--- @return string|nil bytes  nil when it is no blob
function blob.bytes_of(value) return getmetatable(value) == Blob and value.bytes or nil end

return blob
