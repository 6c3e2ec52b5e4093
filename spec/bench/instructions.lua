--- The instruction budget of a warm call, step by step: `make bench-instructions`. Repeatable to one in a hundred,
--- since nothing but the program itself is counted; valgrind offers no SHA instructions, so that hashing is BearSSL's.
local callgrind = require("spec.bench.callgrind")
local endpoint = require("spec.bench.endpoint")
local measure = require("spec.bench.table")
local support = require("spec.support")

local instructions = {}

--- What a warm call may cost in Lua and in our own objects, within three in a hundred; a spec holds it.
instructions.COMMITTED = 79500

local FEW, MANY = 100, 600

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
--- @return table turn
function instructions.warm_call(url)
  return callgrind.per_turn(
    function(count) return ("lua5.4 %s/spec/bench/warm_call.lua %s %d"):format(support.root, url, count) end,
    FEW,
    MANY
  )
end

local function everything() return true end

local function print_budget(turn, libcurl)
  local whole = callgrind.own(turn, everything)
  local steps = {
    { "prepare: checked, and written", callgrind.whole(turn, "core.so", "_prepare$") },
    { "sign", callgrind.whole(turn, "core.so", "signer_sign$") },
    { "finish: read into a table", callgrind.whole(turn, "core.so", "_finish$") },
    { "libcurl", callgrind.whole(turn, "http.so", "^http_client_perform$") },
    { "  the same request by bare libcurl", libcurl.bare },
    { "  by bare libcurl with our headers, signed beforehand", libcurl.with_headers },
    { "  by libcurl, which signs it", libcurl.signing },
    { "Lua, the interpreter alone", callgrind.own(turn, is_lua) },
    { "all that is ours: Lua and our objects' own code", instructions.ours(turn) },
    { "a call", whole },
  }
  print(("\n%-58s %14s %10s"):format("A warm get_working_location", "instructions", "of a call"))
  for _, step in ipairs(steps) do
    print(("  %-56s %14.0f %9.1f%%"):format(step[1], step[2], 100 * step[2] / whole))
  end
end

-- What the baseline, libcurl alone, costs a call.
local function baseline(url, how)
  local program = measure.compile("curl_baseline", "-lcurl")
  local function command(count) return ("%s %s/workingLocationV1 %d %s"):format(program, url, count, how) end
  return callgrind.own(callgrind.per_turn(command, FEW, MANY), everything)
end

--- Prints the budget.
function instructions.show()
  endpoint.with(0, function(url)
    local libcurl = {
      bare = baseline(url, "plain"),
      with_headers = baseline(url, "plain " .. endpoint.signed_headers(url)),
      signing = baseline(url, "sign"),
    }
    print_budget(instructions.warm_call(url), libcurl)
  end)
end

return instructions
