--- The instruction budgets, by whose they are and step by step: `make bench-instructions`. Of a warm call, alone and
--- with others beside it, and of the same signed by libcurl; of a signature from Lua; of a start. Repeatable to one in a hundred, since nothing but the program itself is counted;
--- valgrind offers no SHA instructions, so that hashing is BearSSL's.
local callgrind = require("spec.bench.callgrind")
local endpoint = require("spec.bench.endpoint")
local measure = require("spec.bench.table")
local signature = require("spec.bench.signature")
local support = require("spec.support")

local instructions = {}

--- What a warm call may cost in Lua and in our own objects, within three in a hundred; a spec holds it.
instructions.COMMITTED = 73600

local FEW, MANY = 100, 600
local LIMIT = 64

local function is_lua(cost)
  return cost.object:find("^lua") or cost.object:find("^liblua5") and not cost.object:find("cjson")
end

local function is_our_object(cost)
  return cost.object == "core.so" or cost.object == "http.so" or cost.object == "sys.so"
end

--- What a warm call costs in the interpreter and in our own objects: all that is ours to spend.
--- @param turn table from callgrind.per_turn
--- @return number
function instructions.ours(turn)
  return callgrind.own(turn, function(cost) return is_lua(cost) or is_our_object(cost) end)
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

-- BearSSL's or, where libcurl signs, its TLS library's.
local function is_hashing(cost)
  return (cost.object:find("^libbearssl") or cost.object:find("^libcrypto") or cost.object:find("^libnettle")) ~= nil
end

local function is_libcurl(cost) return cost.object:find("^libcurl") ~= nil end

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

-- A row of what these turns cost in all that `belongs`.
local function row_of(name, turns, belongs)
  local row = { name }
  for _, turn in ipairs(turns) do
    row[#row + 1] = callgrind.own(turn, belongs)
  end
  return row
end

-- What a program executes for each turn; `command(count)` makes that many.
local function turn_of(command) return callgrind.per_turn(command, FEW, MANY) end

-- The same request by libcurl alone, one after the other and LIMIT at a time: bare, with our headers, and signed by it.
local function by_libcurl(url)
  local program = measure.compile("curl_baseline", "-lcurl")
  local request, turns = endpoint.signed_request(url), {}
  local words = { plain = "plain", headers = "plain " .. endpoint.signed_headers(url), sign = "sign" }
  for how, arguments in pairs(words) do
    turns[how] = {
      turn_of(function(count) return ("%s %s/workingLocationV1 %d %s"):format(program, url, count, arguments) end),
      turn_of(function(count) return endpoint.multi_command(request, count, LIMIT, how) end),
    }
  end
  return turns
end

local function show_owners(alone, beside, signing)
  local turns = { alone, signing[1], beside, signing[2] }
  local function is_rest(cost) return not (is_libcurl(cost) or is_hashing(cost) or is_lua(cost) or is_our_object(cost)) end
  print_table(
    "A warm get_working_location, by whose instructions they are",
    { "ours", "libcurl signs", LIMIT .. ", ours", LIMIT .. ", it signs" },
    {
      row_of("libcurl", turns, is_libcurl),
      row_of("hashing, which SHA instructions make short", turns, is_hashing),
      row_of("the C library, for libcurl, for Lua and for us", turns, is_rest),
      row_of("Lua, the interpreter; side by side with its tasks", turns, is_lua),
      row_of("core, http and sys", turns, is_our_object),
      row_of("all; not what the kernel does, which is alike in all", turns, everything),
      row_of("all but hashing", turns, function(cost) return not is_hashing(cost) end),
    }
  )
end

local function show_steps(alone, beside, libcurl)
  local function step(name, object, pattern)
    return { name, callgrind.whole(alone, object, pattern), callgrind.whole(beside, object, pattern) }
  end
  print_table("The same by steps, each with all that it calls", { "alone", LIMIT .. " at a time" }, {
    step("prepare: checked, and written", "core.so", "_prepare$"),
    step("sign", "core.so", "signer_sign$"),
    step("finish: read into a table", "core.so", "_finish$"),
    {
      "libcurl",
      callgrind.whole(alone, "http.so", "^http_client_perform$"),
      callgrind.whole(beside, "http.so", "^http_multi_add$") + callgrind.whole(beside, "http.so", "^http_multi_step$"),
    },
    row_of("  the same request by bare libcurl", libcurl.plain, everything),
    row_of("  with our headers, signed beforehand: the least for it", libcurl.headers, everything),
    { "all that is ours: Lua and our objects' own code", instructions.ours(alone), instructions.ours(beside) },
  })
end

local function show_calls(url)
  local libcurl, alone, beside = by_libcurl(url), instructions.warm_call(url), instructions.warm_call(url, LIMIT)
  show_owners(alone, beside, libcurl.sign)
  show_steps(alone, beside, libcurl)
end

local function show_signature()
  local program = signature.compile_core()
  local core = turn_of(function(count) return ("%s %d bearssl"):format(program, count) end)
  local command = [[lua5.4 -e 'require("spec.bench.signature").kept_key(%d)']]
  local from_lua = turn_of(function(count) return command:format(count) end)
  local turns = { core, from_lua }
  print_table("A signature, instructions", { "the C core", "from Lua" }, {
    row_of("all", turns, everything),
    row_of("  hashing, which SHA instructions make short", turns, is_hashing),
    row_of("  what remains of it", turns, function(part) return not is_hashing(part) end),
    { "    the binding: the request read", nil, callgrind.whole(from_lua, "core.so", "^read_request") },
    row_of("    Lua, the interpreter, for that and for the headers' strings", turns, is_lua),
  })
end

local function show_start()
  local folder = support.temporary_folder()
  local turns = {
    callgrind.once("lua5.4 -e ''"),
    callgrind.once(("lua5.4 %s version"):format(measure.install(folder))),
  }
  support.remove_folder(folder)
  local function is_loader(part) return part.object:find("^ld") ~= nil end
  print_table("A start, instructions", { "lua5.4 -e ''", "version" }, {
    row_of("all", turns, everything),
    row_of("  the dynamic loader's", turns, is_loader),
    row_of("  Lua, the interpreter alone", turns, is_lua),
    row_of("  the C library's", turns, function(part) return not (is_loader(part) or is_lua(part)) end),
  })
end

--- Prints the budgets.
function instructions.show()
  endpoint.with(0, show_calls)
  show_signature()
  show_start()
end

return instructions
