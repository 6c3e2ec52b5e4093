std = "max+busted"
max_line_length = 120
globals = { "vim" }
read_globals = { "ngx", "jit" }
exclude_files = { "build/**" }
