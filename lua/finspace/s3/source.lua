--- A local file that is being sent, and the watch over it: what arrives must be one state of it.
local errors = require("finspace.errors")
local sys = require("finspace.sys")

local source = {}

--- @class finspace.s3.Source
--- @field path string
--- @field size integer   bytes
--- @field mtime number
--- @field inode integer
--- @field device integer

--- Looks at a file now.
--- @param path string
--- @return finspace.s3.Source|nil, finspace.Error|nil err
function source.look(path)
  local stat, message = sys.stat(path)
  if stat and stat.type ~= "file" then
    stat, message = nil, ("cannot send %s: it is a %s, not a file"):format(path, stat.type)
  end
  if not stat then return nil, errors.not_sent("io", "FileUnreadable", message) end
  return { path = path, size = stat.size, mtime = stat.mtime, inode = stat.inode, device = stat.device }
end

--- Whether the file is still the one that was looked at: an err says that it is not.
--- @param seen finspace.s3.Source
--- @return true|nil, finspace.Error|nil err
function source.check(seen)
  local stat = sys.stat(seen.path)
  local same = stat
    and stat.size == seen.size
    and stat.mtime == seen.mtime
    and stat.inode == seen.inode
    and stat.device == seen.device
  if same then return true end
  return nil,
    errors.new {
      kind = "integrity",
      code = "FileChanged",
      outcome = "refused",
      message = (
        "%s changed while it was sent, and what had arrived was dropped. Send it again when "
        .. "nothing writes to it."
      ):format(seen.path),
    }
end

--- A file that changes makes other things fail first (a hash that does not fit, a body cut short).
--- The cause is what a person needs to hear.
--- @param seen finspace.s3.Source
--- @param err finspace.Error
--- @return finspace.Error
function source.explain(seen, err)
  local _, changed = source.check(seen)
  return changed or err
end

return source
