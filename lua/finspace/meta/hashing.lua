--- @meta finspace.hashing
-- luacheck: ignore

--- The SHA-256 of a slice of a file, by a thread of its own, while other things are done.
local hashing = {}

--- @class finspace.HashingJob
local job = {}

--- @param path string
--- @param offset integer  bytes
--- @param length integer  bytes
--- @return finspace.HashingJob|nil job
--- @return string|nil message
--- @return string|nil code  "Unreadable"
function hashing.start(path, offset, length) end

--- Nothing while it runs.
--- @return string|nil hex  64 hexadecimal digits
--- @return string|nil message
--- @return string|nil code  "Unreadable", or "Truncated" where the file ended within the slice
function job:poll() end

--- Ends it, whether it is done or not. Again is harmless.
function job:close() end

--- Which implementation hashes here; with a name, that one from now on, for tests.
--- @param name? string
--- @return string
function hashing.digest_backend(name) end

return hashing
