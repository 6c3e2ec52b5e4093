std = "max+busted"
max_line_length = 120
globals = { "vim", "ngx" }
read_globals = { "jit" }
exclude_files = { "build/**", "spec/support/luarocks-config.lua" }
