--- Writes the rockspec's list of modules anew from the Makefile's rooms and the files below lua/.
---
---   lua5.4 spec/support/rockspec.lua > finspace-1.0.0-1.rockspec
---
--- The rockspec is committed; a spec compares it with what this prints.

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

--- The value of a variable of the Makefile, as a list of words.
local function makefile_words(name)
  local words = {}
  for line in io.lines "Makefile" do
    local value = line:match("^" .. name .. "%s*=%s*(.*)$")
    for word in (value or ""):gmatch "%S+" do
      words[#words + 1] = word
    end
  end
  assert(#words > 0, "the Makefile has no " .. name)
  return words
end

local function c_module(name, library, prefix)
  local sources = {}
  for _, list in ipairs { prefix .. "_ROOMS", prefix .. "_BIND" } do
    for _, room in ipairs(makefile_words(list)) do
      sources[#sources + 1] = ('"src/%s.c"'):format(room)
    end
  end
  return ('    ["finspace.%s"] = {\n      sources = {\n        %s,\n      },\n%s    },'):format(
    name,
    table.concat(sources, ",\n        "),
    library
  )
end

local function library(name, others)
  local upper = name:upper()
  return table.concat({
    ('      libraries = { "%s"%s },'):format(name, others or ""),
    ('      incdirs = { "$(%s_INCDIR)" },'):format(upper),
    ('      libdirs = { "$(%s_LIBDIR)" },\n'):format(upper),
  }, "\n")
end

--- The command line is a program, not a module.
local program = "lua/finspace/cli/main.lua"

local function lua_modules()
  local lines = {}
  for path in output_of("find lua -name '*.lua' | LC_ALL=C sort"):gmatch "%S+" do
    local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
    if path ~= program then lines[#lines + 1] = ('    ["%s"] = "%s",'):format(name, path) end
  end
  return table.concat(lines, "\n")
end

io.write(
  ([[
-- Written by spec/support/rockspec.lua; the C sources are the Makefile's.
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

dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson >= 2.1",
}

test_dependencies = {
  "busted >= 2.1",
}

external_dependencies = {
  CURL = { header = "curl/curl.h", library = "curl" },
  BEARSSL = { header = "bearssl.h", library = "bearssl" },
}

build = {
  type = "builtin",
  modules = {
%s
%s
%s
%s
%s
  },
  install = {
    bin = { finspace = "%s" },
  },
}

test = {
  type = "command",
  command = "make test",
}
]]):format(
    c_module("core", library("bearssl", ', "m"'), "CORE"),
    c_module("http", library("curl"), "HTTP"),
    c_module("sys", "", "SYS"),
    c_module("hashing", library("bearssl", ', "pthread"'), "HASHING"),
    lua_modules(),
    program
  )
)
