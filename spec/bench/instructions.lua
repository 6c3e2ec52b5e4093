--- The instruction budgets, step by step: `make bench-instructions`. Of a warm call, alone and with others beside it; of
--- a signature from Lua; of a start. Repeatable to one in a hundred, since nothing but the program itself is counted;
--- valgrind offers no SHA instructions, so that hashing is BearSSL's.
local callgrind = require("spec.bench.callgrind")
local endpoint = require("spec.bench.endpoint")
local measure = require("spec.bench.table")
local signature = require("spec.bench.signature")
local support = require("spec.support")

local unpack = table.unpack or unpack -- luacheck: ignore

local instructions = {}

--- What a warm call may cost in Lua and in our own objects, within three in a hundred; a spec holds it.
instructions.COMMITTED = 75000

local FEW, MANY = 100, 600
local LIMIT = 64

local function is_lua(cost)
  return cost.object:find("^lua") or cost.object:find("^liblua5") and not cost.object:find("cjson")
end

--- What a warm call costs in the interpreter and in our own objects: all that is ours to spend.
--- @param turn table from callgrind.per_turn
--- @return number
function instructions.ours(turn)
  return callgrind.own(
    turn,
    function(cost)
      return is_lua(cost) or cost.object == "core.so" or cost.object == "http.so" or cost.object == "sys.so"
    end
  )
end

--- Runs warm calls under valgrind.
--- @param url string of the endpoint
--- @param limit? integer  that many at a time, as tasks; one after the other when absent
--- @return table turn
function instructions.warm_call(url, limit)
  return callgrind.per_turn(
    function(count) return ("lua5.4 %s/spec/bench/warm_call.lua %s %d %s"):format(support.root, url, count, limit or "") end,
    FEW,
    MANY
  )
end

local function everything() return true end

local function is_hashing(cost) return cost.object:find("^libbearssl") ~= nil end

-- Prints rows of a name and a figure for each column; in a row without figures a column has a "-".
local function print_table(title, columns, rows)
  local line, figures = "\n%-62s", {}
  for _, column in ipairs(columns) do
    figures[#figures + 1] = ("%15s"):format(column)
  end
  print(line:format(title) .. table.concat(figures))
  for _, row in ipairs(rows) do
    for index = 1, #columns do
      local figure = row[index + 1]
      figures[index] = figure and ("%15.0f"):format(figure) or ("%15s"):format("-")
    end
    print(("  %-60s"):format(row[1]) .. table.concat(figures))
  end
end

-- What a program executes for each turn; `command(count)` makes that many.
local function cost(command) return callgrind.own(callgrind.per_turn(command, FEW, MANY), everything) end

-- The same request by libcurl alone: bare, with our headers, and signed by it.
local function by_libcurl(url)
  local program = measure.compile("curl_baseline", "-lcurl")
  local request, costs = endpoint.signed_request(url), {}
  local words = { plain = "plain", headers = "plain " .. endpoint.signed_headers(url), sign = "sign" }
  for how, arguments in pairs(words) do
    costs[how] = {
      cost(function(count) return ("%s %s/workingLocationV1 %d %s"):format(program, url, count, arguments) end),
      cost(function(count) return endpoint.multi_command(request, count, LIMIT, how) end),
    }
  end
  return costs
end

local function show_calls(url)
  local libcurl, alone, beside = by_libcurl(url), instructions.warm_call(url), instructions.warm_call(url, LIMIT)
  local function step(name, object, pattern)
    return { name, callgrind.whole(alone, object, pattern), callgrind.whole(beside, object, pattern) }
  end
  local function all(name, belongs) return { name, callgrind.own(alone, belongs), callgrind.own(beside, belongs) } end
  print_table("A warm get_working_location, instructions", { "alone", LIMIT .. " at a time" }, {
    step("prepare: checked, and written", "core.so", "_prepare$"),
    step("sign", "core.so", "signer_sign$"),
    all("  of it hashing, which SHA instructions make short", is_hashing),
    step("finish: read into a table", "core.so", "_finish$"),
    {
      "libcurl",
      callgrind.whole(alone, "http.so", "^http_client_perform$"),
      callgrind.whole(beside, "http.so", "^http_multi_add$") + callgrind.whole(beside, "http.so", "^http_multi_step$"),
    },
    { "  the same request by bare libcurl", unpack(libcurl.plain) },
    { "  by bare libcurl with our headers, signed beforehand", unpack(libcurl.headers) },
    { "  by libcurl, which signs it", unpack(libcurl.sign) },
    all("Lua, the interpreter alone; side by side with its tasks", is_lua),
    { "all that is ours: Lua and our objects' own code", instructions.ours(alone), instructions.ours(beside) },
    all("a call", everything),
  })
end

local function show_signature()
  local program = signature.compile_core()
  local core = callgrind.per_turn(function(count) return ("%s %d bearssl"):format(program, count) end, FEW, MANY)
  local command = [[lua5.4 -e 'require("spec.bench.signature").kept_key(%d)']]
  local from_lua = callgrind.per_turn(function(count) return command:format(count) end, FEW, MANY)
  local function all(name, belongs) return { name, callgrind.own(core, belongs), callgrind.own(from_lua, belongs) } end
  print_table("A signature, instructions", { "the C core", "from Lua" }, {
    all("all", everything),
    all("  hashing, which SHA instructions make short", is_hashing),
    all("  what remains of it", function(part) return not is_hashing(part) end),
    { "  the binding: the request read", nil, callgrind.whole(from_lua, "core.so", "^read_request") },
    all("  Lua, the interpreter alone, for that and for the headers' strings", is_lua),
  })
end

local function show_start()
  local folder = support.temporary_folder()
  local lua = callgrind.once("lua5.4 -e ''")
  local finspace = callgrind.once(("lua5.4 %s version"):format(measure.install(folder)))
  support.remove_folder(folder)
  local function all(name, belongs) return { name, callgrind.own(lua, belongs), callgrind.own(finspace, belongs) } end
  print_table("A start, instructions", { "lua5.4 -e ''", "version" }, {
    all("all", everything),
    all("  the dynamic loader's", function(part) return part.object:find("^ld") end),
    all("  Lua, the interpreter alone", is_lua),
  })
end

--- Prints the budgets.
function instructions.show()
  endpoint.with(0, show_calls)
  show_signature()
  show_start()
end

return instructions
