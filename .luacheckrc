std = "max+busted"
max_line_length = false -- stylua folds lines; what is longer is a string or a comment
globals = { "vim", "ngx" }
read_globals = { "jit" }
exclude_files = { "build/**", "spec/support/luarocks-config.lua" }
