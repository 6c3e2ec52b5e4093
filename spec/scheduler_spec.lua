local cages = require("spec.support.cages")
local nginx = require("spec.support.nginx")
local scheduler = require("finspace.host.scheduler")
local support = require("spec.support")
local sys = require("finspace.sys")

local SERVER = [[
server {
  listen 127.0.0.1:%d;
  location /hello { content_by_lua_block { ngx.print("hello") } }
  location /echo { content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_for) or 0) ngx.print(ngx.var.arg_say) } }
  location /slow { content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_for)); ngx.print("slow") } }
}
]]

describe("scheduler", function()
  local server, url
  local transport = scheduler.transport()

  setup(function()
    local port = support.free_port()
    server = nginx.start(SERVER:format(port), { ports = { port } })
    url = "http://127.0.0.1:" .. port
  end)

  teardown(function() server.stop() end)

  local function get(path)
    local response, err = transport { method = "GET", url = url .. path }
    return response and response.body, err
  end

  local function seconds_of(body)
    local started = sys.monotonic()
    body()
    return sys.monotonic() - started
  end

  describe("run", function()
    it("gives what its function returned", function()
      assert.same({ 1, nil, 3 }, { scheduler.run(function() return 1, nil, 3 end) })
      assert.equal("hello", scheduler.run(function() return get("/hello") end))
    end)

    it("hands a callback what the function returned, within the same run", function()
      local got
      scheduler.run(function() return "a", "b" end, function(...) got = { ..., get("/hello") } end)
      assert.same({ "a", "hello" }, got)
    end)

    it("says what it takes, and so does a sleep", function()
      for _, wrong in ipairs { false, "main", 0 / 0 } do
        local ok, message = pcall(scheduler.run, wrong)
        assert.is_false(ok)
        assert.matches("run takes a function, not a", message, 1, true)
        ok, message = pcall(scheduler.sleep, wrong)
        assert.is_false(ok)
        assert.matches("sleep takes a number of seconds, not", message, 1, true)
      end
    end)

    it("fails a task alone by what it raises, also where that cannot be told as text", function()
      local mute = setmetatable({}, { __tostring = function() error("no words") end })
      local results, errs = scheduler.run(function()
        return scheduler.gather { function() error(mute) end, function() return get("/hello") end }
      end)
      assert.equal("hello", results[2])
      assert.matches("a table that cannot be told as text", errs[1].message)
    end)

    it("raises what its function raised, and names the place", function()
      local ok, err = pcall(scheduler.run, function() error("boom") end)
      assert.is_false(ok)
      assert.equal("task", err.kind)
      assert.matches("scheduler_spec.lua:%d+: boom", tostring(err))
      assert.matches("stack traceback", err.traceback)
    end)

    it("waits for every task that was started in it", function()
      local ended = 0
      scheduler.run(function()
        for _ = 1, 3 do
          scheduler.spawn(function()
            scheduler.sleep(0.01)
            ended = ended + 1
          end)
        end
      end)
      assert.equal(3, ended)
    end)

    it("raises the failure of a task that nobody waited for", function()
      local ok, err = pcall(scheduler.run, function()
        scheduler.spawn(function() error("unobserved") end)
      end)
      assert.is_false(ok)
      assert.matches("unobserved", err.message)
    end)

    -- What a script writes to its standard error.
    local function told(script)
      local prelude = "local finspace = require('finspace') local spawn, sleep = finspace.spawn, finspace.sleep "
      local command = support.interpreter() .. " -e " .. support.quote(prelude .. script) .. " 2>&1 >/dev/null"
      return (support.run(command))
    end

    it("tells a failure when it happens, with its task's traceback, beside tasks that live on", function()
      local text = told([[
        local function culprit() error("unheard") end
        pcall(finspace.run, function()
          local is_awake
          spawn(function() sleep(0.001) is_awake = true culprit() end)
          repeat sleep(0.001) until is_awake
          io.stderr:write("lived on\n")
        end)
      ]])
      assert.matches("a task that nobody waits for failed.*unheard.*stack traceback.*culprit.*lived on", text)
      local _, times = text:gsub("nobody waits for failed", "")
      assert.equal(1, times)
    end)

    it(
      "tells nothing of a failure that somebody has asked for, or of a cancelled task",
      function()
        assert.equal(
          "",
          told([[
        finspace.run(function()
          local task = spawn(function() sleep(0.001) error("heard") end)
          spawn(function() task:wait() end)
          finspace.gather { function() error("heard") end }
          local cancelled = spawn(function() sleep(60) error(select(2, spawn(function() end):wait())) end)
          sleep(0.01)
          cancelled:cancel()
        end)
      ]])
        )
      end
    )

    it("keeps nothing of failures that nobody asks for", function()
      local grown = told([[
        local stderr = io.stderr
        io.stderr = { write = function() end }
        pcall(finspace.run, function()
          local function fail() error(("x"):rep(100)) end
          local before
          for round = 1, 30 do
            for _ = 1, 100 do spawn(fail) end
            sleep(0) -- all have failed, the last of them perhaps in this very step, which keeps them until it ends
            sleep(0)
            collectgarbage() collectgarbage()
            if round == 10 then before = collectgarbage("count") end
          end
          stderr:write(("%.0f"):format(collectgarbage("count") - before))
        end)
      ]])
      assert.is_true(tonumber(grown) < 200, grown)
    end)

    it("may stand in another run, and in a task", function()
      assert.equal(
        7,
        scheduler.run(function()
          return scheduler.run(function()
            return scheduler
              .spawn(function()
                return scheduler.run(function() return 7 end)
              end)
              :wait()
          end)
        end)
      )
    end)

    it("says so when every task waits for another one", function()
      local ok, err = pcall(scheduler.run, function()
        local first, second
        first = scheduler.spawn(function() return second:wait() end)
        second = scheduler.spawn(function() return first:wait() end)
        first:wait()
      end)
      assert.is_false(ok)
      assert.matches("none of them can go on", err)
    end)
  end)

  describe("a task", function()
    it("lets the others run while it waits for an answer or a moment", function()
      local order = {}
      scheduler.run(function()
        scheduler.spawn(function()
          local body = get("/slow?for=0.05")
          order[#order + 1] = body
        end)
        scheduler.spawn(function()
          scheduler.sleep(0.02)
          order[#order + 1] = "slept"
        end)
        scheduler.spawn(function() order[#order + 1] = "at once" end)
      end)
      assert.same({ "at once", "slept", "slow" }, order)
    end)

    it("lets the others run when it yields for no reason", function()
      local order = {}
      scheduler.run(function()
        scheduler.spawn(function()
          order[#order + 1] = 1
          coroutine.yield()
          order[#order + 1] = 3
        end)
        scheduler.spawn(function() order[#order + 1] = 2 end)
      end)
      assert.same({ 1, 2, 3 }, order)
    end)

    it("is waited for by many, before it ends and after", function()
      scheduler.run(function()
        local task = scheduler.spawn(function(...)
          scheduler.sleep(0.01)
          return ...
        end, 1, nil, 3)
        local seen = scheduler.gather {
          function() return (select("#", task:wait())) end,
          function() return (select(3, task:wait())) end,
        }
        assert.same({ 3, 3 }, seen)
        assert.same({ 1, nil, 3 }, { task:wait() })
      end)
    end)

    it("keeps what it raised as its err", function()
      scheduler.run(function()
        local task = scheduler.spawn(function() error { not_text = true } end)
        local result, err = task:wait()
        assert.is_nil(result)
        assert.equal("TaskFailed", err.code)
        assert.matches("failed", tostring(task))
      end)
    end)

    it("can be waited for outside of run", function() assert.equal("hello", scheduler.spawn(get, "/hello"):wait()) end)

    it("wakes sleepers in the order of their moments", function()
      local order = {}
      scheduler.run(function()
        for _, moment in ipairs { 5, 1, 4, 2, 3 } do
          scheduler.spawn(function()
            scheduler.sleep(moment / 100)
            order[#order + 1] = moment
          end)
        end
      end)
      assert.same({ 1, 2, 3, 4, 5 }, order)
    end)
  end)

  describe("cancelling", function()
    local function cancel_after(pause, body)
      return scheduler.run(function()
        local task = scheduler.spawn(body)
        scheduler.sleep(pause)
        task:cancel()
        task:cancel()
        return task:wait()
      end)
    end

    it("ends a call at once, and every later one", function()
      local spent = seconds_of(function()
        local first, second = cancel_after(0.02, function()
          local _, err = get("/slow?for=60")
          local _, later = get("/hello")
          return err, later
        end)
        assert.same({ "cancelled", true }, { first.kind, first.sent })
        assert.same({ "cancelled", false }, { second.kind, second.sent })
      end)
      assert.is_true(spent < 50)
    end)

    local NAMES = [[
      local finspace = require("finspace")
      local transport = require("finspace.host").runtime().transport
      local function get(timeout)
        return select(2, transport { method = "GET", url = "http://a.slow.example/", timeout = timeout })
      end
      print(get(0.2).code)
      finspace.run(function()
        local errs = {}
        local task = finspace.spawn(function() errs[1] = get(60) end)
        finspace.spawn(function() errs[2] = get(0.2) end)
        finspace.sleep(0.05)
        task:cancel()
        finspace.sleep(0.4)
        print(errs[1].code, errs[2].code)
      end)
    ]]

    it("and a timeout end a call at once whose host's name is being looked up, and the program ends, too", function()
      local folder = support.temporary_folder()
      local library = folder .. "/slow_names.so"
      local output, status =
        support.run(("gcc -shared -fPIC -o %s %s/spec/support/slow_names.c"):format(library, support.root))
      assert.equal(0, status, output)
      local words = ("timeout 300 env LD_PRELOAD=%s %s -e %s"):format(
        library,
        support.interpreter(),
        support.quote(NAMES)
      )
      output, status = support.run(words)
      support.remove_folder(folder)
      assert.equal(0, status, output)
      assert.matches("^ConnectTimeout\nCancelled%s+ConnectTimeout\n", output)
    end)

    it("ends a task at its next sleep or wait, which cannot spin", function()
      local waits = {
        function() scheduler.sleep(0.001) end,
        function() pcall(scheduler.sleep, 0.001) end,
        function()
          scheduler.spawn(function() scheduler.sleep(60) end):wait()
        end,
        function() get("/slow?for=60") end,
        -- On Lua 5.1 nothing can wait in pcall, and this transport does not block.
        _VERSION == "Lua 5.1" and not rawget(_G, "jit") and function() scheduler.sleep(0.001) end or function()
          pcall(get, "/slow?for=60")
        end,
        function()
          scheduler.gather { function() scheduler.sleep(60) end }
        end,
        function() return get("/hello") or scheduler.sleep(0.001) end,
      }
      for number, wait in ipairs(waits) do
        local rounds, ended = 0, false
        local _, err = scheduler.run(function()
          local task = scheduler.spawn(function()
            while true do
              rounds = rounds + (ended and 1 or 0)
              wait()
            end
          end)
          scheduler.sleep(0.01)
          ended = true
          task:cancel()
          local result, err = task:wait()
          for _ = 1, 3 do
            scheduler.sleep(0.001)
          end
          for other in pairs(scheduler.loop().living) do
            other:cancel()
          end
          return result, err
        end)
        assert.equal("cancelled", err and err.kind, number)
        assert.is_true(rounds < 20, number)
      end
    end)

    it("ends a task that has not yet begun to wait, and one that cancels itself", function()
      local reached = {}
      scheduler.run(function()
        local first = scheduler.spawn(function()
          scheduler.sleep(0)
          reached[1] = true
        end)
        first:cancel()
        local second
        second = scheduler.spawn(function()
          second:cancel()
          reached[2] = true
          scheduler.sleep(0)
          reached[3] = true
        end)
        assert.equal("cancelled", select(2, first:wait()).kind)
        assert.equal("cancelled", select(2, second:wait()).kind)
      end)
      assert.same({ [2] = true }, reached)
      assert.equal(0, scheduler.loop().alive)
    end)

    it("of thousands is no more work than their sleeps", function()
      local count = 0
      scheduler.run(function()
        local tasks = {}
        for number = 1, 10000 do
          tasks[number] = scheduler.spawn(function() scheduler.sleep(60 + number % 7) end)
        end
        scheduler.sleep(0)
        debug.sethook(function() count = count + 1 end, "", 100)
        for _, task in ipairs(tasks) do
          task:cancel()
        end
        debug.sethook()
      end)
      -- Hundreds of instructions; to look for each among all others would take 5,000 times as many.
      assert.is_true(count < 100000, count)
      assert.is_false(scheduler.loop():busy())
    end)

    it("closes the variables of a task that ends so, where Lua has such", function()
      if not coroutine.close then return end
      local closed
      local body = load([[
        local sleep, note = ...
        local guard <close> = setmetatable({}, { __close = note })
        sleep(60)
        sleep(60)
      ]])
      cancel_after(0.001, function()
        body(scheduler.sleep, function() closed = true end)
      end)
      assert.is_true(closed)
    end)

    it("ends a sleep at once", function()
      local spent = seconds_of(function()
        cancel_after(0.01, function()
          scheduler.sleep(60)
          scheduler.sleep(60)
        end)
      end)
      assert.is_true(spent < 50)
    end)

    it("of one that waits for others is passed on to them", function()
      local kinds = {}
      local results, errs = cancel_after(0.02, function()
        return scheduler.gather {
          limit = 2,
          function()
            local _, err = get("/slow?for=5")
            kinds[1] = err.kind
            return nil, err
          end,
          function()
            local _, err = get("/slow?for=5")
            kinds[2] = err.kind
            return nil, err
          end,
          function() return "never begun" end,
        }
      end)
      assert.same({ "cancelled", "cancelled" }, kinds)
      assert.same({}, results)
      assert.same({ "cancelled", "cancelled", "cancelled" }, { errs[1].kind, errs[2].kind, errs[3].kind })
    end)

    it("leaves the other calls and the connections as they were", function()
      scheduler.run(function()
        local other = scheduler.spawn(get, "/slow?for=0.05")
        local task = scheduler.spawn(get, "/slow?for=5")
        scheduler.sleep(0.01)
        task:cancel()
        assert.equal("slow", other:wait())
      end)
      assert.equal(0, scheduler.loop().alive)
      assert.is_false(scheduler.loop():busy())
    end)
  end)

  describe("gather", function()
    it("gives results by their index, and errs beside them only when there are any", function()
      local results, errs = scheduler.run(function()
        return scheduler.gather { function() return get("/hello") end, function() return 2 end }
      end)
      assert.same({ "hello", 2 }, results)
      assert.is_nil(errs)
      results, errs = scheduler.gather {
        function() return nil, "refused" end,
        function() return 2 end,
        function() error("boom") end,
      }
      assert.same({ nil, 2 }, results)
      assert.equal("refused", errs[1])
      assert.matches("boom", errs[3].message)
      assert.is_nil(errs[2])
    end)

    it("never runs more jobs than its limit", function()
      local running, most = 0, 0
      local jobs = { limit = 7 }
      for index = 1, 50 do
        jobs[index] = function()
          running = running + 1
          most = math.max(most, running)
          scheduler.sleep(0.001)
          running = running - 1
          return index
        end
      end
      local results = scheduler.gather(jobs)
      assert.equal(7, most)
      assert.equal(50, #results)
    end)

    it("has all under way at once", function()
      local jobs, under_way, most = {}, 0, 0
      for index = 1, 40 do
        jobs[index] = function()
          under_way = under_way + 1
          most = math.max(most, under_way)
          local answer = get("/slow?for=0.1")
          under_way = under_way - 1
          return answer
        end
      end
      assert.equal(40, #scheduler.gather(jobs))
      assert.equal(40, most)
    end)

    it("says which job is missing", function()
      local function job() end
      local ok, message = pcall(scheduler.gather, { job, nil, job })
      assert.is_false(ok)
      assert.matches("gather: job 2 is a nil, not a function", message, 1, true)
    end)

    it("says what is wrong with its jobs or its limit", function()
      for _, limit in ipairs { 0, -1, 0 / 0, 0.5, "2" } do
        local ok, message = pcall(scheduler.gather, { limit = limit, function() end })
        assert.is_false(ok)
        assert.matches('gather: option "limit" must be a number from 1 up', message, 1, true)
      end
      local ok, message = pcall(scheduler.gather, { function() end, "not one" })
      assert.is_false(ok)
      assert.matches("gather: job 2 is a string, not a function", message, 1, true)
      ok, message = pcall(scheduler.gather)
      assert.is_false(ok)
      assert.matches("gather takes a table of functions", message, 1, true)
      ok, message = pcall(scheduler.spawn, {})
      assert.is_false(ok)
      assert.matches("spawn takes a function, not a table", message, 1, true)
    end)

    it("and run work in coroutines of one's own, in tasks and outside of any, nested as one likes", function()
      local function own(body) return coroutine.wrap(body)() end
      local function both()
        local results = scheduler.gather { limit = 1, function() return get("/hello") end, function() return 2 end }
        return results[1] .. results[2] .. scheduler.run(function() return get("/hello") end)
      end
      local function nested(depth)
        if depth == 0 then return both() end
        return scheduler.gather({
          function()
            return own(function() return nested(depth - 1) end)
          end,
        })[1]
      end
      assert.equal("hello2hello", own(both))
      assert.equal("hello2hello", scheduler.run(function() return own(both) end))
      assert.equal(
        "hello2hello",
        scheduler.run(function()
          return own(function() return own(both) end)
        end)
      )
      for depth = 1, 4 do
        assert.equal("hello2hello", nested(depth))
        assert.equal("hello2hello", scheduler.run(function() return nested(depth) end))
      end
      assert.equal(0, scheduler.loop().alive)
    end)

    it("waits for its own tasks, and for no others", function()
      local other = scheduler.spawn(function() scheduler.sleep(60) end)
      assert.same({ "hello" }, (scheduler.gather { function() return get("/hello") end }))
      assert.is_falsy(other.done)
      other:cancel()
      scheduler.run(function() end)
      assert.is_true(other.done)
    end)

    it("of nothing is nothing", function() assert.same({}, (scheduler.gather {})) end)
  end)

  describe("where Lua cannot suspend a task", function()
    local transport_or_block = require("finspace.host").runtime({}, {}).transport

    local function echo(say, pause)
      local path = ("/echo?say=%s&for=%s"):format(say, pause or 0)
      local response, err = transport_or_block { method = "GET", url = url .. path }
      return response and response.body, err
    end

    for place, run_caged in pairs(cages) do
      it(("a call in %s has its own answer, and so has the next one"):format(place), function()
        local caged, after
        scheduler.run(function()
          run_caged(function() caged = echo("caged") end)
          after = echo("after")
        end)
        assert.same({ "caged", "after" }, { caged, after })
        assert.is_false(scheduler.loop():busy())
      end)

      it(("tasks are waited for, gathered and slept for in %s"):format(place), function()
        local waited, gathered, slept
        scheduler.run(function()
          local other = scheduler.spawn(echo, "other", 0.01)
          run_caged(function()
            waited = other:wait()
            gathered = scheduler.gather { function() return echo("a", 0.01) end, function() return echo("b") end }
            scheduler.sleep(0.001)
            slept = true
          end)
        end)
        assert.same({ "other", { "a", "b" }, true }, { waited, gathered, slept })
        assert.equal(0, scheduler.loop().alive)
      end)
    end

    it("many tasks at once keep their answers apart", function()
      local jobs, expected = { limit = 16 }, {}
      for index = 1, 60 do
        expected[index] = ("caged%d,after%d"):format(index, index)
        jobs[index] = function()
          local caged
          cages[index % 2 == 0 and "pcall" or "string.gsub"](function() caged = echo("caged" .. index) end)
          return caged .. "," .. echo("after" .. index)
        end
      end
      assert.same(expected, (scheduler.gather(jobs)))
    end)

    it("what is raised there fails its own task only, and no later run", function()
      local results, errs = scheduler.gather {
        function() return echo("innocent", 0.01) end,
        function()
          cages["string.gsub"](function() error(echo("raised")) end)
        end,
      }
      assert.same({ "innocent" }, results)
      assert.matches("raised", errs[2].message)
      assert.equal("later", scheduler.run(function() return echo("later") end))
    end)

    it("a sleep of no time lets the others have their turn", function()
      local turns = 0
      scheduler.run(function()
        scheduler.spawn(function() turns = turns + 1 end)
        cages["string.gsub"](function() scheduler.sleep(0) end)
        assert.equal(1, turns)
      end)
    end)

    it("a transport that cannot block says what to do, and sends nothing", function()
      local err
      scheduler.run(function()
        cages["string.gsub"](function() err = select(2, transport { method = "GET", url = url .. "/hello" }) end)
      end)
      assert.same({ "CannotYield", false }, { err.code, err.sent })
      assert.matches("before it or after it", err.message)
    end)

    it("a cancelled task blocks for nothing", function()
      local kind
      scheduler.run(function()
        local task = scheduler.spawn(function()
          scheduler.sleep(60)
          cages["string.gsub"](function()
            kind = select(2, echo("never")).kind
            scheduler.sleep(60)
          end)
        end)
        scheduler.sleep(0.001)
        task:cancel()
      end)
      assert.equal("cancelled", kind)
    end)
  end)

  it("another who resumes a waiting task's coroutine wakes it not", function()
    local seen = {}
    scheduler.run(function()
      local thread
      local task = scheduler.spawn(function()
        thread = coroutine.running()
        seen[1] = get("/slow?for=0.03")
        seen[2] = get("/hello")
      end)
      scheduler.sleep(0.001)
      for _ = 1, 3 do
        coroutine.resume(thread, { body = "not yours" })
      end
      task:wait()
    end)
    assert.same({ "slow", "hello" }, seen)
  end)

  it("blocks in a coroutine of one's own, rather than yield to somebody else", function()
    local blocking = scheduler.transport(nil, function() return { status = 299 } end)
    scheduler.run(function()
      local generator = coroutine.wrap(function() coroutine.yield(blocking({}).status) end)
      assert.equal(299, generator())
    end)
    assert.equal(299, blocking({}).status)
  end)

  it("is driven by any loop that polls its descriptor", function()
    local loop, body = scheduler.loop(), nil
    scheduler.spawn(function() body = get("/slow?for=0.02") end)
    while loop.alive > 0 do
      loop:step()
      assert.is_number(loop:fd())
      sys.sleep(math.min(loop:timeout() or 0.001, 0.001))
    end
    assert.equal("slow", body)
  end)

  it("leaves nothing behind after thousands of tasks", function()
    local function burst()
      scheduler.run(function()
        local jobs = { limit = 50 }
        for index = 1, 500 do
          jobs[index] = function() return get("/hello") end
        end
        scheduler.gather(jobs)
      end)
      collectgarbage()
      collectgarbage()
      return collectgarbage("count")
    end
    burst()
    local before = burst()
    for _ = 1, 3 do
      burst()
    end
    local least = math.huge -- of a few: what one burst's last step holds is no growth
    for _ = 1, 3 do
      least = math.min(least, burst() - before)
    end
    assert.is_true(least < 64, ("%.0f kilobytes grew"):format(least))
  end)
end)
