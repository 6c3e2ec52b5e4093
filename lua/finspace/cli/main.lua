--- The program `finspace`. It handles keys, so a crash leaves none of its memory on disk.
require("finspace.sys").no_core_dumps()
os.exit(require("finspace.cli").main(arg), true)
