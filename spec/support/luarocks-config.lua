-- What LuaRocks must be told on Debian: where libraries are, and that lua-cjson comes with the system.
external_deps_dirs = { "/usr/local", "/usr" }
external_deps_subdirs = {
  bin = "bin",
  lib = { "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib" },
  include = { "include", "include/x86_64-linux-gnu", "include/aarch64-linux-gnu" },
}
rocks_provided = { ["lua-cjson"] = "2.1.0-1" }
