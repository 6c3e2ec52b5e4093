--- What the service's processes need beside nginx, and which Debian package has it.

local ffi = require("ffi")

local needs = {}

local MODULES = { ["cjson.safe"] = "lua-cjson", lxp = "lua-expat" }
local LIBRARIES = {
  ["libsqlite3.so.0"] = "libsqlite3-0",
  ["libcrypto.so.3"] = "libssl3",
  ["libz.so.1"] = "zlib1g",
}

local function first_missing(wanted, load)
  for name, package_name in pairs(wanted) do
    if not pcall(load, name) then return ("the service needs %s: apt-get install %s"):format(name, package_name) end
  end
end

local FOR_POSTGRES = { ["libpq.so.5"] = "libpq5" }

--- @param has_postgres boolean whether the database is PostgreSQL
--- @return string|nil problem one line, nil when everything is there
function needs.problem(has_postgres)
  return first_missing(LIBRARIES, ffi.load)
    or first_missing(MODULES, require)
    or (has_postgres and first_missing(FOR_POSTGRES, ffi.load) or nil)
end

return needs
