--- Room on the disk that is kept for deletes: even they write, to the database's log, and they are how a full
--- disk gets room again.

local ffi = require("ffi")
local database = require("finspace.service.db")
local sys = require("finspace.sys")

ffi.cdef("int posix_fallocate(int fd, int64_t offset, int64_t length);")

local reserve = {}

local SIZE = 4 * 1024 * 1024

local function path_of(data) return data .. "/run/reserve" end

local function allocate(path)
  local file = require("finspace.service.s3.segment_file").create(path)
  local is_whole = ffi.C.posix_fallocate(file.fd, 0, SIZE) == 0
  file:close()
  return is_whole
end

--- Takes the room where it is not taken yet; on a full disk it is not.
--- @param data string the data folder
function reserve.keep(data)
  local path = path_of(data)
  if sys.stat(path) then return end
  local ok, is_whole = pcall(allocate, path)
  if not ok or not is_whole then sys.remove(path) end
end

--- Does what makes room; where the disk is full, with the reserve's.
--- @param state table
--- @param work fun(): any
--- @return any result of work
function reserve.with_room(state, work)
  local ok, result = pcall(work)
  if ok then return result end
  if not database.is_full(result) or not sys.remove(path_of(state.settings.data)) then error(result, 0) end
  return work()
end

return reserve
