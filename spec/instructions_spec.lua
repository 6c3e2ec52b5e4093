local endpoint = require("spec.bench.endpoint")
local instructions = require("spec.bench.instructions")
local support = require("spec.support")

-- Lua's own releases differ; Debian 12's is the one that was measured.
local MEASURED_ON = "Lua 5.4.4"
local SLACK = 1.03

local function missing()
  if not support.has_program("valgrind") then return "valgrind is not installed: apt-get install valgrind" end
  if support.run("lua5.4 -v"):match("^Lua [%d.]+") ~= MEASURED_ON then return "measured on " .. MEASURED_ON end
end

describe("a warm call #once", function()
  support.unless_missing({ it = it, skip = function(why) pending(why) end }, missing)(
    "executes no more instructions, in Lua and in the core, than it did",
    function()
      endpoint.with(0, function(url)
        local executed = instructions.ours(instructions.warm_call(url))
        assert.is_true(
          executed <= instructions.COMMITTED * SLACK,
          (
            "a warm call executes %.0f instructions; %.0f are committed. `make bench-instructions` shows where they go;"
            .. " a price that is worth it is written into spec/bench/instructions.lua"
          ):format(executed, instructions.COMMITTED)
        )
      end)
    end
  )
end)
