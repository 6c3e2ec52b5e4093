--- The file with the key that seals secrets in the database; what is done with it stands in finspace.service.secrets.

local sys = require("finspace.sys")

local seal_key = {}

local SHORTEST, LONGEST = 32, 4096 -- characters

--- Reads a seal key.
--- @param path string
--- @return string|nil text
--- @return string|nil problem
function seal_key.read(path)
  local text = sys.read_limited(path, LONGEST + 1)
  text = text and text:gsub("%s+$", "")
  if text and #text >= SHORTEST and #text <= LONGEST then return text end
  return nil,
    ("--seal-key: %s must be a file of at least %d characters that nobody can guess; make one with: %s"):format(
      path,
      SHORTEST,
      "openssl rand -hex 32 > FILE"
    )
end

--- Takes over which file was named.
--- @param settings table which gets seal_key_file (its real path)
--- @param options table {seal_key=?}
--- @return string|nil problem one line
function seal_key.add(settings, options)
  if not options.seal_key then return nil end
  local key, problem = seal_key.read(options.seal_key)
  settings.seal_key_file = key and sys.realpath(options.seal_key)
  return problem
end

return seal_key
