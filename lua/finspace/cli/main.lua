--- The program `finspace`.
os.exit(require("finspace.cli").main(arg), true)
