--- Runs every bench, one after another: `make bench`, or `make bench ONLY='calls upload'` for some of them.
local support = require("spec.support")

local BENCHES = {
  "calls",
  "concurrent",
  "nginx_worker",
  "beside_load",
  "signing",
  "answers",
  "cold_start",
  "small_load",
  "upload",
  "small_files",
  "service",
  "engine",
  "large",
}

-- The benches that were asked for, all when none was.
local function chosen()
  local is_known = {}
  for _, name in ipairs(BENCHES) do
    is_known[name] = true
  end
  for _, name in ipairs(arg) do
    if not is_known[name] then
      io.stderr:write(("there is no bench %q; there are: %s\n"):format(name, table.concat(BENCHES, ", ")))
      os.exit(2)
    end
  end
  return arg[1] and arg or BENCHES
end

local function first_line(command) return (support.run(command):match("^[^\n]*")) end

local names = chosen()
print(
  ("%s, %s cores; %s; %s"):format(
    support.read_file("/proc/cpuinfo"):match("model name%s*: ([^\n]*)") or "a processor",
    first_line("nproc"),
    first_line("curl --version | grep -o 'libcurl/[^ ]*'"),
    rawget(_G, "jit") and jit.version or _VERSION
  )
)
print(
  "Rows take turns; each figure is a median. What counts is the ratio beside it, of the processor where it is known."
)

for _, name in ipairs(names) do
  local ok, why = pcall(dofile, ("%s/spec/bench/%s.lua"):format(support.root, name))
  if not ok then print(("\n%s: not measured: %s"):format(name, tostring(why))) end
  io.stdout:flush()
end
