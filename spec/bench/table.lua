--- What the benches share: turns taken one after the other, medians, and a table of ratios. Times alone say little:
--- machines are shared, and drift by half within an hour.
local support = require("spec.support")
local sys = require("finspace.sys")

local measure = {}

--- @class bench.Row
--- @field name string
--- @field run? fun(): number|nil, number|nil  one turn: by the clock, and of the processor where that is known;
---   nil: not to be measured here
--- @field why? string  why not
--- @field clock? number  the median of the turns
--- @field processor? number

--- @param values number[]
--- @return number|nil median  nil of none
function measure.median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

--- Lets all rows take their turns one after the other, so that whatever else the machine does falls on all.
--- @param turns integer
--- @param rows bench.Row[]
--- @return bench.Row[] rows
function measure.turns(turns, rows)
  local seen = {}
  for _ = 1, turns do
    for i, row in ipairs(rows) do
      seen[i] = seen[i] or { clock = {}, processor = {} }
      if row.run then
        local clock, processor = row.run()
        table.insert(seen[i].clock, clock)
        table.insert(seen[i].processor, processor)
      end
    end
  end
  for i, row in ipairs(rows) do
    row.clock, row.processor = measure.median(seen[i].clock), measure.median(seen[i].processor)
  end
  return rows
end

--- One turn of a function in this process, `count` times the same.
--- @param scale number  1e6 for microseconds
--- @param count integer
--- @param body fun(count: integer)
--- @return number clock, number processor  each for one of them
function measure.turn(scale, count, body)
  local began, used = sys.monotonic(), os.clock()
  body(count)
  return (sys.monotonic() - began) * scale / count, (os.clock() - used) * scale / count
end

--- One turn of a program that prints what one call took, by the clock and of the processor.
--- @param command string for a shell
--- @return number clock, number processor
function measure.printed(command)
  local output = support.run(command)
  local clock, processor = output:match("([%d.]+)%s+([%d.]+)%s*$")
  if not clock then error(output, 0) end
  return tonumber(clock), tonumber(processor)
end

--- One turn of a whole program, run `count` times.
--- @param count integer
--- @param command string for a shell
--- @param environment? string  arguments of `env`: what the shell, and so the program, finds set
--- @return number clock, number processor milliseconds for one run
function measure.program(count, command, environment)
  local script = (
    "TIMEFORMAT='%%R %%U %%S'; time for ((i = 0; i < %d; i++)); do %s > /dev/null || failed=1; done; "
    .. '[ -z "$failed" ]'
  ):format(count, command)
  local output, status = support.run(("env %s bash -c %s"):format(environment or "", support.quote(script)))
  local clock, user, system = output:match("([%d.]+) ([%d.]+) ([%d.]+)%s*$")
  if status ~= 0 or not clock then error(output, 0) end
  return clock * 1000 / count, (user + system) * 1000 / count
end

--- Installs the command line as `make install` does.
--- @param prefix string a folder
--- @return string path of the program
function measure.install(prefix)
  local output, status =
    support.run(("make -s -C %s install PREFIX=%s LUA_VERSION=5.4"):format(support.quote(support.root), prefix))
  assert(status == 0, output)
  return prefix .. "/bin/finspace"
end

--- Compiles a program of this folder below `build`.
--- @param name string   its source is NAME.c
--- @param flags string
--- @return string path
function measure.compile(name, flags)
  local path = ("%s/build/%s"):format(support.root, name)
  local output, status = support.run(("cc -O2 %s/spec/bench/%s.c -o %s %s"):format(support.root, name, path, flags))
  assert(status == 0, output)
  return path
end

local function column(value, yardstick)
  if not value then return (" "):rep(22) end
  return ("%12.2f %7.2f x"):format(value, value / (yardstick or value))
end

local function heading(title, unit, has_processor)
  if not has_processor then return ("\n%-58s %21s"):format(title, unit) end
  return ("\n%-58s %21s %21s"):format(title, unit .. ", clock", unit .. ", processor")
end

--- Prints a title and its rows, by the clock and, where it is known, of the processor; each beside the yardstick.
--- @param title string
--- @param unit string
--- @param rows bench.Row[]
--- @param yardstick? bench.Row  default: the first one that was measured
function measure.show(title, unit, rows, yardstick)
  local has_processor = false
  for _, row in ipairs(rows) do
    if row.clock and not (yardstick and yardstick.clock) then yardstick = row end
    has_processor = has_processor or row.processor ~= nil
  end
  print(heading(title, unit, has_processor))
  for _, row in ipairs(rows) do
    local figures = row.clock and column(row.clock, yardstick.clock) .. column(row.processor, yardstick.processor)
      or "   " .. (row.why or "not measured")
    print(("  %-54s %s"):format(row.name, (figures:gsub("%s+$", ""))))
  end
end

return measure
