--- The program `finspace`. It ends at once, without closing Lua first: between a load's last note and
--- the exit status that tells of it no time is to pass.
os.exit(require("finspace.cli").main(arg))
