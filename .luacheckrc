std = "max+busted"
max_line_length = 110
globals = { "vim" }
read_globals = { "ngx", "jit" }
exclude_files = { "build/**" }
