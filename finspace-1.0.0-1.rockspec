rockspec_format = "3.0"
package = "finspace"
version = "1.0.0-1"

source = {
  url = "git+file://.", -- built from its own folder, with `luarocks make`
}

description = {
  summary = "A client for the Amazon FinSpace Data API, and a FinSpace-compatible service",
  detailed = "Signs and sends in C, answers in Lua tables; runs in plain Lua, OpenResty and Neovim.",
  license = "MIT",
}

supported_platforms = { "linux" } -- epoll, timerfd, prctl, getrandom

dependencies = {
  "lua >= 5.1, < 5.5, ~= 5.2",
  "lua-cjson >= 2.1",
}

test_dependencies = {
  "busted >= 2.1",
}

-- The Makefile finds libcurl and BearSSL, through pkg-config.
build = {
  type = "make",
  copy_directories = {},
  build_variables = {
    CFLAGS = "$(CFLAGS)",
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
  },
  install_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA_SHARE = "$(LUADIR)",
    LUA_LIB = "$(LIBDIR)",
    BIN = "$(BINDIR)",
  },
}

test = {
  type = "command",
  command = "make test",
}
