--- Instructions that a program executes, counted by valgrind's callgrind: the same whatever else the machine does.
local support = require("spec.support")

local callgrind = {}

-- Callgrind names an object or a function once, `fn=(12) name`, and then by its number alone.
local function name_reader()
  local names = {}
  return function(kind, number, name)
    local key = kind .. number
    if name ~= "" then names[key] = name end
    return names[key]
  end
end

-- Adds up an output file: what each function costs itself, and together with all that it calls.
local function read(path)
  local name_of, costs = name_reader(), {}
  local object, here, is_call = nil, nil, false
  for line in io.lines(path) do
    local callee, kind, number, name = line:match("^(c?)(%l%l)=%((%d+)%) ?(.*)$")
    if kind == "ob" or kind == "fn" then
      name = name_of(kind, number, name)
      if callee == "" and kind == "ob" then object = name:match("[^/]+$") end
      if callee == "" and kind == "fn" then
        here = object .. " " .. name
        costs[here] = costs[here] or { object = object, name = name, own = 0, whole = 0 }
      end
    elseif line:find("^calls=") then
      is_call = true
    else
      local cost = line:match("^[%d+*-]%S* (%d+)$")
      if cost and here then
        costs[here].whole = costs[here].whole + cost
        if not is_call then costs[here].own = costs[here].own + cost end
        is_call = false
      end
    end
  end
  return costs
end

--- What a program costs from its start to its end.
--- @param command string  for a shell
--- @return table functions  as per_turn gives them
function callgrind.once(command)
  local folder = support.temporary_folder()
  local out = folder .. "/out"
  local output, status = support.run(("valgrind --tool=callgrind --callgrind-out-file=%s %s"):format(out, command))
  assert(status == 0, output)
  local costs = read(out)
  support.remove_folder(folder)
  return costs
end

--- What one turn of a program costs: it is run with two counts, and the difference is shared out.
--- @param command fun(count: integer): string  for a shell
--- @param few integer
--- @param many integer
--- @return table<string, { object: string, name: string, own: number, whole: number }> functions
function callgrind.per_turn(command, few, many)
  local less, more, turn = callgrind.once(command(few)), callgrind.once(command(many)), {}
  for key, cost in pairs(more) do
    local earlier = less[key] or { own = 0, whole = 0 }
    turn[key] = {
      object = cost.object,
      name = cost.name,
      own = (cost.own - earlier.own) / (many - few),
      whole = (cost.whole - earlier.whole) / (many - few),
    }
  end
  return turn
end

--- The instructions of all functions for which `belongs` holds.
--- @param turn table from per_turn
--- @param belongs fun(cost: table): boolean
--- @return number
function callgrind.own(turn, belongs)
  local sum = 0
  for _, cost in pairs(turn) do
    if belongs(cost) then sum = sum + cost.own end
  end
  return sum
end

--- The instructions of one function and all that it calls.
--- @param turn table from per_turn
--- @param object string
--- @param pattern string
--- @return number
function callgrind.whole(turn, object, pattern)
  local sum = 0
  for _, cost in pairs(turn) do
    if cost.object == object and cost.name:find(pattern) then sum = sum + cost.whole end
  end
  return sum
end

return callgrind
