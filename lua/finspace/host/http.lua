--- finspace.http, loaded in a way that starts quicker: `require` binds every name that libcurl and the libraries
--- beneath it call (OpenSSL, Kerberos, LDAP), which is a tenth of what a short command does; lazily loaded, they are
--- bound when they are first called, as in curl itself.
local sys = require("finspace.sys")

-- Lua 5.1 does not tell where it finds a module; there, `require` does it all.
local path = package.searchpath and package.searchpath("finspace.http", package.cpath)
if path then sys.load_lazily(path) end

return require("finspace.http")
