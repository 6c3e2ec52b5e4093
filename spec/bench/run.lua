--- Runs every bench, one after another: `make bench`, or `make bench ONLY=calls` for one of them.
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
local only = arg[1]

local function first_line(command) return (support.run(command):match("^[^\n]*")) end

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

for _, name in ipairs(BENCHES) do
  if not only or only == name then
    local ok, why = pcall(dofile, ("%s/spec/bench/%s.lua"):format(support.root, name))
    if not ok then print(("\n%s: not measured: %s"):format(name, tostring(why))) end
    io.stdout:flush()
  end
end
