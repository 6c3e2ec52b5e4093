--- Runs in nginx: while a large file is loaded and read back, small requests on the same worker wait for one turn of
--- the event loop at most, and a turn is short. Turns are counted in the thread's own processor time: what else the
--- machine does meanwhile, and what libcurl or the hashing does in other threads, does not count.
local finspace = require("finspace")
local support = require("spec.support")
local thread_time = require("spec.support.thread_time")

local LONGEST_TURN, MOST_TURNS = 0.05, 0.01 -- seconds: of the longest turn, and of 99 in 100

-- The turns of the loop while `work` runs, longest last. Between two awakenings of the watch there is one at least.
local function turns_beside(work)
  local turns, going = {}, true
  ngx.timer.at(0, function()
    local last = thread_time()
    while going do
      ngx.sleep(0.001)
      local now = thread_time()
      turns[#turns + 1], last = now - last, now
    end
  end)
  work()
  going = false
  table.sort(turns)
  return turns
end

describe("a worker", function()
  local folder = support.temporary_folder()
  local megabytes = tonumber(os.getenv("FINSPACE_LOAD_MB") or 24)
  local fs = finspace.new {}

  teardown(function() support.remove_folder(folder) end)

  local function assert_short(what, turns)
    local p99, worst = turns[math.ceil(0.99 * #turns)], turns[#turns]
    local said = "%s of %d MB: %d turns, 99 %% below %.2f ms, longest %.2f ms"
    said = said:format(what, megabytes, #turns, p99 * 1000, worst * 1000)
    io.stderr:write(said, "\n")
    assert.is_true(#turns > 20, said)
    assert.is_true(p99 < MOST_TURNS and worst < LONGEST_TURN, said)
  end

  it("answers others between the short turns of a large load, and of a large view that is read", function()
    local line = ("0123456789,"):rep(9) .. "\n"
    local rows = math.floor(megabytes * 1e6 / #line)
    local path = support.write_file(folder .. "/large.csv", "a,b,c,d,e,f,g,h,i,j\n" .. line:rep(rows))
    local dataset = assert(fs:ensure_dataset { title = "Large" })
    local loading = turns_beside(function()
      local changeset = assert(fs:load { file = path, dataset = dataset, journal = false })
      assert.equal(rows, changeset.rowCount)
    end)
    assert_short("a load", loading)
    assert(fs:ensure_auto_view { dataset = dataset })
    local reading = turns_beside(
      function() assert(fs:read_view { dataset = dataset, file = folder .. "/view.csv" }) end
    )
    assert_short("a view", reading)
  end)
end)
