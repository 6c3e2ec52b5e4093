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
          local _, err = get("/slow?for=5")
          local _, later = get("/hello")
          return err, later
        end)
        assert.same({ "cancelled", true }, { first.kind, first.sent })
        assert.same({ "cancelled", false }, { second.kind, second.sent })
      end)
      assert.is_true(spent < 2)
    end)

    it("ends a sleep at once", function()
      local spent = seconds_of(function()
        cancel_after(0.01, function()
          scheduler.sleep(5)
          scheduler.sleep(5)
        end)
      end)
      assert.is_true(spent < 2)
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

    it("takes the time of the slowest, not of all", function()
      local jobs = {}
      for index = 1, 40 do
        jobs[index] = function() return get("/slow?for=0.1") end
      end
      local spent = seconds_of(function() assert.equal(40, #scheduler.gather(jobs)) end)
      assert.is_true(spent < 2, spent)
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
    assert.is_true(burst() - before < 64, "kilobytes grew")
  end)
end)
